/* naming.c -- fills an entry: first the requests, then partition by partition (naming_part.c), then
 * the requests that follow the bytes they speak of.
 *
 * Data leaves a part of the ring for rows that free space (docs/STORE.md B3), and both leave some
 * for the next openings (B9). */
#include "engine/log/naming_in.h"

#include "engine/base/check.h"
#include "engine/log/checkpoint.h"
#include "engine/log/commit.h"

#define DATA_ROOM_MIN (4 * BLOCK_BYTES) /* of the ring before its reserve: below it, data waits */
#define OPENINGS_KEPT 256ull            /* at most: in a small ring a sixteenth of it */

uint32_t build_left(const struct build *b)
{
    uint32_t used = ENTRY_HEADER_BYTES + b->s->commit.row_count * ROW_BYTES + b->inline_bytes;
    return used < b->max ? b->max - used : 0;
}

void build_row(struct build *b, const struct row *r)
{
    struct commit *c = &b->s->commit;
    check(c->row_count < c->row_cap);
    c->rows[c->row_count++] = *r;
}

/* ---- requests ---- */

/* Other requests for a partition that goes: those that wait end here, none keeps a pointer. They
 * came before its drop: after it, none is taken. */
static void requests_orphan(struct store *s, const struct part *p)
{
    list_each (&s->requests, n) {
        struct part_request *r = container_of(n, struct part_request, node);
        if (r->part == p) {
            r->part = NULL;
            request_finish(s, r, ERR_NOT_FOUND);
        }
    }
    list_each (&s->commit.requests, n) {
        struct part_request *r = container_of(n, struct part_request, node);
        if (r->part == p)
            r->part = NULL;
    }
}

static void drop_apply(struct store *s, struct part *p)
{
    requests_orphan(s, p);
    for (uint32_t i = 0; i < p->extent_count; i++)
        extent_drop(p->extents[i], s->journal.seq);
    p->extent_count = 0;
    part_free(p);
}

/* The row's effect on the tables, at the moment it is put into an entry. */
static void request_apply(struct store *s, struct part_request *r)
{
    struct part *p = r->part;
    switch (r->row.kind) {
    case ROW_ADD:
        p->add_seq = min_u64(p->add_seq, s->journal.seq);
        break;
    case ROW_DROP:
        r->part = NULL;
        drop_apply(s, p);
        break;
    default:
        check(false);
    }
}

/* Trims and closes follow the bytes that they speak of. */
static bool request_is_late(const struct part_request *r)
{
    return r->row.kind == ROW_CLOSE || r->row.kind == ROW_TRIM;
}

static void build_requests(struct build *b)
{
    struct store *s = b->s;
    list_each (&s->requests, n) {
        struct part_request *r = container_of(n, struct part_request, node);
        if (request_is_late(r))
            continue;
        if (build_left(b) < ROW_BYTES)
            return;
        node_unlink(n);
        list_push(&s->commit.requests, n);
        build_row(b, &r->row);
        request_apply(s, r);
    }
}

static void trim_apply(struct build *b, struct part_request *r)
{
    struct part *p = r->part;
    build_row(b, &r->row);
    p->named_start = max_u64(p->named_start, r->row.base_off);
    extents_trim(p, p->named_start, b->s->journal.seq);
    part_extents_moved(p);
}

/* A close is answered with the entry that carries its row, a trim with the one after whose bytes
 * it fits: the log start never lies beyond what is named. */
static void build_late_requests(struct build *b)
{
    list_each (&b->s->requests, n) {
        struct part_request *r = container_of(n, struct part_request, node);
        bool trim = r->row.kind == ROW_TRIM;
        if (!request_is_late(r) || build_left(b) < ROW_BYTES)
            continue;
        if (trim ? r->row.base_off > r->part->named_off : close_due(r->part))
            continue;
        if (trim)
            trim_apply(b, r);
        node_unlink(n);
        list_push(&b->s->commit.requests, n);
    }
}

/* ---- the entry ---- */

/* What every entry leaves of the ring for OPEN, a block for each opening: as long as the disk is
 * full, no checkpoint frees what the one before has used (docs/STORE.md B9). */
static uint64_t openings_reserve(const struct store *s)
{
    return min_u64(block_floor(s->journal.ring / 16), OPENINGS_KEPT * BLOCK_BYTES);
}

/* Where data ends: 1/8 is left for rows that free space, and in a small ring at least an entry,
 * that the wrap at the ring's end does not use up. */
static uint64_t data_end(const struct store *s)
{
    uint64_t keep = openings_reserve(s) + s->id.geometry.entry_max;
    uint64_t ring = s->journal.ring;
    return min_u64(s->journal.free_pos + ring - ring / 8, journal_end_max(s, keep));
}

/* Bytes that the ring has for an entry at ring_pos: up to what openings need for requests, less for
 * data. */
static uint32_t ring_room(const struct store *s, uint64_t ring_pos, bool data)
{
    uint64_t limit = data ? data_end(s) : journal_end_max(s, openings_reserve(s));
    if (ring_pos + 2 * BLOCK_BYTES > limit)
        return 0;
    return (uint32_t)min_u64(s->id.geometry.entry_max, limit - ring_pos);
}

static void build_parts(struct build *b)
{
    struct list later;
    list_init(&later);
    for (struct node *n; build_left(b) > 2 * ROW_BYTES && (n = list_first(&b->s->dirty));) {
        struct part *p = container_of(n, struct part, dirty_node);
        bool named_already = node_linked(&p->commit_node);
        if (named_already || (b->reserve && !part_may_use_reserve(p))) {
            node_unlink(n);
            list_push(&later, n);
            continue;
        }
        build_part(b, p);
        if (node_linked(&p->dirty_node)) { /* not done with it: behind the others, next entry */
            node_unlink(&p->dirty_node);
            list_push(&later, &p->dirty_node);
        }
    }
    for (struct node *n; (n = list_pop(&later));)
        list_push(&b->s->dirty, n);
}

bool naming_has_room(const struct store *s)
{
    return ring_room(s, journal_next_pos(s, s->journal.head_pos), true) >= DATA_ROOM_MIN;
}

bool naming_build(struct store *s, uint64_t ring_pos, bool seal)
{
    struct commit *c = &s->commit;
    uint32_t room = ring_room(s, ring_pos, false), data_room = ring_room(s, ring_pos, true);
    struct build b = { .s = s, .max = room };
    c->row_count = c->piece_count = c->waiting = 0;
    bool small = c->small;
    c->raw = c->small = false;
    c->cached = !s->journal.on_device;
    c->seal = seal;
    c->dsync = io_features(s->io).dsync;
    if (!room) {
        s->want_checkpoint = true;
        probe("journal full: even rows wait for a checkpoint");
        return false;
    }
    build_requests(&b);
    if (data_room < DATA_ROOM_MIN && !list_empty(&s->dirty)) {
        s->want_checkpoint = true;
        probe("journal at 7/8: data waits for a checkpoint");
        b.reserve = true;
    } else {
        b.max = data_room;
    }
    build_parts(&b);
    b.max = room;
    build_late_requests(&b);
    if (!c->row_count && (seal || !list_empty(&c->requests)))
        build_row(&b, &(struct row){ .kind = ROW_SEAL });
    if (!c->row_count)
        c->small = small; /* nothing was built */
    return c->row_count > 0;
}

void naming_after(struct store *s)
{
    list_each (&s->commit.parts, n) {
        struct part *p = container_of(n, struct part, commit_node);
        if (checkpoint_now_or_never(p))
            checkpoint_part(p);
    }
}
