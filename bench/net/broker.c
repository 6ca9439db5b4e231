/* broker.c -- see broker.h. What the broker is at, is read from its log. */
#include "bench/net/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/types.h"

#define START_NS (30 * SEC_NS)

_Noreturn static void broker_exec(const struct broker *k, const struct bench *b,
                                  const char *setting, const char *value)
{
    char cpu[16];
    const char *words[20] = {
        b->shardlog,      "serve", "--data-dirs",          k->dir,        "--shards",      "1",
        "--pin",          cpu,     "--listen-native",      "127.0.0.1:0", "--listen-http", "none",
        "--listen-kafka", "none",  "--retention-interval", "500 ms"
    };
    child_dies_too();
    snprintf(cpu, sizeof(cpu), "%d", b->server_cpu);
    if (setting) {
        words[16] = setting;
        words[17] = value;
    }
    int log = open(k->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(127);
    execv(b->shardlog, (char *const *)(uintptr_t)words);
    _exit(127);
}

/* True when it is ready, and its port is known. */
static bool broker_ready(struct broker *k)
{
    static const char listening[] = "native protocol on 127.0.0.1:";
    const char *text = log_read(k->log), *at = strstr(text, listening);
    if (waitpid(k->pid, NULL, WNOHANG) == k->pid)
        die("%s ended:\n%s", k->dir, text);
    if (!at || !strstr(text, "ready in"))
        return false;
    k->port = (uint16_t)strtoul(at + sizeof(listening) - 1, NULL, 10);
    return true;
}

void broker_start(struct broker *k, const struct bench *b, const char *name, const char *setting,
                  const char *value)
{
    struct sl_why why;
    *k = (struct broker){ 0 };
    snprintf(k->dir, sizeof(k->dir), "%s/%s", b->dir, name);
    snprintf(k->log, sizeof(k->log), "%s.log", k->dir);
    unlink(k->log); /* an older one would say that it is ready */
    k->pid = fork();
    if (k->pid == 0)
        broker_exec(k, b, setting, value);
    uint64_t end = now_ns() + START_NS;
    while (!broker_ready(k)) {
        if (now_ns() > end)
            die("%s is not ready:\n%s", k->dir, log_read(k->log));
        usleep(2000);
    }
    struct sl_client_options o = { .size = sizeof(o), .port = k->port, .id = "bench" };
    if (sl_client_open(&k->client, &o, &why) != SL_ERR_OK)
        die("%s: %s", k->dir, why.text);
}

void broker_stop(struct broker *k)
{
    if (!k->pid)
        return;
    int status;
    sl_client_close(&k->client);
    kill(k->pid, SIGTERM);
    if (waitpid(k->pid, &status, 0) != k->pid || status != 0)
        die("%s stopped with status %d:\n%s", k->dir, status, log_read(k->log));
    k->pid = 0;
}

void broker_end(struct broker *k)
{
    broker_stop(k);
    dir_remove(k->dir);
    unlink(k->log);
}

/* ---- its client ---- */

_Noreturn static void broker_refused(const struct broker *k, const char *what)
{
    die("%s: %s", what, sl_client_error(k->client)->text);
}

struct sl_client_topic broker_topic(struct broker *k, const char *name, uint32_t partitions,
                                    const char *retention)
{
    struct sl_setting keep[] = { { "retention.bytes", retention ? retention : "-1" },
                                 { "retention.ms", "-1" } };
    struct sl_topic_options o = {
        .size = sizeof(o), .partitions = partitions, .settings = keep, .setting_count = 2
    };
    struct sl_client_topic t;
    enum sl_err err = sl_client_create(k->client, name, &o, &t);
    if (err == SL_ERR_EXISTS)
        err = sl_client_describe(k->client, name, &t);
    if (err != SL_ERR_OK)
        broker_refused(k, name);
    return t;
}

uint64_t broker_offset(struct broker *k, const struct sl_client_topic *t, uint32_t partition,
                       enum sl_offset_of what)
{
    uint64_t offset;
    if (sl_client_offset(k->client, t, partition, what, 0, &offset, NULL) != SL_ERR_OK)
        broker_refused(k, "offset");
    return offset;
}

struct figure_wanted {
    const char *name;
    uint64_t value;
    bool found;
};

static void figure_each(void *arg, const char *name, uint64_t value)
{
    struct figure_wanted *w = arg;
    if (strcmp(name, w->name) != 0)
        return;
    w->value += value;
    w->found = true;
}

uint64_t broker_figure(struct broker *k, const char *name)
{
    struct figure_wanted w = { .name = name };
    if (sl_client_stats(k->client, SL_CLIENT_ALL_SHARDS, figure_each, &w) != SL_ERR_OK)
        broker_refused(k, "stats");
    if (!w.found)
        die("the broker has no figure %s", name);
    return w.value;
}

double broker_cpu_s(const struct broker *k)
{
    return cpu_of_s(k->pid);
}
