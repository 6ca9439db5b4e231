/* io_uring_net.c -- connections on a ring.
 *
 * Happy path
 *   - accept, connect, recv, send(msg): one submission each; the kernel waits for the peer itself
 *   - send_file: one system call at its start, since a ring would give it to a worker thread; then
 *     polled where the peer makes it wait
 *   - recv_any: a receive without a buffer. The kernel chooses one of a ring of free buffers when
 *     bytes are there, and names it in the completion. The ring is first in, first out, and
 * receiving into a buffer that left the cache long ago costs twice as much: so it holds only as
 * many as are wanted at once, and the rest waits in the pool's stack, the warmest on top
 *
 * Other paths
 *   - no buffer is free: the first time the receive is started again so that bytes come before the
 *     choice (OP_READY), since the kernel chooses before it looks; then it is parked
 *   - EAGAIN, on a descriptor that was opened not to wait: polled, then tried again (OP_POLLING)
 *   - no ring of buffers in this kernel: polled, then one system call into a buffer of the pool
 */
#include "engine/io/io_uring_in.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define POOL_GROUP  0
#define OFFER_TRIAL 256 /* receives after which fewer buffers are tried */

static void prepare_recv_any(struct uring *u, struct io_uring_sqe *sqe, struct op *op);
static void prepare_send(struct io_uring_sqe *sqe, const struct op *op, union uring_word *word);
static void answer_recv_any(struct uring *u, struct op *op, int result, uint32_t cqe_flags);
static void answer_polled(struct uring *u, struct op *op, int result);
static void answer_connect(struct uring *u, struct op *op, int result);
static bool pool_register(struct uring *u);

/* ---- the ring of free buffers ---- */

static uint32_t entries_of(const struct io_pool *pool)
{
    uint32_t entries = 1;
    while (entries < pool->count)
        entries *= 2;
    return entries;
}

static int buffers_register(struct uring *u, struct io_uring_buf_ring *at, uint32_t entries)
{
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)at,
        .ring_entries = entries,
        .bgid = POOL_GROUP,
    };
    return io_uring_register_buf_ring(&u->ring, &reg, 0);
}

bool uring_net_probe(struct uring *u)
{
    void *page = io_buffer_take(BLOCK_BYTES);
    bool runs = page && buffers_register(u, page, 1) == 0;
    if (runs)
        io_uring_unregister_buf_ring(&u->ring, POOL_GROUP);
    io_buffer_give(page);
    return runs;
}

void uring_net_close(struct uring *u)
{
    io_buffer_give(u->net.buffers);
}

static void buffer_offer(struct uring *u, uint32_t index)
{
    struct io_pool *pool = &u->io.pool;
    io_uring_buf_ring_add(u->net.buffers, pool->memory + (uint64_t)index * pool->buffer_bytes,
                          pool->buffer_bytes, (uint16_t)index, (int)u->net.buffers_mask, 0);
    io_uring_buf_ring_advance(u->net.buffers, 1);
    u->net.offered++;
}

/* As many as are wanted at once, if there are. */
static void buffers_offer(struct uring *u)
{
    struct io_pool *pool = &u->io.pool;
    while (u->net.offered < u->net.wanted && pool->free_count > 0)
        buffer_offer(u, pool->free[--pool->free_count]);
}

/* The kernel found none to choose: false, if the pool has none either. */
static bool buffers_offer_more(struct uring *u)
{
    u->net.wanted = min_u64(2 * u->net.wanted, u->io.pool.count);
    buffers_offer(u);
    return u->net.offered > 0;
}

/* The kernel chose one. More are wanted when many connections receive in one turn, and seldom at
 * other times. */
static void buffer_chosen(struct uring *u)
{
    struct uring_net *net = &u->net;
    net->offered--;
    if (++net->chosen % OFFER_TRIAL == 0)
        net->wanted = max_u64(net->wanted / 2, 1);
}

/* At the first io_recv_any, and again where the io has changed threads and got a new ring: all that
 * nobody holds is free then. */
static bool pool_register(struct uring *u)
{
    struct uring_net *net = &u->net;
    struct io_pool *pool = &u->io.pool;
    uint32_t entries = entries_of(pool);
    if (!net->buffers)
        net->buffers = io_buffer_take(entries * sizeof(struct io_uring_buf));
    if (!net->buffers)
        return false;
    memset(net->buffers, 0, entries * sizeof(struct io_uring_buf));
    if (buffers_register(u, net->buffers, entries) != 0)
        return false;
    net->registered = true;
    net->buffers_mask = entries - 1;
    net->offered = 0;
    net->wanted = 1;
    io_pool_list_free(pool);
    buffers_offer(u);
    return true;
}

void uring_pool_offer(struct io *io)
{
    struct uring *u = container_of(io, struct uring, io);
    if (u->net.registered)
        buffers_offer(u);
}

/* ---- starting ---- */

/* True: it is to be polled. */
static bool start_file(struct uring *u, struct op *op)
{
    if (op->stage == OP_POLLING)
        return true;
    int64_t result = net_send_file(op);
    u->heard = true;
    u->moved_bytes += result > 0 ? (uint64_t)result : 0;
    if (result == -EAGAIN) {
        op->stage = OP_POLLING;
        return true;
    }
    io_complete(&u->io, op, result);
    return false;
}

bool uring_net_start(struct uring *u, struct op *op)
{
    if (op->verb == IO_SEND_FILE)
        return start_file(u, op);
    if (op->fd >= 0)
        return true; /* polled */
    op->fd = net_socket(op->buf, false);
    if (op->fd >= 0)
        return true;
    io_complete(&u->io, op, op->fd);
    return false;
}

void uring_net_prepare(struct uring *u, struct io_uring_sqe *sqe, struct op *op)
{
    union uring_word *word = &u->net.words[sqe - u->ring.sq.sqes];
    bool out = op_sends(op) || op->verb == IO_CONNECT;
    struct io_part part = io_rest(op);
    if (op->stage == OP_POLLING)
        io_uring_prep_poll_add(sqe, op->fd, out ? POLLOUT : POLLIN);
    else if (op->verb == IO_ACCEPT)
        io_uring_prep_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC);
    else if (op->verb == IO_CONNECT) {
        uint32_t len = net_address_to(op->buf, &word->address);
        io_uring_prep_connect(sqe, op->fd, &word->address.any, len);
    } else if (op->verb == IO_RECV)
        io_uring_prep_recv(sqe, op->fd, part.at, part.len, op->flags & IO_FULL ? MSG_WAITALL : 0);
    else if (op->verb == IO_RECV_ANY)
        prepare_recv_any(u, sqe, op);
    else
        prepare_send(sqe, op, word);
}

static void prepare_recv_any(struct uring *u, struct io_uring_sqe *sqe, struct op *op)
{
    if (u->io.features.recv_ring && !u->net.registered && !pool_register(u)) {
        probe("io_uring: the ring of receive buffers was refused");
        u->io.features.recv_ring = false;
        io_pool_list_free(&u->io.pool);
    }
    if (!u->io.features.recv_ring) {
        op->stage = OP_POLLING;
        io_uring_prep_poll_add(sqe, op->fd, POLLIN);
        return;
    }
    buffers_offer(u);
    io_uring_prep_recv(sqe, op->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = POOL_GROUP;
    sqe->ioprio = op->stage == OP_READY ? IORING_RECVSEND_POLL_FIRST : 0;
}

/* MSG_WAITALL: the kernel goes on by itself where the peer makes it wait in the middle. */
static void prepare_send(struct io_uring_sqe *sqe, const struct op *op, union uring_word *word)
{
    struct send_part part = io_send_rest(op);
    int flags = MSG_NOSIGNAL | MSG_WAITALL | (part.more ? MSG_MORE : 0);
    if (!part.iov) {
        uint64_t len = min_u64(part.rest.iov_len, GIB(1));
        io_uring_prep_send(sqe, op->fd, part.rest.iov_base, len, flags);
        return;
    }
    word->msg = (struct msghdr){
        .msg_iov = (struct iovec *)(uintptr_t)part.iov,
        .msg_iovlen = part.count,
    };
    io_uring_prep_sendmsg(sqe, op->fd, &word->msg, (unsigned)flags);
}

/* ---- answers ---- */

static void poll_first(struct uring *u, struct op *op)
{
    probe("io_uring: a socket is polled");
    op->stage = OP_POLLING;
    u->io.raw->start(&u->io, op);
}

void uring_net_answer(struct uring *u, struct op *op, int result, uint32_t cqe_flags)
{
    u->heard = true;
    if (op->stage == OP_POLLING)
        answer_polled(u, op, result);
    else if (op->verb == IO_RECV_ANY)
        answer_recv_any(u, op, result, cqe_flags);
    else if (op->verb == IO_CONNECT)
        answer_connect(u, op, result);
    else if (result == -EAGAIN)
        poll_first(u, op);
    else
        io_complete(&u->io, op, result);
}

static void answer_polled(struct uring *u, struct op *op, int result)
{
    struct io *io = &u->io;
    op->stage = OP_FIRST;
    if (result >= 0 && op->verb == IO_RECV_ANY && !io->features.recv_ring)
        result = (int)net_recv_any(io, op);
    else if (result >= 0)
        result = -EAGAIN; /* ready: again */
    if (result == -EAGAIN)
        io->raw->start(io, op);
    else if (result == -ENOBUFS)
        io_pool_park(io, op);
    else
        io_complete(io, op, result);
}

/* A call that was under way when it was repeated is polled; then it is repeated, and answers. */
static void answer_connect(struct uring *u, struct op *op, int result)
{
    if (result == -EAGAIN || result == -EINPROGRESS || result == -EALREADY) {
        poll_first(u, op);
        return;
    }
    if (result == 0 || result == -EISCONN) {
        io_complete(&u->io, op, op->fd);
        return;
    }
    close(op->fd);
    op->fd = -1;
    io_complete(&u->io, op, result);
}

static void answer_recv_any(struct uring *u, struct op *op, int result, uint32_t cqe_flags)
{
    struct io *io = &u->io;
    uint32_t index = cqe_flags >> IORING_CQE_BUFFER_SHIFT;
    bool chosen = (cqe_flags & IORING_CQE_F_BUFFER) != 0;
    check(chosen || result <= 0);
    if (chosen)
        buffer_chosen(u);
    if (result > 0)
        op->buf = io_pool_hold(io, index);
    else if (chosen)
        io_pool_put(io, index);
    if (result == -EAGAIN)
        poll_first(u, op);
    else if (result == -ENOBUFS && buffers_offer_more(u))
        io->raw->start(io, op);
    else if (result == -ENOBUFS && op->stage == OP_FIRST) {
        op->stage = OP_READY;
        io->raw->start(io, op);
    } else if (result == -ENOBUFS)
        io_pool_park(io, op);
    else
        io_complete(io, op, result);
}
