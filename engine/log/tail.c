/* tail.c -- chunks: taken at the head, cleaned at the tail, evicted when the budget needs them. */
#include "engine/log/tail.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/copy.h"
#include "engine/base/crc32c.h"

/* So much at once is on its way to the disk; less may be copied into an entry of the journal yet,
 * or read by who follows, out of the cache. */
#define STREAM_MIN   KIB(16)
#define LINE_BYTES   64u          /* of the cache */
#define SYSTEM_BYTES (128u << 10) /* four direct runs of the smallest size */

static struct chunk *chunk_of(const struct part *p, uint64_t pos);

static struct chunk *chunk_last(const struct part *p)
{
    return list_empty(&p->chunks) ? NULL : container_of(p->chunks.head.prev, struct chunk, node);
}

static struct chunk *chunk_first(const struct part *p)
{
    return list_empty(&p->chunks) ? NULL : container_of(p->chunks.head.next, struct chunk, node);
}

/* ---- memory ---- */

static uint32_t order_of(uint32_t cap)
{
    uint32_t order = 0;
    while (((uint32_t)BLOCK_BYTES << order) < cap)
        order++;
    check(order < CHUNK_ORDERS);
    return order;
}

/* Its memory is free, and so is the struct. */
static void chunk_free(struct chunk *c)
{
    struct store *s = c->store;
    uint32_t order = order_of(c->cap);
    node_unlink(&c->node);
    if (arena_owns(&s->arena, c->at))
        arena_give(&s->arena, c->at, order);
    else
        io_buffer_give(c->at);
    list_push_front(&s->chunk_pool[order], &c->node);
}

static void chunk_give(struct chunk *c)
{
    struct store *s = c->store;
    node_unlink(&c->clean);
    s->tail_used -= c->cap;
    if (c->part->chunk_last_found == c)
        c->part->chunk_last_found = NULL;
    c->part = NULL;
    if (!c->lent) {
        chunk_free(c);
        return;
    }
    probe("tail: a chunk is given up while it is lent");
    node_unlink(&c->node);
    list_push(&s->chunks_lent, &c->node);
}

void chunk_lend(struct chunk *c)
{
    if (c->lent++ == 0)
        c->store->tail_lent += c->cap;
}

void chunk_return(struct chunk *c)
{
    check(c->lent > 0);
    if (--c->lent)
        return;
    c->store->tail_lent -= c->cap;
    if (!c->part)
        chunk_free(c);
}

static void pool_free(struct store *s)
{
    struct node *n;
    for (uint32_t i = 0; i < CHUNK_ORDERS; i++)
        while ((n = list_pop(&s->chunk_pool[i])))
            free(container_of(n, struct chunk, node));
}

void tail_pool_rest(struct store *s)
{
    pool_free(s);
    arena_rest(&s->arena);
}

void tail_pool_close(struct store *s)
{
    struct node *n;
    while ((n = list_pop(&s->chunks_lent))) /* of a machine that is gone: nobody reads any more */
        free(container_of(n, struct chunk, node));
    pool_free(s);
    arena_close(&s->arena);
}

static bool evict_one(struct store *s)
{
    struct node *n = list_first(&s->clean);
    if (!n)
        return false;
    chunk_give(container_of(n, struct chunk, clean));
    return true;
}

/* Evicts clean chunks, oldest first, until one of this size is within the budget. */
static bool budget_make(struct store *s, uint32_t cap, uint64_t budget)
{
    while (s->tail_used + cap > budget)
        if (!evict_one(s))
            return false;
    return true;
}

/* From the arena, if need be by evicting what lies in the way; else from the system: beyond the
 * budget (recovery), or because the arena is in pieces. */
static uint8_t *memory_take(struct store *s, uint32_t cap)
{
    uint32_t order = order_of(cap);
    uint8_t *at = arena_take(&s->arena, order);
    while (!at && s->tail_used + cap <= s->opts.tail_bytes && evict_one(s))
        at = arena_take(&s->arena, order);
    return at ? at : io_buffer_take(cap);
}

static uint64_t tail_end(const struct part *p)
{
    const struct chunk *c = chunk_last(p);
    return c ? c->pos + c->cap : block_floor(p->head_pos);
}

/* At the tail's end, as it is when the memory is there: the partition's own clean chunks may have
 * been evicted for it, all of them. */
static bool chunk_new(struct part *p, uint32_t cap)
{
    struct store *s = p->store;
    uint8_t *at = memory_take(s, cap);
    struct node *n = at ? list_pop(&s->chunk_pool[order_of(cap)]) : NULL;
    struct chunk *c = n ? container_of(n, struct chunk, node) : NULL;
    if (!at)
        return false;
    if (!c)
        c = malloc(sizeof(*c) + cap / BLOCK_BYTES * sizeof(c->sums[0]));
    check(c);
    *c = (struct chunk){ .pos = tail_end(p), .cap = cap, .part = p, .store = s, .at = at };
    s->tail_used += cap;
    list_push(&p->chunks, &c->node);
    return true;
}

static uint32_t chunk_least(uint64_t need)
{
    uint32_t cap = BLOCK_BYTES;
    while (cap < CHUNK_BYTES_MAX && cap < need)
        cap *= 2;
    return cap;
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
    return chunk_least(max_u64(need, want));
}

/* Others leave metadata so much of the budget as it may have in memory before it goes to disk,
 * unless the budget is a test's. */
static uint64_t budget_of(const struct part *p)
{
    const struct store *s = p->store;
    bool kept = s->spare.wanted && !part_is_system(p) && s->opts.tail_bytes > 4 * SYSTEM_BYTES;
    return s->opts.tail_bytes - (kept ? SYSTEM_BYTES : 0);
}

/* The chunk that the tail takes next; 0: there is no room for one. */
static uint32_t chunk_plan(struct part *p, uint64_t need)
{
    uint32_t cap = chunk_size(p, need);
    if (budget_make(p->store, cap, budget_of(p)))
        return cap;
    uint32_t least = chunk_least(need);
    return part_is_system(p) && budget_make(p->store, least, budget_of(p)) ? least : 0;
}

static bool tail_grow(struct part *p, uint64_t len, bool beyond_budget)
{
    while (tail_end(p) < p->head_pos + len) {
        uint64_t need = p->head_pos + len - tail_end(p);
        uint32_t cap = beyond_budget ? chunk_size(p, need) : chunk_plan(p, need);
        if (!cap || !chunk_new(p, cap))
            return false;
    }
    return true;
}

/* Nobody has waited longer for memory. */
static bool waits_first(const struct part *p)
{
    const struct node *n = list_first(&p->store->parked);
    return !n || n == &p->parked_node;
}

/* Who waits behind another keeps nothing for what is still to come: or many that have a part of
 * what they want would wait for each other. */
static void unused_give(struct part *p)
{
    struct chunk *c;
    while ((c = chunk_last(p)) && c->pos >= p->head_pos)
        chunk_give(c);
}

bool tail_room(struct part *p, uint64_t len)
{
    check(p->head_pos % BLOCK_BYTES == 0 || !list_empty(&p->chunks));
    struct chunk *c = chunk_last(p);
    if (c && node_linked(&c->clean))
        node_unlink(&c->clean); /* becomes dirty again: may not be evicted under us */
    if (tail_grow(p, len, false))
        return true;
    if (!waits_first(p))
        unused_give(p);
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

struct chunk *tail_chunk_next(struct part *p, struct chunk *c)
{
    struct node *n = c->node.next;
    return n == &p->chunks.head ? NULL : container_of(n, struct chunk, node);
}

/* A reader that follows finds its place where it was last, or right behind that. */
struct chunk *tail_chunk(struct part *p, uint64_t pos)
{
    struct chunk *c = p->chunk_last_found;
    if (c && pos >= c->pos + c->cap)
        c = tail_chunk_next(p, c);
    if (!c || pos < c->pos || pos >= c->pos + c->cap)
        c = pos < p->head_pos ? chunk_of(p, pos) : NULL;
    p->chunk_last_found = c;
    return c;
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

uint32_t tail_chunks_between(const struct part *p, uint64_t from, uint64_t to)
{
    uint32_t count = 0;
    for (struct node *n = p->chunks.head.prev; n != &p->chunks.head; n = n->prev) {
        const struct chunk *c = container_of(n, struct chunk, node);
        if (c->pos <= from)
            break;
        count += c->pos < to;
    }
    return count;
}

/* The blocks that end in (from, to] of the chunk have become whole. */
static void chunk_sum(struct chunk *c, uint64_t from, uint64_t to)
{
    for (uint64_t b = from / BLOCK_BYTES; b < to / BLOCK_BYTES; b++)
        c->sums[b] = crc32c(0, c->at + b * BLOCK_BYTES, BLOCK_BYTES);
}

void tail_sum(struct part *p, uint64_t pos)
{
    list_each (&p->chunks, n) {
        struct chunk *c = container_of(n, struct chunk, node);
        uint64_t from = max_u64(pos, c->pos), to = min_u64(p->head_pos, c->pos + c->cap);
        if (from < to)
            chunk_sum(c, from - c->pos, to - c->pos);
    }
}

uint32_t tail_crc(const struct part *p, uint32_t crc, uint64_t pos, uint64_t len)
{
    const struct chunk *c = chunk_of(p, pos);
    check(c && pos + len <= c->pos + c->cap && pos + len <= p->head_pos);
    for (uint64_t b = (pos - c->pos) / BLOCK_BYTES; len; b++, len -= BLOCK_BYTES)
        crc = crc32c_combine(crc, c->sums[b], BLOCK_BYTES);
    return crc;
}

/* Whole blocks that come at once: summed where they come from, which is in the core's cache, and
 * copied past it. */
static void chunk_stream(struct chunk *c, uint64_t in, const uint8_t *from, uint64_t len,
                         const struct batch_sums *sums)
{
    for (uint64_t at = 0; at < len; at += BLOCK_BYTES) {
        uint32_t *sum = &c->sums[(in + at) / BLOCK_BYTES];
        if (!batch_sums_find(sums, from + at, sum))
            *sum = crc32c(0, from + at, BLOCK_BYTES);
        audit(*sum == crc32c(0, from + at, BLOCK_BYTES));
        copy_past(c->at + in + at, from + at, BLOCK_BYTES);
    }
    copy_past_end();
}

static void chunk_copy(struct chunk *c, uint64_t in, const uint8_t *from, uint64_t len)
{
    memcpy(c->at + in, from, len);
    chunk_sum(c, in, in + len);
}

/* The block that the batch ends in: it comes into the cache while those before it are copied past
 * it; the next batch begins there. */
static void block_soon(const struct chunk *c, uint64_t in)
{
    if (in == c->cap)
        return;
    for (uint32_t at = 0; at < BLOCK_BYTES; at += LINE_BYTES)
        __builtin_prefetch(c->at + in + at, 1);
}

/* [in, in+len) of the chunk. */
static void chunk_put(struct chunk *c, uint64_t in, const uint8_t *from, uint64_t len,
                      const struct batch_sums *sums)
{
    uint64_t head = min_u64(block_ceil(in) - in, len), blocks = block_floor(len - head);
    if (blocks < STREAM_MIN) {
        chunk_copy(c, in, from, len);
        return;
    }
    chunk_copy(c, in, from, head);
    block_soon(c, in + head + blocks);
    chunk_stream(c, in + head, from + head, blocks, sums);
    chunk_copy(c, in + head + blocks, from + head + blocks, len - head - blocks);
}

void tail_put(struct part *p, const void *from, uint64_t len, const struct batch_sums *sums)
{
    const uint8_t *at = from;
    struct chunk *c = chunk_of(p, p->head_pos);
    while (len) {
        check(c);
        uint64_t in = p->head_pos - c->pos;
        uint64_t n = min_u64(len, c->cap - in);
        chunk_put(c, in, at, n, sums);
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
        chunk_sum(c, p->head_pos - BLOCK_BYTES - c->pos, p->head_pos - c->pos);
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
