/* kcat.c -- see kcat.h. */
#include "bench/kafka/kcat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "bench/kafka/request.h"
#include "engine/base/rng.h"

#define LINE_BYTES 100u /* and a line feed, which is not sent */
#define RETENTION  "4294967296"

static void lines_write(const char *path, uint32_t lines)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    uint8_t line[LINE_BYTES + 1];
    struct rng rng;
    rng_seed(&rng, 1);
    FILE *f = fopen(path, "we");
    if (!f)
        die("%s cannot be written", path);
    for (uint32_t i = 0; i < lines; i++) {
        rng_fill(&rng, line, LINE_BYTES);
        for (uint32_t k = 0; k < LINE_BYTES; k++)
            line[k] = (uint8_t)letters[line[k] % 64];
        line[LINE_BYTES] = '\n';
        fwrite(line, 1, sizeof(line), f);
    }
    if (fclose(f) != 0)
        die("%s cannot be written", path);
}

static void kcat_run(const char *const words[])
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        child_dies_too();
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0)
            _exit(127);
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("kcat %s failed with status %d", words[1], status);
}

static void kcat_measure(struct setting *s, const struct peer *p, const char *what,
                         const char *const words[])
{
    double lines = s->bench->lines_k * 1e3;
    double broker = cpu_of_s(p->pid), client = cpu_children_s();
    uint64_t start = now_ns();
    kcat_run(words);
    double took_s = (double)(now_ns() - start) / 1e9;
    say("  %-8s %s %.0f k records/s; million records: client %.2f, broker %.2f CPU-s", p->name,
        what, lines / took_s / 1e3, (cpu_children_s() - client) / lines * 1e6,
        (cpu_of_s(p->pid) - broker) / lines * 1e6);
}

void kcat_say(struct setting *s)
{
    char path[512], at[32];
    snprintf(path, sizeof(path), "%s/lines", s->bench->dir);
    lines_write(path, s->bench->lines_k * 1000);
    say("librdkafka through kcat, %u thousand lines of %u B, %u partitions, all at its defaults:",
        s->bench->lines_k, LINE_BYTES, PARTITIONS);
    for (uint32_t i = 0; i < PEERS; i++) {
        struct peer *p = &s->peers[i];
        turn_take(s, (enum peer_kind)i);
        snprintf(at, sizeof(at), "127.0.0.1:%u", p->port);
        topic_make(p->port, "kcat", PARTITIONS, RETENTION);
        kcat_measure(
            s, p, "writes",
            (const char *const[]){ "kcat", "-P", "-b", at, "-t", "kcat", "-l", path, NULL });
        kcat_measure(s, p, "reads ",
                     (const char *const[]){ "kcat", "-C", "-b", at, "-t", "kcat", "-o", "beginning",
                                            "-e", "-q", NULL });
    }
    unlink(path);
}
