/* main.c -- shardlog-bench-embed: the engine, embedded, against its own ceilings in the same run.
 *
 *   a  64 KiB batches, acknowledged when synced      >= 0.85 of one core's limit or the disk's
 *   b  one 1 KiB append at a time                    p50 <= 1.25 of fio's write + fdatasync
 *   c  100,000 appends of 1 KiB a second             1,024 partitions: p50 <= 1.5, p99 <= 4 of one
 *   d  one 1 KiB append beside 64 KiB at half the ceiling: p50 <= 2, p99 <= 3 of fio doing so
 *
 * See docs/BENCHMARKS.md for the method. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/common/words.h"
#include "bench/embed/rows.h"
#include "engine/base/types.h"

#define REST_S 0.3 /* between two measurements: seals, checkpoints, the device's own work */

/* ---- rows ---- */

struct row_kind {
    char letter;
    row_pair *pair;
    uint32_t count;
    struct row_result results[2];
};

static const struct row_kind row_kinds[] = {
    { 'a',
      pair_large,
      1,
      { { .name = "64 KiB batches, of the lower limit",
          .unit = "MB/s",
          .goal = 0.85,
          .at_least = true } } },
    { 'b',
      pair_single,
      1,
      { { .name = "one 1 KiB append, p50 of fio's", .unit = "us", .goal = 1.25 } } },
    { 'c',
      pair_wide,
      2,
      { { .name = "1,024 partitions, p50 of one's", .unit = "us", .goal = 1.5 },
        { .name = "1,024 partitions, p99 of one's", .unit = "us", .goal = 4 } } },
    { 'd',
      pair_beside,
      2,
      { { .name = "1 KiB beside a firehose, p50 of fio's", .unit = "us", .goal = 2 },
        { .name = "1 KiB beside a firehose, p99 of fio's", .unit = "us", .goal = 3 } } },
};
#define ROW_KINDS (sizeof(row_kinds) / sizeof(row_kinds[0]))

static void pairs_steady(struct setting *s, struct row_kind *k)
{
    say("row %c, steady state", k->letter);
    for (uint32_t i = 0; i < s->bench->pairs; i++) {
        k->pair(s, &s->steady, i % 2, k->results);
        world_rest(&s->steady, REST_S);
    }
}

static void pairs_fresh(struct setting *s, struct row_kind *k)
{
    say("row %c, fresh store", k->letter);
    for (uint32_t i = 0; i < s->bench->fresh_pairs; i++) {
        struct world fresh;
        world_open(&fresh, s->bench, "fresh");
        world_rest(&fresh, REST_S);
        k->pair(s, &fresh, i % 2, k->results);
        world_close(&fresh);
    }
}

static void row_end(struct setting *s, const struct row_result *steady,
                    const struct row_result *fresh)
{
    row_print(steady, fresh, "fresh store");
    s->failed += !row_met(steady);
}

static void row_run(struct setting *s, const struct row_kind *kind)
{
    struct row_kind steady = *kind, fresh = *kind;
    pairs_steady(s, &steady);
    pairs_fresh(s, &fresh);
    for (uint32_t i = 0; i < kind->count; i++)
        row_end(s, &steady.results[i], &fresh.results[i]);
}

/* ---- the run ---- */

/* Writes until every block that the loads reach was written before. */
static void steady_reach(struct setting *s)
{
    struct stream *bulk = calloc(1, sizeof(*bulk));
    if (!bulk)
        die("out of memory");
    for (uint64_t written = 0; written < (uint64_t)s->bench->warm_mib * MIB(1);) {
        *bulk = (struct stream){ .topic = s->steady.bulk,
                                 .pool = &s->steady.large,
                                 .window = s->bench->window,
                                 .trims = true };
        load_run(&s->steady, bulk, 1, 1);
        written += bulk->acked_bytes;
        world_rest(&s->steady, 0.2);
    }
    free(bulk);
    struct sl_stats st = world_stats(&s->steady);
    say("steady state: %.1f GiB of files, %.1f GiB of them free", (double)st.space_bytes / GIB(1),
        (double)st.space_free_bytes / GIB(1));
}

static void ceilings_open(struct setting *s)
{
    snprintf(s->ceiling_path, sizeof(s->ceiling_path), "%s/ceiling", s->bench->dir);
    snprintf(s->durable_path, sizeof(s->durable_path), "%s/durable", s->bench->dir);
    fio_file(s->ceiling_path, CEILING_BYTES);
    fio_file(s->durable_path, DURABLE_BYTES);
    say("disk ceiling, best of nine:");
    s->cell = fio_best(FIO_WRITE, s->ceiling_path, CEILING_BYTES, s->bench->seconds / 2);
    s->ceiling =
        fio_move(FIO_WRITE, s->ceiling_path, CEILING_BYTES, s->cell, s->bench->seconds).bytes_s;
    say("chosen: %u KiB at depth %u, %.0f MB/s", s->cell.block_kib, s->cell.depth,
        s->ceiling / 1e6);
}

static int bench_run(const struct bench *b)
{
    struct setting *s = calloc(1, sizeof(*s));
    if (!s)
        die("out of memory");
    s->bench = b;
    ceilings_open(s);
    cpu_take(b->cpu);
    world_open(&s->steady, b, "steady");
    steady_reach(s);
    for (uint32_t i = 0; i < ROW_KINDS; i++) {
        if (strchr(b->rows, row_kinds[i].letter))
            row_run(s, &row_kinds[i]);
    }
    world_close(&s->steady);
    unlink(s->ceiling_path);
    unlink(s->durable_path);
    int failed = s->failed > 0;
    free(s);
    return failed;
}

int main(int argc, char **argv)
{
    int made;
    struct bench b = { .seconds = 3,
                       .pairs = 15,
                       .fresh_pairs = 5,
                       .warm_mib = 8192,
                       .cpu = 1,
                       .rows = "abcd",
                       .window = 128,
                       .partitions = 4 };
    const struct word words[] = {
        { "dir", "PATH", "where to measure (default: a directory made in TMPDIR or /var/tmp)",
          .text = &b.dir },
        { "pairs", "N", "interleaved pairs of each row (15)", .count = &b.pairs },
        { "fresh", "N", "pairs with a store made for them (5)", .count = &b.fresh_pairs },
        { "seconds", "S", "of each measurement (3)", .number = &b.seconds },
        { "rows", "abcd", "only these", .text = &b.rows },
        { "cpu", "N", "of this program (1)", .count = &b.cpu },
        { "window", "N", "row a: batches in flight (128)", .count = &b.window },
        { "partitions", "N", "rows a and d: partitions of the large topic (4)",
          .count = &b.partitions },
        { "warm", "MIB", "written before steady state is believed (8192)", .count = &b.warm_mib },
        { 0 },
    };
    words_take(argc, argv, words,
               "shardlog-bench-embed [options]   (needs fio, and 12 GiB in the directory)");
    b.pairs = pairs_of(b.pairs);
    b.fresh_pairs = pairs_of(b.fresh_pairs);
    b.dir = dir_take(b.dir, &made);
    int failed = bench_run(&b);
    if (made)
        rmdir(b.dir);
    return failed;
}
