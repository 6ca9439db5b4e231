/* extent.c -- extents of a partition: which are its, where bytes are, what tiles describe them.
 *
 * An extent lives from its EXTENT row to a durable TRIM or DROP row; after that it waits in
 * store.dying until nothing in flight pins it, and only then is its space reused (rule 7). */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/log/lend.h"

struct extent *extent_new(struct part *p, struct vol *v, uint32_t unit, uint8_t order)
{
    struct extent *e = malloc(sizeof(*e));
    check(e);
    p->extents =
        array_grow(p->extents, &p->extent_cap, p->extent_count + 1ull, sizeof(struct extent *));
    *e = (struct extent){ .part = p,
                          .vol = v,
                          .unit = unit,
                          .order = order,
                          .max_time = INT64_MIN,
                          .max_append = INT64_MIN };
    p->extents[p->extent_count++] = e;
    return e;
}

void extent_free(struct extent *e)
{
    free(e->tiles);
    free(e->heat);
    free(e);
}

static void extent_reap(struct store *s, struct extent *e)
{
    node_unlink(&e->node);
    warm_forget(e);
    volume_give(s, e->vol, e->unit, e->order);
    s->counts.extents_freed++;
    extent_free(e);
}

static bool extent_may_go(const struct extent *e, uint64_t synced_seq)
{
    bool durable = e->free_seq <= synced_seq || pitfall(FREE_BEFORE_DURABLE);
    bool unpinned = e->pins == 0 || pitfall(FREE_WHILE_PINNED);
    return durable && unpinned;
}

/* An entry that names runs of the extent and frees it too must have a successor before the space
 * is reused: recovery reads the runs of the last entry (docs/STORE.md B6). */
void extent_drop(struct extent *e, uint64_t free_seq)
{
    struct store *s = e->part->store;
    if (s->replaying) { /* its space is claimed only when replay is over */
        extent_free(e);
        return;
    }
    e->part = NULL;
    e->dying = true;
    e->free_seq = max_u64(free_seq, e->named_seq + 1);
    list_push(&s->dying, &e->node);
}

void extents_reap(struct store *s, uint64_t synced_seq)
{
    list_each (&s->dying, n) {
        struct extent *e = container_of(n, struct extent, node);
        if (e->pins == 0 && extent_may_go(e, synced_seq))
            extent_reap(s, e);
        else if (pitfall(FREE_WHILE_PINNED) && extent_may_go(e, synced_seq) && e->vol) {
            volume_give(s, e->vol, e->unit, e->order);
            e->vol = NULL;
        }
    }
}

void extent_unpin(struct extent *e)
{
    check(e->pins > 0);
    e->pins--;
    if (e->dying && e->pins == 0 && !e->vol) { /* its space was given away early: pitfall only */
        node_unlink(&e->node);
        extent_free(e);
    }
}

struct extent *part_open_extent(const struct part *p)
{
    struct extent *e = p->extent_count ? p->extents[p->extent_count - 1] : NULL;
    return e && !e->sealed ? e : NULL;
}

struct extent *part_extent_of(const struct part *p, uint64_t pos)
{
    uint32_t lo = 0, hi = p->extent_count;
    while (lo < hi) { /* the last extent with base_pos <= pos */
        uint32_t mid = (lo + hi) / 2;
        if (p->extents[mid]->base_pos <= pos)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? p->extents[lo - 1] : NULL;
}

uint64_t extent_data_end(const struct part *p, const struct extent *e)
{
    return e->sealed ? e->base_pos + e->data_bytes : p->head_pos;
}

uint64_t extent_straddler_off(const struct part *p, const struct extent *e)
{
    for (uint32_t i = e->tile_count; i > e->tile_from; i--)
        if (extent_tile(e, i - 1)->batch_at != NO_BATCH)
            return extent_tile(e, i - 1)->base_off;
    return max_u64(e->base_off, p->start_off);
}

uint64_t extent_place(const struct extent *e, uint64_t pos)
{
    check(pos >= e->base_pos);
    return vol_place(&e->vol->store->id.geometry, e->unit) + (pos - e->base_pos);
}

uint32_t extent_tiles_end(const struct extent *e)
{
    if (e->tile_count == e->tile_from)
        return 0;
    const struct tile *last = extent_tile(e, e->tile_count - 1);
    return last->at + last->len;
}

/* Tiles that were read are added only if they follow the last one and stay in the extent. */
bool extent_tile_fits(const struct store *s, const struct extent *e, const struct tile *t)
{
    bool first = e->tile_count == e->tile_from;
    return extent_tile_room(s, e) > 0 && (first || t->at == extent_tiles_end(e)) &&
           (!first || e->tile_from || t->at == 0) &&
           (uint64_t)t->at + t->len <= extent_data_bytes(&s->id.geometry, e->order);
}

void extent_tile_add(struct extent *e, const struct tile *t)
{
    uint32_t loaded = e->tile_count - e->tile_from;
    check(!loaded || extent_tiles_end(e) == t->at);
    check(extent_tile_room(e->vol->store, e) > 0); /* its index block would be its neighbour's */
    e->tiles = array_grow(e->tiles, &e->tile_cap, loaded + 1ull, sizeof(struct tile));
    e->tiles[loaded] = *t;
    e->tile_count++;
}

/* Frees every extent that lies wholly below `off`. The last one stays, and so does one whose
 * successor no entry names yet: replay frees at the same row just what was freed here. */
void extents_trim(struct part *p, uint64_t off, uint64_t free_seq)
{
    uint32_t gone = 0;
    while (gone + 1 < p->extent_count && p->extents[gone + 1]->named &&
           p->extents[gone + 1]->base_off <= off)
        extent_drop(p->extents[gone++], free_seq);
    if (!gone)
        return;
    p->extent_count -= gone;
    memmove(p->extents, p->extents + gone, p->extent_count * sizeof(struct extent *));
}
