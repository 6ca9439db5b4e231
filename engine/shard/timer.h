/* timer.h -- things to do at a time: a binary heap, earliest first.
 *
 * A timer lies inside its owner and runs once; it is the heap's from timer_start() until it runs
 * or timer_stop(). Equal times run in the order in which they were started.
 *
 * Thread     one shard's.
 * Memory     one pointer for each running timer.
 * Fails      timer_start() with NO_MEMORY.
 */
#ifndef SHARD_TIMER_H
#define SHARD_TIMER_H

#include "engine/base/err.h"
#include "engine/base/types.h"

struct timer {
    void (*fire)(struct timer *t);
    uint64_t at_ns;
    uint64_t order; /* heap's: among equals, the one started first */
    uint32_t place; /* heap's: 1-based; 0: not running */
};

struct timers {
    struct timer **heap; /* heap[1..count] */
    uint32_t count, cap;
    uint64_t next_order;
};

void timers_close(struct timers *ts); /* running timers are forgotten */
enum err timer_start(struct timers *ts, struct timer *t, uint64_t at_ns);
void timer_stop(struct timers *ts, struct timer *t); /* not running: fine */
uint64_t timers_due_ns(const struct timers *ts);     /* UINT64_MAX: none */
/* Runs those that were due at now_ns when it was called; returns how many. */
uint32_t timers_fire(struct timers *ts, uint64_t now_ns);

#endif
