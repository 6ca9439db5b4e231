/* produce.h -- the producers: ready requests over several connections, each with a partition of its
 * own and a number of requests in flight.
 *
 * Closed loop (rate 0): a request is sent when an answer lets it; its latency counts from there.
 * Open loop: requests are due at fixed times, whatever the answers do; latency counts from when one
 * was due, and the client goes before whatever else wants its CPU.
 *
 * Every answer is checked: its number, no error, offsets without gap or repetition.
 *
 * Thread     the caller's.
 * Memory     the pool's bytes again, once for each connection.
 */
#ifndef BENCH_KAFKA_PRODUCE_H
#define BENCH_KAFKA_PRODUCE_H

#include "bench/common/figure.h"
#include "bench/common/pool.h"

#define PRODUCE_LINES_MAX  16u
#define PRODUCE_WINDOW_MAX 4096u

struct produce {
    /* In. */
    uint16_t port;
    const char *topic;
    const struct pool *pool;
    uint32_t connections; /* the i-th writes partition i */
    uint32_t window;      /* requests in flight on each */
    double rate;          /* requests a second, of all connections; 0: as answers come */
    double seconds;
    uint64_t requests_max; /* of each connection, then it ends; 0: by time alone */
    /* Out. */
    struct histogram latency;
    struct histogram
        late; /* open loop: from when one was due until it was queued, nothing in its way */
    double bytes, records; /* acknowledged */
};

/* Ends when all that was sent is answered. */
void produce_run(struct produce *p);

#endif
