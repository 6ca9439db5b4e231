/* arena.h -- memory for tail chunks: one region in huge pages, cut into powers of two.
 *
 * Why not malloc: a write from memory in huge pages reaches this kind of disk at up to 1.5 times
 * the speed of one from 4 KiB pages, with half of the kernel's work for it (docs/decisions/0008).
 * So chunks lie close together in one region, and what is given back is used again first.
 *
 * Owner      a store.
 * Thread     the store's io only.
 * Memory     `bytes`, reserved at once and touched as it is first used, in grains of 256 KiB from
 *            the low end; 9 bytes of tables for each 4 KiB of it.
 * Invariant  a free piece never lies beside its free twin: the two were joined.
 * Fails      arena_take() when no piece is large enough; a region of 0 bytes has none.
 */
#ifndef LOG_ARENA_H
#define LOG_ARENA_H

#include "engine/base/err.h"
#include "engine/base/types.h"

#define ARENA_ORDERS 7u /* pieces of 4 KiB << 0 .. 4 KiB << 6 */

struct arena_link {
    uint32_t prev, next; /* blocks; ARENA_NONE at the ends */
};

struct arena {
    uint8_t *at;
    uint32_t blocks;          /* of 4 KiB: a multiple of a grain */
    uint32_t fresh;           /* blocks from here on were never taken */
    uint8_t *free_order;      /* [block]: order + 1 of the free piece that begins there, else 0 */
    struct arena_link *links; /* [block]: valid where a free piece begins */
    uint32_t free[ARENA_ORDERS]; /* first free piece of each order, newest first */
};

/* Rounds `bytes` up to whole grains. NO_MEMORY leaves an arena of 0 bytes. */
enum err arena_open(struct arena *a, uint64_t bytes);
void arena_close(struct arena *a); /* {0} and again are fine; what was taken is gone */
/* 4 KiB << order, aligned to 4 KiB, not zeroed. NULL: there is none. */
void *arena_take(struct arena *a, uint32_t order);
void arena_give(struct arena *a, void *at, uint32_t order);
/* Gives what is free in huge pages that hold nothing else back to the system, for an idle store. */
void arena_rest(struct arena *a);
bool arena_owns(const struct arena *a, const void *at);

#endif
