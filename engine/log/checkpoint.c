/* checkpoint.c -- the machine of checkpoint.h. Growing the image file is image_file.c's. */
#include "engine/log/checkpoint.h"

#include <stdlib.h>

#include "engine/base/bits.h"
#include "engine/base/check.h"
#include "engine/log/capture.h"
#include "engine/log/commit.h"
#include "engine/log/producer.h"
#include "engine/log/tail.h"

#define SLICE_PARTS  512u /* partitions looked at per turn: about 100 us */
#define REST_NS      (2 * SEC_NS)
#define REST_SHARE   256u         /* of the ring */
#define FLIGHT_BYTES (512u << 10) /* in flight: commits beside a checkpoint wait for them */
#define FLIGHT_HASTE (8u << 20)   /* ... when the ring or somebody waits for the checkpoint */

bool checkpoint_running(const struct store *s)
{
    return s->ckpt != NULL;
}

/* When an idle store puts its partitions to rest, so that they need no memory and the next opening
 * has nothing to replay; UINT64_MAX: for what little the journal holds it is not worth it. */
static uint64_t rest_due_ns(const struct store *s)
{
    bool worth = journal_used(s) >= s->journal.ring / REST_SHARE && s->sealed && !commit_busy(s);
    return worth && list_empty(&s->dirty) ? s->last_commit_ns + REST_NS : UINT64_MAX;
}

/* Bytes of the ring from which on a checkpoint begins: half of it. What entries carry lies in the
 * tail, too, until a checkpoint has written it behind: so half of that, if it is less. */
static uint64_t ring_due(const struct store *s)
{
    return min_u64(s->journal.ring, s->opts.tail_bytes) / 2;
}

bool checkpoint_due(const struct store *s)
{
    return journal_used(s) >= ring_due(s) || s->want_checkpoint ||
           io_now_ns(s->io) >= rest_due_ns(s) ||
           (s->stop && list_empty(&s->dirty) && list_empty(&s->requests) && !commit_busy(s));
}

static bool nothing_new(const struct store *s)
{
    return s->stop && journal_used(s) == 0 && !s->want_image;
}

/* Never used before, not even by an image that a crash cut short: pages are told apart by their
 * generation, and those of two such images would be healed into one that never was. Since the live
 * image was written, each opening can have begun one other image at most. */
static uint64_t generation_next(const struct store *s)
{
    check(s->opening >= s->image_opening);
    return s->generation + 1 + 2 * (s->opening - s->image_opening); /* in the other region */
}

static void checkpoint_start(struct store *s)
{
    struct checkpoint *k = calloc(1, sizeof(*k));
    check(k);
    s->ckpt = k;
    k->store = s;
    list_init(&k->blocks);
    k->rest = io_now_ns(s->io) >= rest_due_ns(s);
    s->want_checkpoint = false;
    s->want_image = false;
    producers_expire(s);
    k->state = CKPT_CAPTURE;
    k->parts = s->part_count;
    k->build.head = (struct image_head){ .generation = generation_next(s),
                                         .opening = s->opening,
                                         .store_epoch = s->epoch,
                                         .seq = s->journal.seq,
                                         .ring_pos = journal_next_pos(s, s->journal.head_pos),
                                         .prev_crc = s->journal.prev_crc,
                                         .time_ms = io_wall_ms(s->io) };
    if (pitfall(IMAGE_OVER_LIVE))
        k->build.head.generation++;
    k->captured = bits_open(k->parts);
    if (pitfall(RECLAIM_AT_CUT))
        s->journal.free_pos = s->journal.head_pos;
}

void checkpoint_run_issued(struct store *s, struct extent *e, uint32_t len)
{
    s->ckpt->runs++;
    s->ckpt->run_bytes += len;
    e->vol->ckpt_sync |= volume_sync_due(s, e->vol, e->unit);
}

void checkpoint_run_done(struct store *s, uint32_t len)
{
    check(s->ckpt && s->ckpt->runs > 0 && s->ckpt->run_bytes >= len);
    s->ckpt->runs--;
    s->ckpt->run_bytes -= len;
    check(s->ckpt->runs || !s->ckpt->run_bytes);
}

/* May its rows be copied now? Not while issued bytes, or direct runs, are in no entry, which would
 * wait for them and sync them: naming_after() comes back. */
static bool part_ready(const struct part *p)
{
    return !part_issued_unnamed(p);
}

static bool captured(const struct checkpoint *k, uint32_t number)
{
    return bits_get(k->captured, number);
}

static void captured_set(struct checkpoint *k, uint32_t number)
{
    bits_set(k->captured, number);
    k->count++;
}

bool checkpoint_wants(const struct part *p)
{
    const struct checkpoint *k = p->store->ckpt;
    return k && k->state == CKPT_CAPTURE && p->number < k->parts && !captured(k, p->number);
}

bool checkpoint_now_or_never(const struct part *p)
{
    return checkpoint_wants(p) && p->direct_end > p->image_head;
}

void checkpoint_part(struct part *p)
{
    if (!part_ready(p) || p->tail_state == TAIL_LOADING)
        return;
    if (capture_part(p->store, p))
        captured_set(p->store->ckpt, p->number);
}

/* A number that no partition has: its row says since when. */
static void checkpoint_free_number(struct store *s, uint32_t number)
{
    capture_free(s, number);
    captured_set(s->ckpt, number);
}

/* Somebody waits for what the checkpoint frees, or nobody is disturbed by it. */
static bool haste(const struct store *s)
{
    return journal_used(s) >= s->journal.ring / 4 * 3 || !list_empty(&s->parked) || s->stop ||
           commit_quiet(s);
}

static bool writes_full(const struct store *s)
{
    const struct checkpoint *k = s->ckpt;
    uint64_t flight = k->run_bytes + (uint64_t)k->blocks_due * BLOCK_BYTES;
    return flight >= (haste(s) ? FLIGHT_HASTE : FLIGHT_BYTES);
}

/* Writes a long tail behind, a step at a time; true when what is left is one step. */
static bool behind_step(struct part *p)
{
    uint64_t to = block_floor(p->named_pos);
    if (p->tail_state != TAIL_IN || !part_ready(p) || to <= p->flight_pos + BEHIND_STEP)
        return true;
    part_issue(p, p->flight_pos + BEHIND_STEP, true);
    return false;
}

/* Looks at a slice of the partitions; true when every one is captured. */
static bool capture_slice(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    for (uint32_t n = 0; n < SLICE_PARTS && k->next < k->parts && !writes_full(s); n++) {
        struct part *p = s->parts[k->next];
        if (!captured(k, k->next) && p && !behind_step(p))
            continue;
        if (!captured(k, k->next) && !p)
            checkpoint_free_number(s, k->next);
        else if (!captured(k, k->next))
            checkpoint_part(p);
        if (!captured(k, k->next) && (k->growing || k->grow_retry_ns > io_now_ns(s->io)))
            return false;
        k->skipped |= !captured(k, k->next);
        k->next++;
    }
    if (k->next < k->parts)
        return false;
    if (k->skipped) { /* busy ones were passed over: look again */
        k->stalled = k->count == k->pass_count;
        k->pass_count = k->count;
        k->next = 0;
        k->skipped = false;
        return false;
    }
    return true;
}

static void ckpt_sync_done(struct store *s, struct op *op)
{
    if (op->err)
        store_poison(s, op, "syncing a checkpoint");
    s->ckpt->syncs--;
}

static void tails_sync_done(struct op *op)
{
    struct checkpoint *k = container_of(op, struct checkpoint, sync_op);
    ckpt_sync_done(k->store, op);
}

static void vol_sync_done(struct op *op)
{
    ckpt_sync_done(container_of(op, struct vol, ckpt_op)->store, op);
}

static void sync_start(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    k->state = CKPT_SYNC;
    if (pitfall(IMAGE_BEFORE_SYNC))
        return;
    k->syncs = 1;
    io_sync(s->io, &k->sync_op, s->tails_fd, tails_sync_done);
    for (uint32_t i = 0; i < s->vol_count; i++) {
        struct vol *v = s->vols[i];
        if (!v->ckpt_sync)
            continue;
        v->ckpt_sync = pitfall(TRUST_UNWRITTEN);
        if (v->ckpt_sync)
            continue;
        k->syncs++;
        io_sync(s->io, &v->ckpt_op, v->fd, vol_sync_done);
    }
}

/* The image is live: what it names is the truth to start from, and what came before it is free. */
static void checkpoint_finish(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    s->generation = k->build.head.generation;
    s->image_opening = k->build.head.opening;
    if (!pitfall(RECLAIM_AT_CUT))
        s->journal.free_pos = k->build.head.ring_pos;
    if (s->journal.head_pos < s->journal.free_pos)
        s->journal.head_pos = s->journal.free_pos; /* nothing came since, and the cut is the wrap */
    for (uint32_t i = 0; i < k->parts; i++)
        if (s->parts[i] && s->parts[i]->captured_in == s->generation)
            capture_live(s->parts[i]);
    if (k->rest)
        tail_pool_rest(s);
    s->producers_live = true;
    s->counts.checkpoints++;
    checkpoint_close(s);
    s->commit_vain = false; /* the ring has room again */
    slots_reap(s);
    parked_retry(s);
}

void checkpoint_close(struct store *s)
{
    if (!s->ckpt)
        return;
    capture_close(s);
    image_file_close(s);
    free(s->ckpt->captured);
    image_build_close(&s->ckpt->build);
    io_buffer_give(s->ckpt->pages);
    io_buffer_give(s->ckpt->file_head);
    free(s->ckpt);
    s->ckpt = NULL;
}

static void checkpoint_step(struct store *s)
{
    struct checkpoint *k = s->ckpt;
    switch (k->state) {
    case CKPT_CAPTURE:
        if (!capture_slice(s))
            return; /* parks: next turn, a write, naming_after() */
        k->max_seq = s->journal.seq - 1;
        k->starved = false; /* who wanted a slot was dropped */
        k->state = CKPT_FLUSH;
        return;
    case CKPT_FLUSH:
        if (k->runs || k->blocks_due || k->growing || s->synced_seq < k->max_seq)
            return; /* parks: run_done, capture's writes and growth, commit_finish */
        sync_start(s);
        return;
    case CKPT_SYNC:
        if (k->syncs)
            return; /* parks: the syncs' dones */
        k->state = CKPT_IMAGE;
        image_file_start(s);
        return;
    case CKPT_IMAGE:
        if (!image_file_done(s))
            return; /* parks: the image file's dones */
        checkpoint_finish(s);
        return;
    }
}

/* It waits for slots, nothing of it is on its way, and there are some now. */
static bool slots_came(const struct store *s)
{
    const struct checkpoint *k = s->ckpt;
    bool quiet = k && !k->runs && !k->blocks_due && !k->growing;
    return quiet && k->state == CKPT_CAPTURE && k->starved && slots_due(s);
}

/* A partition that was dropped since it was captured has its row in the image, with its slot: not
 * in that image may the slot be another one's. So all is captured once more: nothing of it is
 * known to recovery yet, nor in the image file. */
static void checkpoint_again(struct store *s)
{
    probe("a checkpoint that waits for slots begins anew with those of dropped partitions");
    checkpoint_close(s);
    slots_reap(s);
    s->want_checkpoint = s->want_image = true;
}

bool checkpoint_starved(const struct store *s)
{
    return s->ckpt && s->ckpt->starved;
}

uint64_t checkpoint_due_ns(const struct store *s)
{
    const struct checkpoint *k = s->ckpt;
    if (!k)
        return checkpoint_due(s) && !nothing_new(s) ? io_now_ns(s->io) : rest_due_ns(s);
    if (k->retry_ns || k->grow_retry_ns > io_now_ns(s->io))
        return max_u64(k->retry_ns, k->grow_retry_ns);
    bool slice = k->state == CKPT_CAPTURE && !writes_full(s) && !k->growing && !k->stalled;
    return slice ? io_now_ns(s->io) : UINT64_MAX;
}

void checkpoint_turn(struct store *s)
{
    if (!store_ok(s))
        return;
    if (slots_came(s))
        checkpoint_again(s);
    if (!s->ckpt && checkpoint_due(s) && !nothing_new(s))
        checkpoint_start(s);
    for (enum ckpt_state was = CKPT_CAPTURE; s->ckpt;) { /* on, as far as nothing has to complete */
        was = s->ckpt->state;
        checkpoint_step(s);
        if (!s->ckpt || s->ckpt->state == was)
            return;
    }
}
