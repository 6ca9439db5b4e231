/* grow.c -- the small machines of grow.h, but for zeroing: zero.c. */
#include "engine/log/grow.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/checkpoint.h"

#define VOL_TMP "vol.tmp"

void vol_name(char name[32], uint32_t number)
{
    snprintf(name, 32, "vol-%04u", number);
}

bool vol_number(const char *name, uint32_t *number)
{
    char again[32];
    if (sscanf(name, "vol-%u", number) != 1)
        return false;
    vol_name(again, *number);
    return strcmp(again, name) == 0;
}

/* ---- make ---- */

static void make_step(struct store *s);

static void vol_close(struct vol *v)
{
    if (v->fd >= 0)
        io_fd_close(v->store->io, v->fd);
    if (v->cache_fd > 0)
        io_fd_close(v->store->io, v->cache_fd);
    v->fd = -1;
    v->cache_fd = 0;
}

/* Ends without a volume. */
static void make_end(struct store *s)
{
    struct grower *g = s->grower;
    vol_close(g->making);
    vol_free(g->making);
    g->making = NULL;
    g->step = MAKE_NONE;
}

/* What was made of the file goes at once: it may have all that was left of the disk (docs/STORE.md
 * B10). */
static void make_no_space(struct store *s)
{
    probe("no space for a volume");
    make_end(s);
    s->full = true;
    s->grower->step = MAKE_UNDO;
    make_step(s);
    parked_retry(s); /* they are told */
}

static void make_failed(struct store *s, struct op *op)
{
    if (op->err == ERR_NO_SPACE && op->verb != IO_SYNC) {
        make_no_space(s);
        return;
    }
    make_end(s);
    store_poison(s, op, "making a volume file");
}

/* If there is no space even for that, the next try begins with it. */
static void make_undone(struct store *s, struct op *op)
{
    s->grower->step = MAKE_NONE;
    s->grower->retry_ns = io_now_ns(s->io) + SEC_NS;
    if (op->err && op->err != ERR_NOT_FOUND && op->err != ERR_NO_SPACE)
        store_poison(s, op, "removing what was made of a volume file");
}

bool space_left(const struct store *s, int fd, uint64_t bytes)
{
    struct io_stat st;
    return io_fd_stat(s->io, fd, &st) != ERR_OK || st.free_bytes >= bytes;
}

/* Asked of each file: one may be served unlike its neighbours. */
static bool on_device(const struct store *s, const struct io_stat *st)
{
    return s->journal.on_device && st->sync_covers_device && st->device == s->journal.device;
}

static void make_finish(struct store *s)
{
    struct grower *g = s->grower;
    struct io_stat st;
    bool known = io_fd_stat(s->io, g->making->fd, &st) == ERR_OK;
    g->making->on_device = known && on_device(s, &st);
    g->making->past_cache = known && st.past_cache;
    g->making->state = VOL_LIVE;
    vol_add(s, g->making);
    g->making = NULL;
    g->step = MAKE_NONE;
    s->full = false;
    s->counts.vols_made++;
    parked_retry(s);
}

static void make_done(struct op *op)
{
    struct grower *g = container_of(op, struct grower, make_op);
    struct store *s = g->store;
    if (g->step == MAKE_UNDO) {
        make_undone(s, op);
        return;
    }
    if (g->step == MAKE_OPEN && !op->err) {
        g->making->fd = (int)op->got;
        op->err = io_fd_lock(s->io, g->making->fd, 0);
    }
    if (op->err && !(g->step == MAKE_UNLINK && op->err == ERR_NOT_FOUND)) {
        make_failed(s, op);
        return;
    }
    if (s->poisoned) {
        make_end(s);
        return;
    }
    if (g->step == MAKE_DIR) {
        make_finish(s);
        return;
    }
    g->step++;
    if (g->step == MAKE_DIR && pitfall(NO_DIR_SYNC)) {
        make_finish(s);
        return;
    }
    make_step(s);
}

static void head_encode(struct store *s)
{
    struct grower *g = s->grower;
    struct identity id = s->id;
    id.kind = FILE_VOLUME;
    id.file_number = g->making->number;
    id.opening = g->making->opening;
    id.file_bytes = vol_bytes(&s->id.geometry);
    identity_encode(&id, g->head);
}

static void make_step(struct store *s)
{
    struct grower *g = s->grower;
    struct op *op = &g->make_op;
    struct vol *v = g->making;
    uint64_t bytes = vol_bytes(&s->id.geometry);
    switch (g->step) {
    case MAKE_NONE:
        return;
    case MAKE_UNLINK:
    case MAKE_UNDO:
        io_unlink(s->io, op, s->dir, VOL_TMP, make_done);
        return;
    case MAKE_OPEN:
        io_open_file(s->io, op, s->dir, VOL_TMP, IO_CREATE | IO_DIRECT, make_done);
        return;
    case MAKE_ALLOCATE:
        if (space_left(s, v->fd, bytes))
            io_allocate(s->io, op, v->fd, bytes, make_done);
        else
            make_no_space(s);
        return;
    case MAKE_HEAD:
        head_encode(s);
        io_write(s->io, op, v->fd, g->head, BLOCK_BYTES, 0, 0, make_done);
        return;
    case MAKE_SYNC:
        io_sync(s->io, op, v->fd, make_done);
        return;
    case MAKE_RENAME:
        io_rename(s->io, op, s->dir, VOL_TMP, v->name, make_done);
        return;
    case MAKE_DIR:
        io_sync(s->io, op, s->dir, make_done);
        return;
    }
}

static uint32_t free_slabs(const struct store *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->vol_count; i++)
        if (s->vols[i]->state == VOL_LIVE)
            n += s->vols[i]->free_slabs;
    return n;
}

static void make_turn(struct store *s)
{
    struct grower *g = s->grower;
    uint64_t one = vol_bytes(&s->id.geometry);
    if (g->step != MAKE_NONE || s->stopping)
        return;
    if (free_slabs(s) >= s->opts.zero_ahead) {
        if (!checkpoint_starved(s))
            s->full = false; /* what was given back while a volume was refused is enough */
        return;
    }
    if (io_now_ns(s->io) < g->retry_ns)
        return;
    if (s->opts.space_max && (s->vol_count + 1) * one > s->opts.space_max) {
        if (!s->full) {
            s->full = true;
            probe("space limit reached");
            parked_retry(s);
        }
        return;
    }
    g->making = vol_new(s, s->next_vol++);
    g->making->state = VOL_MAKING;
    g->step = MAKE_UNLINK;
    make_step(s);
}

/* ---- remove ---- */

static void remove_done(struct op *op)
{
    struct grower *g = container_of(op, struct grower, remove_op);
    struct store *s = g->store;
    if (op->err)
        store_poison(s, op, "removing a volume file");
    if (s->poisoned)
        return;
    if (!g->remove_syncing) {
        g->remove_syncing = true;
        io_sync(s->io, op, s->dir, remove_done);
        return;
    }
    g->remove_syncing = false;
    vol_close(g->removing);
    vol_remove(s, g->removing);
    g->removing = NULL;
    s->counts.vols_removed++;
    s->full = false;
}

/* Surplus: two whole volumes' worth of free slabs beyond the reserve, one of them untouched. Not
 * while a checkpoint runs: its rows may still name extents in it. */
static void retire_turn(struct store *s)
{
    uint32_t slabs = s->id.geometry.slabs;
    if (s->ckpt || s->stopping || free_slabs(s) < 2 * slabs + s->opts.zero_ahead)
        return;
    for (uint32_t i = 0; i < s->vol_count; i++) {
        struct vol *v = s->vols[i];
        if (v->state == VOL_LIVE && v->free_slabs == slabs && v != s->grower->zeroing) {
            v->state = VOL_RETIRING;
            v->retired_generation = s->generation + 1;
            return;
        }
    }
}

static void remove_turn(struct store *s)
{
    struct grower *g = s->grower;
    for (uint32_t i = 0; !g->removing && i < s->vol_count; i++) {
        struct vol *v = s->vols[i];
        bool syncing = v->commit_sync || v->ckpt_sync || v->commit_op.busy || v->ckpt_op.busy;
        if (v->state != VOL_RETIRING || s->generation < v->retired_generation || syncing)
            continue;
        g->removing = v;
        io_unlink(s->io, &g->remove_op, s->dir, v->name, remove_done);
    }
}

/* ---- all three ---- */

void volumes_turn(struct store *s)
{
    if (!store_ok(s) || s->opts.read_only)
        return;
    make_turn(s);
    spare_keep(s, false);
    zero_turn(s);
    retire_turn(s);
    remove_turn(s);
}

uint32_t volumes_next_number(const struct store *s)
{
    return s->grower->making ? s->grower->making->number : s->next_vol;
}

bool volumes_busy(const struct store *s)
{
    const struct grower *g = s->grower;
    return g->step != MAKE_NONE || g->zeroing || g->removing;
}

uint64_t volumes_due_ns(const struct store *s)
{
    bool waits = s->grower->step == MAKE_NONE && free_slabs(s) < s->opts.zero_ahead && !s->stopping;
    uint64_t retry = s->grower->retry_ns > io_now_ns(s->io) ? s->grower->retry_ns : UINT64_MAX;
    return min_u64(waits ? retry : UINT64_MAX, zero_due_ns(s));
}

void volumes_close(struct store *s)
{
    struct grower *g = s->grower;
    if (g) {
        if (g->making)
            vol_free(g->making);
        io_buffer_give(g->head);
        io_buffer_give(g->zeros);
        free(g);
        s->grower = NULL;
    }
    for (uint32_t i = 0; i < s->vol_count; i++) {
        vol_close(s->vols[i]);
        vol_free(s->vols[i]);
    }
    free(s->vols);
    s->vols = NULL;
    s->vol_count = 0;
}

/* ---- opening ---- */

struct vol_scan {
    struct store *s;
    const struct vol_row *rows;
    uint32_t n;
    uint32_t next_vol; /* of the image: numbers below it were used when it was written */
    bool vol_tmp, image_tmp;
};

static const struct vol_row *row_of(const struct vol_scan *scan, uint32_t number)
{
    for (uint32_t i = 0; i < scan->n; i++)
        if (scan->rows[i].number == number)
            return &scan->rows[i];
    return NULL;
}

static void vol_seen(const char *name, void *arg)
{
    struct vol_scan *scan = arg;
    uint32_t number;
    scan->vol_tmp |= strcmp(name, VOL_TMP) == 0;
    scan->image_tmp |= strcmp(name, IMAGE_TMP) == 0;
    if (!vol_number(name, &number))
        return;
    struct vol *v = vol_new(scan->s, number);
    v->state = VOL_LIVE;
    vol_add(scan->s, v);
    /* Left over by a removal that a crash interrupted: no image names it, and none will. */
    if (!row_of(scan, number) && number < scan->next_vol)
        v->state = VOL_RETIRING;
    if (number >= scan->s->next_vol) /* files come in any order */
        scan->s->next_vol = number + 1;
}

static enum err vol_open(struct store *s, struct vol *v, const struct vol_row *row, struct why *why)
{
    struct op op = { 0 };
    struct identity id;
    io_open_file(s->io, &op, s->dir, v->name, IO_DIRECT | (s->opts.read_only ? IO_READONLY : 0),
                 NULL);
    TRY(io_wait(s->io, &op));
    v->fd = (int)op.got;
    if (!s->opts.read_only && !pitfall(NO_LOCK))
        TRY(io_fd_lock(s->io, v->fd, s->opts.lock_wait_ns));
    io_read(s->io, &op, v->fd, s->grower->head, BLOCK_BYTES, 0, NULL);
    TRY(io_wait(s->io, &op));
    TRY(identity_decode(s->grower->head, &id, why));
    bool same = id.kind == FILE_VOLUME && id16_equal(id.store, s->id.store) &&
                id.file_number == v->number && (!row || row->opening == id.opening);
    if (!same) {
        why_set(why, "%s belongs to another store, number or age; put the right file back",
                v->name);
        return ERR_MISMATCH;
    }
    struct io_stat st;
    TRY(io_fd_stat(s->io, v->fd, &st));
    if (st.bytes < vol_bytes(&s->id.geometry)) {
        why_set(why, "%s has %llu bytes, not %llu; put the whole file back", v->name,
                (unsigned long long)st.bytes, (unsigned long long)vol_bytes(&s->id.geometry));
        return ERR_MISMATCH;
    }
    v->on_device = on_device(s, &st);
    v->past_cache = st.past_cache;
    v->opening = id.opening;
    for (uint32_t i = 0; row && i < s->id.geometry.slabs; i++)
        v->slabs[i].written = row->written >> i & 1;
    return ERR_OK;
}

/* What a crash left half made. */
static enum err tmp_unlink(struct store *s, const char *name)
{
    struct op op = { 0 };
    io_unlink(s->io, &op, s->dir, name, NULL);
    enum err err = io_wait(s->io, &op);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err volumes_open(struct store *s, const struct vol_row *rows, uint32_t n, struct why *why)
{
    struct vol_scan scan = { .s = s, .rows = rows, .n = n, .next_vol = s->next_vol };
    s->grower = calloc(1, sizeof(*s->grower));
    check(s->grower);
    s->grower->store = s;
    s->grower->head = io_buffer_take(BLOCK_BYTES);
    s->grower->zeros = s->opts.read_only ? NULL : io_buffer_take(ZERO_BYTES);
    check(s->grower->head);
    if (s->grower->zeros)
        memset(s->grower->zeros, 0, ZERO_BYTES);
    TRY(io_dir_list(s->io, s->dir, vol_seen, &scan));
    for (uint32_t i = 0; i < n; i++) {
        if (!volume_find(s, rows[i].number)) {
            why_set(why, "vol-%04u is missing: the image names it; put the file back",
                    rows[i].number);
            return ERR_MISMATCH;
        }
    }
    for (uint32_t i = 0; i < s->vol_count; i++)
        TRY(vol_open(s, s->vols[i], row_of(&scan, s->vols[i]->number), why));
    if (scan.vol_tmp && !s->opts.read_only)
        TRY(tmp_unlink(s, VOL_TMP));
    if (scan.image_tmp && !s->opts.read_only)
        TRY(tmp_unlink(s, IMAGE_TMP));
    return ERR_OK;
}
