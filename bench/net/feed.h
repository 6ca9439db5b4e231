/* feed.h -- appends through TCP, in a closed loop: ready frames over one connection, a number of
 * them in flight. Every acknowledgement is checked: durability bought, offsets without gap or
 * repetition.
 *
 * Thread     the caller's.
 * Memory     the frames: the pool's bytes again.
 */
#ifndef BENCH_NET_FEED_H
#define BENCH_NET_FEED_H

#include "bench/common/figure.h"
#include "bench/common/pool.h"
#include "bench/net/broker.h"

#define FEED_WINDOW_MAX 1024u
#define FEED_PARTS_MAX  16u

struct feed {
    /* In. */
    struct broker *broker;
    struct sl_client_topic topic;
    const struct pool *pool;
    uint32_t window;
    double seconds;
    double bytes_max; /* ends when so many are acknowledged; 0: by time alone */
    double rate;      /* bytes a second at most; 0: as fast as answers come */
    /* Out; a second run adds to it. */
    struct histogram latency;
    double took_s, bytes, records;
    double broker_cpu_s, machine_cpu_s; /* the latter without this client */
};

/* A fifth of a second that does not count, then f->seconds. */
void feed_run(struct feed *f);

#endif
