/* commit.c -- the group commit's machine: write, sync, answer. What goes into the entry is
 * decided in naming.c.
 *
 * Happy path
 *   - commit_turn() finds something to name, naming.c fills rows and pieces, the entry is encoded
 *   - the entry is written; the direct runs it names complete, in full
 *   - one sync of the journal, and of every volume that the journal's sync does not cover
 *   - watermarks move, appends and requests are answered, freed extents are reaped
 * Failure
 *   - any error poisons the store: nothing more is answered, nothing is retried */
#include "engine/log/commit.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/checkpoint.h"
#include "engine/log/naming.h"
#include "engine/log/tail.h"

#define QUIET_NS (5 * MS_NS)

enum err commit_open(struct store *s)
{
    struct commit *c = &s->commit;
    list_init(&c->parts);
    list_init(&c->requests);
    c->row_cap = (s->id.geometry.entry_max - ENTRY_HEADER_BYTES) / ROW_BYTES;
    c->buf = io_buffer_take(s->id.geometry.entry_max);
    c->rows = malloc((size_t)c->row_cap * sizeof(*c->rows));
    c->pieces = malloc((size_t)c->row_cap * sizeof(*c->pieces));
    return c->buf && c->rows && c->pieces ? ERR_OK : ERR_NO_MEMORY;
}

void commit_close(struct store *s)
{
    io_buffer_give(s->commit.buf);
    free(s->commit.rows);
    free(s->commit.pieces);
    s->commit = (struct commit){ 0 };
}

bool commit_busy(const struct store *s)
{
    return s->commit.state != COMMIT_IDLE;
}

bool commit_quiet(const struct store *s)
{
    return !commit_busy(s) && io_now_ns(s->io) >= s->last_commit_ns + QUIET_NS;
}

uint64_t journal_used(const struct store *s)
{
    return s->journal.head_pos - s->journal.free_pos;
}

/* An entry never crosses the ring's end; where it wraps follows from arithmetic alone. */
uint64_t journal_next_pos(const struct store *s, uint64_t pos)
{
    uint64_t in = pos % s->journal.ring;
    return in + s->id.geometry.entry_max > s->journal.ring ? pos - in + s->journal.ring : pos;
}

uint64_t journal_end_max(const struct store *s, uint64_t keep)
{
    uint64_t limit = s->journal.free_pos + s->journal.ring;
    uint64_t after = limit % s->journal.ring; /* free at the ring's start */
    if (after >= keep)
        return limit - keep;
    uint64_t last = limit - after - s->id.geometry.entry_max; /* where an entry begins before it */
    return last + BLOCK_BYTES - (keep - after);
}

/* ---- the end: watermarks and answers ---- */

/* All that entries have said of these partitions is durable. */
static void parts_finish(struct store *s)
{
    for (struct node *n; (n = list_pop(&s->commit.parts));) {
        struct part *p = container_of(n, struct part, commit_node);
        p->synced_pos = p->commit_pos;
        p->synced_off = max_u64(p->synced_off, p->commit_off);
        p->written_off = max_u64(p->written_off, p->commit_off);
        part_acks(p);
    }
}

static void commit_finish(struct store *s)
{
    struct commit *c = &s->commit;
    struct node *n;
    s->synced_seq = c->entry.seq;
    s->sealed = c->seal;
    s->last_commit_ns = io_now_ns(s->io);
    s->counts.commits++;
    c->state = COMMIT_IDLE;
    s->direct_unsynced = 0;
    parts_finish(s);
    while ((n = list_pop(&c->requests)))
        request_finish(s, container_of(n, struct part_request, node), ERR_OK);
    extents_reap(s, s->synced_seq);
    slots_reap(s);
}

/* The entry and the runs are complete but not durable yet: enough for `written`, unless a run lies
 * in blocks that a kernel crash would turn back into zeros, or something in a cache that it would
 * take along (docs/STORE.md E6). */
static void commit_written(struct store *s)
{
    struct commit *c = &s->commit;
    if (c->cached || (c->raw && !pitfall(WRITTEN_IN_UNWRITTEN)))
        return;
    list_each (&c->parts, n) {
        struct part *p = container_of(n, struct part, commit_node);
        p->written_off = max_u64(p->written_off, p->commit_off);
        if (pitfall(ACK_BEFORE_SYNC))
            p->synced_off = p->written_off;
        part_acks(p);
    }
}

/* ---- sync ---- */

static void sync_done(struct op *op);

static void sync_retry_pitfall(struct store *s, struct op *op)
{
    op->done = NULL;
    io_sync(s->io, op, op->fd, sync_done);
}

static void sync_step(struct store *s, struct op *op)
{
    struct commit *c = &s->commit;
    if (op->err && pitfall(RETRY_SYNC) && !s->poisoned) {
        sync_retry_pitfall(s, op);
        return;
    }
    if (op->err)
        store_poison(s, op, "syncing a commit");
    c->waiting--;
    if (!c->waiting && !s->poisoned) {
        c->sync_ns = io_now_ns(s->io) - c->sync_from_ns;
        commit_finish(s);
    }
}

static void sync_done(struct op *op)
{
    sync_step(container_of(op, struct store, commit.sync_op), op);
}

static void vol_sync_done(struct op *op)
{
    sync_step(container_of(op, struct vol, commit_op)->store, op);
}

static void commit_sync(struct store *s)
{
    struct commit *c = &s->commit;
    c->state = COMMIT_SYNC;
    c->sync_from_ns = io_now_ns(s->io);
    c->waiting = 1;
    io_sync(s->io, &c->sync_op, s->journal.fd, sync_done);
    s->counts.syncs++;
    for (uint32_t i = 0; i < s->vol_count; i++) {
        struct vol *v = s->vols[i];
        if (!v->commit_sync)
            continue;
        v->commit_sync = false;
        c->waiting++;
        s->counts.syncs++;
        io_sync(s->io, &v->commit_op, v->fd, vol_sync_done);
    }
}

/* ---- write ---- */

static void write_step(struct store *s)
{
    struct commit *c = &s->commit;
    if (c->waiting || s->poisoned)
        return;
    if (c->dsync) {
        commit_finish(s);
        return;
    }
    commit_written(s);
    commit_sync(s);
}

static void write_done(struct op *op)
{
    struct store *s = container_of(op, struct store, commit.write_op);
    if (op->err)
        store_poison(s, op, "writing a journal entry");
    s->commit.waiting--;
    write_step(s);
}

void commit_run_done(struct store *s)
{
    check(s->commit.state == COMMIT_WRITE && s->commit.waiting > 0);
    s->commit.waiting--;
    write_step(s);
}

static void commit_encode(struct store *s, uint64_t ring_pos)
{
    struct commit *c = &s->commit;
    uint8_t *at = c->buf + ENTRY_HEADER_BYTES;
    uint32_t inline_bytes = 0;
    for (uint32_t i = 0; i < c->row_count; i++, at += ROW_BYTES)
        row_encode(&c->rows[i], at);
    for (uint32_t i = 0; i < c->piece_count; i++) {
        const struct piece *piece = &c->pieces[i];
        check(tail_copy(piece->part, piece->pos, at, piece->len));
        at += piece->len;
        inline_bytes += piece->len;
    }
    c->entry = (struct entry){ .store = s->id.store,
                               .opening = s->opening,
                               .seq = s->journal.seq,
                               .ring_pos = ring_pos,
                               .len = entry_bytes(c->row_count, inline_bytes),
                               .rows = c->row_count,
                               .inline_bytes = inline_bytes,
                               .prev_crc = s->journal.prev_crc,
                               .store_epoch = s->epoch,
                               .time_ms = io_wall_ms(s->io) };
    memset(at, 0, (size_t)(c->buf + c->entry.len - at));
    entry_encode(&c->entry, s->id.key, c->buf);
}

/* Encodes what naming gathered, moves the journal's head, and starts the write. */
static void commit_start(struct store *s, uint64_t ring_pos)
{
    struct commit *c = &s->commit;
    commit_encode(s, ring_pos);
    s->counts.laps += ring_pos / s->journal.ring != s->journal.head_pos / s->journal.ring;
    s->journal.head_pos = ring_pos + c->entry.len;
    s->journal.prev_crc = c->entry.header_crc;
    s->journal.seq++;
    s->counts.entries++;
    s->counts.entry_bytes += c->entry.len;
    c->state = COMMIT_WRITE;
    c->waiting += 1;
    io_write(s->io, &c->write_op, s->journal.fd, c->buf, c->entry.len,
             BLOCK_BYTES + ring_pos % s->journal.ring, c->dsync ? IO_DSYNC : 0, write_done);
}

static bool seal_due(const struct store *s)
{
    return !s->sealed && io_now_ns(s->io) >= s->last_commit_ns + s->opts.seal_idle_ns;
}

void commit_turn(struct store *s)
{
    struct commit *c = &s->commit;
    if (c->state != COMMIT_IDLE || !store_ok(s))
        return;
    uint64_t ring_pos = journal_next_pos(s, s->journal.head_pos);
    bool work = !list_empty(&s->dirty) || !list_empty(&s->requests);
    bool seal = !work && seal_due(s);
    if (!naming_build(s, ring_pos, seal)) {
        parts_finish(s); /* nothing had to be said of them: a pad, or what a trim took meanwhile */
        if (seal)        /* the ring is full: a checkpoint is on its way */
            s->last_commit_ns = io_now_ns(s->io);
        s->commit_vain = work;
        return;
    }
    s->commit_vain = false;
    commit_start(s, ring_pos);
    naming_after(s);
}

static void opening_done(struct op *op)
{
    (void)op;
}

/* Of the ring everything is used, also what ring_room() keeps for openings: OPEN would overwrite
 * the entry where replay starts. Repair serves nobody, so it goes on without: its image, in a file
 * of its own, makes room. */
static enum err opening_unplaced(struct store *s, struct why *why)
{
    probe("journal full: no place for OPEN");
    if (s->opts.salvage) {
        s->unopened = true;
        s->synced_seq = s->journal.seq - 1; /* found_sync() */
        return ERR_OK;
    }
    why_set(why,
            "the journal has no place for one more opening: %llu of its %llu bytes are in use, and "
            "the checkpoint that would free them waited for disk space at every start before; "
            "nothing was written, nothing is lost: free disk space, then run `shardlog repair`",
            (unsigned long long)journal_used(s), (unsigned long long)s->journal.ring);
    return ERR_NO_SPACE;
}

enum err commit_opening_entry(struct store *s, struct why *why)
{
    struct commit *c = &s->commit;
    uint64_t ring_pos = journal_next_pos(s, s->journal.head_pos);
    if (ring_pos + entry_bytes(1, 0) > s->journal.free_pos + s->journal.ring)
        return opening_unplaced(s, why);
    c->row_count = 1;
    c->piece_count = 0;
    c->rows[0] = (struct row){ .kind = ROW_OPEN };
    commit_encode(s, ring_pos);
    io_write(s->io, &c->write_op, s->journal.fd, c->buf, c->entry.len,
             BLOCK_BYTES + ring_pos % s->journal.ring, 0, opening_done);
    if (pitfall(SERVE_BEFORE_OPEN)) {
        c->write_op.err = ERR_OK;
        (void)io_wait(s->io, &c->write_op);
    } else {
        TRY(io_wait(s->io, &c->write_op));
        uint64_t from_ns = io_now_ns(s->io);
        io_sync(s->io, &c->sync_op, s->journal.fd, opening_done);
        TRY(io_wait(s->io, &c->sync_op));
        s->report.sync_ns = io_now_ns(s->io) - from_ns;
    }
    s->synced_seq = c->entry.seq;
    s->journal.head_pos = ring_pos + c->entry.len;
    s->journal.prev_crc = c->entry.header_crc;
    s->journal.seq++;
    s->last_commit_ns = io_now_ns(s->io);
    s->sealed = false;
    return ERR_OK;
}
