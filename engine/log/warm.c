/* warm.c -- what is read again: out of the page cache, without a copy.
 *
 *   plan     from the batch wanted to the last batch that begins a tile and still fits: so that the
 *            next read begins at a tile again
 *   load     pieces that were not checked, or left the page cache since, are read through it into
 *            memory of their own and verified there; a few at a time in a whole store
 *   lend     all of it is checked and resident: the caller sends it from the file
 *
 * A load brings in the large page that it lies in, where that is all of one extent and on the disk
 * (docs/decisions/0020). Only the piece is checked then.
 *
 * Who reads an extent for the first time gets direct reads (read.c): the page cache is for what is
 * wanted more than once. What cannot be done here (an offset in the middle of a tile, gaps, too
 * many loads, damage) goes there too, and damage is judged there, from the disk itself. A gap batch
 * (gap.h) is for no client either: only a load sees it, and from then on its tile is read there.
 *
 * Window: pages that left the cache between the last look and the send are read from the disk
 * unverified, and so are pages that another process brought back in between. verify = always
 * closes it (docs/decisions/0011). */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/log/warm_in.h"

#define WARM_BYTES_MIN KIB(64) /* of an answer */
#define PIECE_TILES    4u      /* loaded by one read: 256 KiB at most */
#define LOADS_MAX      16u     /* reads that load, in a store; more go to the disk directly */
#define TRIES_MAX      2u      /* then the kernel takes pages away faster than they are sent */

static void warm_next(struct read *r);

/* ---- how tiles were read ---- */

uint8_t heat_get(const struct extent *e, uint32_t i)
{
    return i < e->heat_count ? e->heat[i] : 0;
}

uint8_t *heat_at(struct extent *e, uint32_t i)
{
    check(i < e->tile_count);
    e->heat = array_grow(e->heat, &e->heat_count, e->tile_count, 1);
    return &e->heat[i];
}

static bool tile_ends_by(const struct extent *e, uint32_t i, uint64_t pos)
{
    const struct tile *t = extent_tile(e, i);
    return e->base_pos + t->at + t->len <= pos;
}

/* Only a tile that was given whole: the next read of who goes through the log begins in the last
 * one. */
void warm_note_cold(struct extent *e, uint32_t i, uint64_t end_pos)
{
    for (; i < e->tile_count && tile_ends_by(e, i, end_pos); i++)
        *heat_at(e, i) |= HEAT_READ;
}

void warm_note_hot(struct extent *e, uint32_t i, uint64_t pos, uint64_t end_pos)
{
    for (; i < e->tile_count && tile_ends_by(e, i, end_pos); i++)
        if (e->base_pos + extent_tile(e, i)->at >= pos && (heat_get(e, i) & HEAT_HOT) < HOT_TIMES)
            ++*heat_at(e, i);
}

/* Of the last tile of all, what reaches over its end is not lent. */
static bool tiles_checked(const struct warm *w, uint32_t i, uint32_t count)
{
    for (uint32_t end = i + count; i < end; i++) {
        uint8_t heat = heat_get(w->e, i);
        bool last = i + 1 == w->tile + w->tiles;
        if (!(heat & HEAT_CHECKED) || (heat & HEAT_CUT && !last))
            return false;
    }
    return true;
}

/* ---- what of them is there ---- */

static uint64_t tiles_bytes(const struct extent *e, uint32_t i, uint32_t count)
{
    const struct tile *first = extent_tile(e, i), *last = extent_tile(e, i + count - 1);
    return last->at + last->len - first->at;
}

uint64_t tiles_place(const struct extent *e, uint32_t i)
{
    return extent_place(e, e->base_pos + extent_tile(e, i)->at);
}

static bool tiles_resident(const struct store *s, const struct extent *e, uint32_t i,
                           uint32_t count)
{
    return io_cache_holds(s->io, e->vol->cache_fd, tiles_place(e, i), tiles_bytes(e, i, count));
}

void warm_forget(struct extent *e)
{
    struct store *s = e->vol->store;
    if (!e->cached)
        return;
    io_cache_drop(s->io, e->vol->cache_fd, extent_place(e, e->base_pos),
                  extent_data_bytes(&s->id.geometry, e->order));
    e->cached = false;
}

/* ---- plan ---- */

/* What is lent ends where this tile's first batch begins, or with the extent. */
static uint64_t tile_cut(const struct extent *e, uint32_t i, uint64_t *next_off)
{
    const struct tile *t = extent_tile(e, i);
    *next_off = t->base_off;
    return e->base_pos + t->at + t->batch_at;
}

static bool tile_fits(const struct part *p, const struct extent *e, uint32_t i)
{
    const struct tile *t = extent_tile(e, i);
    return !(t->flags & (TILE_GAP | TILE_CUT)) && !(heat_get(e, i) & HEAT_GAP) &&
           e->base_pos + t->at + t->len <= p->disk_pos;
}

static void warm_take(struct warm *w, uint32_t tiles, uint64_t end_pos, uint64_t next_off)
{
    w->tiles = tiles;
    w->end_pos = end_pos;
    w->next_off = next_off;
}

/* The longest piece of the extent that may be lent; false: none is worth it. */
static bool warm_plan(struct warm *w, const struct read *r, uint64_t off_end)
{
    const struct part *p = r->part;
    const struct extent *e = w->e;
    uint64_t next_off, most, data_end = e->base_pos + e->data_bytes;
    w->pos = tile_cut(e, w->tile, &next_off);
    most = w->pos + r->bytes_max;
    w->end_pos = w->pos;
    if (!tile_fits(p, e, w->tile))
        return false;
    uint32_t i = w->tile + 1;
    for (; i < e->tile_count && tile_fits(p, e, i); i++) {
        if (extent_tile(e, i)->batch_at == NO_BATCH)
            continue;
        uint64_t pos = tile_cut(e, i, &next_off);
        if (pos > most || next_off > off_end)
            break;
        warm_take(w, i + (extent_tile(e, i)->batch_at > 0) - w->tile, pos, next_off);
    }
    next_off = extent_tile(e, e->tile_count - 1)->next_off;
    if (e->sealed && i == e->tile_count && data_end <= most && next_off <= off_end)
        warm_take(w, e->tile_count - w->tile, data_end, next_off);
    return w->end_pos - w->pos >= WARM_BYTES_MIN;
}

/* ---- load ---- */

static void warm_end(struct read *r)
{
    struct warm *w = r->plan;
    r->store->warming--;
    extent_unpin(w->e);
    free(w);
}

/* The direct way, from the disk. */
static void warm_give_up(struct read *r)
{
    struct warm *w = r->plan;
    struct extent *e = w->e;
    uint32_t tile = w->tile;
    io_buffer_give(r->buf);
    r->buf = NULL;
    warm_end(r);
    read_start_cold(r, e, tile);
}

/* What a reader may have of a tile, by the headers of what begins in it: `len` bytes from its start
 * on are there. */
static uint8_t tile_look(const struct extent *e, const struct tile *t, const uint8_t *at,
                         uint64_t len)
{
    uint64_t end = min_u64((uint64_t)t->at + t->len, e->sealed ? e->data_bytes : UINT64_MAX);
    struct batch_info info;
    for (uint64_t in = t->batch_at; t->at + in < end; in += info.bytes) {
        if (in + BATCH_HEADER_BYTES > len)
            return HEAT_CHECKED | HEAT_CUT;
        if (batch_peek((struct bytes){ at + in, UINT32_MAX }, &info) != ERR_OK ||
            batch_is_gap(&info))
            return HEAT_GAP;
    }
    return HEAT_CHECKED;
}

static void piece_uncheck(const struct warm *w)
{
    for (uint32_t i = w->at; i < w->at + w->at_tiles; i++)
        *heat_at(w->e, i) &= (uint8_t)~(HEAT_CHECKED | HEAT_CUT);
}

/* Nothing of a piece counts as checked before all of it is. */
static bool piece_verify(struct read *r)
{
    struct warm *w = r->plan;
    struct extent *e = w->e;
    const uint8_t *at = r->buf;
    uint64_t left = r->op.len;
    piece_uncheck(w);
    for (uint32_t i = w->at; i < w->at + w->at_tiles; i++) {
        const struct tile *t = extent_tile(e, i);
        if (piece_crc(e->id, e->base_pos + t->at, at, t->len) != t->crc)
            return false;
        if (!(heat_get(e, i) & HEAT_COMING))
            *heat_at(e, i) |= tile_look(e, t, at, left);
        at += t->len;
        left -= t->len;
    }
    return true;
}

/* Of a large page the kernel drops all or nothing. */
static void piece_drop(const struct read *r)
{
    const struct warm *w = r->plan;
    uint64_t size = w->e->vol->cache_large ? w->e->vol->cache_large : BLOCK_BYTES;
    uint64_t at = tiles_place(w->e, w->at), from = at - at % size;
    uint64_t to = (at + r->op.len + size - 1) / size * size;
    io_cache_drop(r->store->io, w->e->vol->cache_fd, from, to - from);
}

static void load_done(struct op *op)
{
    struct read *r = container_of(op, struct read, op);
    struct warm *w = r->plan;
    large_end(r);
    if (!r->part) { /* dropped meanwhile */
        warm_end(r);
        read_finish(r, ERR_NOT_FOUND);
    } else if (op->got != op->len || !piece_verify(r)) {
        probe("warm: what the page cache has does not verify");
        w->e->small_pages |= w->large != IO_NOT_LARGE;
        piece_drop(r);
        warm_give_up(r);
    } else if (!tiles_checked(w, w->at, w->at_tiles)) {
        probe("warm: a gap batch among what was to be lent, or a large page on its way");
        warm_give_up(r);
    } else {
        w->at += w->at_tiles;
        warm_next(r);
    }
}

static void piece_load(struct read *r)
{
    struct warm *w = r->plan;
    struct store *s = r->store;
    uint32_t next = w->at + w->at_tiles;
    uint64_t bytes = tiles_bytes(w->e, w->at, w->at_tiles);
    if (next < w->e->tile_count && tile_fits(r->part, w->e, next))
        bytes += BLOCK_BYTES; /* a header may reach over the end: tile_look() */
    if (!r->buf)
        r->buf = io_buffer_take(PIECE_TILES * TILE_RUN_MAX + BLOCK_BYTES);
    if (!r->buf || large_comes_with(w)) {
        warm_give_up(r);
        return;
    }
    s->counts.cache_load_bytes += bytes;
    large_begin(r, bytes);
    io_read_large(s->io, &r->op, w->e->vol->cache_fd, r->buf, bytes, tiles_place(w->e, w->at),
                  w->large, load_done);
}

/* The piece from w->at on needs nothing. */
static bool piece_ready(struct read *r)
{
    struct warm *w = r->plan;
    struct extent *e = w->e;
    w->at_tiles = (uint32_t)min_u64(PIECE_TILES, w->tile + w->tiles - w->at);
    bool all = tiles_checked(w, w->at, w->at_tiles);
    bool resident = all && tiles_resident(r->store, e, w->at, w->at_tiles);
    if (all && !resident) {
        r->store->counts.cache_gone++;
        piece_uncheck(w);
    }
    return resident;
}

static void warm_lend(struct read *r)
{
    struct warm *w = r->plan;
    r->batches = (struct bytes){ NULL, w->end_pos - w->pos };
    r->next_off = w->next_off;
    r->lent.fd = w->e->vol->cache_fd;
    r->lent.pos = extent_place(w->e, w->pos);
    r->lent.extent = w->e;
    w->e->pins++;
    r->store->counts.cache_lent_bytes += r->batches.len;
    io_buffer_give(r->buf);
    r->buf = NULL;
    warm_end(r);
    read_finish(r, ERR_OK);
}

/* Loads what is missing; then looks at all of it once more, for the first pieces may have gone. */
static void warm_next(struct read *r)
{
    struct warm *w = r->plan;
    for (; w->at < w->tile + w->tiles; w->at += w->at_tiles) {
        if (!piece_ready(r)) {
            piece_load(r);
            return;
        }
    }
    if (tiles_checked(w, w->tile, w->tiles) && tiles_resident(r->store, w->e, w->tile, w->tiles)) {
        warm_lend(r);
    } else if (++w->tries < TRIES_MAX) {
        w->at = w->tile;
        warm_next(r);
    } else {
        probe("warm: pages leave the page cache faster than they are sent");
        warm_give_up(r);
    }
}

/* ---- start ---- */

/* Nothing is known of where r->off lies in its tile: it is read from the disk, up to the next tile
 * in which a batch begins, and the read after that can be lent. */
static void tile_rest(struct read *r, const struct extent *e, uint32_t i)
{
    uint64_t off;
    while (++i < e->tile_count && extent_tile(e, i)->batch_at == NO_BATCH)
        ;
    if (i < e->tile_count)
        r->stop_pos = tile_cut(e, i, &off);
}

static bool cache_ready(struct store *s, struct extent *e)
{
    struct vol *v = e->vol;
    if (!v->cache_fd) {
        v->cache_fd = io_cache_open(s->io, s->dir, v->name);
        v->cache_large = v->cache_fd > 0 ? io_cache_large(s->io, v->cache_fd) : 0;
    }
    e->cached = e->cached || v->cache_fd > 0;
    return v->cache_fd > 0;
}

/* Not where writes go through the page cache: pages that a slow peer still holds would take the
 * bytes of whoever has the space next (rule 11). */
static bool warm_can(const struct read *r, const struct extent *e)
{
    const struct store *s = r->store;
    return r->lends && !e->tile_from && !s->opts.verify_always && io_features(s->io).page_cache &&
           e->vol->past_cache && s->warming < LOADS_MAX && extent_tiles_end(e) >= e->data_bytes;
}

static void warm_begin(struct read *r, const struct warm *plan)
{
    struct warm *w = malloc(sizeof(*w));
    check(w);
    *w = *plan;
    read_give(r); /* what an earlier plan of it took may be too small */
    r->plan = w;
    r->store->warming++;
    w->e->pins++;
    if (tiles_checked(w, w->tile, w->tiles))
        w->at += w->tiles; /* one look at all of it is enough, most times */
    warm_next(r);
}

bool warm_start(struct read *r, struct extent *e, uint32_t i)
{
    struct warm plan = { .e = e, .tile = i, .at = i };
    if (!(heat_get(e, i) & HEAT_READ) || !warm_can(r, e))
        return false;
    if (extent_tile(e, i)->base_off != r->off) {
        tile_rest(r, e, i);
        return false;
    }
    if (!warm_plan(&plan, r, read_end(r)) || !cache_ready(r->store, e))
        return false;
    warm_begin(r, &plan);
    return true;
}

/* Copying out of memory is cheaper than loading for a few readers, and dearer than what somebody
 * has loaded already. */
bool warm_start_hot(struct read *r, struct extent *e, uint32_t i)
{
    struct warm plan = { .e = e, .tile = i, .at = i };
    bool often = (heat_get(e, i) & HEAT_HOT) >= HOT_TIMES;
    if (!(often || e->cached) || !warm_can(r, e))
        return false;
    if (extent_tile(e, i)->base_off != r->off) {
        if (often &&
            r->off < extent_tile(e, i)->next_off) /* else the tile has none of the wanted */
            tile_rest(r, e, i);
        return false;
    }
    if (!warm_plan(&plan, r, read_end(r)) || !cache_ready(r->store, e))
        return false;
    if (!often && !(tiles_checked(&plan, plan.tile, plan.tiles) &&
                    tiles_resident(r->store, e, plan.tile, plan.tiles)))
        return false;
    warm_begin(r, &plan);
    return true;
}
