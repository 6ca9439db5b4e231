/* append.c -- a batch enters: offset, tail, acknowledgement.
 *
 *   part_append    checks the store, then places the batch or parks it behind others
 *   append_place   judges the producer's sequence, makes room (tail, extent, tail memory), stamps
 *                  and copies the batch
 *   part_direct    sends whole blocks straight to the extent when there are enough of them
 *   part_acks      completes appends when their durability is reached, in order
 *
 * Parking is back-pressure: memory or space comes back by itself (a checkpoint, a new volume) and
 * parked_retry() goes on in order. Only a full disk or limit refuses, with NO_SPACE. */
#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/log/checkpoint.h"
#include "engine/log/commit.h"
#include "engine/log/naming.h"
#include "engine/log/producer.h"
#include "engine/log/tail.h"

#define DIRECT_RUN (256u << 10) /* bytes: where this kind of disk reaches its bandwidth */

#define SYNC_SLOW_NS MS_NS

enum placed { PLACED, PLACE_PARK, PLACE_FULL, PLACE_JUDGED };

void append_finish(struct append *a, enum err err)
{
    struct store *s = a->part->store;
    node_unlink(&a->node);
    a->err = err;
    bool bulk = !err && a->batch.len >= s->opts.direct_min;
    list_push(bulk ? &s->bulk_dones : &s->dones, &a->node);
}

void part_dirty(struct part *p)
{
    p->store->commit_vain = false;
    if (!node_linked(&p->dirty_node))
        list_push(&p->store->dirty, &p->dirty_node);
}

/* The smallest extent that holds the batch. */
static uint8_t order_least(const struct geometry *g, uint64_t len)
{
    uint8_t order = 0;
    while (extent_data_bytes(g, order) < len)
        order++;
    return order;
}

/* The next extent doubles the last one, and holds the batch in any case. */
static uint8_t order_for(const struct part *p, uint8_t least)
{
    uint8_t order = 0, max = extent_order_max(&p->store->id.geometry);
    if (p->extent_count)
        order = (uint8_t)(p->extents[p->extent_count - 1]->order + 1);
    order = order < max ? order : max;
    return order > least ? order : least;
}

void part_close_extent(struct part *p)
{
    struct extent *e = part_open_extent(p);
    if (!e)
        return;
    e->data_bytes = (uint32_t)(p->head_pos - e->base_pos);
    e->sealed = true;
    tail_pad(p);
}

/* Closes the open extent and starts one that holds the batch. */
static enum placed extent_roll(struct part *p, const struct append *a)
{
    struct store *s = p->store;
    struct vol *v;
    uint32_t unit;
    uint8_t least = order_least(&s->id.geometry, a->batch.len);
    uint8_t order = order_for(p, least);
    spare_keep(s, true);
    if (volume_take(s, least, &order, &v, &unit) != ERR_OK &&
        (!a->reserve || spare_take(s, least, &order, &v, &unit) != ERR_OK))
        return s->full ? PLACE_FULL : PLACE_PARK;
    part_close_extent(p);
    struct extent *e = extent_new(p, v, unit, order);
    e->id = s->next_extent++;
    e->base_pos = p->head_pos;
    e->base_off = p->next_off;
    s->counts.extents_used++;
    return PLACED;
}

/* The partition's first append after an opening starts a new leader epoch: offsets that a crash
 * took back may name other records now, and consumers can tell (docs/STORE.md A9). */
static void epoch_note(struct part *p, uint64_t off)
{
    if (p->leader_epoch == p->store->epoch || (pitfall(NO_STORE_EPOCH) && p->epoch_count))
        return;
    p->leader_epoch = p->store->epoch;
    part_epoch_push(p, (struct part_epoch){ p->leader_epoch, off });
    p->epoch_due = true;
}

static void batch_put(struct part *p, struct append *a)
{
    uint8_t head[16]; /* base offset, length, leader epoch: what the log stamps */
    memcpy(head, a->batch.at, sizeof(head));
    batch_stamp(head, a->base_off, p->leader_epoch);
    tail_put(p, head, sizeof(head), NULL);
    tail_put(p, a->batch.at + sizeof(head), a->batch.len - sizeof(head), a->sums);
}

/* No entry has room for it before a checkpoint ends that waits for space. What was placed before
 * waits with it; the rest of the ring is for metadata (docs/STORE.md B3). */
static bool ring_full(const struct part *p)
{
    const struct store *s = p->store;
    return checkpoint_starved(s) && !naming_has_room(s) && !part_is_system(p);
}

/* What it waits for comes with space alone. */
static enum placed place_later(const struct part *p)
{
    return p->store->full || checkpoint_starved(p->store) ? PLACE_FULL : PLACE_PARK;
}

/* It is in the log already: answered with where, as durable as it is by now. */
static enum err append_duplicate(const struct part *p, struct append *a,
                                 const struct producer_batch *old)
{
    uint64_t end = old->base_off + old->count;
    probe("append: a duplicate");
    a->duplicate = true;
    a->base_off = old->base_off;
    a->append_ms = old->append_ms;
    a->bought = end <= p->synced_off    ? DURABILITY_SYNCED
                : end <= p->written_off ? DURABILITY_WRITTEN
                                        : DURABILITY_MEMORY;
    return a->bought >= a->want ? ERR_OK : ERR_BUSY;
}

/* PLACED: to be placed. PLACE_JUDGED: a->err says why it is not. */
static enum placed append_judge(struct part *p, struct append *a, const struct producer_claim *c)
{
    struct producer_batch old;
    switch (producers_judge(p, c, &old)) {
    case PRODUCER_NEW:
        return PLACED;
    case PRODUCER_DUPLICATE:
        if (pitfall(FRONT_TAKE_AGAIN))
            return PLACED;
        a->err = append_duplicate(p, a, &old);
        return PLACE_JUDGED;
    case PRODUCER_SEQUENCE:
        a->err = ERR_SEQUENCE;
        return PLACE_JUDGED;
    case PRODUCER_FENCED:
        a->err = ERR_FENCED;
        return PLACE_JUDGED;
    case PRODUCER_WAIT:
        break;
    }
    probe("append: a producer waits for the next entry or image");
    return place_later(p);
}

static enum placed append_place(struct part *p, struct append *a)
{
    struct store *s = p->store;
    struct producer_claim claim;
    bool claimed = producer_claim(a, &claim);
    if (claimed && !a->at_off_set) {
        enum placed judged = append_judge(p, a, &claim);
        if (judged != PLACED)
            return judged;
    }
    if (ring_full(p)) {
        probe("append: the ring is full, and the checkpoint waits for space");
        return PLACE_FULL;
    }
    if (p->tail_state != TAIL_IN) {
        part_tail_load(p);
        return PLACE_PARK;
    }
    if (!tail_room(p, a->batch.len + BLOCK_BYTES)) {
        s->want_checkpoint = true;
        return a->reserve ? PLACE_PARK : place_later(p);
    }
    struct extent *e = part_open_extent(p);
    if (!e || !extent_takes(p, e, a->batch.len)) {
        enum placed rolled = extent_roll(p, a);
        if (rolled != PLACED)
            return rolled;
        e = part_open_extent(p);
    }
    a->base_off = a->at_off_set ? a->at_off : p->next_off;
    epoch_note(p, a->base_off);
    mark_push(p, (struct mark){ p->head_pos, a->base_off, a->base_off + a->count, a->max_time });
    int64_t now_ms = io_wall_ms(s->io); /* it may have waited since it was given its time */
    a->append_ms = a->timed ? a->max_time : now_ms;
    batch_put(p, a);
    if (claimed)
        producers_placed(p, &claim, a->base_off, a->append_ms);
    p->next_off = a->base_off + a->count;
    e->max_time = max_i64(e->max_time, a->max_time);
    e->max_append = max_i64(e->max_append, now_ms);
    a->end_pos = p->head_pos;
    a->end_off = p->next_off;
    s->counts.appends++;
    s->counts.append_bytes += a->batch.len;
    return PLACED;
}

/* Placed: wait for the durability wanted, or answer at once when memory is all that is wanted. */
static void append_placed(struct part *p, struct append *a)
{
    node_unlink(&a->node);
    a->borrowed = false;
    if (a->want == DURABILITY_MEMORY) {
        a->bought = DURABILITY_MEMORY;
        append_finish(a, ERR_OK);
    } else {
        list_push(&p->acks, &a->node);
    }
    part_dirty(p);
    part_direct(p);
}

/* Exactly one batch: the log finds the next one by this one's length. */
static bool append_whole(const struct append *a)
{
    struct batch_info info;
    return a->count && batch_peek(a->batch, &info) == ERR_OK && info.bytes == a->batch.len;
}

static enum err append_refusal(const struct part *p, const struct append *a)
{
    const struct store *s = p->store;
    if (s->poisoned)
        return ERR_POISONED;
    if (s->stopping || s->closed || s->opts.read_only)
        return ERR_CLOSED;
    if (p->dropped)
        return ERR_NOT_FOUND;
    if (p->damaged)
        return ERR_DAMAGED;
    if (a->batch.len > s->id.geometry.batch_max)
        return ERR_TOO_LARGE;
    if (!append_whole(a))
        return ERR_BAD_BATCH;
    uint64_t off = a->at_off_set ? a->at_off : p->next_off;
    if (off < p->next_off || off >= OFF_MAX - a->count)
        return ERR_OFFSET_RANGE;
    if (p->head_pos > POS_MAX - 2ull * EXTENT_MAX_HIGHEST)
        return ERR_LIMIT;
    return ERR_OK;
}

static void append_park(struct part *p, struct append *a)
{
    a->borrowed = true;
    if (!node_linked(&a->node))
        list_push(&p->parked, &a->node);
    if (!node_linked(&p->parked_node))
        list_push(&p->store->parked, &p->parked_node);
}

void part_append(struct part *p, struct append *a)
{
    a->part = p;
    a->node = (struct node){ 0 };
    a->borrowed = false;
    a->duplicate = false;
    enum err refused = append_refusal(p, a);
    if (refused != ERR_OK) {
        append_finish(a, refused);
        return;
    }
    enum placed placed = list_empty(&p->parked) ? append_place(p, a) : PLACE_PARK;
    a->sums = NULL;
    if (placed == PLACED)
        append_placed(p, a);
    else if (placed == PLACE_PARK)
        append_park(p, a);
    else
        append_finish(a, placed == PLACE_FULL ? ERR_NO_SPACE : a->err);
}

uint32_t part_append_phase(const struct part *p)
{
    return (uint32_t)(p->head_pos % BLOCK_BYTES);
}

/* Goes on with the parked appends of one partition, in order, until one has to wait again. */
static void part_unpark(struct part *p)
{
    while (!list_empty(&p->parked)) {
        struct append *a = container_of(list_first(&p->parked), struct append, node);
        enum err refused = append_refusal(p, a);
        enum placed placed = refused ? PLACED : append_place(p, a);
        if (placed == PLACE_PARK)
            return;
        if (refused || placed == PLACE_FULL)
            append_finish(a, refused ? refused : ERR_NO_SPACE);
        else if (placed == PLACE_JUDGED)
            append_finish(a, a->err);
        else
            append_placed(p, a);
    }
    node_unlink(&p->parked_node);
}

void parked_retry(struct store *s)
{
    list_each (&s->parked, n)
        part_unpark(container_of(n, struct part, parked_node));
}

/* Whole blocks with bytes that no entry has named yet. What small appends left in the journal does
 * not count: a checkpoint writes that behind, and a run that named it again would cost its commit a
 * sync. */
static uint64_t direct_waiting(const struct part *p)
{
    uint64_t from = max_u64(p->flight_pos, block_floor(p->named_pos)),
             to = block_floor(p->head_pos);
    return to > from ? to - from : 0;
}

/* How many more bytes may go out now. While small appends wait for commits, few are in flight,
 * since entries queue behind them, and few go out between two syncs, since a sync takes as long as
 * there is to flush: else one slow sync makes the next one slow. Unless the disk's own sync takes
 * so long that it would make no difference, or so much waits that care cannot keep up
 * (docs/STORE.md K1). */
static uint64_t direct_room(const struct part *p)
{
    const struct store *s = p->store;
    uint64_t most = s->opts.direct_flight, busy = s->direct_inflight;
    if (s->commit.small && s->commit.sync_ns < SYNC_SLOW_NS && direct_waiting(p) < most) {
        most /= 4;
        busy = max_u64(busy, s->direct_unsynced);
    }
    return busy < most ? most - busy : 0;
}

/* How far the partition's bytes may go out now: whole batches as the bound on bytes in flight lets
 * them, which keeps small commits quick beside a firehose (what is larger goes alone); and while
 * the disk has enough to do, a run waits to become DIRECT_RUN long, at half the cost of short ones.
 * flight_pos: not now. */
static uint64_t direct_target(const struct part *p)
{
    const struct store *s = p->store;
    uint64_t to = block_floor(p->head_pos), bytes = to - p->flight_pos;
    uint64_t busy = s->direct_inflight, room = direct_room(p);
    if (!naming_has_room(s) || (busy >= s->opts.direct_flight / 16 && bytes < DIRECT_RUN))
        return p->flight_pos;
    if (bytes <= room)
        return to;
    uint32_t i = room ? mark_find(p, p->flight_pos + room + 1) : 0;
    uint64_t end = i ? block_floor(mark_at(p, i - 1)->pos) : 0; /* of the last batch that fits */
    bool named = end < p->named_pos; /* bytes that entries carried: nobody counts on a cut there */
    if (end >= p->flight_pos + s->opts.direct_min && (!named || extent_takes_cut(p, end)))
        return end;
    return busy ? p->flight_pos : to;
}

/* Large runs go out when they arrive, with a bounded number of bytes in flight (docs/STORE.md K1).
 */
void part_direct(struct part *p)
{
    struct store *s = p->store;
    if (!store_ok(s))
        return;
    if (direct_waiting(p) < s->opts.direct_min) {
        if (p->head_pos > p->named_pos) /* it waited, and a checkpoint wrote its blocks behind */
            part_dirty(p);
        return;
    }
    uint64_t to = direct_target(p);
    if (to > p->flight_pos) {
        part_issue(p, to, false);
        p->direct_end = p->flight_pos;
        part_dirty(p);
        io_push(s->io);
    }
    bool rest = direct_waiting(p) >= s->opts.direct_min;
    if (rest && !node_linked(&p->direct_node))
        list_push(&s->direct_wait, &p->direct_node);
    else if (!rest)
        node_unlink(&p->direct_node);
}

void direct_retry(struct store *s)
{
    struct list waiting;
    list_init(&waiting);
    list_move(&waiting, &s->direct_wait); /* each once: those that wait again join anew */
    for (struct node *n; (n = list_pop(&waiting));)
        part_direct(container_of(n, struct part, direct_node));
}

/* Answers appends in order; a `written` one may pass a `synced` one that still waits. */
void part_acks(struct part *p)
{
    list_each (&p->acks, n) {
        struct append *a = container_of(n, struct append, node);
        bool synced = a->end_off <= p->synced_off;
        if (a->end_off > p->written_off)
            return;
        if (!synced && a->want != DURABILITY_WRITTEN)
            continue;
        a->bought = synced ? DURABILITY_SYNCED : DURABILITY_WRITTEN;
        append_finish(a, ERR_OK);
    }
}

/* After a trim: bytes below the first extent are gone, no frontier may point into them. */
void part_extents_moved(struct part *p)
{
    uint64_t base = p->extent_count ? p->extents[0]->base_pos : p->head_pos;
    if (p->flight_pos < base) {
        probe("trim passes bytes that were never written");
        p->flight_pos = base;
    }
    p->disk_pos = part_disk_pos(p);
    marks_drop(p, base);
    marks_spent(p);
    tail_clean(p);
}
