/* warm_large.c -- large pages: what is read again lies in one piece of memory
 * (docs/decisions/0020).
 *
 * From before a large page is asked for until it is there no tile of it counts as checked: its
 * bytes come without anybody looking at them, whoever checked them before or checks them meanwhile.
 */
#include "engine/log/warm_in.h"

#define LARGE_LOADS_MAX 4u /* in a store: syncs need the same threads */

/* Tiles that may have bytes in the large page at `large`: from the one that this returns on. */
static uint32_t large_tile(const struct warm *w, uint64_t large)
{
    uint32_t i = w->at;
    while (i > 0 && tiles_place(w->e, i) > large)
        i--;
    return i;
}

static bool large_has(const struct extent *e, uint32_t i, uint64_t large)
{
    return i < e->tile_count && tiles_place(e, i) < large + e->vol->cache_large;
}

static bool large_coming(const struct warm *w, uint64_t large)
{
    for (uint32_t i = large_tile(w, large); large_has(w->e, i, large); i++)
        if (heat_get(w->e, i) & HEAT_COMING)
            return true;
    return false;
}

/* The first large page that the piece has bytes of, of which nothing is resident. All of it must be
 * on the disk, and of this extent: what is beside it is written by others. */
static uint64_t large_find(const struct read *r, uint64_t bytes)
{
    const struct warm *w = r->plan;
    const struct extent *e = w->e;
    uint64_t size = e->vol->cache_large, at = tiles_place(e, w->at);
    uint64_t end_pos = min_u64(e->base_pos + extent_tiles_end(e), r->part->disk_pos);
    uint64_t from = extent_place(e, e->base_pos), to = from + (end_pos - e->base_pos);
    if (!size || e->small_pages || r->store->large_loads == LARGE_LOADS_MAX)
        return IO_NOT_LARGE;
    for (uint64_t pos = at - at % size; pos < at + bytes; pos += size)
        if (pos >= from && pos + size <= to && !large_coming(w, pos) &&
            io_cache_lacks(r->store->io, e->vol->cache_fd, pos, size))
            return pos;
    return IO_NOT_LARGE;
}

/* What comes back with a large page is not checked, whatever was known of it. */
void large_begin(struct read *r, uint64_t bytes)
{
    struct warm *w = r->plan;
    uint64_t large = w->large = large_find(r, bytes);
    if (large == IO_NOT_LARGE)
        return;
    probe("warm: a large page");
    r->store->large_loads++;
    for (uint32_t i = large_tile(w, large); large_has(w->e, i, large); i++)
        *heat_at(w->e, i) = (uint8_t)((heat_get(w->e, i) & ~HEAT_CHECKED) | HEAT_COMING);
}

void large_end(struct read *r)
{
    struct warm *w = r->plan;
    if (w->large == IO_NOT_LARGE)
        return;
    r->store->large_loads--;
    if (r->part) /* else its tiles may be gone */
        for (uint32_t i = large_tile(w, w->large); large_has(w->e, i, w->large); i++)
            *heat_at(w->e, i) &= (uint8_t)~HEAT_COMING;
}

bool large_comes_with(const struct warm *w)
{
    for (uint32_t i = w->at; i < w->at + w->at_tiles; i++)
        if (heat_get(w->e, i) & HEAT_COMING)
            return true;
    return false;
}
