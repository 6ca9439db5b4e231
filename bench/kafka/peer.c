/* peer.c -- see peer.h. What a broker is at, is read from its log. */
#include "bench/kafka/peer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "engine/base/types.h"

#define START_NS (120 * SEC_NS)

/* ---- processes ---- */

static _Noreturn void peer_exec(const struct peer *p, const struct bench *b,
                                const char *const words[])
{
    child_dies_too();
    cpu_take(b->server_cpu);
    int log = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(127);
    execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
}

void peer_run(struct peer *p, const struct bench *b, const char *const words[])
{
    p->pid = fork();
    if (p->pid == 0)
        peer_exec(p, b, words);
    if (p->pid < 0)
        die("%s cannot be started", p->name);
}

const char *peer_says(struct peer *p, const char *text)
{
    const char *at = strstr(log_read(p->log), text);
    return at ? at + strlen(text) : NULL;
}

const char *peer_wait(struct peer *p, const char *text)
{
    uint64_t end = now_ns() + START_NS;
    const char *at;
    while (!(at = peer_says(p, text))) {
        if (waitpid(p->pid, NULL, WNOHANG) == p->pid)
            die("%s ended:\n%s", p->name, log_read(p->log));
        if (now_ns() > end)
            die("%s is not ready:\n%s", p->name, log_read(p->log));
        usleep(20000);
    }
    return at;
}

/* ---- shardlog ---- */

static void shardlog_start(struct peer *p, const struct bench *b)
{
    const char *words[PEER_WORDS_MAX] = { b->shardlog,
                                          "serve",
                                          "--data-dirs",
                                          p->dir,
                                          "--shards",
                                          "1",
                                          "--listen-kafka",
                                          "127.0.0.1:0",
                                          "--listen-native",
                                          "none",
                                          "--listen-http",
                                          "none",
                                          "--retention-interval",
                                          "500 ms" };
    if (b->tail) {
        words[14] = "--memory-tail";
        words[15] = b->tail;
    }
    say("shardlog: one shard, `synced`, memory.tail %s, all else at its default",
        b->tail ? b->tail : "at its default");
    peer_run(p, b, words);
    peer_wait(p, "msg=\"ready in");
    p->port = (uint16_t)strtoul(peer_wait(p, "Kafka protocol on 127.0.0.1:"), NULL, 10);
}

/* ---- both ---- */

static const char *const names[PEERS] = { "shardlog", "kafka" };

void peer_start(struct peer *p, enum peer_kind kind, const struct bench *b)
{
    *p = (struct peer){ .name = names[kind] };
    snprintf(p->dir, sizeof(p->dir), "%s/%s", b->dir, p->name);
    snprintf(p->log, sizeof(p->log), "%s.log", p->dir);
    mkdir(p->dir, 0700);
    if (kind == PEER_KAFKA)
        kafka_start(p, b);
    else
        shardlog_start(p, b);
}

void peer_pause(struct peer *p)
{
    int status;
    if (p->paused)
        return;
    if (kill(p->pid, SIGSTOP) != 0 || waitpid(p->pid, &status, WUNTRACED) != p->pid ||
        !WIFSTOPPED(status))
        die("%s cannot be paused:\n%s", p->name, log_read(p->log));
    p->paused = true;
}

bool peer_resume(struct peer *p)
{
    if (!p->paused)
        return false;
    if (kill(p->pid, SIGCONT) != 0)
        die("%s cannot be resumed", p->name);
    p->paused = false;
    return true;
}

void peer_end(struct peer *p)
{
    peer_resume(p);
    if (p->pid && (kill(p->pid, SIGTERM) != 0 || waitpid(p->pid, NULL, 0) != p->pid))
        die("%s cannot be stopped", p->name);
    p->pid = 0;
    dir_remove(p->dir);
    unlink(p->log);
}

double peer_memory_max(const struct peer *p)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "VmHWM: %llu kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    if (!kib)
        die("%s: no VmHWM", path);
    return (double)kib * 1024;
}
