/* naming_part.c -- what an entry says of one partition, in pos order:
 *
 *   EPOCH    if this is its first append after an opening
 *   EXTENT   for each extent that no entry has named yet
 *   DIRECT   one row per tile up to the last direct run that the entry waits for; a tile that a
 *            checkpoint wrote behind comes along, so that recovery finds no hole before the run
 *            (docs/STORE.md A8)
 *   INLINE   the bytes from there to the end of a batch
 *   CLOSE    if that is the end of the last extent, and it was closed
 *   PRODUCER for each idempotent producer with batches among these: the newest five */
#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/log/checkpoint.h"
#include "engine/log/commit.h"
#include "engine/log/naming_in.h"
#include "engine/log/producer.h"
#include "engine/log/tail.h"

#define RUN_REST_BYTES \
    BLOCK_BYTES /* of the batch that a direct run ends in: they go inline, at most */
#define INLINE_QUANTUM (1u << 20) /* inline bytes of one partition in one entry: fairness */

bool close_due(const struct part *p)
{
    const struct extent *e = p->extent_count ? p->extents[p->extent_count - 1] : NULL;
    return e && e->sealed && !e->close_named;
}

/* System partitions may use the reserve of the ring: deleting a topic needs them. */
bool part_may_use_reserve(const struct part *p)
{
    return part_is_system(p) || (checkpoint_running(p->store) && part_issued_unnamed(p));
}

/* The end of a direct run whose last batch ends in the block after it: an entry may stop there. */
static bool run_ends_batch(const struct part *p, uint64_t end)
{
    uint32_t i = mark_find(p, end);
    uint64_t batch_end = i < p->mark_count ? mark_at(p, i)->pos : p->head_pos;
    return block_floor(batch_end) == end && batch_end > p->named_pos;
}

/* How far the entry names direct runs: those that have completed, so that it waits for none while
 * the disk goes on with the others; all of them when none has, or when a checkpoint waits for the
 * partition. */
static uint64_t direct_limit(const struct part *p)
{
    if (p->direct_end <= p->disk_pos || checkpoint_wants(p))
        return p->direct_end;
    for (uint32_t i = p->extent_count; i > 0; i--) {
        const struct extent *e = p->extents[i - 1];
        for (uint32_t t = e->tile_count; t > e->tile_from; t--) {
            const struct tile *tile = extent_tile(e, t - 1);
            uint64_t end = e->base_pos + tile->at + tile->len;
            if (end <= p->tiled_pos)
                return p->direct_end;
            if (end <= p->disk_pos && end < p->direct_end && run_ends_batch(p, end))
                return end;
        }
    }
    return p->direct_end;
}

/* Where this entry takes the partition: the end of a batch, as far as budget and direct runs let
 * it go. Returns named_pos when there is nothing to say. */
static uint64_t part_target(const struct build *b, const struct part *p, uint32_t rows)
{
    uint64_t from = max_u64(p->named_pos, b->direct_to);
    uint64_t left = min_u64(build_left(b) - rows * ROW_BYTES, INLINE_QUANTUM);
    bool little = node_linked(&p->direct_node) || (b->reserve && !part_is_system(p)) ||
                  b->direct_to < p->direct_end;
    if (!little && p->head_pos - from <= left)
        return p->head_pos;
    uint64_t best = from == p->named_pos ? from : 0;
    for (uint32_t i = mark_find(p, from); i < p->mark_count; i++) {
        uint64_t end = mark_at(p, i)->pos; /* the batch before it ends here, or a pad before */
        if (end - from > left)
            break;
        best = end;
        if (little)
            break; /* the rest goes out directly, or has to wait */
    }
    if (!best && p->head_pos - from <= left)
        best = p->head_pos;
    return best ? best : p->named_pos;
}

static void build_extent_row(struct build *b, const struct part *p, uint32_t i)
{
    struct extent *e = p->extents[i];
    const struct extent *prev = i ? p->extents[i - 1] : NULL;
    e->named = true;
    if (prev)
        p->extents[i - 1]->close_named = true;
    build_row(b, &(struct row){ .kind = ROW_EXTENT,
                                .part = p->number,
                                .pos = e->base_pos,
                                .base_off = e->base_off,
                                .extent = e->id,
                                .len = prev ? prev->data_bytes : 0,
                                .vol = e->vol->number,
                                .unit = e->unit,
                                .order = e->order });
}

/* A file whose runs the journal's sync does not make durable is synced itself (rule 3). */
static void commit_touch(struct store *s, const struct extent *e)
{
    bool raw = volume_unwritten(s, e->vol, e->unit);
    if (raw) {
        s->commit.raw = true;
        s->counts.runs_unwritten++;
        probe("commit names a run in unwritten space");
    }
    if (!e->vol->on_device) {
        s->commit.cached = true;
        probe("commit names a run that may be in a cache");
    }
    if ((raw && !pitfall(TRUST_UNWRITTEN)) || !e->vol->on_device)
        e->vol->commit_sync = true;
}

/* How many tiles no entry has named yet: the last ones. */
static uint32_t tiles_unsaid(const struct part *p, const struct extent *e)
{
    uint32_t i = e->tile_count;
    while (i > e->tile_from && e->base_pos + extent_tile(e, i - 1)->at >= p->tiled_pos)
        i--;
    return e->tile_count - i;
}

static uint32_t build_direct_rows(struct build *b, struct part *p, struct extent *e)
{
    uint32_t rows = 0;
    for (uint32_t i = e->tile_count - tiles_unsaid(p, e); i < e->tile_count; i++) {
        const struct tile *t = extent_tile(e, i);
        if (e->base_pos + t->at >= b->direct_to)
            break;
        build_row(b, &(struct row){ .kind = ROW_DIRECT,
                                    .part = p->number,
                                    .pos = e->base_pos + t->at,
                                    .base_off = t->base_off,
                                    .next_off = t->next_off,
                                    .max_time = t->max_time,
                                    .len = t->len,
                                    .crc = t->crc,
                                    .extent = e->id,
                                    .batch_at = t->batch_at });
        e->named_seq = b->s->journal.seq;
        commit_touch(b->s, e);
        rows++;
    }
    return rows;
}

static void build_inline_row(struct build *b, struct part *p, uint64_t from, uint64_t to)
{
    struct commit *c = &b->s->commit;
    struct mark_span span = mark_span(p, from, to);
    uint32_t len = (uint32_t)(to - from), crc = piece_crc_seed(p->number, from), done = 0;
    while (done < len) {
        uint8_t *at;
        uint64_t n = min_u64(tail_find(p, from + done, &at), len - done);
        check(n);
        crc = crc32c(crc, at, n);
        done += (uint32_t)n;
    }
    c->pieces[c->piece_count++] = (struct piece){ p, from, len };
    b->inline_bytes += len;
    build_row(b, &(struct row){ .kind = ROW_INLINE,
                                .part = p->number,
                                .pos = from,
                                .base_off = span.base_off,
                                .next_off = span.next_off,
                                .max_time = span.max_time,
                                .len = len,
                                .crc = crc,
                                .batch_at = span.batch_at });
}

/* Everything of it is named: nothing to say about it any more. */
static bool extent_said(const struct part *p, uint32_t i)
{
    const struct extent *e = p->extents[i];
    uint64_t end = extent_data_end(p, e);
    return e->named && end <= p->named_pos &&
           (p->direct_end <= p->tiled_pos || block_ceil(end) <= p->tiled_pos);
}

static uint32_t first_unsaid(const struct part *p)
{
    uint32_t i = p->extent_count;
    while (i > 0 && !extent_said(p, i - 1))
        i--;
    return i;
}

/* Rows that naming the partition takes beside those of its tiles and extents, at most. */
static uint32_t rows_beside(const struct part *p)
{
    return 2 + p->epoch_due + producers_rows(p); /* CLOSE, and one INLINE to spare */
}

/* Rows that naming the partition takes at most, with its direct runs up to direct_to. */
static uint32_t part_rows(const struct part *p, uint64_t direct_to)
{
    uint32_t rows = rows_beside(p);
    for (uint32_t i = first_unsaid(p); i < p->extent_count; i++) {
        const struct extent *e = p->extents[i];
        rows += 2; /* EXTENT and INLINE */
        for (uint32_t t = e->tile_count - tiles_unsaid(p, e); t < e->tile_count; t++)
            rows += e->base_pos + extent_tile(e, t)->at < direct_to;
    }
    return rows;
}

/* How far an entry with so few rows can name direct runs, at most to `most`: to the last place
 * where an entry may stop; tiled_pos: nowhere. Direct bytes are bounded while they are in flight,
 * not while they wait for an entry: a slow sync gathers more of them than one entry has rows. */
static uint64_t direct_fit(const struct part *p, uint64_t most, uint32_t rows)
{
    uint64_t best = p->tiled_pos;
    uint32_t used = rows_beside(p) + 2 * (p->extent_count - first_unsaid(p));
    for (uint32_t i = first_unsaid(p); i < p->extent_count; i++) {
        const struct extent *e = p->extents[i];
        for (uint32_t t = e->tile_count - tiles_unsaid(p, e); t < e->tile_count; t++) {
            uint64_t end = e->base_pos + extent_tile(e, t)->at + extent_tile(e, t)->len;
            if (end > most || ++used > rows)
                return best;
            if (run_ends_batch(p, end))
                best = end;
        }
    }
    return best;
}

/* Direct runs that are named and still in flight: the entry waits for them. */
static void wait_for_runs(struct store *s, struct part *p, uint64_t direct_to)
{
    list_each (&p->runs, n) {
        struct run *r = container_of(n, struct run, node);
        if (r->pos >= direct_to || pitfall(ACK_BEFORE_RUNS))
            return;
        check(!r->waited);
        r->waited = true;
        s->commit.waiting++;
    }
}

static void build_close_row(struct build *b, struct part *p)
{
    struct extent *e = p->extents[p->extent_count - 1];
    e->close_named = true;
    build_row(b, &(struct row){ .kind = ROW_CLOSE,
                                .part = p->number,
                                .pos = p->head_pos,
                                .extent = e->id,
                                .len = e->data_bytes });
}

static void producer_row_put(void *arg, const struct row *row)
{
    build_row(arg, row);
}

static void part_name(struct build *b, struct part *p, uint64_t to)
{
    uint64_t from = max_u64(p->named_pos, b->direct_to);
    uint32_t direct = 0;
    if (p->epoch_due)
        build_row(b, &(struct row){ .kind = ROW_EPOCH,
                                    .part = p->number,
                                    .epoch = p->leader_epoch,
                                    .base_off = p->epochs[p->epoch_count - 1].start_off });
    p->epoch_due = false;
    for (uint32_t i = first_unsaid(p); i < p->extent_count; i++) {
        struct extent *e = p->extents[i];
        uint64_t end = extent_data_end(p, e);
        if (e->base_pos > to)
            break;
        if (!e->named)
            build_extent_row(b, p, i);
        direct += build_direct_rows(b, p, e);
        uint64_t a = max_u64(from, e->base_pos), z = min_u64(to, end);
        if (a < z)
            build_inline_row(b, p, a, z);
    }
    if (to == p->head_pos && close_due(p))
        build_close_row(b, p);
    if (direct)
        wait_for_runs(b->s, p, b->direct_to);
    else
        b->s->commit.small = true;
    b->s->commit.dsync &= !direct || pitfall(DSYNC_BESIDE_DIRECT);
    p->tiled_pos = max_u64(p->tiled_pos, b->direct_to);
    p->commit_off = mark_span(p, from, to).next_off;
    p->named_pos = p->commit_pos = to;
    p->named_off = p->commit_off;
    producers_name(p, p->named_off, producer_row_put, b);
    marks_spent(p);
    tail_clean(p);
}

void build_part(struct build *b, struct part *p)
{
    struct store *s = b->s;
    b->direct_to = direct_limit(p);
    uint32_t left = build_left(b), rows = part_rows(p, b->direct_to);
    if (left < rows * ROW_BYTES + RUN_REST_BYTES && p->direct_end > p->tiled_pos) {
        probe("more direct runs than an entry has rows");
        b->direct_to = direct_fit(p, b->direct_to,
                                  (left - (uint32_t)min_u64(left, RUN_REST_BYTES)) / ROW_BYTES);
        rows = part_rows(p, b->direct_to);
    }
    if (left < rows * ROW_BYTES || (b->direct_to <= p->tiled_pos && p->direct_end > p->tiled_pos))
        return; /* stays dirty: next entry */
    uint64_t to = part_target(b, p, rows);
    node_unlink(&p->dirty_node);
    if (to <= p->named_pos && b->direct_to <= p->tiled_pos && !close_due(p)) {
        if (!node_linked(&p->direct_node) && p->head_pos > p->named_pos)
            list_push(&s->dirty, &p->dirty_node);
        return;
    }
    if (to < b->direct_to) { /* its last batch does not fit any more: next entry */
        list_push(&s->dirty, &p->dirty_node);
        return;
    }
    part_name(b, p, to);
    list_push(&s->commit.parts, &p->commit_node);
    bool rest = p->named_pos < p->head_pos && !node_linked(&p->direct_node);
    if (rest || p->direct_end > p->tiled_pos)
        list_push(&s->dirty, &p->dirty_node);
}
