/* map.h -- finds the object of a partition: a hash map from (topic id, index) to a pointer.
 *
 * Open addressing, linear probing, 32 bytes a slot, at most three quarters full; what is removed
 * leaves no marker behind, so a map that lives for months is as fast as a new one.
 *
 * Owner      whoever holds the struct; `{0}` is an empty map, map_close() makes it one again.
 * Thread     the owner's only.
 * Memory     slots from malloc; only map_put() and map_reserve() allocate. Values are borrowed.
 * Invariant  a key's slot is reached from its ideal slot without crossing a free one
 * Fails      NO_MEMORY: the map is as it was.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "engine/base/err.h"
#include "engine/base/le.h"
#include "engine/base/types.h"

struct map_key {
    struct id16 id;
    uint32_t index;
};

struct map_slot {
    struct map_key key;
    uint32_t hash;
    void *value; /* NULL: free */
};
static_assert(sizeof(struct map_slot) == 32, "two slots share a cache line");

struct map {
    struct map_slot *slots;
    uint32_t slot_count; /* 0 or a power of two */
    uint32_t count;      /* values in it */
};

/* A number as a key. Use a map for numbers or for partitions, not for both. */
static inline struct map_key map_key_u64(uint64_t v)
{
    struct map_key key = { .index = UINT32_MAX };
    le64_put(key.id.b, v);
    return key;
}

/* The value of `key`, or NULL. */
void *map_get(const struct map *m, struct map_key key);

/* Sets the value of `key`, new or not. `value` is not NULL. */
enum err map_put(struct map *m, struct map_key key, void *value);

/* Takes `key` out and returns its value, or NULL when it was not there. */
void *map_remove(struct map *m, struct map_key key);

/* Makes room for `count` values in all: puts up to there cannot fail. */
enum err map_reserve(struct map *m, uint32_t count);

/* The next value in an order that follows from the map's history alone, or NULL at the end; start
 * with *at == 0. No put or remove in between. */
void *map_next(const struct map *m, uint32_t *at);

void map_close(struct map *m);

#endif
