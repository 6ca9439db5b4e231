/* drain.h -- fetches through TCP: one of each partition in flight over one connection, as a
 * consumer of several partitions does it. What arrives is received and not looked at, but for the
 * offsets, which must go on without a gap.
 *
 * Thread     the caller's.
 */
#ifndef BENCH_NET_DRAIN_H
#define BENCH_NET_DRAIN_H

#include "bench/net/broker.h"
#include "bench/net/feed.h"

struct drain {
    /* In. */
    struct broker *broker;
    struct sl_client_topic topic;
    uint64_t from[FEED_PARTS_MAX], to[FEED_PARTS_MAX]; /* offsets of each partition: [from, to) */
    uint32_t bytes_max;                                /* of an answer */
    bool again;     /* begins again at `from` until time is up; else ends at `to` */
    double seconds; /* at most */
    /* Out. */
    double took_s, bytes;
    uint64_t answers;
    double broker_cpu_s, machine_cpu_s; /* the latter without this client */
};

void drain_run(struct drain *d);

#endif
