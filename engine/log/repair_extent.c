/* repair_extent.c -- one extent: index blocks are rebuilt, tiles that do not verify are given up.
 *
 * A rebuilt block describes the same range with as many tiles as before, so that no other block and
 * no count changes. Batches are found from the last place before the range where one is known to
 * begin; each has to verify by its own CRC, and offsets have to rise. Where that ends, the rest of
 * the range is a gap. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/producer.h"
#include "engine/log/repair_in.h"
#include "engine/log/tail.h"

struct fix {
    struct repair *r;
    struct store *s;
    struct extent *e;
    struct tile *tiles; /* all of them; len 0: unknown */
    bool *dirty;        /* by index block */
    uint32_t blocks;
    uint8_t *buf; /* one tile, or one block */
};

static struct tile *tile_of(const struct fix *f, uint32_t i)
{
    check(i < f->e->tile_count);
    return &f->tiles[i];
}

static bool *dirty_of(const struct fix *f, uint32_t block)
{
    check(block < f->blocks);
    return &f->dirty[block];
}

static void tile_give_up(struct fix *f, struct tile *t)
{
    t->flags |= TILE_GAP;
    t->batch_at = NO_BATCH;
    t->base_off = t->next_off;
    t->max_time = INT64_MIN;
    t->crc = 0;
    f->r->report->tiles++;
}

/* ---- loading ---- */

static enum err block_load(struct fix *f, uint32_t b)
{
    bool ok;
    TRY(verify_index(f->r->io, f->e, b, f->buf, f->tiles, &ok));
    *dirty_of(f, b) = !ok;
    f->r->report->index_blocks += !ok;
    return ERR_OK;
}

static enum err tiles_load(struct fix *f)
{
    const struct extent *e = f->e;
    for (uint32_t b = 0; b < f->blocks; b++)
        TRY(block_load(f, b));
    if (e->tile_count > e->tile_from)
        memcpy(f->tiles + e->tile_from, e->tiles,
               (e->tile_count - e->tile_from) * sizeof(*f->tiles));
    return ERR_OK;
}

/* ---- rebuilding ---- */

struct rebuild {
    uint32_t first, end; /* tiles */
    uint64_t from, to;   /* bytes from the extent's start that they describe */
    uint64_t at;         /* where a batch is known to begin, at or before `from` */
    uint64_t floor_off;  /* offsets rise: of what begins there, at least */
    uint8_t *buf;        /* bytes [buf_at, buf_at + len) */
    uint64_t buf_at, len;
};

/* Bytes of the extent that tiles describe. */
static uint64_t tiled_bytes(const struct extent *e)
{
    uint64_t disk = e->part->disk_pos - e->base_pos;
    return e->sealed ? min_u64(disk, block_ceil(e->data_bytes)) : disk;
}

static void rebuild_shape(struct fix *f, struct rebuild *b)
{
    uint64_t n = (b->to - b->from) / BLOCK_BYTES, tiles = b->end - b->first, at = b->from;
    for (uint32_t i = 0; i < tiles; i++) {
        uint32_t len = (uint32_t)(n / tiles + (i < n % tiles)) * BLOCK_BYTES;
        *tile_of(f, b->first + i) = (struct tile){ .at = (uint32_t)at,
                                                   .len = len,
                                                   .batch_at = NO_BATCH,
                                                   .base_off = b->floor_off,
                                                   .next_off = b->floor_off,
                                                   .max_time = INT64_MIN };
        at += len;
    }
}

/* The last place before the range where a batch begins; false when a loss lies between. */
static bool rebuild_begin(const struct fix *f, struct rebuild *b)
{
    b->at = 0;
    b->floor_off = f->e->base_off;
    for (uint32_t i = b->first; i > 0; i--) {
        const struct tile *t = tile_of(f, i - 1);
        if (!t->len || t->flags)
            return false;
        if (t->batch_at == NO_BATCH)
            continue;
        b->at = (uint64_t)t->at + t->batch_at;
        b->floor_off = t->base_off;
        return true;
    }
    return true;
}

static enum err rebuild_read(struct fix *f, struct rebuild *b)
{
    uint64_t end = min_u64(tiled_bytes(f->e), b->to + block_ceil(f->s->id.geometry.batch_max));
    b->buf_at = block_floor(b->at);
    b->buf = io_buffer_take(end - b->buf_at);
    if (!b->buf)
        return ERR_NO_MEMORY;
    return verify_read(f->r->io, f->e->vol->fd, b->buf, end - b->buf_at,
                       extent_place(f->e, f->e->base_pos + b->buf_at), &b->len);
}

/* Bytes behind the tiles: in memory, or in the slot of an idle partition. */
static bool rest_read(struct fix *f, uint64_t pos, uint8_t *to, uint64_t len)
{
    const struct part *p = f->e->part;
    uint64_t from = block_floor(p->head_pos);
    bool whole;
    if (p->tail_state == TAIL_IN)
        return tail_copy(p, pos, to, len);
    if (pos != from || pos + len > p->head_pos)
        return false;
    if (repair_slot_read(f->r, p, f->buf, &whole) != ERR_OK || !whole)
        return false;
    memcpy(to, f->buf, len);
    return true;
}

/* A batch that begins in the last tile and goes on behind it. */
static bool straddler_ok(struct fix *f, const struct rebuild *b, struct bytes left, uint32_t bytes)
{
    if (b->buf_at + b->len != tiled_bytes(f->e))
        return false;
    uint8_t *whole = malloc(bytes);
    if (!whole)
        return false;
    memcpy(whole, left.at, left.len);
    bool ok =
        rest_read(f, f->e->base_pos + b->buf_at + b->len, whole + left.len, bytes - left.len) &&
        batch_crc_ok((struct bytes){ whole, bytes });
    free(whole);
    return ok;
}

/* The batch at b->at: its bytes, or 0 when there is none to believe. */
static uint32_t rebuild_batch(struct fix *f, const struct rebuild *b, struct batch_info *info,
                              int64_t *max_time)
{
    uint64_t in = b->at - b->buf_at;
    if (in + BATCH_HEADER_BYTES > b->len)
        return 0;
    struct bytes left = { b->buf + in, b->len - in };
    if (batch_peek((struct bytes){ left.at, UINT32_MAX }, info) != ERR_OK ||
        info->bytes > f->s->id.geometry.batch_max || info->base_off < b->floor_off)
        return 0;
    *max_time = batch_is_gap(info) ? INT64_MIN : info->header_max_time;
    if (info->bytes > left.len)
        return straddler_ok(f, b, left, info->bytes) ? info->bytes : 0;
    if (!batch_crc_ok((struct bytes){ left.at, info->bytes }))
        return 0;
    int64_t true_max;
    struct batch_info same;
    if (batch_verify((struct bytes){ left.at, info->bytes }, &same, &true_max, NULL) == ERR_OK)
        *max_time = true_max;
    return info->bytes;
}

static struct tile *tile_at(struct fix *f, const struct rebuild *b, uint64_t at)
{
    for (uint32_t i = b->first; i < b->end; i++)
        if (at >= tile_of(f, i)->at && at < (uint64_t)tile_of(f, i)->at + tile_of(f, i)->len)
            return tile_of(f, i);
    return NULL;
}

/* Walks the batches of the range; returns where the first byte lies that is not one of them. */
static uint64_t rebuild_walk(struct fix *f, struct rebuild *b)
{
    const struct extent *e = f->e;
    uint64_t data_end = e->sealed ? e->data_bytes : UINT64_MAX;
    while (b->at < b->to && b->at < data_end) {
        struct batch_info info;
        int64_t max_time;
        uint32_t bytes = rebuild_batch(f, b, &info, &max_time);
        if (!bytes)
            return max_u64(b->at, b->from);
        struct tile *t = tile_at(f, b, b->at);
        uint64_t end_off = info.base_off + info.last_off_delta + 1;
        b->floor_off = batch_floor_off(&info);
        if (t && t->batch_at == NO_BATCH) {
            t->batch_at = (uint32_t)(b->at - t->at);
            t->base_off = info.base_off;
        }
        if (t) {
            t->next_off = end_off;
            t->max_time = max_i64(t->max_time, max_time);
        }
        b->at += bytes;
    }
    return b->to;
}

/* Tiles that no batch begins in go on with the offset before; bytes get their checksum. */
static void rebuild_finish(struct fix *f, struct rebuild *b, uint64_t good)
{
    uint64_t off = b->first ? tile_of(f, b->first - 1)->next_off : f->e->base_off;
    for (uint32_t i = b->first; i < b->end; i++) {
        struct tile *t = tile_of(f, i);
        uint64_t in = t->at - b->buf_at;
        if (t->batch_at == NO_BATCH)
            t->base_off = t->next_off = max_u64(off, t->next_off);
        off = t->next_off;
        if ((uint64_t)t->at + t->len > good || t->len > TILE_RUN_MAX || in + t->len > b->len)
            tile_give_up(f, t);
        else
            t->crc = piece_crc(f->e->id, f->e->base_pos + t->at, b->buf + in, t->len);
    }
}

static enum err rebuild_range(struct fix *f, uint32_t first, uint32_t end)
{
    const struct extent *e = f->e;
    struct rebuild b = { .first = first, .end = end };
    b.from = first ? (uint64_t)tile_of(f, first - 1)->at + tile_of(f, first - 1)->len : 0;
    b.to = end < e->tile_count ? tile_of(f, end)->at : tiled_bytes(e);
    if (b.to < b.from || (b.to - b.from) / BLOCK_BYTES < end - first) {
        why_set(f->r->why, "extent %llu: its index contradicts itself", (unsigned long long)e->id);
        return ERR_CORRUPT;
    }
    bool known = rebuild_begin(f, &b);
    rebuild_shape(f, &b);
    if (!known)
        b.at = b.from;
    enum err err = rebuild_read(f, &b);
    if (!err)
        rebuild_finish(f, &b, known ? rebuild_walk(f, &b) : b.from);
    io_buffer_give(b.buf);
    return err;
}

/* Neighbouring bad blocks are one range. */
static enum err index_rebuild(struct fix *f)
{
    for (uint32_t b = 0; b < f->blocks; b++) {
        uint32_t last = b;
        if (!*dirty_of(f, b))
            continue;
        while (last + 1 < f->blocks && *dirty_of(f, last + 1))
            last++;
        uint32_t end = (uint32_t)min_u64((last + 1) * TILES_PER_BLOCK, f->e->tile_from);
        TRY(rebuild_range(f, b * TILES_PER_BLOCK, end));
        b = last;
    }
    return ERR_OK;
}

/* ---- tiles ---- */

static enum err tile_verify(struct fix *f, uint32_t i)
{
    struct extent *e = f->e;
    struct tile *t = tile_of(f, i);
    uint64_t pos = e->base_pos + t->at, got;
    if (t->flags & TILE_GAP)
        return ERR_OK;
    TRY(verify_read(f->r->io, e->vol->fd, f->buf, t->len, extent_place(e, pos), &got));
    if (got == t->len && piece_crc(e->id, pos, f->buf, t->len) == t->crc)
        return ERR_OK;
    tile_give_up(f, t);
    if (i < e->tile_from)
        *dirty_of(f, i / TILES_PER_BLOCK) = true;
    else
        e->tiles[i - e->tile_from] = *t;
    return ERR_OK;
}

static enum err block_write(struct fix *f, uint32_t b)
{
    uint32_t from = b * TILES_PER_BLOCK;
    uint32_t to = (uint32_t)min_u64(from + TILES_PER_BLOCK, f->e->tile_from);
    memset(f->buf, 0, BLOCK_BYTES);
    for (uint32_t i = from; i < to; i++)
        tile_encode(tile_of(f, i), f->buf + (size_t)(i - from) * TILE_BYTES);
    page_seal(f->buf, &(struct page_seal){ f->s->id.store, f->e->id, b });
    return repair_write(f->r, f->e->vol->fd, f->buf, BLOCK_BYTES,
                        index_place(&f->s->id.geometry, f->e->unit, f->e->order, b));
}

/* What is known of producers goes with their batches: those that begin in a gap, and the one that
 * reaches into it. */
static void producers_follow(struct fix *f)
{
    for (uint32_t i = 0; i < f->e->tile_count; i++) {
        uint64_t from = i ? tile_of(f, i - 1)->next_off : f->e->base_off;
        uint64_t to =
            i + 1 < f->e->tile_count ? tile_of(f, i + 1)->base_off : tile_of(f, i)->next_off;
        if (tile_of(f, i)->flags & TILE_GAP)
            producers_forget(f->e->part, from ? from - 1 : 0, to);
    }
}

static enum err fix_run(struct fix *f)
{
    TRY(tiles_load(f));
    TRY(index_rebuild(f));
    for (uint32_t i = 0; i < f->e->tile_count; i++)
        TRY(tile_verify(f, i));
    producers_follow(f);
    for (uint32_t b = 0; b < f->blocks; b++)
        if (*dirty_of(f, b))
            TRY(block_write(f, b));
    return ERR_OK;
}

enum err repair_extent(struct repair *r, struct extent *e)
{
    struct fix f = { .r = r, .s = e->part->store, .e = e };
    f.blocks = (e->tile_from + TILES_PER_BLOCK - 1) / TILES_PER_BLOCK;
    f.tiles = calloc((size_t)e->tile_count + 1, sizeof(*f.tiles));
    f.dirty = calloc((size_t)f.blocks + 1, sizeof(*f.dirty));
    f.buf = io_buffer_take(TILE_RUN_MAX);
    enum err err = f.tiles && f.dirty && f.buf ? fix_run(&f) : ERR_NO_MEMORY;
    free(f.tiles);
    free(f.dirty);
    io_buffer_give(f.buf);
    return err;
}
