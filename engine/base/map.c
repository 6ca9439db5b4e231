/* map.c -- linear probing with stored hashes.
 *
 * - Looking up compares 32 bits of hash first, so a probe that passes a stranger costs one load.
 * - Growing doubles the slots and reinserts by the stored hash; keys are not hashed again.
 * - Removing pulls later slots of the cluster back into the hole, so that no chain is broken.
 */
#include "engine/base/map.h"

#include "engine/base/check.h"
#include "engine/base/le.h"

#include <stdlib.h>

#define MAP_SLOTS_MIN 16u
#define MAP_SLOTS_MAX (1u << 30) /* 32 GiB of slots: an index never overflows */

/* Ids are random already, numbers and partition indexes are not: multiply and fold. The same on
 * every machine, because map_next() shows the order. */
static uint32_t map_hash(struct map_key key)
{
    uint64_t h = le64_get(key.id.b) + key.index;

    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93;
    h += le64_get(key.id.b + 8);
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93;
    return (uint32_t)(h ^ (h >> 32));
}

static bool slot_is(const struct map_slot *s, struct map_key key, uint32_t hash)
{
    return s->hash == hash && s->key.index == key.index && id16_equal(s->key.id, key.id);
}

/* The slot of `key`, or the free one where it would go. There is always a free one. */
static struct map_slot *map_find(const struct map *m, struct map_key key, uint32_t hash)
{
    uint32_t mask = m->slot_count - 1;
    uint32_t at = hash & mask;

    while (m->slots[at].value && !slot_is(&m->slots[at], key, hash))
        at = (at + 1) & mask;
    return &m->slots[at];
}

static uint64_t map_fill_max(uint32_t slot_count)
{
    return (uint64_t)slot_count * 3 / 4;
}

static enum err map_resize(struct map *m, uint32_t slot_count)
{
    struct map bigger = { .slot_count = slot_count, .count = m->count };

    bigger.slots = calloc(slot_count, sizeof(*bigger.slots));
    if (!bigger.slots)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < m->slot_count; i++)
        if (m->slots[i].value)
            *map_find(&bigger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
    free(m->slots);
    *m = bigger;
    return ERR_OK;
}

enum err map_reserve(struct map *m, uint32_t count)
{
    uint32_t slot_count = m->slot_count ? m->slot_count : MAP_SLOTS_MIN;

    while (map_fill_max(slot_count) < count) {
        if (slot_count == MAP_SLOTS_MAX)
            return ERR_NO_MEMORY;
        slot_count *= 2;
    }
    return slot_count == m->slot_count ? ERR_OK : map_resize(m, slot_count);
}

void *map_get(const struct map *m, struct map_key key)
{
    return m->count ? map_find(m, key, map_hash(key))->value : NULL;
}

enum err map_put(struct map *m, struct map_key key, void *value)
{
    uint32_t hash = map_hash(key);

    check(value);
    if (m->count) {
        struct map_slot *known = map_find(m, key, hash);
        if (known->value) {
            known->value = value;
            return ERR_OK;
        }
    }
    TRY(map_reserve(m, m->count + 1));
    *map_find(m, key, hash) = (struct map_slot){ key, hash, value };
    m->count++;
    return ERR_OK;
}

/* A slot may move back into the hole unless its ideal place lies between the two. */
static void map_close_hole(struct map *m, uint32_t hole)
{
    uint32_t mask = m->slot_count - 1;

    for (uint32_t at = (hole + 1) & mask; m->slots[at].value; at = (at + 1) & mask) {
        uint32_t ideal = m->slots[at].hash & mask;
        if (((at - ideal) & mask) < ((at - hole) & mask))
            continue;
        m->slots[hole] = m->slots[at];
        hole = at;
    }
    m->slots[hole] = (struct map_slot){ 0 };
}

void *map_remove(struct map *m, struct map_key key)
{
    if (!m->count)
        return NULL;
    struct map_slot *s = map_find(m, key, map_hash(key));
    void *value = s->value;
    if (value) {
        map_close_hole(m, (uint32_t)(s - m->slots));
        m->count--;
    }
    return value;
}

void *map_next(const struct map *m, uint32_t *at)
{
    while (*at < m->slot_count) {
        void *value = m->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}

void map_close(struct map *m)
{
    free(m->slots);
    *m = (struct map){ 0 };
}
