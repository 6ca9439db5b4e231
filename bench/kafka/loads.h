/* loads.h -- what is compared: each load of the table, and a slice of it at one broker. */
#ifndef BENCH_KAFKA_LOADS_H
#define BENCH_KAFKA_LOADS_H

#include "bench/common/pool.h"
#include "bench/common/row.h"
#include "bench/kafka/peer.h"

#define PARTITIONS 4u /* of topics `bulk` and `read`; `one` has one */

enum load_pool { POOL_LARGE, POOL_HUGE, POOL_SHORT, POOL_SINGLE, POOLS };

/* What all slices use. */
struct setting {
    const struct bench *bench;
    struct peer peers[PEERS];
    struct pool pools[POOLS];
    struct ratios
        kafka_large; /* requests a second of Kafka's slices of 64 KiB batches: its maximum */
};

struct load {
    char letter;
    const char *name;
    const char *topic;
    enum load_pool pool;
    uint32_t connections, window; /* requests in flight on each */
    double share;                 /* open loop: of Kafka's maximum; 0: closed loop */
    bool fetch;
    struct row_result results[2];
    enum load_figure { RATE, CPU, P50, P99 } figures[2]; /* which result is which */
};

#define LOADS 7u
extern const struct load loads[LOADS];

void loads_open(struct setting *s);  /* pools, and topics at both brokers */
void loads_close(struct setting *s); /* pools */

/* One broker runs, the other is paused. */
void turn_take(struct setting *s, enum peer_kind kind);
/* The paths of both brokers, until the JVM is warm and shardlog uses freed space again. */
void loads_warm(struct setting *s);
/* A slice at each broker, `first` before the other one; a ratio more in l->results. */
void load_pair(struct setting *s, struct load *l, enum peer_kind first);
/* A slice at shardlog, told and not compared. */
void load_alone(struct setting *s, struct load *l);
/* How many of the peers there are: shardlog is the first. */
uint32_t peers_count(const struct bench *b);

#endif
