/* sim_io.c -- the simulator behind io_in.h: an attempt becomes a flight, a landed flight an answer.
 *
 * Happy path
 *   - start: the flight captures the bytes of a write, draws its latency and leaves
 *   - the world steps: the flight lands, takes effect, and waits on `landed`
 *   - turn: every landed flight is reported, in the order of landing
 *
 * Drawn at the start: EINTR and EAGAIN without effect; EIO, for writes after a prefix of any
 * number of sectors; short reads and writes of whole blocks; slow and stuck I/O. Ordered faults
 * (sim_fault, sim_watch) come first. ENOSPC on overwrite, as on thin volumes, comes by order only.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/io/sim_in.h"

#define STUCK_NS (30 * SEC_NS)
#define PUNT_NS  (MS_NS / 2) /* an extra hand inside the kernel must take over */

static void raw_start(struct io *io, struct op *op);
static void raw_turn(struct io *io, uint64_t wait_ns);
static void raw_clock(struct io *io);
static uint64_t raw_random(struct io *io);
static void raw_wake(struct io *io);
static void raw_close(struct io *io);

static const struct io_raw sim_raw = {
    .start = raw_start,
    .turn = raw_turn,
    .clock = raw_clock,
    .random = raw_random,
    .wake = raw_wake,
    .shutdown = sim_socket_shutdown,
    .close = raw_close,
};

static struct sim_io *sim_io_of(const struct io *io)
{
    return container_of(io, struct sim_io, io);
}

enum err io_open(struct io **out, const struct io_opts *opts)
{
    check(opts && opts->node);
    struct sim_node *node = opts->node;
    if (node->dead)
        return ERR_DEAD;
    struct sim_io *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NO_MEMORY;
    s->node = node;
    s->deadline_ns = SIM_NEVER;
    list_init(&s->landed);
    list_push(&node->sim->ios, &s->in_sim);
    io_common_open(&s->io, &sim_raw, opts);
    s->io.features = (struct io_features){
        .dsync = !io_masked("dsync"),
        .direct = !io_masked("direct"),
        .fallocate = !io_masked("fallocate"),
        .page_cache = !io_masked("page_cache"),
        .large_pages = !io_masked("large_pages"),
    };
    s->io.direct_hidden = !s->io.features.direct;
    raw_clock(&s->io);
    *out = &s->io;
    return ERR_OK;
}

static void raw_close(struct io *io)
{
    struct sim_io *s = sim_io_of(io);
    check(list_empty(&s->landed) && !s->answered.head);
    node_unlink(&s->in_sim);
    free(s);
}

/* ---- starting ---- */

static bool op_misaligned(const struct op *op)
{
    struct io_part part = io_rest(op);
    return ((uintptr_t)part.at | part.len | part.pos) % BLOCK_BYTES != 0;
}

/* What the kernel refuses before it asks the disk: an errno, or 0. */
static int op_fault(const struct sim_io *s, const struct op *op, struct sim_fd **out)
{
    enum io_verb verb = op_step(op);
    struct sim_fd *fd = *out = sim_fd_get(s->node, op->fd);
    if (!fd || !fd->inode)
        return EBADF;
    bool names = verb == IO_OPEN || verb == IO_RENAME || verb == IO_UNLINK;
    bool moves = verb == IO_READ || verb == IO_WRITE;
    if (names && !fd->inode->dir)
        return ENOTDIR;
    if ((moves || verb == IO_ALLOCATE) && fd->inode->dir)
        return EISDIR;
    if (fd->readonly && (verb == IO_WRITE || verb == IO_ALLOCATE))
        return EBADF;
    if (verb == IO_ALLOCATE && !s->io.features.fallocate)
        return EOPNOTSUPP;
    return moves && fd->direct && op_misaligned(op) ? EINVAL : 0;
}

/* Copies what the caller wants written; the trace takes a sample of it, or its checksum. */
static void flight_capture(struct sim_flight *f)
{
    struct sim *sim = f->disk->sim;
    struct sim_sheet **link = &f->sheets;
    uint64_t in_page = f->pos % BLOCK_BYTES;
    for (uint64_t at = 0; at < f->len;) {
        struct sim_sheet *sheet = sim_sheet_take(sim);
        uint64_t part = min_u64(f->len - at, BLOCK_BYTES - in_page);
        memcpy(sheet->data + in_page, f->buf + at, part);
        if (sim->opts.hash_buffers)
            sim_trace(sim, crc32c(0, sheet->data + in_page, part));
        else if (part == BLOCK_BYTES)
            sim_trace(sim, le64_get(sheet->data + 40) ^ le64_get(sheet->data + 2040) << 1);
        *link = sheet;
        link = &sheet->older;
        at += part;
        in_page = 0;
    }
}

static bool writes_overlap_in_flight(const struct sim_flight *f)
{
    list_each (&f->inode->writes, n) {
        const struct sim_flight *w = container_of(n, struct sim_flight, in_inode);
        if (w->pos < f->pos + f->len && f->pos < w->pos + w->len)
            return true;
    }
    return false;
}

static bool chance(struct sim_flight *f, uint32_t per_million)
{
    return per_million > 0 && rng_chance(&f->disk->rng, per_million, 1000000);
}

/* The failed write changed any number of sectors from its front. */
static void flight_fail(struct sim_flight *f, int sys)
{
    f->result = -sys;
    f->effect = 0;
    if (f->verb == IO_WRITE && sys == EIO)
        f->effect = rng_below(&f->disk->rng, f->len / SIM_SECTOR + 1) * SIM_SECTOR;
}

static void flight_draw_faults(struct sim_flight *f)
{
    const struct sim_opts *opts = &f->disk->sim->opts;
    bool moves = f->verb == IO_READ || f->verb == IO_WRITE;
    if (moves && chance(f, opts->again_per_million)) {
        probe("sim: EINTR or EAGAIN");
        flight_fail(f, rng_chance(&f->disk->rng, 1, 2) ? EINTR : EAGAIN);
    } else if ((moves || f->verb == IO_SYNC) && chance(f, opts->error_per_million)) {
        probe("sim: EIO");
        flight_fail(f, EIO);
    } else if (moves && f->len > BLOCK_BYTES && chance(f, opts->short_per_million)) {
        probe("sim: short read or write");
        uint64_t blocks = (f->len - 1) / BLOCK_BYTES;
        f->effect = (1 + rng_below(&f->disk->rng, blocks)) * BLOCK_BYTES;
        f->result = (int64_t)f->effect;
    }
}

static uint64_t flight_delay(struct sim_flight *f)
{
    const struct sim_opts *opts = &f->disk->sim->opts;
    uint64_t delay_ns = sim_disk_latency(f->disk, f->verb, f->len);
    if (f->verb == IO_WRITE && f->direct && sim_inode_cache_clear(f->inode, f->pos, f->len)) {
        probe("sim: a direct write met cached pages");
        delay_ns += PUNT_NS;
    }
    if (chance(f, opts->slow_per_million))
        delay_ns += MS_NS + rng_below(&f->disk->rng, 99 * MS_NS);
    if (chance(f, opts->stuck_per_million))
        delay_ns += STUCK_NS;
    return delay_ns;
}

static void flight_count(const struct sim_flight *f)
{
    struct sim_counts *counts = &f->disk->sim->counts;
    counts->reads += f->verb == IO_READ;
    counts->writes += f->verb == IO_WRITE;
    counts->syncs += f->verb == IO_SYNC;
    counts->write_bytes += f->verb == IO_WRITE ? f->len : 0;
    struct sim *sim = f->disk->sim;
    sim_trace(sim, (uint64_t)f->verb << 56 ^ f->inode->id << 40 ^ f->disk->device);
    sim_trace(sim, f->pos ^ f->len << 32);
}

static struct sim_flight *flight_make(struct sim_io *s, struct op *op, const struct sim_fd *fd)
{
    struct sim_inode *inode = fd->inode;
    struct sim_flight *f = sim_flight_take(s->node->sim);
    f->io = s;
    f->op = op;
    f->fd = op->fd;
    f->disk = inode->disk;
    f->inode = inode;
    f->verb = op_step(op);
    f->direct = fd->direct;
    f->random = fd->random;
    sim_inode_hold(inode);
    list_push(&f->disk->flights, &f->in_disk);
    if (f->verb == IO_READ || f->verb == IO_WRITE) {
        struct io_part part = io_rest(op);
        f->buf = part.at;
        f->pos = part.pos;
        f->len = f->effect = part.len;
        f->result = (int64_t)part.len;
    } else if (f->verb == IO_ALLOCATE)
        f->len = op->len;
    else if (f->verb == IO_FILL) {
        f->pos = op->private_[OP_PRIVATE_LARGE];
        f->len = s->node->sim->opts.large_bytes;
    }
    f->dsync = op_dsync(&s->io, op) && f->verb == IO_WRITE;
    f->sync_seq = f->disk->seq;
    f->size = inode->size;
    f->alloc = inode->alloc;
    return f;
}

/* Where it is going is settled: what it will do there, and how long that takes. */
static void flight_leave(struct sim_flight *f)
{
    if (f->verb == IO_WRITE) {
        flight_capture(f);
        check(!writes_overlap_in_flight(f));
        list_push(&f->inode->writes, &f->in_inode);
    }
    /* What is to go wrong with a read does so in its second step, which is told. */
    int sys = f->verb == IO_FILL ? 0 : sim_node_fault(f->disk->node, f->op);
    if (sys)
        flight_fail(f, sys);
    else
        flight_draw_faults(f);
    sim_flight_fly(f, flight_delay(f));
}

static void raw_start(struct io *io, struct op *op)
{
    struct sim_io *s = sim_io_of(io);
    if (io->dead || sim_node_crash_due(s->node))
        return;
    s->node->sim->counts.io_starts++;
    if (op_on_socket(op)) {
        sim_socket_start(s, op);
        return;
    }
    struct sim_fd *fd;
    int sys = op_fault(s, op, &fd);
    if (sys) {
        io_complete(io, op, -sys);
        return;
    }
    struct sim_flight *f = flight_make(s, op, fd);
    flight_count(f);
    flight_leave(f);
}

/* ---- turning ---- */

static uint64_t after(uint64_t now_ns, uint64_t wait_ns)
{
    return wait_ns > SIM_NEVER - now_ns ? SIM_NEVER : now_ns + wait_ns;
}

/* Time moves only inside io_wait(); else the wish to be called again is noted for sim_step(). */
static void turn_wait(struct sim_io *s, uint64_t wait_ns)
{
    struct sim *sim = s->node->sim;
    bool woken = s->woken;
    s->woken = false;
    s->deadline_ns = SIM_NEVER;
    if (woken || wait_ns == 0 || !list_empty(&s->landed) || s->answered.head)
        return;
    if (s->io.waiting)
        sim_step(sim, after(sim->now_ns, wait_ns));
    else
        s->deadline_ns = after(sim->now_ns, wait_ns);
}

static void raw_turn(struct io *io, uint64_t wait_ns)
{
    struct sim_io *s = sim_io_of(io);
    if (io->dead)
        return;
    turn_wait(s, wait_ns);
    struct node *n;
    while (!io->dead && (n = list_pop(&s->landed))) {
        struct sim_flight *f = container_of(n, struct sim_flight, in_io);
        struct op *op = f->op;
        int64_t result = f->result;
        sim_flight_give(s->node->sim, f);
        if (s->node->watch)
            s->node->watch->ends(s->node->watch, op, result < 0 ? (int)-result : 0);
        io_complete(io, op, result);
    }
    struct op_queue answered = s->answered; /* what is answered meanwhile is for the next turn */
    struct op *op;
    s->answered = (struct op_queue){ 0 };
    while (!io->dead && (op = op_queue_pop(&answered)))
        io_complete(io, op, (int64_t)op->private_[SIM_ANSWER]);
}

static void raw_clock(struct io *io)
{
    const struct sim_node *node = sim_io_of(io)->node;
    if (io->dead)
        return;
    uint64_t now_ns = node->sim->now_ns;
    io->now_ns = now_ns + node->clock_base_ns;
    io->wall_ms = node->wall_base_ms + (int64_t)(now_ns / MS_NS);
}

static uint64_t raw_random(struct io *io)
{
    return rng_next(&sim_io_of(io)->node->rng);
}

static void raw_wake(struct io *io)
{
    struct sim_io *s = sim_io_of(io);
    if (io->dead || s->woken)
        return;
    s->woken = true;
    sim_event_push(s->node->sim,
                   (struct sim_event){ .kind = EVENT_WAKE, .at_ns = s->node->sim->now_ns });
}
