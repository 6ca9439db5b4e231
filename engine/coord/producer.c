/* producer.c -- the window of five; see producer.h.
 *
 * A claim is compared, in this order, with the producer's epoch, with the five batches, and with
 * the sequence that must come next. */
#include "engine/coord/producer.h"

#include <stdlib.h>

#include "engine/base/check.h"

void producers_open(struct producers *ps)
{
    *ps = (struct producers){ 0 };
    list_init(&ps->by_use);
}

void producers_close(struct producers *ps)
{
    struct node *n;
    while ((n = list_pop(&ps->by_use)))
        free(container_of(n, struct producer, node));
    *ps = (struct producers){ 0 };
}

static struct producer **bucket_of(struct producers *ps, int64_t id)
{
    return &ps->buckets[((uint64_t)id * 0x9e3779b97f4a7c15ull) >> 58];
}
static_assert(PRODUCER_BUCKETS == 1u << (64 - 58), "the bucket is the hash's top bits");

static struct producer *producer_find(struct producers *ps, int64_t id)
{
    struct producer *p = *bucket_of(ps, id);
    while (p && p->id != id)
        p = p->next;
    return p;
}

static bool producer_idle(const struct producer *p)
{
    for (uint32_t i = 0; i < PRODUCER_WINDOW; i++)
        if (p->batches[i].state == BATCH_PENDING)
            return false;
    return true;
}

static void producer_forget(struct producers *ps, struct producer *p)
{
    struct producer **at = bucket_of(ps, p->id);
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    node_unlink(&p->node);
    ps->count--;
    free(p);
}

/* Room for one more: the one that was silent longest goes, but never one with an append under
 * way, whose answer is still to be settled. */
static void producers_trim(struct producers *ps)
{
    list_each (&ps->by_use, n) {
        struct producer *p = container_of(n, struct producer, node);
        if (ps->count < PRODUCERS_MAX)
            return;
        if (producer_idle(p))
            producer_forget(ps, p);
    }
}

static struct producer *producer_add(struct producers *ps, int64_t id)
{
    producers_trim(ps);
    struct producer *p = calloc(1, sizeof(*p));
    check(p);
    p->id = id;
    struct producer **at = bucket_of(ps, id);
    p->next = *at;
    *at = p;
    list_push(&ps->by_use, &p->node);
    ps->count++;
    return p;
}

static int32_t sequence_after(int32_t sequence, uint32_t steps)
{
    return (int32_t)(((uint32_t)sequence + steps) & INT32_MAX);
}

/* The batch with exactly these sequences. */
static struct producer_batch *batch_find(struct producer *p, int32_t first, int32_t last)
{
    for (uint32_t i = 0; i < PRODUCER_WINDOW; i++) {
        struct producer_batch *b = &p->batches[i];
        if (b->state != BATCH_NONE && b->first == first && b->last == last)
            return b;
    }
    return NULL;
}

static void batch_push(struct producer *p, int32_t first, int32_t last)
{
    p->newest = (uint8_t)((p->newest + 1) % PRODUCER_WINDOW);
    p->batches[p->newest] =
        (struct producer_batch){ .first = first, .last = last, .state = BATCH_PENDING };
}

/* A new epoch starts from nothing, at sequence 0. */
static void producer_renew(struct producer *p, int16_t epoch)
{
    memset(p->batches, 0, sizeof(p->batches));
    p->newest = 0;
    p->epoch = epoch;
}

static enum producer_verdict claim_known(struct producer *p, int32_t first, int32_t last,
                                         struct producer_batch *batch)
{
    const struct producer_batch *old = batch_find(p, first, last);
    if (old && old->state != BATCH_FAILED) {
        *batch = *old;
        return old->state == BATCH_PENDING ? PRODUCER_PENDING : PRODUCER_DUPLICATE;
    }
    struct producer_batch *newest = &p->batches[p->newest];
    if (newest->state == BATCH_FAILED && first == newest->first) {
        *newest = (struct producer_batch){ .first = first, .last = last, .state = BATCH_PENDING };
        return PRODUCER_NEW;
    }
    if (newest->state == BATCH_FAILED || first != sequence_after(newest->last, 1))
        return PRODUCER_SEQUENCE;
    batch_push(p, first, last);
    return PRODUCER_NEW;
}

enum producer_verdict producer_claim(struct producers *ps, const struct producer_claim *c,
                                     struct producer_batch *batch)
{
    int32_t last = sequence_after(c->sequence, c->count - 1);
    struct producer *p = producer_find(ps, c->id);
    if (!p) {
        p = producer_add(ps, c->id);
        p->epoch = c->epoch;
        batch_push(p, c->sequence, last);
        return PRODUCER_NEW;
    }
    node_unlink(&p->node);
    list_push(&ps->by_use, &p->node);
    if (c->epoch < p->epoch)
        return PRODUCER_FENCED;
    if (c->epoch == p->epoch)
        return claim_known(p, c->sequence, last, batch);
    if (c->sequence != 0)
        return PRODUCER_SEQUENCE;
    producer_renew(p, c->epoch);
    batch_push(p, c->sequence, last);
    return PRODUCER_NEW;
}

void producer_settle(struct producers *ps, const struct producer_claim *c, bool ok,
                     uint64_t base_off, int64_t append_ms)
{
    struct producer *p = producer_find(ps, c->id);
    if (!p || p->epoch != c->epoch)
        return; /* a newer epoch took its place meanwhile */
    struct producer_batch *b =
        batch_find(p, c->sequence, sequence_after(c->sequence, c->count - 1));
    if (!b)
        return; /* more than five under way: pushed out of the window */
    b->state = ok ? BATCH_SETTLED : BATCH_FAILED;
    b->base_off = base_off;
    b->append_ms = append_ms;
}
