/* read.c -- whole batches from an offset on, out of memory or off the disk.
 *
 *   read_start   the extent that holds the offset; its index comes into memory if it has to
 *   hot          the batch begins in the tail: copied from there
 *   cold         whole tiles are read from the extent and verified, then cut to batches; a batch
 *                that goes on in the tail is completed from there
 *   warm         what is read again, out of the page cache: warm.c
 *   damage       a tile that does not verify is reported (CORRUPT) and never served; what lies
 *                before it is
 *   gaps         what an operator gave up (gap.h) is passed over, and with it a batch that begins
 *                before it and ends inside
 *
 * A read never crosses an extent; the caller goes on at next_off. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/lend.h"

#define READ_BYTES_MAX (8u << 20) /* a plan pins its extent: docs/STORE.md G2 */

static void read_start(struct read *r);

uint64_t read_end(const struct read *r)
{
    const struct part *p = r->part;
    uint64_t end = r->beyond_visible ? p->next_off : part_visible(p);
    return p->damaged ? min_u64(end, p->damaged_off) : end;
}

void read_finish(struct read *r, enum err err)
{
    node_unlink(&r->node);
    r->err = err;
    if (err)
        read_give(r);
    if (!err && !r->batches.len) /* nothing is there up to the end: a gap, or the end itself */
        r->next_off = max_u64(r->off, read_end(r));
    list_push(&r->store->read_dones, &r->node);
}

void read_give(struct read *r)
{
    lent_return(r);
    io_buffer_give(r->buf);
    r->buf = NULL;
    r->batches = (struct bytes){ 0 };
    budget_give(r);
}

/* Cuts [at, at+len), which begins with a batch, to the batches wanted. When the first wanted one is
 * not whole here: how many bytes to look at, at least; else 0. */
static uint64_t read_cut(struct read *r, const uint8_t *at, uint64_t len)
{
    uint64_t from = 0, to = 0, end = read_end(r);
    struct batch_info info;
    bool any = false;
    while (len - to >= BATCH_HEADER_BYTES) {
        if (batch_peek((struct bytes){ at + to, UINT32_MAX }, &info) != ERR_OK)
            break; /* padding at the extent's end */
        bool whole = info.bytes <= len - to;
        bool gap = batch_is_gap(&info);
        bool wanted = !gap && info.base_off + info.last_off_delta >= r->off;
        if (info.base_off >= end || info.base_off + info.last_off_delta >= end)
            break;
        if (!whole && !any)
            return to + info.bytes;
        if (!whole)
            break;
        if (any && (gap || to + info.bytes - from > r->bytes_max))
            break;
        if (!any && wanted)
            from = to;
        any |= wanted;
        to += info.bytes;
        if (any)
            r->next_off = info.base_off + info.last_off_delta + 1;
        else if (len - to < BATCH_HEADER_BYTES)
            return to + BATCH_HEADER_BYTES;
    }
    if (any)
        r->batches = (struct bytes){ at + from, to - from };
    return 0;
}

/* False: the read waits for memory, or ended without any. */
static bool read_buffer(struct read *r, uint64_t bytes)
{
    uint64_t room = block_ceil(bytes) + BLOCK_BYTES;
    read_give(r);
    if (!budget_take(r, room))
        return false;
    r->buf = io_buffer_take(room);
    r->buf_bytes = bytes;
    if (!r->buf)
        read_finish(r, ERR_NO_MEMORY);
    return r->buf != NULL;
}

/* Nothing at or after off is in e: the next extent has it, or nobody. */
static void read_behind(struct read *r, const struct extent *e)
{
    read_give(r);
    r->from_extent = e->base_off + 1;
    if (e->sealed)
        read_start(r);
    else
        read_finish(r, ERR_OK);
}

/* ---- hot ---- */

/* Position of the batch with `off` in the tail, when a mark knows it. */
static bool mark_of_off(const struct part *p, uint64_t off, uint64_t *pos)
{
    uint32_t lo = 0, hi = p->mark_count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (mark_at(p, mid)->off <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo)
        return false;
    *pos = mark_at(p, lo - 1)->end_off > off || lo == p->mark_count ? mark_at(p, lo - 1)->pos
                                                                    : mark_at(p, lo)->pos;
    return true;
}

/* From memory, as it is or copied: at most what is wanted plus one batch. False: nothing up to end
 * is wanted. */
static bool hot_until(struct read *r, uint64_t pos, uint64_t end)
{
    uint64_t want = max_u64(r->bytes_max, r->least);
    if (lend_hot(r, pos, end, read_end(r))) {
        read_finish(r, ERR_OK);
        return true;
    }
    for (;;) {
        uint64_t len = min_u64(end - pos, max_u64(want, BATCH_HEADER_BYTES));
        if (!read_buffer(r, len))
            return true; /* it waits, or has ended */
        check(tail_copy(r->part, pos, r->buf, len));
        uint64_t need = read_cut(r, r->buf, len);
        if (r->batches.len) {
            read_finish(r, ERR_OK);
            return true;
        }
        if (!need || len == end - pos)
            return false;
        want = r->least = need;
    }
}

/* What is wanted may lie behind a gap, which reaches to stop_pos or to the end of the extent. */
static void read_hot(struct read *r, const struct extent *e, uint64_t pos)
{
    uint64_t end = extent_data_end(r->part, e);
    r->store->counts.reads_hot++;
    if (r->stop_pos > pos && r->stop_pos < end && hot_until(r, pos, r->stop_pos))
        return;
    if (!hot_until(r, pos, end))
        read_behind(r, e);
}

/* ---- cold ---- */

struct plan {
    struct extent *e;
    uint32_t tile, tiles;   /* whole tiles [tile, tile + tiles) are read */
    uint64_t pos, disk_end; /* positions of the first byte, and after the last tile */
    uint64_t len;           /* bytes in the buffer, tail bytes included */
    uint64_t skip;          /* to the first batch */
    bool cut;               /* what follows in the extent is lost: nothing more can be had */
    bool gap;               /* what follows the last tile was given up: see gap.h */
};

/* How many bytes at the plan's start verify. */
static uint64_t tiles_verify(const struct plan *pl, const uint8_t *buf)
{
    uint64_t good = 0;
    for (uint32_t i = pl->tile; i < pl->tile + pl->tiles; i++) {
        const struct tile *t = extent_tile(pl->e, i);
        uint64_t pos = pl->e->base_pos + t->at;
        bool ok = piece_crc(pl->e->id, pos, buf + good, t->len) == t->crc;
        if (t->flags & TILE_GAP || (!ok && !pitfall(READ_UNVERIFIED)))
            return good;
        good += t->len;
    }
    return good;
}

static void plan_start(struct read *r, struct extent *e, uint32_t tile, uint64_t bytes);

/* The first tile from *i on in which a batch begins. */
static bool next_batch_tile(const struct extent *e, uint32_t *i)
{
    while (*i < e->tile_count && extent_tile(e, *i)->batch_at == NO_BATCH)
        ++*i;
    return *i < e->tile_count;
}

/* Until an idle partition's partial block is in memory: read_resume(). */
static void read_wait_tail(struct read *r)
{
    node_unlink(&r->node);
    list_push(&r->part->tail_reads, &r->node);
    part_tail_load(r->part);
}

/* The tiles end in a gap: on with the first batch that begins behind them, in memory or in the
 * slot, or with the next extent. */
static void read_behind_tiles(struct read *r, struct extent *e)
{
    const struct part *p = r->part;
    uint64_t pos = e->base_pos + extent_tiles_end(e), end = extent_data_end(p, e);
    uint32_t i = mark_find(p, pos);
    if (i < p->mark_count && mark_at(p, i)->pos < end && p->tail_state == TAIL_IN) {
        read_hot(r, e, mark_at(p, i)->pos);
    } else if (p->tail_state != TAIL_IN && !e->sealed && pos < end && !p->damaged) {
        read_wait_tail(r);
    } else {
        read_behind(r, e);
    }
}

static void cold_cut(struct read *r, const struct plan *pl, uint64_t good)
{
    struct extent *e = pl->e;
    uint64_t whole = pl->disk_end - pl->pos;
    uint64_t end = e->sealed ? e->base_pos + e->data_bytes - pl->pos : UINT64_MAX;
    uint64_t have = min_u64(good < whole ? good : pl->len, end);
    uint64_t need = 0, stop = r->stop_pos > pl->pos ? r->stop_pos - pl->pos : have;
    if (stop < have && stop > pl->skip)
        read_cut(r, (uint8_t *)r->buf + pl->skip, stop - pl->skip);
    if (!r->batches.len && have > pl->skip)
        need = read_cut(r, (uint8_t *)r->buf + pl->skip, have - pl->skip);
    uint32_t next = pl->tile + pl->tiles;
    bool all = pl->cut || pl->gap || pl->pos + have >= extent_data_end(r->part, e);
    if (r->batches.len) {
        const uint8_t *given = r->batches.at + r->batches.len;
        if (r->lends)
            warm_note_cold(e, pl->tile, pl->pos + (uint64_t)(given - (uint8_t *)r->buf));
        read_finish(r, ERR_OK);
    } else if (good < whole) {
        probe("a tile does not verify");
        r->bad_pos = pl->pos + good;
        read_finish(r, ERR_CORRUPT);
    } else if (need && !all) {
        r->least = need;
        plan_start(r, e, pl->tile, need);
    } else if (next_batch_tile(e, &next)) {
        plan_start(r, e, next, r->bytes_max); /* off lies in a gap before that tile */
    } else if (pl->gap) {
        read_behind_tiles(r, e);
    } else {
        read_behind(r, e);
    }
}

static void cold_done(struct op *op)
{
    struct read *r = container_of(op, struct read, op);
    struct plan pl = *(struct plan *)r->plan;
    free(r->plan);
    extent_unpin(pl.e);
    if (!r->part)
        read_finish(r, ERR_NOT_FOUND);
    else if (op->got != op->len) /* an error, or the file ends before */
        read_finish(r, op->err ? op->err : ERR_CORRUPT);
    else
        cold_cut(r, &pl, tiles_verify(&pl, r->buf));
}

/* Reads whole tiles from `tile` on until `bytes` after its first batch are there; if the tiles end
 * before, the rest comes from the tail. */
static void plan_start(struct read *r, struct extent *e, uint32_t tile, uint64_t bytes)
{
    struct part *p = r->part;
    struct plan pl = { .e = e, .tile = tile };
    const struct tile *first = extent_tile(e, tile);
    pl.pos = pl.disk_end = e->base_pos + first->at;
    pl.skip = first->batch_at;
    uint64_t want = pl.pos + pl.skip + bytes;
    while (tile + pl.tiles < e->tile_count && pl.disk_end < want) {
        const struct tile *t = extent_tile(e, tile + pl.tiles);
        if (e->base_pos + t->at + t->len > p->disk_pos)
            break; /* still in flight: in memory */
        pl.gap = t->flags & TILE_GAP;
        if (pl.gap)
            break;
        pl.disk_end += t->len;
        pl.tiles++;
        pl.gap = t->flags & TILE_CUT;
        if (pl.gap)
            break;
    }
    bool tail_next = tile + pl.tiles == e->tile_count || pl.disk_end < want;
    if (tail_next) /* the batch wanted may begin in the tail */
        want = max_u64(want, pl.disk_end + bytes);
    uint64_t end = min_u64(want, extent_data_end(p, e));
    uint64_t memory = end > pl.disk_end ? end - pl.disk_end : 0;
    pl.cut = memory && p->tail_state != TAIL_IN && p->damaged;
    if (pl.cut || pl.gap)
        memory = 0;
    pl.len = pl.disk_end - pl.pos + memory;
    if (memory && p->tail_state != TAIL_IN) {
        read_wait_tail(r);
        return;
    }
    uint64_t whole = pl.disk_end - pl.pos;
    if (!read_buffer(r, pl.len))
        return;
    if (!tail_copy(p, pl.disk_end, (uint8_t *)r->buf + whole, memory)) {
        read_finish(r, ERR_NO_MEMORY);
        return;
    }
    p->store->counts.reads_cold++;
    if (!pl.tiles) {
        cold_cut(r, &pl, 0);
        return;
    }
    r->plan = malloc(sizeof(pl));
    check(r->plan);
    *(struct plan *)r->plan = pl;
    e->pins++;
    io_read(p->store->io, &r->op, e->vol->fd, r->buf, whole, extent_place(e, pl.pos), cold_done);
}

/* ---- where ---- */

/* The extent that holds `off`: the last one that begins at or before it. */
static struct extent *extent_of_off(const struct part *p, uint64_t off, uint64_t from)
{
    uint32_t lo = 0, hi = p->extent_count;
    off = max_u64(off, from);
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (p->extents[mid]->base_off <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo && p->extents[lo - 1]->base_off < from)
        lo++; /* past the extent that had nothing: the one after it */
    if (!lo)
        lo = p->extent_count ? 1 : 0;
    return lo && lo <= p->extent_count ? p->extents[lo - 1] : NULL;
}

static void index_loaded(struct read *r, enum err err)
{
    if (!r->part)
        read_finish(r, ERR_NOT_FOUND);
    else if (err)
        read_finish(r, err);
    else
        read_start(r);
}

/* No tile describes e: what it holds is in memory, or in the slot, and begins after off. Its first
 * bytes may be lost; marks know where batches are. */
static void read_untiled(struct read *r, struct extent *e)
{
    struct part *p = r->part;
    uint32_t i = mark_find(p, e->base_pos);
    if (p->tail_state != TAIL_IN) {
        read_wait_tail(r);
    } else if (i < p->mark_count && mark_at(p, i)->pos < extent_data_end(p, e)) {
        read_hot(r, e, mark_at(p, i)->pos);
    } else {
        read_behind(r, e);
    }
}

static void read_begin_of(struct read *r, struct extent *e)
{
    struct part *p = r->part;
    uint64_t pos;
    uint32_t tile;
    bool marked = mark_of_off(p, max_u64(r->off, e->base_off), &pos);
    marked = marked && pos >= tail_floor(p);
    if (marked && pos >= e->base_pos && pos < extent_data_end(p, e)) {
        read_hot(r, e, pos);
        return;
    }
    if (e->tile_from) {
        index_load(e, r, index_loaded);
        return;
    }
    if (!index_find(e, max_u64(r->off, e->base_off), &tile)) {
        if (!e->tile_count) {
            read_untiled(r, e);
            return;
        }
        tile = 0; /* off lies in a gap before the extent's first batch */
        if (!next_batch_tile(e, &tile)) {
            read_behind_tiles(r, e);
            return;
        }
    }
    const struct tile *t = extent_tile(e, tile);
    pos = e->base_pos + t->at + t->batch_at;
    bool hot = p->tail_state == TAIL_IN && pos >= tail_floor(p);
    if (hot ? warm_start_hot(r, e, tile) : warm_start(r, e, tile))
        return;
    if (!hot) {
        read_start_cold(r, e, tile);
        return;
    }
    read_hot(r, e, pos);
    if (r->lends && r->batches.len && r->from_extent <= e->base_off) /* e had it */
        warm_note_hot(e, tile, pos, pos + r->batches.len);
}

void read_start_cold(struct read *r, struct extent *e, uint32_t tile)
{
    plan_start(r, e, tile, max_u64(r->bytes_max, r->least));
}

static void read_start(struct read *r)
{
    struct part *p = r->part;
    if (r->off >= read_end(r)) { /* damage was found, or the end is reached */
        read_finish(r, p->damaged && r->off >= p->damaged_off ? ERR_DAMAGED : ERR_OK);
        return;
    }
    struct extent *e = extent_of_off(p, r->off, r->from_extent);
    if (e)
        read_begin_of(r, e);
    else
        read_finish(r, ERR_OK);
}

void read_again(struct read *r)
{
    if (r->part)
        read_start(r);
    else
        read_finish(r, ERR_NOT_FOUND);
}

void read_resume(struct read *r)
{
    list_push(&r->part->reads, &r->node);
    read_start(r);
}

void part_read(struct part *p, struct read *r)
{
    r->part = p;
    r->store = p->store;
    r->node = (struct node){ 0 };
    r->batches = (struct bytes){ 0 };
    r->next_off = r->off;
    r->buf = NULL;
    r->from_extent = r->least = r->charged = 0;
    r->waits = (struct node){ 0 };
    r->woken = false;
    r->stop_pos = 0;
    r->lent.count = 0;
    r->lent.fd = -1;
    r->lent.extent = NULL;
    r->bytes_max = r->bytes_max > READ_BYTES_MAX ? READ_BYTES_MAX : r->bytes_max;
    if (r->bytes_max < BATCH_HEADER_BYTES)
        r->bytes_max = BATCH_HEADER_BYTES; /* a read always brings a header in */
    list_push(&p->reads, &r->node);
    if (p->dropped || p->store->closed)
        read_finish(r, p->dropped ? ERR_NOT_FOUND : ERR_CLOSED);
    else if (r->off < p->start_off || r->off > p->next_off)
        read_finish(r, ERR_OFFSET_RANGE);
    else
        read_start(r);
}
