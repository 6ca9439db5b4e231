/* rows.h -- what is compared with what; each row of the table is a function of its own.
 *
 * A pair is one measurement of the engine and one of what it is held against, each of
 * bench.seconds; which comes first alternates. The ratios of the pairs make the row.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "bench/common/fio.h"
#include "bench/common/limit.h"
#include "bench/common/row.h"
#include "bench/embed/bench.h"
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

/* A measurement of one row: fills its results for one pair. */
typedef void row_pair(struct setting *s, struct world *w, bool engine_first,
                      struct row_result *results);

void pair_large(struct setting *s, struct world *w, bool first, struct row_result *results);
void pair_single(struct setting *s, struct world *w, bool first, struct row_result *results);
void pair_wide(struct setting *s, struct world *w, bool first, struct row_result *results);
void pair_beside(struct setting *s, struct world *w, bool first, struct row_result *results);

#endif
