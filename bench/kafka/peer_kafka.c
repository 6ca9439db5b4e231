/* peer_kafka.c -- Apache Kafka as broker and controller in one process.
 *
 * The options of the JVM are those of bin/kafka-server-start.sh and bin/kafka-run-class.sh, the
 * settings those of config/server.properties, but for: places; retention, so that a disk of some
 * GiB holds what a minute writes; socket buffers, which are left to the kernel's own tuning, as
 * ours are (the file has 100 KiB, a tenth of what one fetch answers here); the time after which the
 * controller takes the broker for dead, which is longer than any pause of both. */
#include "bench/kafka/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common/common.h"

static const char *const jvm[] = { "java",
                                   "-Xmx1G",
                                   "-Xms1G",
                                   "-server",
                                   "-XX:+UseG1GC",
                                   "-XX:MaxGCPauseMillis=20",
                                   "-XX:InitiatingHeapOccupancyPercent=35",
                                   "-XX:+ExplicitGCInvokesConcurrent",
                                   "-Djava.awt.headless=true" };
#define JVM_WORDS (sizeof(jvm) / sizeof(jvm[0]))

static const char settings[] = "process.roles=broker,controller\n"
                               "node.id=1\n"
                               "controller.listener.names=CONTROLLER\n"
                               "num.network.threads=3\n"
                               "num.io.threads=8\n"
                               "socket.send.buffer.bytes=-1\n"
                               "socket.receive.buffer.bytes=-1\n"
                               "socket.request.max.bytes=104857600\n"
                               "offsets.topic.replication.factor=1\n"
                               "transaction.state.log.replication.factor=1\n"
                               "transaction.state.log.min.isr=1\n"
                               "share.coordinator.state.topic.replication.factor=1\n"
                               "share.coordinator.state.topic.min.isr=1\n"
                               "log.segment.bytes=268435456\n"
                               "log.retention.check.interval.ms=1000\n"
                               "log.segment.delete.delay.ms=1000\n"
                               "broker.session.timeout.ms=600000\n";

static const char log_settings[] = "rootLogger.level=INFO\n"
                                   "rootLogger.appenderRef.c.ref=C\n"
                                   "appender.c.type=Console\n"
                                   "appender.c.name=C\n"
                                   "appender.c.layout.type=PatternLayout\n"
                                   "appender.c.layout.pattern=%d %p %m (%c)%n\n"
                                   "logger.a.name=org.apache.kafka.storage\n"
                                   "logger.a.level=WARN\n"
                                   "logger.b.name=kafka.log\n"
                                   "logger.b.level=WARN\n";

static uint16_t port_free(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("no free port");
    close(fd);
    return ntohs(at.sin_port);
}

static FILE *file_make(const char *path)
{
    FILE *f = fopen(path, "we");
    if (!f)
        die("%s cannot be written", path);
    return f;
}

static void settings_write(const struct peer *p, const char *path, uint16_t controller)
{
    FILE *f = file_make(path);
    fputs(settings, f);
    fprintf(f,
            "controller.quorum.voters=1@127.0.0.1:%u\n"
            "listeners=PLAINTEXT://127.0.0.1:%u,CONTROLLER://127.0.0.1:%u\n"
            "advertised.listeners=PLAINTEXT://127.0.0.1:%u\n"
            "log.dirs=%s/data\n",
            controller, p->port, controller, p->port, p->dir);
    if (fclose(f) != 0)
        die("%s cannot be written", path);
}

/* java with its options and `words`, which end with NULL. */
static void java_run(struct peer *p, const struct bench *b, const char *const words[])
{
    char log4j[600], path[600];
    const char *all[PEER_WORDS_MAX];
    size_t n = JVM_WORDS;
    memcpy(all, jvm, sizeof(jvm));
    snprintf(log4j, sizeof(log4j), "-Dlog4j2.configurationFile=%s/log4j2.properties", p->dir);
    snprintf(path, sizeof(path), "%s/*", b->jars);
    all[n++] = log4j;
    all[n++] = "-cp";
    all[n++] = path;
    for (; (all[n] = *words) != NULL; n++)
        words++;
    peer_run(p, b, all);
}

static void settings_say(const struct bench *b)
{
    say("kafka: jars of %s; started with", b->jars);
    for (size_t i = 0; i < JVM_WORDS; i++)
        printf("%s%s", i ? " " : "  ", jvm[i]);
    say("\n%s", settings);
}

void kafka_start(struct peer *p, const struct bench *b)
{
    char path[420], log4j[440];
    int status;
    snprintf(path, sizeof(path), "%s/server.properties", p->dir);
    snprintf(log4j, sizeof(log4j), "%s/log4j2.properties", p->dir);
    p->port = port_free();
    settings_write(p, path, port_free());
    FILE *f = file_make(log4j);
    fputs(log_settings, f);
    fclose(f);
    settings_say(b);
    java_run(p, b,
             (const char *const[]){ "kafka.tools.StorageTool", "format", "-t",
                                    "4L6g3nShT-eMCtK--X86sw", "-c", path, NULL });
    if (waitpid(p->pid, &status, 0) != p->pid || status != 0)
        die("kafka: its directory cannot be formatted: see %s", p->log);
    java_run(p, b, (const char *const[]){ "kafka.Kafka", path, NULL });
    peer_wait(p, "Kafka Server started");
    char version[20];
    if (sscanf(peer_wait(p, "Kafka version: "), "%19s", version) == 1)
        say("  version %s", version);
}
