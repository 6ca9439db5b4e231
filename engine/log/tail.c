/* tail.c -- chunks: taken at the head, cleaned at the tail, evicted when the budget needs them. */
#include "engine/log/tail.h"

#include <stdlib.h>

#include "engine/base/check.h"

static struct chunk *chunk_last(const struct part *p)
{
    return list_empty(&p->chunks) ? NULL : container_of(p->chunks.head.prev, struct chunk, node);
}

static struct chunk *chunk_first(const struct part *p)
{
    return list_empty(&p->chunks) ? NULL : container_of(p->chunks.head.next, struct chunk, node);
}

/* ---- memory: chunks are recycled by size, so that a busy store takes no page faults ---- */

static struct list *pool_of(struct store *s, uint32_t cap)
{
    uint32_t order = 0;
    while (((uint32_t)BLOCK_BYTES << order) < cap)
        order++;
    check(order < CHUNK_ORDERS);
    return &s->chunk_pool[order];
}

static void chunk_release(struct store *s, struct chunk *c)
{
    s->tail_pooled -= c->cap;
    node_unlink(&c->node);
    io_buffer_give(c->at);
    free(c);
}

static void chunk_give(struct chunk *c)
{
    struct store *s = c->part->store;
    node_unlink(&c->node);
    node_unlink(&c->clean);
    s->tail_used -= c->cap;
    s->tail_pooled += c->cap;
    list_push_front(pool_of(s, c->cap), &c->node);
}

static bool pool_release_one(struct store *s)
{
    for (uint32_t i = 0; i < CHUNK_ORDERS; i++) {
        struct node *n = list_first(&s->chunk_pool[i]);
        if (n) {
            chunk_release(s, container_of(n, struct chunk, node));
            return true;
        }
    }
    return false;
}

void tail_pool_close(struct store *s)
{
    while (pool_release_one(s))
        ;
}

/* Evicts clean chunks, oldest first, until one of this size is in the pool or fits beside it. */
static bool budget_make(struct store *s, uint32_t cap)
{
    while (list_empty(pool_of(s, cap)) &&
           s->tail_used + s->tail_pooled + cap > s->opts.tail_bytes) {
        if (pool_release_one(s))
            continue;
        struct node *n = list_first(&s->clean);
        if (!n)
            return false;
        chunk_give(container_of(n, struct chunk, clean));
    }
    return true;
}

static struct chunk *chunk_take(struct store *s, uint32_t cap)
{
    struct node *n = list_pop(pool_of(s, cap));
    struct chunk *c = n ? container_of(n, struct chunk, node) : calloc(1, sizeof(*c));
    if (n) {
        s->tail_pooled -= cap;
    } else if (c) {
        c->at = io_buffer_take(cap);
        if (!c->at) {
            free(c);
            return NULL;
        }
    }
    return c;
}

static struct chunk *chunk_new(struct part *p, uint64_t pos, uint32_t cap)
{
    struct chunk *c = chunk_take(p->store, cap);
    if (!c)
        return NULL;
    *c = (struct chunk){ .pos = pos, .cap = cap, .part = p, .at = c->at };
    p->store->tail_used += cap;
    list_push(&p->chunks, &c->node);
    return c;
}

/* A chunk as large as what is needed, or twice the last one: few for a busy partition, 4 KiB for
 * one that drips. Large chunks make long runs; when memory is short they stay small. */
static uint32_t chunk_size(const struct part *p, uint64_t need)
{
    const struct store *s = p->store;
    const struct chunk *last = chunk_last(p);
    bool tight = list_empty(&s->clean) && s->tail_used > s->opts.tail_bytes / 4;
    uint64_t want =
        last ? min_u64(2ull * last->cap, tight ? 64u << 10 : CHUNK_BYTES_MAX) : BLOCK_BYTES;
    uint64_t cap = BLOCK_BYTES;
    while (cap < CHUNK_BYTES_MAX && cap < max_u64(need, want))
        cap *= 2;
    return (uint32_t)cap;
}

static uint64_t tail_end(const struct part *p)
{
    const struct chunk *c = chunk_last(p);
    return c ? c->pos + c->cap : block_floor(p->head_pos);
}

static bool tail_grow(struct part *p, uint64_t len, bool beyond_budget)
{
    while (tail_end(p) < p->head_pos + len) {
        uint64_t end = tail_end(p);
        uint32_t cap = chunk_size(p, p->head_pos + len - end);
        if (!beyond_budget && !budget_make(p->store, cap))
            return false;
        if (list_empty(&p->chunks))
            end = block_floor(p->head_pos);
        if (!chunk_new(p, end, cap))
            return false;
    }
    return true;
}

bool tail_room(struct part *p, uint64_t len)
{
    check(p->head_pos % BLOCK_BYTES == 0 || !list_empty(&p->chunks));
    struct chunk *c = chunk_last(p);
    if (c && node_linked(&c->clean))
        node_unlink(&c->clean); /* becomes dirty again: may not be evicted under us */
    if (tail_grow(p, len, false))
        return true;
    tail_clean(p); /* or two partitions that wait for memory would keep it from each other */
    return false;
}

enum err tail_reserve(struct part *p, uint64_t from_pos, uint64_t len)
{
    check(list_empty(&p->chunks));
    uint64_t head = p->head_pos;
    p->head_pos = block_floor(from_pos);
    bool ok = tail_grow(p, from_pos + len - p->head_pos, true);
    for (struct node *n = p->chunks.head.next; ok && n != &p->chunks.head; n = n->next) {
        struct chunk *c = container_of(n, struct chunk, node);
        memset(c->at, 0, c->cap);
    }
    p->head_pos = head;
    return ok ? ERR_OK : ERR_NO_MEMORY;
}

static struct chunk *chunk_of(const struct part *p, uint64_t pos)
{
    /* Backwards: nearly every caller asks for the newest bytes. */
    for (struct node *n = p->chunks.head.prev; n != &p->chunks.head; n = n->prev) {
        struct chunk *c = container_of(n, struct chunk, node);
        if (pos >= c->pos)
            return pos < c->pos + c->cap ? c : NULL;
    }
    return NULL;
}

void tail_put(struct part *p, const void *from, uint64_t len)
{
    const uint8_t *at = from;
    struct chunk *c = chunk_of(p, p->head_pos);
    while (len) {
        check(c);
        uint64_t in = p->head_pos - c->pos;
        uint64_t n = min_u64(len, c->cap - in);
        memcpy(c->at + in, at, n);
        at += n;
        len -= n;
        p->head_pos += n;
        if (len)
            c = container_of(c->node.next, struct chunk, node);
    }
}

void tail_pad(struct part *p)
{
    uint64_t gap = block_ceil(p->head_pos) - p->head_pos;
    if (gap) {
        struct chunk *c = chunk_of(p, p->head_pos);
        check(c);
        memset(c->at + (p->head_pos - c->pos), 0, gap);
        p->head_pos += gap;
    }
}

uint64_t tail_find(const struct part *p, uint64_t pos, uint8_t **at)
{
    struct chunk *c = pos < p->head_pos ? chunk_of(p, pos) : NULL;
    if (!c)
        return 0;
    *at = c->at + (pos - c->pos);
    return min_u64(c->pos + c->cap, p->head_pos) - pos;
}

bool tail_copy(const struct part *p, uint64_t pos, void *to, uint64_t len)
{
    uint8_t *out = to;
    while (len) {
        uint8_t *at;
        uint64_t n = min_u64(tail_find(p, pos, &at), len);
        if (!n)
            return false;
        memcpy(out, at, n);
        out += n;
        pos += n;
        len -= n;
    }
    return true;
}

uint64_t tail_floor(const struct part *p)
{
    const struct chunk *c = chunk_first(p);
    return c ? c->pos : p->head_pos;
}

void tail_clean(struct part *p)
{
    /* Newest first, back to the last one that is clean already: then oldest first into the list. */
    struct node *n = p->chunks.head.prev;
    while (n != &p->chunks.head && !node_linked(&container_of(n, struct chunk, node)->clean))
        n = n->prev;
    for (n = n->next; n != &p->chunks.head; n = n->next) {
        struct chunk *c = container_of(n, struct chunk, node);
        if (c->pos + c->cap > min_u64(p->disk_pos, p->named_pos))
            return;
        list_push(&p->store->clean, &c->clean);
    }
}

void tail_drop(struct part *p)
{
    struct chunk *c;
    while ((c = chunk_first(p)))
        chunk_give(c);
}
