/* timer.c -- a binary heap of pointers; each timer knows its place, so that stopping is cheap. */
#include "engine/shard/timer.h"

#include <stdlib.h>

#include "engine/base/check.h"

#define CAP_MIN 16u

void timers_close(struct timers *ts)
{
    free(ts->heap);
    *ts = (struct timers){ 0 };
}

static bool timer_before(const struct timer *a, const struct timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void timer_put(struct timers *ts, uint32_t place, struct timer *t)
{
    ts->heap[place] = t;
    t->place = place;
}

/* Moves t from `place` towards the root, then towards the leaves, until the heap is one. */
static void timer_sift(struct timers *ts, uint32_t place, struct timer *t)
{
    for (; place > 1 && timer_before(t, ts->heap[place / 2]); place /= 2)
        timer_put(ts, place, ts->heap[place / 2]);
    for (;;) {
        uint32_t child = 2 * place;
        if (child > ts->count)
            break;
        if (child < ts->count && timer_before(ts->heap[child + 1], ts->heap[child]))
            child++;
        if (!timer_before(ts->heap[child], t))
            break;
        timer_put(ts, place, ts->heap[child]);
        place = child;
    }
    timer_put(ts, place, t);
}

static enum err timers_room(struct timers *ts)
{
    if (ts->count + 1 < ts->cap)
        return ERR_OK;
    uint32_t cap = ts->cap ? 2 * ts->cap : CAP_MIN;
    struct timer **heap = realloc(ts->heap, cap * sizeof(*heap));
    if (!heap)
        return ERR_NO_MEMORY;
    ts->heap = heap;
    ts->cap = cap;
    return ERR_OK;
}

enum err timer_start(struct timers *ts, struct timer *t, uint64_t at_ns)
{
    check(t->place == 0);
    TRY(timers_room(ts));
    t->at_ns = at_ns;
    t->order = ts->next_order++;
    timer_sift(ts, ++ts->count, t);
    return ERR_OK;
}

void timer_stop(struct timers *ts, struct timer *t)
{
    uint32_t place = t->place;
    if (place == 0)
        return;
    check(ts->heap[place] == t);
    t->place = 0;
    struct timer *last = ts->heap[ts->count--];
    if (last != t)
        timer_sift(ts, place, last);
}

uint64_t timers_due_ns(const struct timers *ts)
{
    return ts->count ? ts->heap[1]->at_ns : UINT64_MAX;
}

uint32_t timers_fire(struct timers *ts, uint64_t now_ns)
{
    uint64_t new_ones = ts->next_order; /* started by those that fire: their turn is the next */
    uint32_t fired = 0;
    while (ts->count && ts->heap[1]->at_ns <= now_ns && ts->heap[1]->order < new_ones) {
        struct timer *t = ts->heap[1];
        timer_stop(ts, t);
        t->fire(t);
        fired++;
    }
    return fired;
}
