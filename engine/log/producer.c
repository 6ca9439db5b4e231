/* producer.c -- see producer.h. The queue between head and named is here, and who is forgotten;
 * what becomes of it in image and recovery is producer_load.c's. */
#include "engine/log/producer.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/producer_in.h"

#define QUEUE_KEPT 16u /* batches: 640 B */

/* ---- windows ---- */

/* True when the window began anew: another epoch, or a producer that was forgotten meanwhile. */
bool window_push(struct producer_window *w, int16_t epoch, const struct producer_batch *b)
{
    bool follows = w->n && w->epoch == epoch && b->first == producer_batch_next(&w->at[w->n - 1]);
    if (!follows)
        w->n = 0;
    if (w->n == PRODUCER_WINDOW)
        memmove(w->at, w->at + 1, --w->n * sizeof(w->at[0]));
    w->epoch = epoch;
    w->at[w->n++] = *b;
    return !follows;
}

static const struct producer_window *window_head(const struct producer *x)
{
    return x->head ? x->head : &x->named;
}

static const struct producer_batch *window_newest(const struct producer_window *w)
{
    return &w->at[w->n - 1];
}

static enum producer_verdict window_judge(const struct producer_window *w,
                                          const struct producer_claim *c,
                                          struct producer_batch *old)
{
    if (c->epoch < w->epoch)
        return PRODUCER_FENCED;
    if (c->epoch > w->epoch)
        return c->first == 0 ? PRODUCER_NEW : PRODUCER_SEQUENCE;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->at[i].first == c->first && w->at[i].count == c->count) {
            *old = w->at[i];
            return PRODUCER_DUPLICATE;
        }
    return c->first == producer_batch_next(window_newest(w)) ? PRODUCER_NEW : PRODUCER_SEQUENCE;
}

/* ---- producers ---- */

static struct map_key key_of(const struct part *p, int64_t id)
{
    struct map_key key = { .index = p->number };
    le64_put(key.id.b, (uint64_t)id);
    return key;
}

struct producer *producer_find(const struct part *p, int64_t id)
{
    return p->producers ? map_get(&p->store->producer_map, key_of(p, id)) : NULL;
}

static void producers_free_if_empty(struct part *p)
{
    struct producers *ps = p->producers;
    if (ps->count || ps->queue_count)
        return;
    p->store->producer_bytes -= sizeof(*ps) + ps->queue_cap * sizeof(ps->queue[0]);
    free(ps->queue);
    free(ps);
    p->producers = NULL;
}

static void producer_drop(struct producer *x)
{
    struct part *p = x->part;
    (void)map_remove(&p->store->producer_map, key_of(p, x->named.id));
    node_unlink(&x->node);
    node_unlink(&x->store_node);
    p->store->producer_bytes -= sizeof(*x) + (x->head ? sizeof(*x->head) : 0);
    p->producers->count--;
    free(x->head);
    free(x);
}

/* The one of the store that was silent longest; false: it has batches on their way, and so have
 * those behind it, so that there may be more than the limit for a moment. */
static bool store_oldest_drop(struct store *s)
{
    struct node *n = list_first(&s->producers_by_use);
    struct producer *x = n ? container_of(n, struct producer, store_node) : NULL;
    struct part *p = x ? x->part : NULL;
    if (!x || x->queued)
        return false;
    probe("producer: forgotten for another one of the store");
    producer_drop(x);
    producers_free_if_empty(p);
    return true;
}

void producers_trim(struct store *s)
{
    while (s->producer_map.count > s->opts.producers_max)
        if (!store_oldest_drop(s))
            return;
}

/* Room for one more of p. */
static void producers_make_room(struct part *p)
{
    struct producers *ps = p->producers;
    struct node *n = ps ? list_first(&ps->by_use) : NULL;
    struct producer *oldest = n ? container_of(n, struct producer, node) : NULL;
    if (ps && ps->count >= PRODUCERS_MAX && !oldest->queued) {
        probe("producer: forgotten for another one of its partition");
        producer_drop(oldest);
    }
    if (p->store->producer_map.count >= p->store->opts.producers_max)
        (void)store_oldest_drop(p->store);
}

struct producer *producer_take(struct part *p, int64_t id)
{
    struct producer *x = producer_find(p, id);
    if (!x) {
        producers_make_room(p);
        x = producer_add(p, id);
    }
    producer_used(x);
    return x;
}

struct producer *producer_add(struct part *p, int64_t id)
{
    struct store *s = p->store;
    if (!p->producers) {
        p->producers = calloc(1, sizeof(*p->producers));
        check(p->producers);
        list_init(&p->producers->by_use);
        s->producer_bytes += sizeof(*p->producers);
    }
    struct producer *x = calloc(1, sizeof(*x));
    check(x && map_put(&s->producer_map, key_of(p, id), x) == ERR_OK);
    x->named.id = id;
    x->part = p;
    p->producers->count++;
    s->producer_bytes += sizeof(*x);
    return x;
}

void producer_used(struct producer *x)
{
    node_unlink(&x->node);
    node_unlink(&x->store_node);
    list_push(&x->part->producers->by_use, &x->node);
    list_push(&x->part->store->producers_by_use, &x->store_node);
}

static bool producer_expired(const struct producer *x, int64_t now_ms)
{
    const struct store *s = x->part->store;
    int64_t last_ms = window_newest(window_head(x))->append_ms;
    return !x->queued && now_ms > last_ms && now_ms - last_ms > s->opts.producer_expiry_ms;
}

void producers_expire(struct store *s)
{
    int64_t now_ms = io_wall_ms(s->io);
    for (struct node *n; (n = list_first(&s->producers_by_use));) {
        struct producer *x = container_of(n, struct producer, store_node);
        struct part *p = x->part;
        if (!producer_expired(x, now_ms))
            return;
        probe("producer: expired");
        producer_drop(x);
        producers_free_if_empty(p);
    }
}

void producers_close(struct part *p)
{
    if (!p->producers)
        return;
    for (struct node *n; (n = list_first(&p->producers->by_use));)
        producer_drop(container_of(n, struct producer, node));
    p->producers->queue_count = 0;
    producers_free_if_empty(p);
}

static bool window_within(const struct producer_window *w, uint64_t from, uint64_t to)
{
    for (uint32_t i = 0; i < w->n; i++)
        if (w->at[i].base_off < to && w->at[i].base_off + w->at[i].count > from)
            return true;
    return false;
}

void producers_forget(struct part *p, uint64_t from, uint64_t to)
{
    if (!p->producers)
        return;
    check(!p->producers->queue_count); /* a damaged partition takes no appends */
    list_each (&p->producers->by_use, n) {
        struct producer *x = container_of(n, struct producer, node);
        if (window_within(&x->named, from, to))
            producer_drop(x);
    }
    producers_free_if_empty(p);
}

/* ---- appends ---- */

bool producer_claim(const struct append *a, struct producer_claim *out)
{
    struct batch_info info;
    if (batch_peek(a->batch, &info) != ERR_OK || info.producer_id < 0 || info.producer_epoch < 0 ||
        info.base_sequence < 0)
        return false;
    *out = (struct producer_claim){ .id = info.producer_id,
                                    .epoch = info.producer_epoch,
                                    .first = info.base_sequence,
                                    .count = a->count };
    return true;
}

/* Rows for `queued` batches of one producer in one entry: only the last five matter. */
static uint32_t rows_of(uint32_t queued)
{
    uint32_t n = queued < PRODUCER_WINDOW ? queued : PRODUCER_WINDOW;
    return (n + PRODUCER_ROW_BATCHES - 1) / PRODUCER_ROW_BATCHES;
}

uint32_t producers_rows(const struct part *p)
{
    return p->producers ? p->producers->rows : 0;
}

static void queued_set(struct producer *x, uint32_t queued)
{
    x->part->producers->rows += rows_of(queued) - rows_of(x->queued);
    x->queued = queued;
}

/* The rows of one entry are limited, so that naming a partition always fits one: more producers
 * than that wait for the entry under way. */
static bool rows_full(const struct part *p, const struct producer *x)
{
    uint32_t entry_rows = (p->store->id.geometry.entry_max - ENTRY_HEADER_BYTES) / ROW_BYTES;
    uint32_t max = (uint32_t)min_u64(PRODUCER_ROWS_MAX, entry_rows / 4);
    uint32_t queued = x ? x->queued : 0;
    return producers_rows(p) + rows_of(queued + 1) - rows_of(queued) > max;
}

enum producer_verdict producers_judge(struct part *p, const struct producer_claim *c,
                                      struct producer_batch *old)
{
    struct producer *x = producer_find(p, c->id);
    if (x && producer_expired(x, io_wall_ms(p->store->io))) {
        producer_drop(x);
        producers_free_if_empty(p);
        x = NULL;
    }
    enum producer_verdict verdict = x ? window_judge(window_head(x), c, old) : PRODUCER_NEW;
    if (verdict == PRODUCER_NEW && (!p->store->producers_live || rows_full(p, x)))
        return PRODUCER_WAIT;
    return verdict;
}

static void queue_push(struct part *p, struct queued q)
{
    struct producers *ps = p->producers;
    if (ps->queue_count == ps->queue_cap) {
        uint32_t cap = ps->queue_cap ? ps->queue_cap * 2 : 4;
        struct queued *grown = malloc(cap * sizeof(*grown));
        check(grown);
        for (uint32_t i = 0; i < ps->queue_count; i++)
            grown[i] = ps->queue[(ps->queue_from + i) & (ps->queue_cap - 1)];
        free(ps->queue);
        p->store->producer_bytes += (cap - ps->queue_cap) * sizeof(*grown);
        ps->queue = grown;
        ps->queue_cap = cap;
        ps->queue_from = 0;
    }
    ps->queue[(ps->queue_from + ps->queue_count++) & (ps->queue_cap - 1)] = q;
}

/* Empty: what a burst took is given back. */
static void queue_rest(struct part *p)
{
    struct producers *ps = p->producers;
    if (ps->queue_cap <= QUEUE_KEPT)
        return;
    p->store->producer_bytes -= ps->queue_cap * sizeof(ps->queue[0]);
    free(ps->queue);
    ps->queue = NULL;
    ps->queue_cap = ps->queue_from = 0;
}

void producers_placed(struct part *p, const struct producer_claim *c, uint64_t base_off,
                      int64_t append_ms)
{
    struct producer *x = producer_take(p, c->id);
    struct producer_batch b = { c->first, c->count, base_off, append_ms };
    if (!x->head) {
        x->head = malloc(sizeof(*x->head));
        check(x->head);
        *x->head = x->named;
        p->store->producer_bytes += sizeof(*x->head);
    }
    (void)window_push(x->head, c->epoch, &b);
    queue_push(p, (struct queued){ x, b, c->epoch });
    queued_set(x, x->queued + 1);
}

/* ---- naming ---- */

/* Moves the queue's first batch into its producer's window. */
static struct producer *queue_pop(struct part *p)
{
    struct producers *ps = p->producers;
    struct queued *q = &ps->queue[ps->queue_from];
    struct producer *x = q->of;
    ps->queue_from = (ps->queue_from + 1) & (ps->queue_cap - 1);
    ps->queue_count--;
    bool anew = window_push(&x->named, q->epoch, &q->batch);
    x->fresh = (uint8_t)(anew ? 1 : min_u64(x->fresh + 1u, PRODUCER_WINDOW));
    queued_set(x, x->queued - 1);
    if (!x->queued) {
        audit(memcmp(x->head->at, x->named.at, x->named.n * sizeof(x->named.at[0])) == 0);
        free(x->head);
        x->head = NULL;
        p->store->producer_bytes -= sizeof(*x->head);
    }
    return x;
}

static void rows_put(struct producer *x, void (*put)(void *arg, const struct row *row), void *arg)
{
    for (uint32_t i = x->named.n - x->fresh; i < x->named.n; i += PRODUCER_ROW_BATCHES) {
        struct row row = { .kind = ROW_PRODUCER, .part = x->part->number };
        row.producer.id = x->named.id;
        row.producer.epoch = x->named.epoch;
        row.producer.n = (uint8_t)min_u64(x->named.n - i, PRODUCER_ROW_BATCHES);
        memcpy(row.producer.batches, x->named.at + i,
               row.producer.n * sizeof(row.producer.batches[0]));
        put(arg, &row);
    }
    x->fresh = 0;
}

void producers_name(struct part *p, uint64_t off, void (*put)(void *arg, const struct row *row),
                    void *arg)
{
    struct producers *ps = p->producers;
    struct list fresh;
    list_init(&fresh);
    while (ps && ps->queue_count) {
        const struct producer_batch *b = &ps->queue[ps->queue_from].batch;
        if (b->base_off + b->count > off)
            break;
        struct producer *x = queue_pop(p);
        if (!node_linked(&x->fresh_node))
            list_push(&fresh, &x->fresh_node);
    }
    if (ps && !ps->queue_count)
        queue_rest(p);
    for (struct node *n; (n = list_pop(&fresh));)
        rows_put(container_of(n, struct producer, fresh_node), put, arg);
}
