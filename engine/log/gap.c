/* gap.c -- see gap.h. */
#include "engine/log/gap.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/tail.h"

void gap_damaged(struct part *p, uint64_t off)
{
    p->damaged_off = p->damaged ? min_u64(p->damaged_off, off) : off;
    p->damaged = true;
}

static void tail_write(struct part *p, uint64_t pos, const uint8_t *from, uint64_t len)
{
    while (len) {
        uint8_t *at;
        uint64_t n = min_u64(tail_find(p, pos, &at), len);
        check(n);
        memcpy(at, from, n);
        from += n;
        pos += n;
        len -= n;
    }
}

/* Bytes of the next gap batch: what is left behind it has room for one, or is nothing. */
static uint32_t gap_bytes(uint64_t left)
{
    if (left <= GAP_BATCH_MAX)
        return (uint32_t)left;
    return left - GAP_BATCH_MAX < BATCH_HEADER_BYTES ? GAP_BATCH_MAX - BATCH_HEADER_BYTES
                                                     : GAP_BATCH_MAX;
}

enum err gap_in_tail(struct part *p, uint64_t pos, uint64_t end, uint64_t off, uint64_t next_off)
{
    if (end - pos < BATCH_HEADER_BYTES)
        return ERR_CORRUPT;
    uint8_t *batch = malloc(GAP_BATCH_MAX);
    if (!batch)
        return ERR_NO_MEMORY;
    while (pos < end) {
        uint32_t n = gap_bytes(end - pos);
        batch_gap_make(batch, n, off, next_off > off ? next_off - off : 1);
        tail_write(p, pos, batch, n);
        pos += n;
    }
    free(batch);
    return ERR_OK;
}

/* Salvage goes on beside an index block that no opening can read: repair makes it anew later. */
static bool index_given_up(const struct store *s, enum err err)
{
    return err == ERR_CORRUPT || (err == ERR_IO && s->opts.salvage && s->replaying);
}

enum err gap_after_tiles(struct part *p, uint64_t pos)
{
    struct extent *e = part_extent_of(p, pos);
    if (!e || pos == e->base_pos || !e->tile_count)
        return ERR_OK; /* a batch never reaches into an extent */
    bool in_block = e->tile_count == e->tile_from;
    enum err err = in_block ? index_load_now(e) : ERR_OK;
    if (err && !index_given_up(p->store, err))
        return err;
    if (in_block && !err)
        e->index_blocks--; /* the next image's last block says it too */
    if (e->tile_count > e->tile_from)
        extent_tile(e, e->tile_count - 1)->flags |= TILE_CUT;
    gap_damaged(p, extent_straddler_off(p, e));
    return ERR_OK;
}
