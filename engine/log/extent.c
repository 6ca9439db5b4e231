/* extent.c -- extents of a partition: which are its, where bytes are, what tiles describe them.
 *
 * An extent lives from its EXTENT row to a durable TRIM or DROP row; after that it waits in
 * store.dying until nothing in flight pins it, and only then is its space reused (rule 7). */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/lend.h"

struct extent *extent_new(struct part *p, struct vol *v, uint32_t unit, uint8_t order)
{
    if (p->extent_count == p->extent_cap) {
        uint32_t cap = p->extent_cap ? p->extent_cap * 2 : 2;
        struct extent **grown = realloc(p->extents, cap * sizeof(struct extent *));
        if (!grown)
            return NULL;
        p->extents = grown;
        p->extent_cap = cap;
    }
    struct extent *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    *e = (struct extent){ .part = p,
                          .vol = v,
                          .unit = unit,
                          .order = order,
                          .max_time = INT64_MIN,
                          .max_append = INT64_MIN };
    p->extents[p->extent_count++] = e;
    return e;
}

static void extent_free(struct store *s, struct extent *e)
{
    node_unlink(&e->node);
    warm_forget(e);
    volume_give(s, e->vol, e->unit, e->order);
    s->counts.extents_freed++;
    free(e->tiles);
    free(e);
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
        free(e->tiles);
        free(e->checked);
        free(e);
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
            extent_free(s, e);
        else if (pitfall(FREE_WHILE_PINNED) && extent_may_go(e, synced_seq) && e->vol) {
            volume_give(s, e->vol, e->unit, e->order);
            e->vol = NULL;
        }
    }
}

void extent_unpin(struct store *s, struct extent *e)
{
    check(e->pins > 0);
    e->pins--;
    if (e->dying && e->pins == 0 && !e->vol) { /* its space was given away early: pitfall only */
        node_unlink(&e->node);
        free(e->tiles);
        free(e->checked);
        free(e);
        (void)s;
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

uint64_t extent_end_pos(const struct part *p, uint32_t i)
{
    const struct extent *e = p->extents[i];
    return e->sealed ? e->base_pos + e->data_bytes : p->head_pos;
}

uint64_t extent_place(const struct extent *e, uint64_t pos)
{
    check(pos >= e->base_pos);
    return vol_place(&e->vol->store->id.geometry, e->unit) + (pos - e->base_pos);
}

uint32_t extent_tiles_end(const struct extent *e)
{
    uint32_t loaded = e->tile_count - e->tile_from;
    return loaded ? e->tiles[loaded - 1].at + e->tiles[loaded - 1].len : 0;
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
    if (loaded == e->tile_cap) {
        uint32_t cap = e->tile_cap ? e->tile_cap * 2 : 4;
        e->tiles = realloc(e->tiles, cap * sizeof(struct tile));
        check(e->tiles);
        e->tile_cap = cap;
    }
    check(!loaded || e->tiles[loaded - 1].at + e->tiles[loaded - 1].len == t->at);
    e->tiles[loaded] = *t;
    e->tile_count++;
}

uint32_t extent_tile_room(const struct store *s, const struct extent *e)
{
    return extent_index_blocks(&s->id.geometry, e->order) * TILES_PER_BLOCK - e->tile_count;
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
