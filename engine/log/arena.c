/* arena.c -- a buddy allocator whose tables lie outside of the memory that it cuts. */
#include "engine/log/arena.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/io/io.h"

#define ARENA_NONE   UINT32_MAX
#define ORDER_MAX    (ARENA_ORDERS - 1)
#define GRAIN_BLOCKS (1u << ORDER_MAX)
#define HUGE_BLOCKS  (MIB(2) / BLOCK_BYTES)

enum err arena_open(struct arena *a, uint64_t bytes)
{
    uint64_t blocks =
        (bytes + GRAIN_BLOCKS * BLOCK_BYTES - 1) / (GRAIN_BLOCKS * BLOCK_BYTES) * GRAIN_BLOCKS;
    check(blocks < ARENA_NONE);
    *a = (struct arena){ .blocks = (uint32_t)blocks };
    for (uint32_t i = 0; i < ARENA_ORDERS; i++)
        a->free[i] = ARENA_NONE;
    if (!blocks)
        return ERR_OK;
    a->at = io_buffer_take(blocks * BLOCK_BYTES);
    a->free_order = calloc(blocks, 1);
    a->links = calloc(blocks, sizeof(*a->links));
    if (a->at && a->free_order && a->links)
        return ERR_OK;
    arena_close(a);
    return ERR_NO_MEMORY;
}

void arena_close(struct arena *a)
{
    io_buffer_give(a->at);
    free(a->free_order);
    free(a->links);
    *a = (struct arena){ 0 };
}

bool arena_owns(const struct arena *a, const void *at)
{
    const uint8_t *p = at;
    return a->at && p >= a->at && p < a->at + (uint64_t)a->blocks * BLOCK_BYTES;
}

static void piece_push(struct arena *a, uint32_t block, uint32_t order)
{
    uint32_t next = a->free[order];
    a->links[block] = (struct arena_link){ ARENA_NONE, next };
    if (next != ARENA_NONE)
        a->links[next].prev = block;
    a->free[order] = block;
    a->free_order[block] = (uint8_t)(order + 1);
}

static void piece_unlink(struct arena *a, uint32_t block)
{
    uint32_t order = a->free_order[block] - 1u;
    struct arena_link l = a->links[block];
    check(order < ARENA_ORDERS);
    if (l.prev == ARENA_NONE)
        a->free[order] = l.next;
    else
        a->links[l.prev].next = l.next;
    if (l.next != ARENA_NONE)
        a->links[l.next].prev = l.prev;
    a->free_order[block] = 0;
}

/* A free piece of at least this order, unlinked; *order becomes its own. */
static uint32_t piece_find(struct arena *a, uint32_t *order)
{
    for (uint32_t k = *order; k < ARENA_ORDERS; k++) {
        uint32_t block = a->free[k];
        if (block == ARENA_NONE)
            continue;
        piece_unlink(a, block);
        *order = k;
        return block;
    }
    if (a->fresh == a->blocks)
        return ARENA_NONE;
    *order = ORDER_MAX;
    a->fresh += GRAIN_BLOCKS;
    return a->fresh - GRAIN_BLOCKS;
}

void *arena_take(struct arena *a, uint32_t order)
{
    uint32_t have = order;
    check(order < ARENA_ORDERS);
    uint32_t block = a->blocks ? piece_find(a, &have) : ARENA_NONE;
    if (block == ARENA_NONE)
        return NULL;
    while (have > order) {
        have--;
        piece_push(a, block + (1u << have), have);
    }
    return a->at + (uint64_t)block * BLOCK_BYTES;
}

void arena_give(struct arena *a, void *at, uint32_t order)
{
    check(arena_owns(a, at) && order < ARENA_ORDERS);
    uint32_t block = (uint32_t)(((uint8_t *)at - a->at) / BLOCK_BYTES);
    check(block % (1u << order) == 0 && !a->free_order[block]);
    for (; order < ORDER_MAX; order++) {
        uint32_t twin = block ^ (1u << order);
        if (a->free_order[twin] != order + 1)
            break;
        piece_unlink(a, twin);
        block = block < twin ? block : twin;
    }
    piece_push(a, block, order);
}

static bool grains_free(const struct arena *a, uint32_t from, uint32_t to)
{
    for (; from < to; from += GRAIN_BLOCKS)
        if (a->free_order[from] != ARENA_ORDERS)
            return false;
    return true;
}

void arena_rest(struct arena *a)
{
    for (uint32_t from = 0; from < a->fresh; from += HUGE_BLOCKS) {
        uint32_t to = (uint32_t)min_u64(from + HUGE_BLOCKS, a->fresh);
        if (grains_free(a, from, to))
            io_buffer_rest(a->at + (uint64_t)from * BLOCK_BYTES,
                           (uint64_t)(to - from) * BLOCK_BYTES);
    }
}
