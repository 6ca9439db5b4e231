/* main.c -- shardlog-bench-kafka: shardlog and Apache Kafka under the same requests, each broker on
 * one core, a client that replays ready Produce and Fetch requests on the other.
 *
 *   a  64 KiB batches            >= 3 times as fast, CPU <= 1/4
 *   b  1 MB batches              >= 2 times, CPU <= 0.45 CPU-s/GB
 *   c  100 B records, 1,000 each >= 2 times, CPU <= 1/4
 *   d  1 KiB, one a request      >= 3 times, CPU <= 1/4
 *   e  a quarter of Kafka's most p50 <= 1.5 times, p99 <= 1/8 or <= 1 ms
 *   f  half of it                the same
 *   g  fetch 1 MiB               >= 1.0 times, CPU <= 1.2 times
 *   h  memory of the server      <= 1/8
 *   k  (no row) what librdkafka itself gives at both
 *
 * shardlog acknowledges what is synced, Kafka what lies in its page cache. See docs/BENCHMARKS.md
 * for the method. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "bench/common/words.h"
#include "bench/kafka/kcat.h"
#include "bench/kafka/loads.h"
#include "bench/kafka/network.h"
#include "bench/kafka/window.h"

/* ---- rows ---- */

/* Fetches take twice as many: where in memory the pages lie that are sent is another place in each
 * slice, and what the client's copy out of them costs differs by half. */
static uint32_t load_pairs(const struct setting *s, const struct load *l)
{
    return l->fetch ? pairs_of(2 * s->bench->pairs) : s->bench->pairs;
}

static uint32_t load_run(struct setting *s, const struct load *kind)
{
    struct load l = *kind;
    uint32_t missed = 0, pairs = load_pairs(s, kind);
    say("load %c: %s", l.letter, l.name);
    if (s->bench->alone > 0) {
        for (uint32_t i = 0; i < pairs; i++)
            load_alone(s, &l);
        return 0;
    }
    for (uint32_t i = 0; i < pairs; i++)
        load_pair(s, &l, i % 2 ? PEER_KAFKA : PEER_SHARDLOG);
    for (uint32_t i = 0; i < 2; i++) {
        row_print(&l.results[i], NULL, NULL);
        missed += !row_met(&l.results[i]);
    }
    return missed;
}

static uint32_t memory_run(struct setting *s)
{
    if (s->bench->alone > 0) {
        say("memory of shardlog at most: %.1f MB", peer_memory_max(&s->peers[PEER_SHARDLOG]) / 1e6);
        return 0;
    }
    struct row_result r = { .name = "memory of the server at most, of Kafka's",
                            .unit = "MB",
                            .goal = 0.125 };
    row_add(&r, peer_memory_max(&s->peers[PEER_SHARDLOG]) / 1e6,
            peer_memory_max(&s->peers[PEER_KAFKA]) / 1e6);
    row_print(&r, NULL, NULL);
    return !row_met(&r);
}

/* ---- the run ---- */

static void machine_say(const struct bench *b)
{
    struct utsname u;
    uname(&u);
    say("kernel %s, broker on CPU %d, client on CPU %d; %u pairs of slices of %.0f s, each with a "
        "sync() at its end",
        u.release, b->server_cpu, b->client_cpu, b->pairs, b->seconds);
}

static uint32_t bench_run(const struct bench *b)
{
    static struct setting s;
    uint32_t missed = 0;
    s.bench = b;
    machine_say(b);
    network_own();
    window_default(b->dir);
    cpu_take(b->client_cpu);
    prctl(PR_SET_TIMERSLACK, 1); /* an open loop wakes when it meant to */
    for (uint32_t i = 0; i < peers_count(b); i++)
        peer_start(&s.peers[i], (enum peer_kind)i, b);
    loads_open(&s);
    loads_warm(&s);
    for (uint32_t i = 0; i < LOADS; i++)
        if (strchr(b->rows, loads[i].letter))
            missed += load_run(&s, &loads[i]);
    if (strchr(b->rows, 'h'))
        missed += memory_run(&s);
    if (strchr(b->rows, 'k') && b->alone <= 0)
        kcat_say(&s);
    for (uint32_t i = 0; i < peers_count(b); i++)
        peer_end(&s.peers[i]);
    loads_close(&s);
    return missed;
}

/* ---- words ---- */

int main(int argc, char **argv)
{
    int made;
    struct bench b = { .seconds = 20,
                       .warm_s = 90,
                       .pairs = 2,
                       .lines_k = 4000,
                       .server_cpu = 1,
                       .rows = "abcdefghk" };
    const struct word words[] = {
        { "jars", "DIR", "Apache Kafka's jars (tests/kafka/jars/jars.sh fetches them)",
          .text = &b.jars },
        { "dir", "PATH", "where to measure (default: a directory made in TMPDIR or /var/tmp)",
          .text = &b.dir },
        { "shardlog", "PATH", "the program (default: tools/shardlog beside this one's folder)",
          .text = &b.shardlog },
        { "tail", "SIZE", "shardlog's memory.tail (default: its own)", .text = &b.tail },
        { "pairs", "N", "interleaved pairs of slices of each load, twice as many of fetches (2)",
          .count = &b.pairs },
        { "seconds", "S", "of each slice (20)", .number = &b.seconds },
        { "warm", "S", "of each path of Kafka, before anything counts (90)", .number = &b.warm_s },
        { "lines", "K", "load k: thousands of lines (4000)", .count = &b.lines_k },
        { "rows", "abcdefghk", "only these; e and f need a", .text = &b.rows },
        { "alone", "MB/S",
          "shardlog without Kafka, for a profile; e and f take this for its maximum",
          .number = &b.alone },
        { "server-cpu", "N", "the brokers' (1)", .count = &b.server_cpu },
        { "client-cpu", "N", "this program's (0)", .count = &b.client_cpu },
        { 0 },
    };
    words_take(
        argc, argv, words,
        "shardlog-bench-kafka --jars DIR [options]   (root, java, kcat, two CPUs, 20 GiB of disk)");
    b.pairs = pairs_of(b.pairs);
    b.shardlog = b.shardlog ? b.shardlog : shardlog_find();
    if (access(b.shardlog, X_OK) != 0)
        die("%s: no such program; --shardlog PATH", b.shardlog);
    if (b.alone <= 0 && (!b.jars || access(b.jars, R_OK) != 0))
        die("%s: no folder of jars; --jars DIR", b.jars ? b.jars : "--jars");
    b.dir = dir_take(b.dir, &made);
    uint32_t missed = bench_run(&b);
    if (made)
        rmdir(b.dir);
    return missed > 0;
}
