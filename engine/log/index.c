/* index.c -- the sparse index of an extent: one tile per run of at most 64 KiB.
 *
 * Tiles of sealed extents are on disk in index blocks and come into memory when a read needs them;
 * the next checkpoint forgets them again. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/store_in.h"

struct index_read {
    struct op op;
    struct extent *e;
    struct read *r;
    void (*then)(struct read *r, enum err err);
    uint8_t *blocks;
    struct store *s;
};

static enum err blocks_decode(const struct index_read *x, struct tile *tiles)
{
    const struct extent *e = x->e;
    uint32_t end = 0;
    for (uint32_t i = 0; i < e->tile_from; i++) {
        const uint8_t *block = x->blocks + (size_t)(i / TILES_PER_BLOCK) * BLOCK_BYTES;
        struct page_seal seal = { x->s->id.store, e->id, i / TILES_PER_BLOCK };
        if (i % TILES_PER_BLOCK == 0 && !page_ok(block, &seal))
            return ERR_CORRUPT;
        TRY(tile_decode(block + (size_t)(i % TILES_PER_BLOCK) * TILE_BYTES, &tiles[i]));
        if (tiles[i].at != end)
            return ERR_CORRUPT;
        end += tiles[i].len;
    }
    if (e->tile_count > e->tile_from && e->tiles[0].at != end)
        return ERR_CORRUPT;
    return end <= extent_data_bytes(&x->s->id.geometry, e->order) ? ERR_OK : ERR_CORRUPT;
}

/* Puts the tiles from the blocks before those that are in memory already. */
static enum err tiles_join(struct index_read *x)
{
    struct extent *e = x->e;
    uint32_t loaded = e->tile_count - e->tile_from;
    if (!e->tile_from)
        return ERR_OK; /* somebody else's read put them there */
    struct tile *tiles = malloc((size_t)e->tile_count * sizeof(*tiles));
    if (!tiles)
        return ERR_NO_MEMORY;
    enum err err = blocks_decode(x, tiles);
    if (err) {
        free(tiles);
        return err;
    }
    if (loaded)
        memcpy(tiles + e->tile_from, e->tiles, loaded * sizeof(*tiles));
    free(e->tiles);
    e->tiles = tiles;
    e->tile_cap = e->tile_count;
    e->tile_from = 0;
    return ERR_OK;
}

static void index_read(struct index_read *x, io_done *done)
{
    const struct extent *e = x->e;
    uint32_t blocks = (e->tile_from + TILES_PER_BLOCK - 1) / TILES_PER_BLOCK;
    uint64_t len = (uint64_t)blocks * BLOCK_BYTES;
    x->blocks = io_buffer_take(len);
    check(x->blocks);
    io_read(x->s->io, &x->op, e->vol->fd, x->blocks, len,
            index_place(&x->s->id.geometry, e->unit, e->order, 0), done);
}

static enum err index_take(struct index_read *x)
{
    enum err err = x->op.err;
    if (!err)
        err = x->op.got == x->op.len ? tiles_join(x) : ERR_CORRUPT;
    io_buffer_give(x->blocks);
    return err;
}

static void index_done(struct op *op)
{
    struct index_read *x = container_of(op, struct index_read, op), was = *x;
    enum err err = index_take(x);
    free(x);
    extent_unpin(was.e);
    was.then(was.r, err);
}

void index_load(struct extent *e, struct read *r, void (*then)(struct read *r, enum err err))
{
    struct index_read *x = malloc(sizeof(*x));
    check(x);
    *x = (struct index_read){ .e = e, .r = r, .then = then, .s = e->part->store };
    e->pins++;
    index_read(x, index_done);
}

enum err index_load_now(struct extent *e)
{
    struct index_read x = { .e = e, .s = e->part->store };
    if (!e->tile_from)
        return ERR_OK;
    index_read(&x, NULL);
    (void)io_wait(x.s->io, &x.op);
    return index_take(&x);
}

bool index_find(const struct extent *e, uint64_t off, uint32_t *i)
{
    uint32_t lo = e->tile_from, hi = e->tile_count;
    while (lo < hi) { /* the last tile with base_off <= off */
        uint32_t mid = (lo + hi) / 2;
        if (extent_tile(e, mid)->base_off <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    while (lo > e->tile_from && extent_tile(e, lo - 1)->batch_at == NO_BATCH)
        lo--; /* inside a large batch: back to where it begins */
    if (lo == e->tile_from)
        return false;
    *i = lo - 1;
    return true;
}

bool index_find_time(const struct extent *e, int64_t time_ms, uint32_t *i)
{
    for (*i = e->tile_from; *i < e->tile_count; (*i)++)
        if (extent_tile(e, *i)->batch_at != NO_BATCH && extent_tile(e, *i)->max_time >= time_ms)
            return true;
    return false;
}
