/* capture.c -- what one partition gives to a checkpoint.
 *
 *   whole blocks    written behind, in large runs, each block once
 *   partial block   staged (its memory still changes) and written to the slot that the live image
 *                   does not name
 *   full index blocks of its extents, written once to the extents' index regions
 *   rows            as the last built entry left them; row.seq says which one that is
 *
 * Nothing here is known to recovery before the image is durable, so everything may be redone. */
#include "engine/log/capture.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/checkpoint.h"
#include "engine/log/producer.h"
#include "engine/log/tail.h"

#define INDEX_RUN_MAX 16u /* blocks that go to an index region in one write */

/* Blocks on their way to a slot or an index region. */
struct block_write {
    struct op op;
    struct node node; /* checkpoint.blocks */
    struct store *s;
    struct extent *pinned; /* index blocks: NULL for slots */
    uint8_t *blocks;
    uint32_t count;
};

static void block_done(struct op *op)
{
    struct block_write *w = container_of(op, struct block_write, op);
    struct store *s = w->s;
    if (op->err)
        store_poison(s, op, "writing a tail slot or an index block");
    if (w->pinned)
        extent_unpin(w->pinned);
    check(s->ckpt->blocks_due >= w->count);
    s->ckpt->blocks_due -= w->count;
    node_unlink(&w->node);
    io_buffer_give(w->blocks);
    free(w);
}

void capture_close(struct store *s)
{
    struct node *n;
    while ((n = list_pop(&s->ckpt->blocks))) {
        struct block_write *w = container_of(n, struct block_write, node);
        io_buffer_give(w->blocks);
        free(w);
    }
}

static struct block_write *blocks_new(struct store *s, uint32_t count)
{
    struct block_write *w = calloc(1, sizeof(*w));
    check(w);
    w->s = s;
    w->count = count;
    w->blocks = io_buffer_take((uint64_t)count * BLOCK_BYTES);
    check(w->blocks);
    memset(w->blocks, 0, (size_t)count * BLOCK_BYTES);
    s->ckpt->blocks_due += count;
    list_push(&s->ckpt->blocks, &w->node);
    return w;
}

/* ---- slots ---- */

static void slots_grown(struct op *op)
{
    struct checkpoint *k = container_of(op, struct checkpoint, grow_op);
    struct store *s = k->store;
    k->growing = false;
    k->starved = op->err == ERR_NO_SPACE;
    if (k->starved) {
        probe("no space for tail slots: the checkpoint waits");
        k->grow_retry_ns = io_now_ns(s->io) + SEC_NS;
        s->full = true;
        parked_retry(s); /* they are told */
    } else if (op->err) {
        store_poison(s, op, "growing the tails file");
    } else {
        s->slot_count = k->grow_slots;
        s->full = false;
    }
}

static void slots_grow(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    if (k->growing || io_now_ns(s->io) < k->grow_retry_ns)
        return;
    k->growing = true;
    k->grow_slots = s->slot_count + (s->slot_count > 64 ? s->slot_count / 2 : 32);
    io_allocate(s->io, &k->grow_op, s->tails_fd, slot_place(k->grow_slots, 0), slots_grown);
}

/* A pair of slots for p, or false while the file grows. */
static bool slot_take(struct store *s, struct part *p)
{
    if (p->slot != NO_SLOT)
        return true;
    if (s->free_slot_count) {
        p->slot = s->free_slots[--s->free_slot_count];
    } else if (s->slot_next < s->slot_count) {
        p->slot = s->slot_next++;
    } else {
        slots_grow(s);
        return false;
    }
    p->slot_side = 1; /* so that the first image names side 0 */
    return true;
}

static void slot_write(struct store *s, struct part *p, uint64_t from)
{
    const struct extent *e = part_extent_of(p, from);
    struct block_write *w = blocks_new(s, 1);
    uint32_t len = (uint32_t)(p->named_pos - from);
    check(e && tail_copy(p, from, w->blocks, len));
    p->next_slot_crc = piece_crc(e->id, from, w->blocks, len);
    p->slot_flips = !pitfall(SLOT_OF_LIVE_IMAGE);
    s->counts.slot_bytes += BLOCK_BYTES;
    s->counts.slot_flips++;
    io_write(s->io, &w->op, s->tails_fd, w->blocks, BLOCK_BYTES,
             slot_place(p->slot, p->slot_side ^ p->slot_flips), 0, block_done);
}

/* The partial block goes to a slot unless the live image's slot holds just these bytes. */
static bool partial_capture(struct store *s, struct part *p)
{
    uint64_t from = block_floor(p->named_pos);
    if (from == p->named_pos || (p->slot != NO_SLOT && p->image_head == p->named_pos))
        return true;
    if (!slot_take(s, p))
        return false;
    slot_write(s, p, from);
    return true;
}

/* ---- index ---- */

static void index_block_fill(const struct extent *e, uint32_t block, uint8_t *at)
{
    uint32_t from = block * TILES_PER_BLOCK;
    uint32_t to = (uint32_t)min_u64(from + TILES_PER_BLOCK, e->tile_count);
    for (uint32_t i = from; i < to; i++)
        tile_encode(extent_tile(e, i), at + (size_t)(i - from) * TILE_BYTES);
    page_seal(at, &(struct page_seal){ e->vol->store->id.store, e->id, block });
}

/* Neighbours in one write: those of an extent that was filled since the last checkpoint, one by
 * one, were as many writes as all commits of a tenth of a second. */
static void index_run_write(struct store *s, struct extent *e, uint32_t first, uint32_t count)
{
    struct block_write *w = blocks_new(s, count);
    for (uint32_t i = 0; i < count; i++)
        index_block_fill(e, first + i, w->blocks + (size_t)i * BLOCK_BYTES);
    w->pinned = e;
    e->pins++;
    e->vol->ckpt_sync |= volume_sync_due(s, e->vol, e->unit);
    io_write(s->io, &w->op, e->vol->fd, w->blocks, (uint64_t)count * BLOCK_BYTES,
             index_place(&s->id.geometry, e->unit, e->order, first), 0, block_done);
}

/* Full blocks of tiles go to the extent, the rest of them into the image itself. */
static void index_capture(struct store *s, struct extent *e, bool sealed)
{
    uint32_t blocks = e->tile_count / TILES_PER_BLOCK;
    if (sealed)
        blocks = (e->tile_count + TILES_PER_BLOCK - 1) / TILES_PER_BLOCK;
    for (uint32_t b = e->index_blocks; b < blocks; b += INDEX_RUN_MAX)
        index_run_write(s, e, b, (uint32_t)min_u64(INDEX_RUN_MAX, blocks - b));
    e->index_next = (uint16_t)blocks;
    uint32_t saved = (uint32_t)min_u64((uint64_t)blocks * TILES_PER_BLOCK, e->tile_count);
    if (saved < e->tile_count)
        image_build_tiles(&s->ckpt->build, e->id, extent_tile(e, saved), e->tile_count - saved);
}

/* ---- rows ---- */

static void extents_capture(struct store *s, struct part *p)
{
    for (uint32_t i = 0; i < p->extent_count; i++) {
        struct extent *e = p->extents[i];
        if (!e->named)
            continue; /* its EXTENT row comes in a later entry */
        bool sealed = e->sealed && e->close_named;
        index_capture(s, e, sealed);
        image_build_extent(&s->ckpt->build,
                           &(struct extent_row){ .id = e->id,
                                                 .base_pos = e->base_pos,
                                                 .base_off = e->base_off,
                                                 .max_time = e->max_time,
                                                 .max_append = e->max_append,
                                                 .part = p->number,
                                                 .vol = e->vol->number,
                                                 .unit = e->unit,
                                                 .order = e->order,
                                                 .sealed = sealed,
                                                 .index_blocks = e->index_next,
                                                 .tiles = e->tile_count,
                                                 .data_bytes = sealed ? e->data_bytes : 0 });
    }
}

/* Where in the partial block the first batch begins: recovery finds the others from there. */
static uint16_t slot_batch_at(const struct part *p)
{
    uint64_t from = block_floor(p->named_pos);
    if (p->tail_state != TAIL_IN)
        return p->slot_batch_at;
    struct mark_span span = mark_span(p, from, p->named_pos);
    return span.batch_at == NO_BATCH ? NO_SLOT_BATCH : (uint16_t)span.batch_at;
}

static void row_capture(struct store *s, struct part *p)
{
    bool partial = p->named_pos % BLOCK_BYTES != 0;
    uint32_t epochs = p->epoch_count - p->epoch_due;
    image_build_part(
        &s->ckpt->build,
        &(struct part_row){ .topic = p->topic,
                            .index = p->index,
                            .part = p->number,
                            .seq = s->journal.seq - 1,
                            .start_off = p->named_start,
                            .next_off = p->named_off,
                            .head_pos = p->named_pos,
                            .high_off = p->named_off,
                            .leader_epoch = epochs ? p->epochs[epochs - 1].epoch : 0,
                            .slot = p->slot,
                            .slot_crc = partial ? p->next_slot_crc : 0,
                            .slot_side = p->slot_side ^ p->slot_flips,
                            .slot_batch_at = partial ? slot_batch_at(p) : NO_SLOT_BATCH,
                            .state = p->damaged ? PART_DAMAGED : PART_LIVE,
                            .damaged_off = p->damaged_off });
    if (epochs)
        image_build_epochs(&s->ckpt->build, p->number, p->epochs, epochs);
    producers_capture(p, &s->ckpt->build.producers);
}

void capture_free(struct store *s, uint32_t number)
{
    image_build_part(&s->ckpt->build, &(struct part_row){ .part = number,
                                                          .state = PART_FREE,
                                                          .seq = s->journal.seq - 1,
                                                          .slot = NO_SLOT });
}

bool capture_part(struct store *s, struct part *p)
{
    if (p->add_seq >= s->journal.seq) { /* its ADD row comes in a later entry */
        capture_free(s, p->number);
        return true;
    }
    p->slot_flips = false;
    p->next_slot_crc = p->slot_crc;
    if (p->tail_state == TAIL_IN) {
        if (!partial_capture(s, p))
            return false;
        if (block_floor(p->named_pos) > p->flight_pos)
            part_issue(p, block_floor(p->named_pos), true);
    }
    p->captured_head = p->named_pos;
    p->captured_in = s->ckpt->build.head.generation;
    extents_capture(s, p);
    row_capture(s, p);
    return true;
}

/* ---- afterwards ---- */

/* Tiles that index blocks of the live image hold need no memory any more: sealed extents only. */
static void tiles_forget(struct extent *e)
{
    bool saved = e->index_blocks * TILES_PER_BLOCK >= e->tile_count;
    if (!e->sealed || !e->close_named || !saved || e->pins)
        return;
    free(e->tiles);
    e->tiles = NULL;
    e->tile_cap = 0;
    e->tile_from = e->tile_count;
}

/* A partition without news keeps little memory: its whole blocks are in extents, its last one in
 * its slot. When others wait for memory it keeps none, even if it waits itself: partly filled
 * chunks of many partitions could take all there is. */
static void tail_rest(struct part *p)
{
    bool wanted = !list_empty(&p->store->parked);
    bool idle = p->head_pos == p->image_head && p->tail_state == TAIL_IN &&
                (wanted || list_empty(&p->parked)) && list_empty(&p->acks) && list_empty(&p->runs);
    if (!idle || (!wanted && p->head_pos - tail_floor(p) > 2 * BLOCK_BYTES))
        return;
    p->slot_batch_at = slot_batch_at(p);
    tail_drop(p);
    if (p->head_pos % BLOCK_BYTES) {
        marks_drop(p, p->head_pos);
        p->tail_state = TAIL_OUT;
    }
}

void capture_live(struct part *p)
{
    p->image_head = p->captured_head;
    p->slot_side ^= p->slot_flips;
    p->slot_crc = p->next_slot_crc;
    p->tiled_pos = max_u64(p->tiled_pos, block_floor(p->captured_head));
    for (uint32_t i = 0; i < p->extent_count; i++) {
        p->extents[i]->index_blocks = p->extents[i]->index_next;
        tiles_forget(p->extents[i]);
    }
    tail_rest(p);
}
