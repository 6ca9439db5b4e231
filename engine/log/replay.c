/* replay.c -- rows to tables. Each row is checked against the state it meets: what does not fit is
 * CORRUPT with a reason, never guessed at. */
#include "engine/log/replay.h"

#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/log/producer.h"

static enum err misfit(struct replay *r, const struct entry *e, const struct row *row,
                       const char *what)
{
    why_set(r->why, "entry %llu, partition %u, row kind %d at pos %llu: %s; run `shardlog check`",
            (unsigned long long)e->seq, row->part, (int)row->kind, (unsigned long long)row->pos,
            what);
    return ERR_CORRUPT;
}

struct replay_part *replay_at(struct replay *r, uint32_t number)
{
    r->parts = array_grow(r->parts, &r->part_cap, (uint64_t)number + 1, sizeof(*r->parts));
    return &r->parts[number];
}

static void replay_part_clear(struct replay_part *rp)
{
    free(rp->pieces);
    *rp = (struct replay_part){ .seq = rp->seq };
}

void replay_piece_add(struct replay_part *rp, const struct replay_piece *piece)
{
    rp->pieces = array_grow(rp->pieces, &rp->cap, rp->count + 1, sizeof(*rp->pieces));
    rp->pieces[rp->count++] = *piece;
}

void replay_close(struct replay *r)
{
    for (uint32_t i = 0; i < r->part_cap; i++)
        free(r->parts[i].pieces);
    free(r->parts);
    *r = (struct replay){ 0 };
}

/* ---- rows ---- */

/* Numbers are handed out one after another: no honest row has one that all rows of the ring could
 * not have reached. */
static bool number_ok(const struct replay *r, const struct row *row)
{
    return row->part < r->image_parts + r->s->journal.ring / ROW_BYTES;
}

static enum err row_add(struct replay *r, const struct entry *e, const struct row *row)
{
    struct store *s = r->s;
    struct part *p = row->part < s->part_count ? s->parts[row->part] : NULL;
    if (p)
        return id16_equal(p->topic, row->topic) && p->index == row->index
                   ? ERR_OK
                   : misfit(r, e, row, "the number belongs to another partition");
    replay_part_clear(replay_at(r, row->part));
    p = part_new(s, row->topic, row->index, row->part);
    if (!p)
        return misfit(r, e, row, "the partition exists under another number");
    p->add_seq = e->seq;
    return ERR_OK;
}

void replay_drop(struct replay *r, struct part *p)
{
    replay_part_clear(replay_at(r, p->number));
    for (uint32_t i = 0; i < p->extent_count; i++)
        extent_drop(p->extents[i], 0);
    p->extent_count = 0;
    part_free(p);
}

/* Batches of `len` bytes, then padding, take the extent to `pos`. */
static bool extent_ends_at(const struct replay *r, const struct extent *e, uint32_t len,
                           uint64_t pos)
{
    return len <= extent_data_bytes(&r->s->id.geometry, e->order) &&
           block_ceil(e->base_pos + len) == pos;
}

static enum err row_extent(struct replay *r, const struct entry *e, const struct row *row,
                           struct part *p)
{
    struct vol *v = volume_find(r->s, row->vol);
    if (!v)
        return misfit(r, e, row, "the extent lies in a volume file that is missing");
    if (row->pos != block_ceil(p->head_pos) || row->pos % BLOCK_BYTES)
        return misfit(r, e, row, "the extent does not follow the partition's last byte");
    if (!extent_place_ok(&r->s->id.geometry, row->unit, row->order))
        return misfit(r, e, row, "the extent lies outside of its volume");
    struct extent *last = p->extent_count ? p->extents[p->extent_count - 1] : NULL;
    if (last && row->base_off < last->base_off)
        return misfit(r, e, row, "the extent begins below the one before it");
    if (last && !last->sealed) {
        if (!extent_ends_at(r, last, row->len, row->pos))
            return misfit(r, e, row, "the extent before it ends elsewhere");
        last->data_bytes = row->len;
    }
    if (last)
        last->sealed = last->close_named = true;
    struct extent *x = extent_new(p, v, row->unit, row->order);
    x->id = row->extent;
    x->base_pos = p->head_pos = row->pos;
    x->base_off = row->base_off;
    p->next_off = max_u64(p->next_off, row->base_off);
    x->named = true;
    r->s->next_extent = max_u64(r->s->next_extent, x->id + 1);
    return ERR_OK;
}

static void extent_saw(struct part *p, const struct entry *e, const struct row *row)
{
    struct extent *x = part_extent_of(p, row->pos);
    if (!x || row->batch_at == NO_BATCH)
        return;
    x->max_time = max_i64(x->max_time, row->max_time);
    x->max_append = max_i64(x->max_append, e->time_ms);
}

static enum err row_inline(struct replay *r, const struct entry *e, const struct row *row,
                           const uint8_t *bytes, struct part *p, struct replay_part *rp)
{
    if (row->pos != p->head_pos)
        return misfit(r, e, row, "the bytes do not follow the partition's last byte");
    const struct extent *x = part_extent_of(p, row->pos);
    if (!x || x->sealed || row->pos + row->len > extent_limit(r->s, x))
        return misfit(r, e, row, "the bytes lie in no open extent");
    replay_piece_add(rp, &(struct replay_piece){ row->pos, row->len, row->batch_at, row->base_off,
                                                 row->next_off, row->max_time, bytes });
    extent_saw(p, e, row);
    p->head_pos = row->pos + row->len;
    p->next_off = max_u64(p->next_off, row->next_off);
    return ERR_OK;
}

static enum err row_direct(struct replay *r, const struct entry *e, const struct row *row,
                           struct part *p, struct replay_part *rp)
{
    uint64_t end = row->pos + row->len;
    if (end > rp->disk) {
        struct extent *x = part_extent_of(p, row->pos);
        if (row->pos != rp->disk)
            return misfit(r, e, row, "a hole before the run");
        if (!x || x->id != row->extent)
            return misfit(r, e, row, "the run lies in another extent");
        struct tile t = { .at = (uint32_t)(row->pos - x->base_pos),
                          .len = row->len,
                          .crc = row->crc,
                          .batch_at = row->batch_at,
                          .base_off = row->base_off,
                          .next_off = row->next_off,
                          .max_time = row->max_time };
        if (end > extent_limit(r->s, x) || !extent_tile_fits(r->s, x, &t))
            return misfit(r, e, row, "the run has no place in its extent");
        extent_tile_add(x, &t);
        rp->disk = end;
    }
    extent_saw(p, e, row);
    p->head_pos = max_u64(p->head_pos, end);
    p->next_off = max_u64(p->next_off, row->next_off);
    return ERR_OK;
}

static enum err row_close(struct replay *r, const struct entry *e, const struct row *row,
                          struct part *p)
{
    struct extent *x = p->extent_count ? p->extents[p->extent_count - 1] : NULL;
    if (!x || x->id != row->extent || row->pos != block_ceil(p->head_pos) ||
        !extent_ends_at(r, x, row->len, row->pos))
        return misfit(r, e, row, "the extent closed is not the open one");
    x->sealed = x->close_named = true;
    x->data_bytes = row->len;
    p->head_pos = row->pos;
    return ERR_OK;
}

/* After extents left at the old end: no frontier may lie below the first one that stays. */
static void moved(struct replay_part *rp, struct part *p)
{
    if (p->extent_count)
        rp->disk = max_u64(rp->disk, p->extents[0]->base_pos);
}

static enum err row_trim(struct replay *r, const struct entry *e, const struct row *row,
                         struct part *p, struct replay_part *rp)
{
    if (row->base_off > p->next_off)
        return misfit(r, e, row, "the log start lies beyond the log end");
    p->start_off = max_u64(p->start_off, row->base_off);
    extents_trim(p, p->start_off, 0);
    moved(rp, p);
    return ERR_OK;
}

static void row_epoch(const struct row *row, struct part *p)
{
    if (p->leader_epoch >= row->epoch && p->epoch_count)
        return;
    p->leader_epoch = row->epoch;
    part_epoch_push(p, (struct part_epoch){ row->epoch, row->base_off });
}

static enum err row_producer(struct replay *r, const struct entry *e, const struct row *row,
                             struct part *p)
{
    return producers_replay(p, &row->producer) == ERR_OK
               ? ERR_OK
               : misfit(r, e, row, "the producer's batch lies beyond the log end");
}

static enum err row_apply(struct replay *r, const struct entry *e, const struct row *row,
                          const uint8_t *bytes)
{
    struct store *s = r->s;
    struct replay_part *rp = replay_at(r, row->part);
    if (row->kind == ROW_ADD)
        return row_add(r, e, row);
    struct part *p = row->part < s->part_count ? s->parts[row->part] : NULL;
    if (!p)
        return misfit(r, e, row, "no such partition");
    switch (row->kind) {
    case ROW_DROP:
        replay_drop(r, p);
        return ERR_OK;
    case ROW_EXTENT:
        return row_extent(r, e, row, p);
    case ROW_CLOSE:
        return row_close(r, e, row, p);
    case ROW_INLINE:
        return row_inline(r, e, row, bytes, p, rp);
    case ROW_DIRECT:
        return row_direct(r, e, row, p, rp);
    case ROW_TRIM:
        return row_trim(r, e, row, p, rp);
    case ROW_EPOCH:
        row_epoch(row, p);
        return ERR_OK;
    case ROW_PRODUCER:
        return row_producer(r, e, row, p);
    default:
        return ERR_UNSUPPORTED;
    }
}

enum err replay_row(struct replay *r, const struct entry *e, const struct row *row,
                    const uint8_t *bytes)
{
    if (row->kind == ROW_OPEN || row->kind == ROW_SEAL)
        return ERR_OK;
    if (!number_ok(r, row))
        return misfit(r, e, row, "no partition can have that number");
    if (e->seq <= replay_at(r, row->part)->seq)
        return ERR_OK; /* the image's row has it */
    if (!r->loose)
        return row_apply(r, e, row, bytes);
    struct row fitted = *row;
    bool says = replay_fit(r, &fitted, &bytes);
    TRY(r->err);
    return says ? row_apply(r, e, &fitted, bytes) : ERR_OK;
}
