/* replay_tail.c -- the end of replay: space map, then each partition's frontiers, tail and marks.
 *
 * What is not in extents yet comes from the image's slot (the partial block as it was then) and
 * from the pieces that entries carried since. It stays in memory as the normal tail of a running
 * partition: the next checkpoint writes it behind. An idle partition reads nothing. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/gap.h"
#include "engine/log/producer.h"
#include "engine/log/replay.h"
#include "engine/log/tail.h"

static enum err part_broken(struct replay *r, const struct part *p, const char *what)
{
    why_set(r->why, "partition %u: %s; run `shardlog check`", p->number, what);
    return ERR_CORRUPT;
}

/* ---- space ---- */

static enum err space_claim(struct replay *r)
{
    struct store *s = r->s;
    for (uint32_t i = 0; i < s->part_count; i++) {
        struct part *p = s->parts[i];
        for (uint32_t j = 0; p && j < p->extent_count; j++) {
            struct extent *e = p->extents[j];
            if (!volume_claim(s, e->vol, e->unit, e->order))
                return part_broken(r, p, "its extent overlaps another one");
        }
    }
    return ERR_OK;
}

static void numbers_free(struct store *s)
{
    for (uint32_t i = s->part_count; i > 0; i--)
        if (!s->parts[i - 1])
            part_number_give(s, i - 1);
}

/* CORRUPT when two partitions have one slot. */
static enum err slots_free(struct store *s)
{
    enum err err = ERR_OK;
    uint8_t *used;
    s->slot_next = 0;
    for (uint32_t i = 0; i < s->part_count; i++)
        if (s->parts[i] && s->parts[i]->slot != NO_SLOT && s->parts[i]->slot >= s->slot_next)
            s->slot_next = s->parts[i]->slot + 1;
    used = calloc(s->slot_next + 1, 1);
    check(used);
    for (uint32_t i = 0; i < s->part_count; i++)
        if (s->parts[i] && s->parts[i]->slot != NO_SLOT && used[s->parts[i]->slot]++)
            err = ERR_CORRUPT;
    for (uint32_t i = s->slot_next; i > 0; i--)
        if (!used[i - 1])
            slot_give(s, i - 1);
    free(used);
    return err;
}

/* ---- one tail ---- */

static void tail_paste(struct part *p, uint64_t pos, const uint8_t *from, uint64_t len)
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

/* ---- slots, read ahead: one at a time, 100,000 partitions would take many seconds ---- */

#define SLOTS_AHEAD 128u

struct slot_read {
    struct op op;
    uint32_t part;
};

struct slots_ahead {
    struct replay *r;
    struct slot_read reads[SLOTS_AHEAD]; /* a ring of `count`, in the order of partitions */
    uint8_t *blocks;                     /* one for each */
    uint32_t from, count, next;          /* next partition to look at */
};

/* The image has all of it: what is not in extents waits in its slot until somebody wants it. */
static bool part_rests(const struct part *p, const struct replay_part *rp)
{
    return !rp->count && p->head_pos == p->image_head;
}

/* Its tail begins in the slot that the image names, and goes on in the journal. */
static bool slot_wanted(const struct part *p, const struct replay_part *rp)
{
    uint64_t from = block_floor(p->image_head);
    return !part_rests(p, rp) && rp->disk == from && p->image_head > from;
}

static uint8_t *slot_block(struct slots_ahead *a, uint32_t i)
{
    return a->blocks + (size_t)i * BLOCK_BYTES;
}

static void slots_read(struct slots_ahead *a)
{
    struct store *s = a->r->s;
    for (; a->count < SLOTS_AHEAD && a->next < s->part_count; a->next++) {
        struct part *p = s->parts[a->next];
        if (!p || !slot_wanted(p, replay_at(a->r, p->number)))
            continue;
        uint32_t i = (a->from + a->count++) % SLOTS_AHEAD;
        a->reads[i].part = p->number;
        io_read(s->io, &a->reads[i].op, s->tails_fd, slot_block(a, i), BLOCK_BYTES,
                slot_place(p->slot, p->slot_side), NULL);
    }
}

/* Waits for the oldest one; its block stays valid until slots_read(). */
static enum err slot_next(struct slots_ahead *a, uint8_t **block, uint64_t *got)
{
    struct slot_read *x = &a->reads[a->from];
    enum err err = io_wait(a->r->s->io, &x->op);
    *block = slot_block(a, a->from);
    *got = x->op.got;
    a->from = (a->from + 1) % SLOTS_AHEAD;
    a->count--;
    return err;
}

static void slots_close(struct slots_ahead *a)
{
    uint8_t *block;
    uint64_t got;
    while (a->count)
        (void)slot_next(a, &block, &got);
    io_buffer_give(a->blocks);
    free(a);
}

static struct slots_ahead *slots_open(struct replay *r)
{
    struct slots_ahead *a = calloc(1, sizeof(*a));
    if (a && !(a->blocks = io_buffer_take(SLOTS_AHEAD * BLOCK_BYTES))) {
        free(a);
        return NULL;
    }
    if (a)
        a->r = r;
    return a;
}

/* The image's partial block; its bytes are the start of the tail. Lost ones stay zeros. */
static enum err tail_from_slot(struct slots_ahead *a, struct part *p, bool *lost)
{
    uint8_t *block;
    uint64_t from = block_floor(p->image_head), len = p->image_head - from, got;
    const struct extent *e = part_extent_of(p, from);
    check(a->count && a->reads[a->from].part == p->number);
    TRY(slot_next(a, &block, &got)); /* unreadable is not damaged: the next opening may read it */
    *lost = got != BLOCK_BYTES || !e || piece_crc(e->id, from, block, len) != p->slot_crc;
    if (*lost) {
        probe("a live tail slot is damaged");
        part_tail_damaged(p);
        TRY(gap_after_tiles(p, from));
    } else {
        tail_paste(p, from, block, len);
    }
    return ERR_OK;
}

/* A damaged piece, or what of it is not in extents. At the tail's start its bytes stay zeros, and
 * the marks begin behind it; elsewhere whole batches are lost, and gap batches stand for them. */
static enum err tail_without(struct part *p, const struct replay_part *rp,
                             const struct replay_piece *piece, uint64_t pos)
{
    probe("acknowledged bytes in the journal are damaged");
    gap_damaged(p, piece->base_off);
    uint64_t reaching = piece->batch_at && piece->base_off ? 1 : 0; /* a batch from before it */
    producers_forget(p, piece->base_off - reaching, piece->next_off);
    if (pos == rp->disk)
        return gap_after_tiles(p, pos);
    return gap_in_tail(p, pos, piece->pos + piece->len, piece->base_off, piece->next_off);
}

static enum err tail_from_pieces(struct replay *r, struct part *p, struct replay_part *rp,
                                 uint64_t at)
{
    for (uint32_t i = 0; i < rp->count; i++) {
        const struct replay_piece *piece = &rp->pieces[i];
        uint64_t skip = piece->pos < rp->disk ? min_u64(rp->disk - piece->pos, piece->len) : 0;
        uint64_t pos = piece->pos + skip;
        if (skip == piece->len)
            continue;
        const struct extent *gap = part_extent_of(p, pos - 1);
        bool padded =
            gap && gap->sealed && at >= gap->base_pos + gap->data_bytes && pos == block_ceil(at);
        if (pos != at && !padded)
            return part_broken(r, p, "a hole in its newest bytes");
        enum err err = ERR_OK;
        if (piece->at)
            tail_paste(p, pos, piece->at + skip, piece->len - skip);
        else
            err = tail_without(p, rp, piece, pos);
        if (err == ERR_CORRUPT)
            return part_broken(r, p, "a damaged piece of a batch in its newest bytes");
        TRY(err);
        at = pos + piece->len - skip;
    }
    return block_ceil(at) >= p->head_pos ? ERR_OK
                                         : part_broken(r, p, "its newest bytes are missing");
}

/* The first batch that begins at or after `from` in this piece; its end when there is none. A lost
 * piece has gap batches from its beginning on, or nothing at all. */
static uint64_t piece_first_batch(const struct replay_piece *piece, uint64_t from)
{
    uint64_t pos = piece->pos + piece->batch_at, end = piece->pos + piece->len;
    struct batch_info info;
    if (!piece->at)
        return piece->pos <= from ? end : piece->pos;
    while (pos < from && pos < end) {
        struct bytes left = { piece->at + (pos - piece->pos), end - pos };
        if (batch_peek(left, &info) != ERR_OK)
            return end;
        pos += info.bytes;
    }
    return pos;
}

static enum err tail_marks(struct replay *r, struct part *p, struct replay_part *rp, bool with_slot)
{
    enum err err = ERR_OK;
    uint64_t from = block_floor(p->image_head);
    if (with_slot && p->slot_batch_at != NO_SLOT_BATCH)
        err = marks_walk(p, from + p->slot_batch_at, p->image_head, INT64_MAX);
    for (uint32_t i = 0; i < rp->count && !err; i++) {
        const struct replay_piece *piece = &rp->pieces[i];
        uint64_t end = piece->pos + piece->len;
        if (piece->batch_at == NO_BATCH || end <= rp->disk)
            continue;
        uint64_t first = piece_first_batch(piece, rp->disk);
        if (first < end)
            err = marks_walk(p, first, end, piece->at ? piece->max_time : INT64_MIN);
    }
    return err ? part_broken(r, p, "its newest bytes are not batches") : ERR_OK;
}

static uint64_t marks_base(const struct part *p)
{
    return p->mark_count ? mark_at(p, 0)->off : p->next_off;
}

static enum err tail_build(struct replay *r, struct part *p, struct replay_part *rp,
                           struct slots_ahead *slots)
{
    bool with_slot = slot_wanted(p, rp), lost = false;
    TRY(tail_reserve(p, rp->disk, p->head_pos - rp->disk));
    if (with_slot)
        TRY(tail_from_slot(slots, p, &lost));
    if (lost)
        producers_forget(p, p->damaged_off, rp->count ? rp->pieces[0].base_off : p->next_off);
    if (!pitfall(REDO_DROPPED))
        TRY(tail_from_pieces(r, p, rp, with_slot ? p->image_head : rp->disk));
    tail_sum(p, rp->disk);
    return tail_marks(r, p, rp, with_slot && !lost);
}

static void frontiers_set(struct part *p, uint64_t disk)
{
    p->flight_pos = p->disk_pos = p->tiled_pos = disk;
    p->direct_end = 0;
    p->named_pos = p->synced_pos = p->commit_pos = p->head_pos;
    p->named_start = p->start_off;
    p->named_off = p->synced_off = p->written_off = p->commit_off = p->next_off;
}

static enum err part_finish(struct replay *r, struct part *p, struct slots_ahead *slots)
{
    struct replay_part *rp = replay_at(r, p->number);
    if (rp->disk > p->head_pos)
        return part_broken(r, p, "more of it is in extents than it holds");
    frontiers_set(p, rp->disk);
    if (rp->disk == p->head_pos) {
        p->tail_state = TAIL_IN;
    } else if (part_rests(p, rp)) {
        check(p->head_pos - rp->disk < BLOCK_BYTES);
        p->tail_state = TAIL_OUT;
    } else {
        TRY(tail_build(r, p, rp, slots));
    }
    p->mark_prev_end = marks_base(p);
    return ERR_OK;
}

enum err replay_finish(struct replay *r)
{
    struct store *s = r->s;
    enum err err = space_claim(r);
    struct slots_ahead *slots = slots_open(r);
    if (!slots)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->part_count && !err; i++) {
        slots_read(slots);
        if (s->parts[i])
            err = part_finish(r, s->parts[i], slots);
    }
    slots_close(slots);
    numbers_free(s);
    enum err shared = slots_free(s);
    if (shared && !err)
        why_set(r->why, "two partitions have one tail slot; run `shardlog check`");
    return err ? err : shared;
}
