/* verify_part.c -- partition by partition: index blocks, tiles, batches, the live slot.
 *
 * Of an extent, in pos order: the blocks that its tiles describe, each against its CRC, then the
 * bytes that only the tail has. Batches are walked across all of them. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/tail.h"
#include "engine/log/verify_batch.h"

#define GROUP_BYTES (1u << 20) /* of neighbouring tiles, read at once */

struct extent_walk {
    struct verify *v;
    struct store *s;
    struct part *p;
    struct extent *e;
    struct tile *tiles; /* all of them; len 0: unknown, its index block is bad */
    uint64_t data_end;  /* position */
    uint8_t *buf;       /* GROUP_BYTES */
    uint8_t *slot;      /* the partition's live slot, ... */
    bool slot_whole;    /* ... if it verifies */
    struct batch_walker batches;
};

static struct tile *tile_of(const struct extent_walk *x, uint32_t i)
{
    check(i < x->e->tile_count);
    return &x->tiles[i];
}

static struct find part_find_of(const struct part *p, enum find_kind kind)
{
    return (struct find){ .kind = kind,
                          .of_part = true,
                          .part = p->number,
                          .index = p->index,
                          .topic = p->topic,
                          .from_off = p->start_off,
                          .to_off = p->next_off };
}

static struct find extent_find_of(const struct extent_walk *x, enum find_kind kind, uint64_t pos,
                                  uint64_t len)
{
    struct find f = part_find_of(x->p, kind);
    memcpy(f.file, x->e->vol->name, sizeof(f.file));
    f.extent = x->e->id;
    f.from_off = x->e->base_off;
    f.pos = pos;
    f.len = len;
    return f;
}

/* ---- index ---- */

static enum err index_verify(struct extent_walk *x)
{
    struct extent *e = x->e;
    for (uint32_t b = 0; b < e->index_blocks; b++) {
        bool ok;
        TRY(verify_index(x->v->io, e, b, x->buf, x->tiles, &ok));
        x->v->counts->index_blocks++;
        if (ok)
            continue;
        uint64_t pos = index_place(&x->s->id.geometry, e->unit, e->order, b);
        struct find f = extent_find_of(x, FOUND_INDEX, pos, BLOCK_BYTES);
        f.to_off = x->batches.end_off;
        verify_found(x->v, &f);
    }
    return ERR_OK;
}

/* Tiles lie back to back; one that does not leaves the rest without a place. */
static void tiles_chain(struct extent_walk *x)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < x->e->tile_count; i++) {
        struct tile *t = tile_of(x, i);
        bool before_known = !i || tile_of(x, i - 1)->len;
        if (t->len && t->at != at && before_known) {
            struct find f = extent_find_of(x, FOUND_INDEX, extent_place(x->e, x->e->base_pos), 0);
            why_set(&f.why, "tile %u does not follow the one before", i);
            verify_found(x->v, &f);
        }
        at = (uint64_t)t->at + t->len;
    }
}

/* ---- tiles ---- */

static bool in_range(const struct extent_walk *x, const struct tile *t)
{
    const struct verify_opts *o = x->v->opts;
    uint64_t place = extent_place(x->e, x->e->base_pos + t->at);
    return !o->ranged || (x->e->vol->number == o->range_vol && place < o->range_to &&
                          place + t->len > o->range_from);
}

static bool readable(const struct extent_walk *x, const struct tile *t)
{
    return t->len && !(t->flags & TILE_GAP) && t->len <= TILE_RUN_MAX && in_range(x, t);
}

static void tile_found(struct extent_walk *x, enum find_kind kind, uint32_t i)
{
    const struct tile *t = tile_of(x, i);
    struct find f = extent_find_of(x, kind, extent_place(x->e, x->e->base_pos + t->at), t->len);
    uint64_t before = i && tile_of(x, i - 1)->len ? tile_of(x, i - 1)->next_off : x->e->base_off;
    f.from_off = t->batch_at ? (i ? x->batches.next_off : x->e->base_off) : before;
    f.to_off = max_u64(t->next_off, f.from_off);
    verify_found(x->v, &f);
}

/* A verified tile goes through the walk, cut where its first batch begins. */
static void tile_walk(struct extent_walk *x, const struct tile *t, const uint8_t *at)
{
    uint64_t pos = x->e->base_pos + t->at;
    uint64_t len = min_u64(t->len, x->data_end > pos ? x->data_end - pos : 0);
    uint64_t first = t->batch_at == NO_BATCH ? len : min_u64(t->batch_at, len);
    batch_walker_feed(&x->batches, at, first);
    if (first < len) {
        batch_walker_begin(&x->batches, pos + first, t->base_off);
        batch_walker_feed(&x->batches, at + first, len - first);
    }
    if (t->flags & TILE_CUT)
        batch_walker_lose(&x->batches);
}

/* Reads tiles [from, to), which are neighbours, and verifies them. */
static enum err group_verify(struct extent_walk *x, uint32_t from, uint32_t to)
{
    const struct tile *first = tile_of(x, from), *last = tile_of(x, to - 1);
    uint64_t len = (uint64_t)last->at + last->len - first->at, got;
    uint64_t pos = x->e->base_pos + first->at;
    TRY(verify_read(x->v->io, x->e->vol->fd, x->buf, len, extent_place(x->e, pos), &got));
    for (uint32_t i = from; i < to; i++) {
        const struct tile *t = tile_of(x, i);
        uint64_t in = t->at - first->at;
        x->v->counts->tiles++;
        bool ok = in + t->len <= got &&
                  piece_crc(x->e->id, x->e->base_pos + t->at, x->buf + in, t->len) == t->crc;
        if (ok) {
            tile_walk(x, t, x->buf + in);
        } else {
            tile_found(x, FOUND_TILE, i);
            batch_walker_lose(&x->batches);
        }
    }
    return ERR_OK;
}

static enum err tiles_verify(struct extent_walk *x)
{
    uint32_t count = x->e->tile_count;
    for (uint32_t i = 0; i < count;) {
        if (!readable(x, tile_of(x, i))) {
            if (tile_of(x, i)->flags & TILE_GAP)
                tile_found(x, FOUND_GAP, i);
            batch_walker_lose(&x->batches);
            i++;
            continue;
        }
        uint32_t to = i + 1;
        while (to < count && readable(x, tile_of(x, to)) &&
               tile_of(x, to)->at == (uint64_t)tile_of(x, to - 1)->at + tile_of(x, to - 1)->len &&
               tile_of(x, to)->at + tile_of(x, to)->len - tile_of(x, i)->at <= GROUP_BYTES)
            to++;
        TRY(group_verify(x, i, to));
        i = to;
    }
    return ERR_OK;
}

/* ---- what only the tail has ---- */

/* Where bytes that no tile describes begin. */
static uint64_t tail_from(const struct extent_walk *x)
{
    const struct tile *last = x->e->tile_count ? tile_of(x, x->e->tile_count - 1) : NULL;
    return x->e->base_pos + (last ? (uint64_t)last->at + last->len : 0);
}

/* An idle partition's partial block is in its slot alone. */
static void slot_walk(struct extent_walk *x, uint64_t pos)
{
    const struct part *p = x->p;
    uint64_t len = x->data_end - pos, first = min_u64(p->slot_batch_at, len);
    struct batch_info info;
    if (!x->slot_whole || pos != block_floor(p->image_head) || len > BLOCK_BYTES) {
        batch_walker_lose(&x->batches);
        return;
    }
    batch_walker_feed(&x->batches, x->slot, first);
    if (first == len)
        return;
    struct bytes left = { x->slot + first, len - first };
    uint64_t off = batch_peek((struct bytes){ left.at, UINT32_MAX }, &info) ? 0 : info.base_off;
    batch_walker_begin(&x->batches, pos + first, max_u64(off, x->batches.next_off));
    batch_walker_feed(&x->batches, left.at, left.len);
}

static void memory_walk(struct extent_walk *x, uint64_t pos)
{
    struct part *p = x->p;
    uint32_t mark = mark_find(p, pos);
    while (pos < x->data_end) {
        uint64_t to = min_u64(x->data_end, pos + GROUP_BYTES);
        if (mark < p->mark_count && mark_at(p, mark)->pos == pos) {
            batch_walker_begin(&x->batches, pos, mark_at(p, mark)->off);
            mark++;
        }
        if (mark < p->mark_count)
            to = min_u64(to, mark_at(p, mark)->pos);
        if (!tail_copy(p, pos, x->buf, to - pos)) {
            batch_walker_lose(&x->batches);
            return;
        }
        batch_walker_feed(&x->batches, x->buf, to - pos);
        pos = to;
    }
}

static void tail_walk(struct extent_walk *x)
{
    uint64_t pos = tail_from(x);
    if (pos >= x->data_end)
        return;
    if (x->p->tail_state == TAIL_IN)
        memory_walk(x, pos);
    else
        slot_walk(x, pos);
}

/* ---- extents and partitions ---- */

static void walker_open(struct extent_walk *x, uint32_t i)
{
    const struct part *p = x->p;
    const struct extent *e = x->e;
    bool last = i + 1 == p->extent_count;
    x->batches.base = extent_find_of(x, FOUND_BATCH, 0, 0);
    x->batches.base_pos = e->base_pos;
    x->batches.base_place = extent_place(e, e->base_pos);
    x->batches.next_off = e->base_off;
    x->batches.end_off = last ? p->next_off : p->extents[i + 1]->base_off;
    x->batches.in_step = false;
    x->batches.gaps_told = !p->damaged;
    x->batches.len = 0;
    x->data_end = extent_data_end(p, e);
}

static enum err extent_verify(struct extent_walk *x, uint32_t i)
{
    struct extent *e = x->e = x->p->extents[i];
    walker_open(x, i);
    x->tiles = calloc((size_t)e->tile_count + 1, sizeof(*x->tiles));
    if (!x->tiles)
        return ERR_NO_MEMORY;
    for (uint32_t t = e->tile_from; t < e->tile_count; t++)
        x->tiles[t] = *extent_tile(e, t);
    enum err err = index_verify(x);
    if (!err) {
        tiles_chain(x);
        err = tiles_verify(x);
    }
    if (!err) {
        tail_walk(x);
        if (!x->v->opts->ranged)
            batch_walker_end(&x->batches);
        x->v->counts->extents++;
    }
    free(x->tiles);
    x->tiles = NULL;
    return err;
}

/* The image's partial block; superseded once a direct run has carried its bytes on. */
static enum err slot_verify(struct extent_walk *x)
{
    const struct part *p = x->p;
    uint64_t from = block_floor(p->image_head), len = p->image_head - from, got;
    uint64_t place = slot_place(p->slot, p->slot_side);
    const struct extent *e = part_extent_of(p, from);
    x->slot_whole = false;
    if (p->slot == NO_SLOT || !len || p->disk_pos > from || !e)
        return ERR_OK;
    TRY(verify_read(x->v->io, x->s->tails_fd, x->slot, BLOCK_BYTES, place, &got));
    x->v->counts->slots++;
    x->slot_whole = got == BLOCK_BYTES && piece_crc(e->id, from, x->slot, len) == p->slot_crc;
    if (x->slot_whole)
        return ERR_OK;
    struct find f = part_find_of(p, FOUND_SLOT);
    snprintf(f.file, sizeof(f.file), "tails");
    f.pos = place;
    f.len = BLOCK_BYTES;
    f.extent = e->id;
    f.from_off = p->damaged ? p->damaged_off : e->base_off;
    verify_found(x->v, &f);
    return ERR_OK;
}

static enum err part_verify(struct extent_walk *x)
{
    struct part *p = x->p;
    x->v->counts->parts++;
    if (p->damaged) {
        struct find f = part_find_of(p, FOUND_PART);
        f.from_off = p->damaged_off;
        verify_found(x->v, &f);
    }
    TRY(slot_verify(x));
    for (uint32_t i = 0; i < p->extent_count; i++)
        TRY(extent_verify(x, i));
    return ERR_OK;
}

/* The last entry, where recovery cut it: never acknowledged, unless it is the one that rotted. */
static void verdict_tell(struct verify *v, const struct store *s)
{
    const struct store_report *r = &s->report;
    if (r->verdict != 'D' && r->verdict != 'F' && r->verdict != 'H')
        return;
    struct find f = { .kind = FOUND_LAST_ENTRY,
                      .file = "journal",
                      .pos = BLOCK_BYTES + r->cut_pos % s->journal.ring };
    why_set(&f.why, "recovery case %c", r->verdict);
    verify_found(v, &f);
}

enum err verify_parts(struct verify *v, struct store *s)
{
    struct extent_walk x = {
        .v = v, .s = s, .buf = io_buffer_take(GROUP_BYTES), .slot = io_buffer_take(BLOCK_BYTES)
    };
    x.batches.v = v;
    x.batches.batch_max = s->id.geometry.batch_max;
    verdict_tell(v, s);
    enum err err = x.buf && x.slot ? ERR_OK : ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->part_count && !err; i++) {
        x.p = s->parts[i];
        if (x.p)
            err = part_verify(&x);
    }
    batch_walker_close(&x.batches);
    io_buffer_give(x.buf);
    io_buffer_give(x.slot);
    return err;
}
