/* rows.h -- what is compared with what; each row of the table is a function of its own.
 *
 * A pair is one measurement of the engine and one of what it is held against, each of
 * bench.seconds; which comes first alternates. The ratios of the pairs make the row.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "bench/embed/bench.h"
#include "bench/embed/fio.h"
#include "bench/embed/load.h"

#define CEILING_BYTES GIB(4)
#define DURABLE_BYTES MIB(256)

/* What all rows use. */
struct setting {
    const struct bench *bench;
    struct world steady;
    char ceiling_path[512], durable_path[512];
    struct fio_cell cell; /* the best one, chosen once */
    double ceiling;       /* bytes per second of it, last seen */
    uint32_t failed;      /* rows that missed their goal */
};

/* One row's name, goal, and the ratios seen so far. */
struct row_result {
    const char *name;
    const char *unit; /* of the two sides */
    double goal;
    bool at_least; /* else at most */
    struct ratios ratio, ours, theirs;
};

void row_add(struct row_result *r, double ours, double theirs);
/* Prints the row: ratio, interval, both sides, whether steady state meets the goal; and beside it
 * what a fresh store gave, if that was measured. */
void row_print(struct setting *s, const struct row_result *steady, const struct row_result *fresh);

/* A measurement of one row: fills its results for one pair. */
typedef void row_pair(struct setting *s, struct world *w, bool engine_first,
                      struct row_result *results);

void pair_large(struct setting *s, struct world *w, bool first, struct row_result *results);
void pair_single(struct setting *s, struct world *w, bool first, struct row_result *results);
void pair_wide(struct setting *s, struct world *w, bool first, struct row_result *results);
void pair_beside(struct setting *s, struct world *w, bool first, struct row_result *results);

/* CPU seconds per byte of copying a batch and of its CRC32C, hot. */
double limit_copy_crc(const struct pool *pool);

#endif
