/* io_socket.c -- the life of an op on a connection: started, moved in full, completed.
 *
 * Happy path
 *   - io_*_at() fills the op and hands it to the implementation, whatever queue_depth says: it
 *     waits for a peer, not for the machine
 *   - the implementation answers through io_complete(); a send is whole when all is sent, a
 *     receive with its first bytes, or with all of them (IO_FULL) or the end of the stream
 *
 * Other paths
 *   - sent or received in part: the rest is started again
 *   - EINTR, EAGAIN: started again, at most TRIES_MAX times in a row without progress
 *   - an accept of a connection that was gone before: the next one is accepted
 *   - no buffer is free for an io_recv_any: the implementation parks it (io_pool.c)
 */
#include "engine/io/io_in.h"

#include <errno.h>

#define TRIES_MAX 100
#define IOV_MAX_  1024u /* of one call: the kernel's UIO_MAXIOV */

static void socket_failed(struct io *io, struct op *op, int sys);
static void socket_moved(struct io *io, struct op *op, uint64_t bytes);

void io_accept_at(const struct io_site *site, struct io *io, struct op *op, int listen_fd,
                  io_done *done)
{
    op_fill(op, site, listen_fd, done);
    op_start(io, op);
}

void io_connect_at(const struct io_site *site, struct io *io, struct op *op,
                   const struct io_address *address, io_done *done)
{
    check(address->version == 4 || address->version == 6);
    op_fill(op, site, -1, done);
    op->buf = (void *)(uintptr_t)address; /* read only: the verb says so */
    op_start(io, op);
}

void io_recv_at(const struct io_site *site, struct io *io, struct op *op, int fd, void *buf,
                uint64_t len, uint32_t flags, io_done *done)
{
    check(len > 0);
    check((flags & ~IO_FULL) == 0);
    op_fill(op, site, fd, done);
    op->buf = buf;
    op->len = len;
    op->flags = flags;
    op_start(io, op);
}

void io_recv_any_at(const struct io_site *site, struct io *io, struct op *op, int fd, io_done *done)
{
    op_fill(op, site, fd, done);
    if (io_pool_open(io)) {
        op_start(io, op);
        return;
    }
    probe("io: no memory for the receive pool");
    op->busy = true;
    io->inflight++;
    io->socket_count++;
    op_end(io, op, ENOMEM);
}

void io_send_at(const struct io_site *site, struct io *io, struct op *op, int fd,
                const struct iovec *iov, uint32_t count, uint32_t flags, io_done *done)
{
    check((flags & ~IO_MORE) == 0);
    op_fill(op, site, fd, done);
    op->buf = (void *)(uintptr_t)iov; /* read only: the verb says so */
    op->pos = count;
    for (uint32_t i = 0; i < count; i++)
        op->len += iov[i].iov_len;
    op->flags = flags;
    check(op->len > 0);
    op_start(io, op);
}

void io_send_file_at(const struct io_site *site, struct io *io, struct op *op, int fd, int file,
                     uint64_t pos, uint64_t len, io_done *done)
{
    check(len > 0);
    op_fill(op, site, fd, done);
    op->file = file;
    op->pos = pos;
    op->len = len;
    op_start(io, op);
}

void io_shutdown(struct io *io, int fd)
{
    io->raw->shutdown(io, fd, true);
    io_pool_cancel(io, fd);
}

void io_send_end(struct io *io, int fd)
{
    io->raw->shutdown(io, fd, false);
}

/* Where a part begins inside an iovec, that iovec's rest goes alone: nothing is copied. */
struct send_part io_send_rest(const struct op *op)
{
    const struct iovec *iov = op->buf;
    uint64_t skip = op->got;
    uint32_t i = 0, left;
    while (skip >= iov[i].iov_len)
        skip -= iov[i++].iov_len;
    left = (uint32_t)op->pos - i;
    struct send_part part = { .rest = { (uint8_t *)iov[i].iov_base + skip, iov[i].iov_len - skip },
                              .count = 1 };
    if (skip == 0 && left > 1) {
        part.iov = iov + i;
        part.count = (uint32_t)min_u64(left, IOV_MAX_);
    }
    part.more = (op->flags & IO_MORE) != 0 || part.count < left;
    return part;
}

void io_socket_complete(struct io *io, struct op *op, int64_t result)
{
    if (result < 0) {
        socket_failed(io, op, (int)-result);
        return;
    }
    op->tries = 0;
    if (op_sends(op) || op->verb == IO_RECV) {
        socket_moved(io, op, (uint64_t)result);
        return;
    }
    check(op->verb != IO_RECV_ANY || (result > 0) == (op->buf != NULL));
    op->got = (uint64_t)result;
    op_end(io, op, 0);
}

static bool failure_passes(const struct op *op, int sys)
{
    if (sys == EINTR || sys == EAGAIN)
        return true;
    return op->verb == IO_ACCEPT && (sys == ECONNABORTED || sys == EPROTO);
}

static void socket_failed(struct io *io, struct op *op, int sys)
{
    if (failure_passes(op, sys) && ++op->tries < TRIES_MAX) {
        probe("io: a socket op was interrupted");
        io->raw->start(io, op);
        return;
    }
    /* What Linux says of a listener that was shut down. */
    if (op->verb == IO_ACCEPT && sys == EINVAL)
        sys = ESHUTDOWN;
    op_end(io, op, sys);
}

static void socket_moved(struct io *io, struct op *op, uint64_t bytes)
{
    check(bytes <= op->len - op->got);
    bool sending = op_sends(op);
    check(bytes > 0 || !sending);
    op->got += bytes;
    bool whole = op->got == op->len;
    if (whole || bytes == 0 || (!sending && !(op->flags & IO_FULL))) {
        op_end(io, op, 0);
        return;
    }
    probe("io: sent or received in part");
    io->raw->start(io, op);
}
