/* rows.h -- what is compared with what; each row of the table is a function of its own.
 *
 * A pair is one measurement of the broker and one of what it is held against, each of
 * bench.seconds; which comes first alternates. The ratios of the pairs make the row.
 */
#ifndef BENCH_NET_ROWS_H
#define BENCH_NET_ROWS_H

#include "bench/common/fio.h"
#include "bench/common/limit.h"
#include "bench/common/row.h"
#include "bench/net/drain.h"
#include "bench/net/feed.h"
#include "bench/net/stream.h"

#define CEILING_BYTES GIB(4)
#define DURABLE_BYTES MIB(256)
#define PARTITIONS    4u

/* What all rows use. */
struct setting {
    const struct bench *bench;
    struct broker steady;
    struct sl_client_topic bulk, one;
    struct pool large, small, lines;
    char ceiling_path[512], durable_path[512];
    struct fio_cell write_cell, read_cell; /* the best ones, chosen once */
};

/* A measurement of one row: fills its results for one pair. */
typedef void row_pair(struct setting *s, bool broker_first, struct row_result *results);

void pair_ingest(struct setting *s, bool first, struct row_result *results);
void pair_tail(struct setting *s, bool first, struct row_result *results);
void pair_cold(struct setting *s, bool first, struct row_result *results);
void pair_durable(struct setting *s, bool first, struct row_result *results);
void pair_lines(struct setting *s, bool first, struct row_result *results);
void pair_pipelined(struct setting *s, bool first, struct row_result *results);
void pair_behind(struct setting *s, bool first, struct row_result *results);

/* A feed of the steady broker with what all of them have in common; free(). */
struct feed *feed_new(struct setting *s, const struct sl_client_topic *t, const struct pool *pool,
                      uint32_t window);
/* A drain of `k`, from the partitions' start to their end; free(). */
struct drain *drain_new(struct setting *s, struct broker *k, const struct sl_client_topic *t);

#endif
