/* main.c -- shardlog-bench-net: a broker on one core, its client on the other, against what disk,
 * network and core allow in the same run.
 *
 *   a  64 KiB batches in, acknowledged when synced    >= 0.75 of the lowest limit; CPU <= 1.25
 *   b  fetch out of the tail's memory                 >= 0.75 of the lowest limit; CPU <= 1.25
 *   c  fetch from disk                                >= 0.75; a second reader: 90 % by sendfile
 *   d  one 1 KiB append at a time                     p50 <= 1.25 of fio's write + fdatasync + echo
 *   e  100 B records in batches of 1,000              >= 8 million a second
 *   f  1 KiB records, one each, 16 in flight          >= 0.6 of 16 / (the latency of d's limit)
 *   g  two readers an extent behind the writer        no punted write, no error
 *
 * See docs/BENCHMARKS.md for the method. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/common/words.h"
#include "bench/net/rows.h"
#include "engine/base/types.h"

/* ---- rows ---- */

struct row_kind {
    char letter;
    row_pair *pair;
    uint32_t count;
    struct row_result results[2];
};

static const struct row_kind row_kinds[] = {
    { 'a',
      pair_ingest,
      2,
      { { .name = "64 KiB batches synced over TCP, of the lowest limit",
          .unit = "MB/s",
          .goal = 0.75,
          .at_least = true },
        { .name = "CPU of the way in, of its primitives", .unit = "CPU-s/GB", .goal = 1.25 } } },
    { 'b',
      pair_tail,
      2,
      { { .name = "fetch from the tail, of the lowest limit",
          .unit = "MB/s",
          .goal = 0.75,
          .at_least = true },
        { .name = "CPU of the way out, of its primitives", .unit = "CPU-s/GB", .goal = 1.25 } } },
    { 'c',
      pair_cold,
      2,
      { { .name = "fetch from disk, of the lowest limit",
          .unit = "MB/s",
          .goal = 0.75,
          .at_least = true },
        { .name = "second reader of sealed data, share by sendfile",
          .unit = "%",
          .goal = 0.9,
          .at_least = true } } },
    { 'd',
      pair_durable,
      1,
      { { .name = "one 1 KiB append, p50 of fio's write + fdatasync + echo",
          .unit = "us",
          .goal = 1.25 } } },
    { 'e',
      pair_lines,
      1,
      { { .name = "100 B records in batches of 1,000, synced, millions a second",
          .unit = "million/s",
          .goal = 8,
          .at_least = true } } },
    { 'f',
      pair_pipelined,
      1,
      { { .name = "1 KiB records, 16 in flight, of 16 / (fio + echo)",
          .unit = "k records/s",
          .goal = 0.6,
          .at_least = true } } },
    { 'g',
      pair_behind,
      1,
      { { .name = "punted writes beside readers an extent behind",
          .unit = "writes",
          .goal = 0 } } },
};
#define ROW_KINDS (sizeof(row_kinds) / sizeof(row_kinds[0]))

static uint32_t row_run(struct setting *s, const struct row_kind *kind)
{
    struct row_kind k = *kind;
    uint32_t missed = 0;
    say("row %c", k.letter);
    for (uint32_t i = 0; i < s->bench->pairs; i++)
        k.pair(s, i % 2, k.results);
    for (uint32_t i = 0; i < k.count; i++) {
        if (s->bench->json)
            row_print_json(&k.results[i]);
        else
            row_print(&k.results[i], NULL, NULL);
        missed += !row_met(&k.results[i]);
    }
    return missed;
}

/* ---- the run ---- */

static bool rows_have(const struct setting *s, const char *letters)
{
    return strpbrk(s->bench->rows, letters) != NULL;
}

static void ceilings_open(struct setting *s)
{
    const struct bench *b = s->bench;
    snprintf(s->ceiling_path, sizeof(s->ceiling_path), "%s/ceiling", b->dir);
    snprintf(s->durable_path, sizeof(s->durable_path), "%s/durable", b->dir);
    if (rows_have(s, "ac"))
        fio_file(s->ceiling_path, CEILING_BYTES);
    fio_file(s->durable_path, DURABLE_BYTES);
    if (rows_have(s, "a")) {
        say("disk ceiling, best of nine, writes:");
        s->write_cell = fio_best(FIO_WRITE, s->ceiling_path, CEILING_BYTES, b->seconds / 2);
    }
    if (rows_have(s, "c")) {
        say("disk ceiling, best of nine, reads:");
        s->read_cell = fio_best(FIO_READ, s->ceiling_path, CEILING_BYTES, b->seconds / 2);
    }
}

/* Writes until every block that the loads reach was written before. */
static void steady_reach(struct setting *s)
{
    struct feed *f = feed_new(s, &s->bulk, &s->large, s->bench->window);
    f->bytes_max = (double)s->bench->warm_mib * (double)MIB(1);
    f->seconds = 600;
    feed_run(f);
    say("steady state: %.1f GiB written at %.0f MB/s, %.1f GiB of files", f->bytes / GIB(1),
        f->bytes / f->took_s / 1e6,
        (double)broker_figure(&s->steady, "shardlog_space_bytes") / GIB(1));
    free(f);
}

static void steady_open(struct setting *s)
{
    /* 64 records of 1,014 bytes and their batch header make 65,6xx bytes: one under 64 KiB. */
    pool_open(&s->large, POOL_MAX, 64, 1014);
    pool_open(&s->small, POOL_MAX, 1, 1024);
    pool_open(&s->lines, POOL_MAX, 1000, 100);
    broker_start(&s->steady, s->bench, "steady", NULL, NULL);
    s->bulk = broker_topic(&s->steady, "bulk", PARTITIONS, "268435456");
    s->one = broker_topic(&s->steady, "one", 1, "268435456");
    if (rows_have(s, "abe"))
        steady_reach(s);
}

static void setting_close(struct setting *s)
{
    pool_close(&s->large);
    pool_close(&s->small);
    pool_close(&s->lines);
    unlink(s->ceiling_path);
    unlink(s->durable_path);
    char cold[600];
    snprintf(cold, sizeof(cold), "%s/cold", s->bench->dir);
    dir_remove(cold);
    snprintf(cold, sizeof(cold), "%s/cold.log", s->bench->dir);
    unlink(cold);
    free(s);
}

static int bench_run(const struct bench *b)
{
    struct setting *s = calloc(1, sizeof(*s));
    uint32_t missed = 0;
    if (!s)
        die("out of memory");
    s->bench = b;
    cpu_take(b->client_cpu);
    ceilings_open(s);
    steady_open(s);
    for (uint32_t i = 0; i < ROW_KINDS; i++)
        if (strchr(b->rows, row_kinds[i].letter))
            missed += row_run(s, &row_kinds[i]);
    broker_end(&s->steady);
    setting_close(s);
    return missed > 0;
}

/* ---- words ---- */

int main(int argc, char **argv)
{
    int made;
    bool tcp = false;
    struct bench b = { .seconds = 3,
                       .pairs = 15,
                       .warm_mib = 8192,
                       .cold_mib = 6144,
                       .server_cpu = 1,
                       .rows = "abcdefg",
                       .window = 128 };
    const struct word words[] = {
        { "dir", "PATH", "where to measure (default: a directory made in TMPDIR or /var/tmp)",
          .text = &b.dir },
        { "shardlog", "PATH", "the program (default: tools/shardlog beside this one's folder)",
          .text = &b.shardlog },
        { "pairs", "N", "interleaved pairs of each row (15)", .count = &b.pairs },
        { "seconds", "S", "of each measurement (3)", .number = &b.seconds },
        { "rows", "abcdefg", "only these", .text = &b.rows },
        { "window", "N", "rows a and e: batches in flight (128)", .count = &b.window },
        { "warm", "MIB", "written before steady state is believed (8192)", .count = &b.warm_mib },
        { "cold", "MIB", "of the topic that row c reads (6144)", .count = &b.cold_mib },
        { "server-cpu", "N", "the broker's (1)", .count = &b.server_cpu },
        { "client-cpu", "N", "this program's (0)", .count = &b.client_cpu },
        { "json", NULL, "one JSON object for each row instead of result lines", .flag = &b.json },
        { "tcp", NULL, "only what TCP gives, by system calls and through engine/io", .flag = &tcp },
        { 0 },
    };
    words_take(argc, argv, words,
               "shardlog-bench-net [options]   (needs fio, two CPUs, and 20 GiB in the directory)");
    b.pairs = pairs_of(b.pairs);
    if (tcp) {
        cpu_take(b.client_cpu);
        stream_table(b.server_cpu, b.seconds);
        return 0;
    }
    b.shardlog = b.shardlog ? b.shardlog : shardlog_find();
    if (access(b.shardlog, X_OK) != 0)
        die("%s: no such program; --shardlog PATH", b.shardlog);
    b.dir = dir_take(b.dir, &made);
    int failed = bench_run(&b);
    if (made)
        rmdir(b.dir);
    return failed;
}
