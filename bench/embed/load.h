/* load.h -- an engine under load, turned by the caller's own thread.
 *
 * A stream is a client whose work is done beforehand: its batches are built, and are appended
 * again and again. It runs in a closed loop, with a number of appends in flight, or at a constant
 * rate; then latency counts from the moment at which the append was due, not from when it was
 * made. Every acknowledgement is checked: durability bought, offsets without gap or repetition.
 *
 * Owner      main thread.
 * Memory     batches: 4 MiB of incompressible bytes for each world.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <shardlog/engine.h>
#include <stddef.h>

#include "bench/common/figure.h"
#include "bench/common/pool.h"

struct bench;

/* An engine in a directory of its own, with one topic for each kind of load. */
struct world {
    char dir[512];
    struct sl_engine *engine;
    struct sl_topic *bulk, *one, *wide, *drip;
    struct pool large, small;
};

void world_open(struct world *w, const struct bench *b, const char *name);
void world_close(struct world *w); /* removes its files */
/* Turns for a while without load: seal, checkpoint, zeroing. */
void world_rest(struct world *w, double seconds);
struct sl_stats world_stats(struct world *w);

struct stream {
    /* In. */
    struct sl_topic *topic;
    const struct pool *pool;
    uint32_t window; /* closed loop: appends in flight; constant rate: at most so many */
    double rate;     /* batches per second; 0: closed loop */
    bool trims;      /* keeps only the newest bytes of each partition, so that space is reused */
    /* Out. */
    struct histogram latency;
    uint64_t acked_bytes;
    uint64_t acks;
    uint64_t behind; /* appends that were due and found the window full */
    /* load.c's. */
    struct world *world;
    struct token *tokens, *free;
    struct lane *lanes;
    uint32_t lane_count, lane_next, batch_next, in_flight;
    uint64_t due_ns, interval_ns;
    bool feeding, counting;
};

struct loaded {
    double seconds; /* as measured */
    double cpu_s;
};

/* Runs the streams together: a fifth of a second that does not count, then `seconds`. */
struct loaded load_run(struct world *w, struct stream *streams, uint32_t count, double seconds);

#endif
