/* store.c -- a store's life: open, turn, poison, stop, close. Making one is store_create.c's. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/log/capture.h"
#include "engine/log/checkpoint.h"
#include "engine/log/commit.h"
#include "engine/log/grow.h"
#include "engine/log/producer.h"
#include "engine/log/recovery.h"
#include "engine/log/tail.h"

#define DONES_MAX 256u /* answers of each kind in half a turn */
#define BULK_DONES_MAX                                                        \
    16u /* of large appends: their owners send the next ones, which cost time \
         */

/* ---- open ---- */

static void lists_open(struct store *s)
{
    struct list *lists[] = { &s->dirty,      &s->direct_wait,     &s->parked,        &s->dying,
                             &s->requests,   &s->dones,           &s->request_dones, &s->read_dones,
                             &s->find_dones, &s->bulk_dones,      &s->zombies,       &s->clean,
                             &s->run_pool,   &s->producers_by_use };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        list_init(lists[i]);
    list_init(&s->chunks_lent);
    for (uint32_t i = 0; i < CHUNK_ORDERS; i++)
        list_init(&s->chunk_pool[i]);
}

static void opts_default(struct store_opts *o, const struct geometry *g)
{
    o->tail_bytes = o->tail_bytes ? o->tail_bytes : MIB(512);
    o->tail_bytes = max_u64(o->tail_bytes, 4ull * g->batch_max);
    o->direct_min = o->direct_min ? o->direct_min : 32u << 10;
    o->direct_min = (uint32_t)min_u64(o->direct_min, g->entry_max / 4);
    o->direct_flight = o->direct_flight ? o->direct_flight : MIB(2);
    o->seal_idle_ns = o->seal_idle_ns ? o->seal_idle_ns : 50 * MS_NS;
    o->zero_ahead = o->zero_ahead ? o->zero_ahead : 2;
    o->producers_max = o->producers_max ? o->producers_max : PRODUCERS_STORE_DEFAULT;
    o->producer_expiry_ms = o->producer_expiry_ms ? o->producer_expiry_ms : PRODUCER_EXPIRY_DEFAULT;
}

/* The file is what its name says, and as long as its identity block says. */
static enum err file_fits(struct store *s, const char *name, int fd, enum file_kind kind,
                          const struct identity *id, struct why *why)
{
    struct io_stat st;
    TRY(io_fd_stat(s->io, fd, &st));
    if (id->kind == kind && st.bytes >= id->file_bytes)
        return ERR_OK;
    if (id->kind != kind)
        why_set(why, "%s is another file of a store by its identity block", name);
    else
        why_set(why, "%s has %llu bytes, its identity block says %llu", name,
                (unsigned long long)st.bytes, (unsigned long long)id->file_bytes);
    return ERR_MISMATCH;
}

static enum err file_open(struct store *s, const char *name, enum file_kind kind, int *fd,
                          struct identity *id, struct why *why)
{
    struct op op = { 0 };
    uint8_t *block = io_buffer_take(BLOCK_BYTES);
    if (!block)
        return ERR_NO_MEMORY;
    io_open_file(s->io, &op, s->dir, name, IO_DIRECT | (s->opts.read_only ? IO_READONLY : 0), NULL);
    enum err err = io_wait(s->io, &op);
    if (!err) {
        *fd = (int)op.got;
        if (!s->opts.read_only && !pitfall(NO_LOCK))
            err = io_fd_lock(s->io, *fd, s->opts.lock_wait_ns);
        if (err == ERR_LOCKED)
            why_set(why, "%s is held by another process (or by writes of one that was just killed)",
                    name);
    }
    if (!err) {
        io_read(s->io, &op, *fd, block, BLOCK_BYTES, 0, NULL);
        err = io_wait(s->io, &op);
        if (!err && op.got != BLOCK_BYTES)
            err = ERR_CORRUPT;
        if (!err)
            err = identity_decode(block, id, why);
        if (!err)
            err = file_fits(s, name, *fd, kind, id, why);
    }
    if (err == ERR_NOT_FOUND)
        why_set(why, "no store here: file %s is missing", name);
    io_buffer_give(block);
    return err;
}

static bool same_store(const struct identity *a, const struct identity *b)
{
    return id16_equal(a->store, b->store) &&
           memcmp(&a->geometry, &b->geometry, sizeof(a->geometry)) == 0;
}

static enum err files_open(struct store *s, struct why *why)
{
    struct identity image, tails;
    struct io_stat st;
    TRY(file_open(s, "journal", FILE_JOURNAL, &s->journal.fd, &s->id, why));
    TRY(file_open(s, "image", FILE_IMAGE, &s->image_fd, &image, why));
    TRY(file_open(s, "tails", FILE_TAILS, &s->tails_fd, &tails, why));
    if (!same_store(&s->id, &image) || !same_store(&s->id, &tails)) {
        why_set(why,
                "journal, image and tails belong to different stores; put the right files back");
        return ERR_MISMATCH;
    }
    if (identity_read_only(&s->id) && !s->opts.read_only) {
        why_set(why, "the store uses a feature that this version may only read");
        return ERR_UNSUPPORTED;
    }
    s->journal.ring = s->id.geometry.journal_bytes - BLOCK_BYTES;
    s->image_capacity = block_floor((image.file_bytes - BLOCK_BYTES) / 4);
    TRY(io_fd_stat(s->io, s->journal.fd, &st));
    s->journal.on_device = st.sync_covers_device;
    s->journal.device = st.device;
    TRY(io_fd_stat(s->io, s->tails_fd, &st));
    s->slot_count = (uint32_t)((st.bytes - BLOCK_BYTES) / (2 * BLOCK_BYTES));
    return ERR_OK;
}

enum err store_open(struct store **out, struct io *io, int dir, const struct store_opts *opts,
                    struct why *why)
{
    struct store *s = calloc(1, sizeof(*s));
    *out = NULL;
    why_set(why, "%s", "");
    if (!s)
        return ERR_NO_MEMORY;
    uint64_t started = io_now_ns(io);
    s->io = io;
    s->dir = dir;
    s->opts = *opts;
    s->opts.lock_wait_ns = opts->lock_wait_ns ? opts->lock_wait_ns : 10 * SEC_NS;
    s->journal.fd = s->image_fd = s->tails_fd = -1;
    lists_open(s);
    enum err err = files_open(s, why);
    if (!err) {
        opts_default(&s->opts, &s->id.geometry);
        err = arena_open(&s->arena, s->opts.tail_bytes);
    }
    if (!err)
        err = commit_open(s);
    if (!err)
        err = recovery_run(s, why);
    if (err) {
        if (why && !why->text[0])
            why_set(why, "opening the store: %s; run `shardlog check`", err_text(err));
        store_close(&s);
        return err;
    }
    s->want_checkpoint = s->want_image = !s->producers_live; /* an older version's: raised first */
    s->report.parts = s->part_map.count;
    for (uint32_t i = 0; i < s->part_count; i++)
        s->report.parts_damaged += s->parts[i] && s->parts[i]->damaged;
    s->report.open_ns = io_now_ns(io) - started;
    *out = s;
    return ERR_OK;
}

/* ---- poison ---- */

void store_poison(struct store *s, const struct op *op, const char *what)
{
    if (s->poisoned)
        return;
    probe("store poisoned");
    s->poisoned = true;
    why_set(&s->poison_why, "%s failed: %s (errno %d); restart to recover", what, err_text(op->err),
            op->sys);
    for (uint32_t i = 0; i < s->part_count; i++)
        if (s->parts[i])
            part_poison(s->parts[i]);
    struct node *n;
    while ((n = list_first(&s->requests)))
        request_finish(s, container_of(n, struct part_request, node), ERR_POISONED);
    while ((n = list_first(&s->commit.requests)))
        request_finish(s, container_of(n, struct part_request, node), ERR_POISONED);
}

bool store_poisoned(const struct store *s, struct why *why)
{
    if (s->poisoned && why)
        *why = s->poison_why;
    return s->poisoned;
}

/* ---- turn ---- */

/* Callbacks run from here only, never inside the call that caused them; what they start is run in
 * the next turn, and so are those beyond `max`. True when any ran. */
static bool dones_run(struct list *dones, uint32_t max, void (*run)(struct node *n))
{
    const struct node *last = dones->head.prev;
    uint32_t ran = 0;
    for (bool end = false; !end && ran < max && !list_empty(dones); ran++) {
        struct node *n = list_pop(dones);
        end = n == last;
        run(n);
    }
    return ran > 0;
}

static void request_run(struct node *n)
{
    struct part_request *r = container_of(n, struct part_request, node);
    r->done(r);
}

static void append_run(struct node *n)
{
    struct append *a = container_of(n, struct append, node);
    a->done(a);
}

static void read_run(struct node *n)
{
    struct read *r = container_of(n, struct read, node);
    r->done(r);
}

static void find_run(struct node *n)
{
    struct time_find *f = container_of(n, struct time_find, node);
    f->done(f);
}

static bool store_answer(struct store *s)
{
    bool any = dones_run(&s->request_dones, DONES_MAX, request_run);
    any |= dones_run(&s->dones, DONES_MAX, append_run);
    any |= dones_run(&s->read_dones, DONES_MAX, read_run);
    return dones_run(&s->find_dones, DONES_MAX, find_run) || any;
}

static bool dones_waiting(const struct store *s)
{
    return !list_empty(&s->dones) || !list_empty(&s->bulk_dones) ||
           !list_empty(&s->request_dones) || !list_empty(&s->read_dones) ||
           !list_empty(&s->find_dones);
}

/* The journal has all that was placed, and whoever waited for that was answered. A partition whose
 * bytes wait to go out directly is not dirty. */
static bool all_named(const struct store *s)
{
    for (uint32_t i = 0; i < s->part_count; i++) {
        const struct part *p = s->parts[i];
        if (p && (p->named_pos < p->head_pos || !list_empty(&p->acks) || !list_empty(&p->parked)))
            return false;
    }
    return true;
}

/* A last checkpoint that finds no space is not waited for: the journal has all that it would
 * write. Where its ring has no room for what is queued, there is nothing but to wait for space. */
static bool stop_ready(const struct store *s)
{
    if (s->poisoned) /* its machines stand still where they were: what is in flight tells */
        return io_inflight_files(s->io) == 0;
    if (!list_empty(&s->dirty) || !list_empty(&s->requests) || commit_busy(s) || volumes_busy(s))
        return false;
    bool rests =
        checkpoint_starved(s) ? io_inflight_files(s->io) == 0 : !s->ckpt && journal_used(s) == 0;
    return rests && all_named(s);
}

static void stop_turn(struct store *s)
{
    struct store_stop *stop = s->stop;
    if (!stop || dones_waiting(s) || !stop_ready(s))
        return;
    s->stop = NULL;
    s->closed = true;
    stop->err = s->poisoned ? ERR_POISONED : ERR_OK;
    stop->done(stop);
}

/* Those who were answered may send the next append at once: the next commit waits a turn for them,
 * or a client that waits for each answer would just miss every other commit. */
static bool commit_may_start(struct store *s, bool answered)
{
    s->commit_later = answered && !s->commit_later && !commit_busy(s);
    return !s->commit_later;
}

void store_turn(struct store *s)
{
    bool answered = store_answer(s);
    budget_wake(s->opts.reads);
    if (!list_empty(&s->parked))
        parked_retry(s);
    if (!list_empty(&s->direct_wait))
        direct_retry(s);
    if (!s->opts.read_only) {
        if (commit_may_start(s, answered))
            commit_turn(s);
        checkpoint_turn(s);
        volumes_turn(s);
    }
    if (!list_empty(&s->dying))
        extents_reap(s, s->synced_seq);
    store_answer(s);
    if (!s->commit_later)
        dones_run(&s->bulk_dones, BULK_DONES_MAX, append_run);
    stop_turn(s);
}

uint64_t store_due_ns(const struct store *s)
{
    if (dones_waiting(s) || s->commit_later || budget_due(s->opts.reads))
        return io_now_ns(s->io);
    if (!store_ok(s) || s->opts.read_only)
        return UINT64_MAX;
    if (!commit_busy(s) && !s->ckpt && !s->commit_vain &&
        (!list_empty(&s->dirty) || !list_empty(&s->requests)))
        return io_now_ns(s->io);
    uint64_t due = min_u64(volumes_due_ns(s), checkpoint_due_ns(s));
    bool idle = !commit_busy(s) && list_empty(&s->dirty) && list_empty(&s->requests);
    if (!s->sealed && idle) /* with work that waits, whoever ends the waiting is an event */
        due = min_u64(due, s->last_commit_ns + s->opts.seal_idle_ns);
    return due;
}

void store_stop(struct store *s, struct store_stop *stop)
{
    check(!s->stop && !s->closed);
    s->stop = stop;
    s->stopping = true;
}

/* ---- close ---- */

void store_close(struct store **out)
{
    struct store *s = *out;
    struct node *n;
    if (!s)
        return;
    *out = NULL;
    s->closed = true;
    checkpoint_close(s);
    for (uint32_t i = 0; i < s->part_count; i++)
        if (s->parts[i])
            part_abandon(s->parts[i]);
    while ((n = list_first(&s->zombies)))
        part_memory_free(container_of(n, struct part, dirty_node));
    while ((n = list_pop(&s->dying)))
        extent_free(container_of(n, struct extent, node));
    tail_pool_close(s);
    while ((n = list_pop(&s->run_pool)))
        free(container_of(n, struct run, node));
    if (s->grower)
        volumes_close(s);
    commit_close(s);
    int fds[] = { s->journal.fd, s->image_fd, s->tails_fd };
    for (uint32_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            io_fd_close(s->io, fds[i]);
    map_close(&s->part_map);
    map_close(&s->producer_map);
    free(s->parts);
    free(s->free_numbers);
    free(s->free_slots);
    free(s->gone_slots);
    free(s);
}

/* ---- facts ---- */

const struct store_report *store_report(const struct store *s)
{
    return &s->report;
}

const struct identity *store_identity(const struct store *s)
{
    return &s->id;
}

uint64_t store_memory_bytes(const struct store *s)
{
    return s->opts.tail_bytes + s->id.geometry.entry_max + ZERO_BYTES;
}

uint64_t store_opening(const struct store *s)
{
    return s->opening;
}

uint32_t store_epoch(const struct store *s)
{
    return s->epoch;
}

struct store_counts store_counts(const struct store *s)
{
    struct store_counts c = s->counts;
    c.producers = s->producer_map.count;
    c.producer_bytes =
        s->producer_bytes + (uint64_t)s->producer_map.slot_count * sizeof(struct map_slot);
    c.tail_bytes = s->tail_used;
    c.journal_used = journal_used(s);
    c.space_bytes = s->vol_count * vol_bytes(&s->id.geometry);
    for (uint32_t i = 0; i < s->vol_count; i++)
        c.space_free_bytes += (uint64_t)s->vols[i]->free_slabs * s->id.geometry.extent_max;
    return c;
}
