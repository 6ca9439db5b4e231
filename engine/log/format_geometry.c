/* format_geometry.c -- the limits of a store's sizes, and what lies inside them. */
#include "engine/log/format.h"

#include <inttypes.h>

static bool geometry_pow2(uint32_t v)
{
    return v && !(v & (v - 1));
}

static enum err geometry_bad(struct why *why, const char *field, uint64_t value, const char *limit)
{
    why_set(why, "%s is %" PRIu64 ": %s", field, value, limit);
    return ERR_INVALID;
}

static enum err geometry_extents_check(const struct geometry *g, struct why *why)
{
    if (!geometry_pow2(g->extent_min) || g->extent_min < EXTENT_MIN_LOWEST)
        return geometry_bad(why, "extent_min", g->extent_min, "a power of two from 8 KiB on");
    if (!geometry_pow2(g->extent_max) || g->extent_max < g->extent_min)
        return geometry_bad(why, "extent_max", g->extent_max,
                            "a power of two, at least extent_min");
    if (g->slabs < 1 || g->slabs > SLABS_MAX)
        return geometry_bad(why, "slabs", g->slabs, "1 to 64");
    return ERR_OK;
}

static enum err geometry_journal_check(const struct geometry *g, struct why *why)
{
    if (g->entry_max < ENTRY_MAX_LOWEST || g->entry_max > ENTRY_MAX_HIGHEST ||
        g->entry_max % BLOCK_BYTES != 0)
        return geometry_bad(why, "entry_max", g->entry_max,
                            "16 KiB to 64 MiB, a multiple of 4 KiB");
    if (g->journal_bytes % BLOCK_BYTES != 0 || g->journal_bytes > INT64_MAX)
        return geometry_bad(why, "journal_bytes", g->journal_bytes, "a multiple of 4 KiB");
    if (g->journal_bytes < BLOCK_BYTES + (uint64_t)RING_ENTRIES_MIN * g->entry_max)
        return geometry_bad(why, "journal_bytes", g->journal_bytes,
                            "at least 4 KiB and 8 times entry_max");
    return ERR_OK;
}

enum err geometry_check(const struct geometry *g, struct why *why)
{
    TRY(geometry_extents_check(g, why));
    TRY(geometry_journal_check(g, why));
    uint64_t room = extent_data_bytes(g, extent_order_max(g));
    if (g->batch_max < BATCH_MAX_LOWEST || (uint64_t)g->batch_max + BLOCK_BYTES > room)
        return geometry_bad(why, "batch_max", g->batch_max,
                            "at least 61, and 4 KiB less than the data of the largest extent");
    return ERR_OK;
}

uint8_t extent_order_max(const struct geometry *g)
{
    return (uint8_t)(__builtin_ctz(g->extent_max) - __builtin_ctz(g->extent_min));
}

bool extent_place_ok(const struct geometry *g, uint32_t unit, uint8_t order)
{
    if (order > extent_order_max(g))
        return false;
    uint64_t units = (uint64_t)g->slabs << extent_order_max(g);
    return unit % (1u << order) == 0 && unit < units;
}
