/* fetch.h -- the consumers: over several connections, each with a partition of its own and one
 * fetch in flight, as the consumers of clients have it. What arrives is received and not looked at,
 * but for head and first batch of each answer: no error, and the offset that was asked for.
 *
 * Thread     the caller's.
 */
#ifndef BENCH_KAFKA_FETCH_H
#define BENCH_KAFKA_FETCH_H

#include <stddef.h>
#include <stdint.h>

#define FETCH_LINES_MAX 16u

struct fetch {
    /* In. */
    uint16_t port;
    const char *topic;
    uint32_t connections;                                /* the i-th reads partition i */
    uint64_t from[FETCH_LINES_MAX], to[FETCH_LINES_MAX]; /* offsets: [from, to), again and again */
    size_t batch_bytes;                                  /* of each batch there */
    uint32_t batch_offsets;
    uint32_t bytes_max; /* of an answer */
    double seconds;
    /* Out. */
    double bytes; /* whole batches */
    uint64_t answers;
};

void fetch_run(struct fetch *f);

#endif
