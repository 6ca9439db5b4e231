/* io_common.c -- the life of an op: started, moved in full, completed, done.
 *
 * Happy path
 *   - io_*_at() fills the op and hands it to the implementation, or to the backlog when
 *     queue_depth attempts are out
 *   - the implementation answers through io_complete(), which puts the op on `completed`
 *   - io_turn() runs the done of every op that was on `completed` when the turn's wait ended
 *
 * Other paths
 *   - short: the rest is started again. Where the caller's request was in whole blocks the rest
 *     starts at a block too, since direct I/O accepts nothing else
 *   - EINTR, EAGAIN: started again, at most TRIES_MAX times in a row without progress. A sync is
 *     never started again: the second answer of a failed sync is worth nothing
 *   - a dsync write where RWF_DSYNC is missing: written, then synced, then completed
 *   - a direct open where O_DIRECT is refused: opened again without
 *   - an allocation where fallocate is missing: tried again with features.fallocate off, which
 *     tells the implementation to set the size alone
 */
#include "engine/io/io_in.h"

#include <errno.h>
#include <stdlib.h>

#define TRIES_MAX      100
#define DEPTH_DEFAULT  512
#define POOL_MAX       32768  /* of one ring of buffers */
#define PART_BYTES_MAX GIB(1) /* Linux moves less than 2 GiB a call */
#define WAIT_STEP_NS   SEC_NS

#ifdef SHARDLOG_AUDIT
#define AUDITING true
#else
#define AUDITING false
#endif

static void op_moved(struct io *io, struct op *op, uint64_t bytes);
static bool op_failed_softly(struct io *io, struct op *op, int sys);
static void writes_add(struct io *io, struct op *op);
static void writes_remove(struct io *io, const struct op *op);

void op_queue_push(struct op_queue *q, struct op *op)
{
    op->next = NULL;
    if (q->head)
        q->tail->next = op;
    else
        q->head = op;
    q->tail = op;
}

struct op *op_queue_pop(struct op_queue *q)
{
    struct op *op = q->head;
    if (op)
        q->head = op->next;
    return op;
}

void io_common_open(struct io *io, const struct io_raw *raw, const struct io_opts *opts)
{
    io->raw = raw;
    io->queue_depth = opts && opts->queue_depth ? opts->queue_depth : DEPTH_DEFAULT;
    io->completed = io->backlog = (struct op_queue){ 0 };
    io->pool.count = opts && opts->recv_buffers ? opts->recv_buffers : IO_RECV_BUFFERS;
    io->pool.buffer_bytes =
        opts && opts->recv_buffer_bytes ? opts->recv_buffer_bytes : IO_RECV_BUFFER_BYTES;
    check(io->pool.count <= POOL_MAX);
}

void io_close(struct io **io)
{
    if (!*io)
        return;
    check((*io)->inflight == 0 || (*io)->dead);
    io_pool_close(*io);
    (*io)->raw->close(*io);
    *io = NULL;
}

/* Where direct I/O is known, misalignment is found here and not as EINVAL on some file systems. */
static bool fd_direct(const struct io *io, int fd)
{
    return fd >= 0 && fd < 1024 && (io->direct_fds[fd / 64] >> (fd % 64) & 1) != 0;
}

static void fd_direct_set(struct io *io, int fd, bool direct)
{
    if (fd < 0 || fd >= 1024)
        return;
    uint64_t bit = 1ull << (fd % 64);
    uint64_t *word = &io->direct_fds[fd / 64];
    *word = direct ? *word | bit : *word & ~bit;
}

void io_fd_forget(struct io *io, int fd)
{
    fd_direct_set(io, fd, false);
}

static bool op_whole_blocks(const struct op *op)
{
    return op->pos % BLOCK_BYTES == 0 && op->len % BLOCK_BYTES == 0;
}

static bool op_aligned(const struct op *op)
{
    return op_whole_blocks(op) && (uintptr_t)op->buf % BLOCK_BYTES == 0;
}

void op_fill(struct op *op, const struct io_site *site, int fd, io_done *done)
{
    check(!op->busy);
    *op = (struct op){ .site = site, .fd = fd, .done = done, .verb = site->verb };
}

void io_read_at(const struct io_site *site, struct io *io, struct op *op, int fd, void *buf,
                uint64_t len, uint64_t pos, io_done *done)
{
    io_read_large_at(site, io, op, fd, buf, len, pos, IO_NOT_LARGE, done);
}

void io_read_large_at(const struct io_site *site, struct io *io, struct op *op, int fd, void *buf,
                      uint64_t len, uint64_t pos, uint64_t large, io_done *done)
{
    check(len > 0);
    op_fill(op, site, fd, done);
    op->buf = buf;
    op->len = len;
    op->pos = pos;
    op->flags = large == IO_NOT_LARGE ? 0 : IO_LARGE;
    op->private_[OP_PRIVATE_LARGE] = large;
    check(!AUDITING || !fd_direct(io, fd) || op_aligned(op));
    op_start(io, op);
}

void io_write_at(const struct io_site *site, struct io *io, struct op *op, int fd, const void *buf,
                 uint64_t len, uint64_t pos, uint32_t flags, io_done *done)
{
    check(len > 0);
    check((flags & ~IO_DSYNC) == 0);
    op_fill(op, site, fd, done);
    op->buf = (void *)(uintptr_t)buf; /* read only: the verb says so */
    op->len = len;
    op->pos = pos;
    op->flags = flags;
    check(!AUDITING || !fd_direct(io, fd) || op_aligned(op));
    if (AUDITING && !io->dead) /* a dead io's writes never end, and their owners may be gone */
        writes_add(io, op);
    op_start(io, op);
}

void io_sync_at(const struct io_site *site, struct io *io, struct op *op, int fd, io_done *done)
{
    op_fill(op, site, fd, done);
    op_start(io, op);
}

void io_open_file_at(const struct io_site *site, struct io *io, struct op *op, int dir,
                     const char *name, uint32_t flags, io_done *done)
{
    check((flags & ~(IO_CREATE | IO_DIRECT | IO_READONLY | IO_DIRECTORY)) == 0);
    op_fill(op, site, dir, done);
    op->name = name;
    op->flags = flags;
    op_start(io, op);
}

void io_allocate_at(const struct io_site *site, struct io *io, struct op *op, int fd, uint64_t len,
                    io_done *done)
{
    check(len > 0);
    op_fill(op, site, fd, done);
    op->len = len;
    op_start(io, op);
}

void io_rename_at(const struct io_site *site, struct io *io, struct op *op, int dir,
                  const char *from, const char *to, io_done *done)
{
    op_fill(op, site, dir, done);
    op->name = from;
    op->name_to = to;
    op_start(io, op);
}

void io_unlink_at(const struct io_site *site, struct io *io, struct op *op, int dir,
                  const char *name, io_done *done)
{
    op_fill(op, site, dir, done);
    op->name = name;
    op_start(io, op);
}

void op_start(struct io *io, struct op *op)
{
    op->busy = true;
    io->inflight++;
    if (op_on_socket(op)) {
        io->socket_count++;
        io->raw->start(io, op);
        return;
    }
    if (io->raw_count == io->queue_depth) {
        probe("io: more operations than queue_depth");
        op_queue_push(&io->backlog, op);
        return;
    }
    io->raw_count++;
    io->raw->start(io, op);
}

struct io_part io_rest(const struct op *op)
{
    return (struct io_part){
        .at = op->buf ? (uint8_t *)op->buf + op->got : NULL,
        .len = min_u64(op->len - op->got, PART_BYTES_MAX),
        .pos = op->pos + op->got,
    };
}

void io_complete(struct io *io, struct op *op, int64_t result)
{
    check(op->busy);
    if (op_on_socket(op)) {
        io_socket_complete(io, op, result);
        return;
    }
    check(io->raw_count > 0);
    enum io_verb step = op_step(op);
    if (step == IO_FILL) { /* whatever came of it */
        op->stage = OP_FILLED;
        io->raw->start(io, op);
        return;
    }
    if (result < 0 && op_failed_softly(io, op, (int)-result))
        return;
    if (result < 0)
        op_end(io, op, (int)-result);
    else if (step == IO_READ || step == IO_WRITE)
        op_moved(io, op, (uint64_t)result);
    else {
        if (step == IO_OPEN) {
            op->got = (uint64_t)result;
            fd_direct_set(io, (int)result, op_direct(io, op));
        }
        op_end(io, op, 0);
    }
}

/* True if the failure has a second way and that was started. */
static bool op_failed_softly(struct io *io, struct op *op, int sys)
{
    enum io_verb step = op_step(op);
    if ((sys == EINTR || sys == EAGAIN) && step != IO_SYNC) {
        probe("io: interrupted");
        if (++op->tries >= TRIES_MAX)
            return false;
    } else if (sys == EOPNOTSUPP && step == IO_WRITE && (op->flags & IO_DSYNC)) {
        /* Each one that was started before the first refusal is refused as well. */
        probe("io: the file system has no RWF_DSYNC");
        if (++op->tries >= TRIES_MAX)
            return false;
        io->features.dsync = false;
    } else if (sys == EINVAL && step == IO_OPEN && op_direct(io, op)) {
        probe("io: the file system has no O_DIRECT");
        io->features.direct = false;
        op->stage = OP_BUFFERED;
    } else if (sys == EOPNOTSUPP && step == IO_ALLOCATE && io->features.fallocate) {
        probe("io: the file system has no fallocate");
        io->features.fallocate = false;
    } else
        return false;
    io->raw->start(io, op);
    return true;
}

/* `op` is whole when all bytes have moved, or when a read met the end of the file. A short end
 * inside a block goes back to the start of that block; whether it is the end of the file is asked
 * of the file, for a device that fails in mid-block looks the same. */
static void op_moved(struct io *io, struct op *op, uint64_t bytes)
{
    check(bytes <= op->len - op->got);
    bool writing = op->verb == IO_WRITE;
    uint64_t end = op->got + bytes;
    if (end < op->len && writing && pitfall(SHORT_WRITE_IS_FULL))
        end = op->len;
    if (end == op->len) {
        op->got = end;
        op_end(io, op, 0);
        return;
    }
    if (bytes == 0) {
        op_end(io, op, writing ? EIO : 0);
        return;
    }
    probe("io: short read or write");
    struct io_stat st;
    bool torn = op_whole_blocks(op) && end % BLOCK_BYTES != 0;
    if (torn && !writing && io_fd_stat(io, op->fd, &st) == ERR_OK && st.bytes <= op->pos + end) {
        op->got = end;
        op_end(io, op, 0);
        return;
    }
    if (torn)
        end = block_floor(end);
    op->tries = end > op->got ? 0 : op->tries + 1;
    op->got = end;
    if (op->tries >= TRIES_MAX)
        op_end(io, op, EIO);
    else
        io->raw->start(io, op);
}

/* The end of the op, or of the write half of a dsync write that needs a sync of its own. */
void op_end(struct io *io, struct op *op, int sys)
{
    bool wrote = op_step(op) == IO_WRITE;
    if (wrote && AUDITING)
        writes_remove(io, op);
    if (sys == 0 && wrote && (op->flags & IO_DSYNC) && !io->features.dsync) {
        op->stage = OP_SYNC_AFTER;
        io->raw->start(io, op);
        return;
    }
    op->sys = sys;
    op->err = err_from_errno(sys);
    op_queue_push(&io->completed, op);
    io->completed_count++;
    if (op_on_socket(op))
        return;
    io->raw_count--;
    if (io->backlog.head) {
        io->raw_count++;
        io->raw->start(io, op_queue_pop(&io->backlog));
    }
}

void io_push(struct io *io)
{
    if (io->raw->push)
        io->raw->push(io);
}

uint32_t io_turn(struct io *io, uint64_t wait_ns)
{
    io->raw->turn(io, io->completed_count ? 0 : wait_ns);
    io->raw->clock(io);
    uint32_t ran = 0;
    /* Only what is completed now: a done may start an op that completes at once, for ever. */
    for (uint32_t left = io->completed_count; left > 0 && io->completed_count > 0; left--) {
        struct op *op = op_queue_pop(&io->completed);
        io->completed_count--;
        io->inflight--;
        io->socket_count -= op_on_socket(op);
        op->busy = false;
        if (op->done)
            op->done(op); /* may free op */
        ran++;
    }
    return ran;
}

enum err io_wait(struct io *io, struct op *op)
{
    bool outer = io->waiting;
    io->waiting = true;
    while (op->busy && !io->dead)
        io_turn(io, WAIT_STEP_NS);
    io->waiting = outer;
    return op->busy ? ERR_DEAD : op->err;
}

uint32_t io_inflight(const struct io *io)
{
    return io->inflight;
}

uint32_t io_inflight_files(const struct io *io)
{
    return io->inflight - io->socket_count;
}

uint64_t io_now_ns(const struct io *io)
{
    return io->now_ns;
}

int64_t io_wall_ms(const struct io *io)
{
    return io->wall_ms;
}

uint64_t io_random(struct io *io)
{
    return io->raw->random(io);
}

void io_wake(struct io *io)
{
    io->raw->wake(io);
}

/* Never two writes in flight on the same bytes: the device may do them in any order. */
static void writes_add(struct io *io, struct op *op)
{
    for (struct op *w = io->writes; w; w = (struct op *)(uintptr_t)w->private_[0])
        check(w->fd != op->fd || w->pos >= op->pos + op->len || op->pos >= w->pos + w->len);
    op->private_[0] = (uintptr_t)io->writes;
    io->writes = op;
}

static void writes_remove(struct io *io, const struct op *op)
{
    struct op *prev = NULL;
    for (struct op *w = io->writes; w != op; w = (struct op *)(uintptr_t)w->private_[0]) {
        check(w != NULL);
        prev = w;
    }
    if (prev)
        prev->private_[0] = op->private_[0];
    else
        io->writes = (struct op *)(uintptr_t)op->private_[0];
}
