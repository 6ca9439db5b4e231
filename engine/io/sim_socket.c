/* sim_socket.c -- ops on simulated connections: tried at their start, and again when the network
 * brought what they wait for.
 *
 * Drawn at the start: EINTR without effect; a cut of the connection; sends and receives in part.
 * Ordered faults (sim_fault) come first, and do nothing but fail.
 */
#include "engine/io/sim_net_in.h"

#include "engine/base/crc32c.h"

#include <errno.h>

#define SEND_FILE_PIECE KIB(64) /* of a file, sent at once */

#define ANSWER_NS 1000ull /* time passes, also for those who always find what they want */

static int start_fault(struct sim_io *s, const struct op *op);
static void start_connect(struct sim_wait wait);
static void start_accept(struct sim_listener *l, struct sim_wait wait);
static void start_stream(struct sim_side *side, struct sim_wait wait);
static bool recv_try(struct sim_side *side, struct sim_wait *wait);
static bool send_try(struct sim_side *side, struct sim_wait *wait);

void sim_wait_answer(struct sim_wait *wait, int64_t result)
{
    struct sim_io *s = wait->io;
    struct op *op = wait->op;
    *wait = (struct sim_wait){ 0 };
    if (!s)
        return;
    struct sim *sim = s->node->sim;
    op->private_[SIM_ANSWER] = (uint64_t)result;
    op_queue_push(&s->answered, op);
    sim_trace(sim, (uint64_t)result << 8 ^ op->verb);
    sim_event_push(sim, (struct sim_event){ .kind = EVENT_WAKE, .at_ns = sim->now_ns + ANSWER_NS });
}

void sim_socket_start(struct sim_io *s, struct op *op)
{
    struct sim_wait wait = { s, op };
    int sys = start_fault(s, op);
    if (sys) {
        sim_wait_answer(&wait, -sys);
        return;
    }
    struct sim_fd *fd = sim_fd_get(s->node, op->fd);
    if (op->verb == IO_CONNECT)
        start_connect(wait);
    else if (op->verb == IO_ACCEPT)
        start_accept(fd->listener, wait);
    else
        start_stream(fd->side, wait);
}

/* An errno, or 0. */
static int start_fault(struct sim_io *s, const struct op *op)
{
    const struct sim_fd *fd = sim_fd_get(s->node, op->fd);
    int sys = sim_node_fault(s->node, op);
    if (sys || op->verb == IO_CONNECT)
        return sys;
    if (!fd)
        return EBADF;
    if (op->verb == IO_ACCEPT)
        return fd->listener ? 0 : EINVAL;
    if (!fd->side)
        return fd->inode ? ENOTSOCK : ENOTCONN;
    struct sim_link *link = sim_link_of(fd->side);
    const struct sim_opts *opts = &s->node->sim->opts;
    if (sim_link_chance(link, opts->cut_per_million)) {
        probe("sim: a connection was cut");
        sim_link_cut(link);
    }
    return sim_link_chance(link, opts->again_per_million) ? EINTR : 0;
}

/* ---- connections ---- */

static void start_connect(struct sim_wait wait)
{
    struct sim_side *caller = sim_link_open(wait.io->node, wait.op->buf);
    caller->sender = wait;
}

void sim_side_opened(struct sim_side *side)
{
    struct sim_wait wait = side->sender;
    if (!side->open || !wait.io)
        return;
    side->sender = (struct sim_wait){ 0 };
    if (side->error) {
        int sys = side->error;
        side->open = false;
        sim_wait_answer(&wait, -sys);
        return;
    }
    int fd = sim_fd_take(side->node, &(struct sim_fd){ .side = side });
    sim_wait_answer(&wait, fd);
}

static void start_accept(struct sim_listener *l, struct sim_wait wait)
{
    check(!l->accepter.io); /* one op in each direction */
    l->accepter = wait;
    if (l->shut)
        sim_wait_answer(&l->accepter, -EINVAL);
    else
        sim_listener_serve(l);
}

void sim_listener_serve(struct sim_listener *l)
{
    if (!l->accepter.io || list_empty(&l->queue))
        return;
    struct sim_side *side = container_of(list_pop(&l->queue), struct sim_side, in_queue);
    l->queued--;
    sim_wait_answer(&l->accepter, sim_fd_take(l->node, &(struct sim_fd){ .side = side }));
}

/* ---- bytes ---- */

static void start_stream(struct sim_side *side, struct sim_wait wait)
{
    bool sends = op_sends(wait.op);
    struct sim_wait *slot = sends ? &side->sender : &side->receiver;
    check(!slot->io); /* one op in each direction */
    *slot = wait;
    if (sends)
        send_try(side, slot);
    else
        recv_try(side, slot);
}

void sim_side_serve(struct sim_side *side)
{
    if (side->sender.io && side->sender.op->verb == IO_CONNECT) {
        if (side->error)
            sim_side_opened(side);
        return;
    }
    if (side->receiver.io)
        recv_try(side, &side->receiver);
    if (side->sender.io)
        send_try(side, &side->sender);
}

/* Copies between a pipe and memory; a position of the stream is a place in the ring. */
static void pipe_copy(const struct sim_pipe *pipe, uint64_t pos, uint8_t *mem, uint64_t len,
                      bool in)
{
    while (len > 0) {
        uint8_t *at = pipe->at + pos % pipe->room;
        uint64_t part = min_u64(len, pipe->room - pos % pipe->room);
        memcpy(in ? at : mem, in ? mem : at, part);
        pos += part;
        mem += part;
        len -= part;
    }
}

static uint64_t part_draw(struct sim_side *side, uint64_t len)
{
    struct sim_link *link = sim_link_of(side);
    if (len <= 1 || !sim_link_chance(link, link->sim->opts.short_per_million))
        return len;
    probe("sim: sent or received in part");
    return 1 + rng_below(&link->rng, len - 1);
}

/* Where the bytes go, and how many fit; NULL: the op is parked until a buffer is free. */
static uint8_t *recv_room(struct sim_wait *wait, uint64_t *len)
{
    struct io *io = &wait->io->io;
    if (wait->op->verb == IO_RECV) {
        struct io_part rest = io_rest(wait->op);
        *len = rest.len;
        return rest.at;
    }
    *len = io->pool.buffer_bytes;
    wait->op->buf = io_pool_take(io);
    if (!wait->op->buf) {
        io_pool_park(io, wait->op);
        *wait = (struct sim_wait){ 0 };
        return NULL;
    }
    return wait->op->buf;
}

/* True if the op has its answer. */
static bool recv_try(struct sim_side *side, struct sim_wait *wait)
{
    struct sim_pipe *pipe = &side->in;
    uint64_t ready = pipe->arrived - pipe->taken, len;
    if (ready == 0) {
        bool ended = pipe->end_arrived || side->shut;
        if (side->error || ended)
            sim_wait_answer(wait, side->error ? -side->error : 0);
        return side->error || ended;
    }
    uint8_t *at = recv_room(wait, &len);
    if (!at)
        return false;
    len = part_draw(side, min_u64(len, ready));
    pipe_copy(pipe, pipe->taken, at, len, false);
    pipe->taken += len;
    sim_wait_answer(wait, (int64_t)len);
    struct sim_side *peer = sim_side_peer(side);
    if (peer->sender.io)
        sim_side_serve(peer);
    return true;
}

/* The next bytes of a file, at most a piece: from wherever they are, as sendfile(2) does it. */
static struct iovec file_rest(const struct sim_wait *wait, uint8_t piece[SEND_FILE_PIECE])
{
    const struct op *op = wait->op;
    const struct sim_fd *fd = sim_fd_get(wait->io->node, op->file);
    uint64_t pos = op->pos + op->got, len = min_u64(op->len - op->got, SEND_FILE_PIECE);
    if (!fd || !fd->inode || fd->inode->dir || pos + len > fd->inode->size)
        return (struct iovec){ NULL, 0 };
    if (!sim_inode_cache_holds(fd->inode, pos, len))
        probe("sim: a file is sent that is not in the page cache");
    sim_inode_read(fd->inode, pos, piece, len);
    sim_inode_cache_fill(fd->inode, pos, len, false);
    return (struct iovec){ piece, len };
}

static bool send_try(struct sim_side *side, struct sim_wait *wait)
{
    struct sim_side *peer = sim_side_peer(side);
    struct sim_pipe *pipe = &peer->in;
    struct sim_link *link = sim_link_of(side);
    if (side->error || side->shut || pipe->ended) {
        sim_wait_answer(wait, side->error ? -side->error : -EPIPE);
        return true;
    }
    uint64_t room = pipe->room - (pipe->sent - pipe->taken);
    if (room == 0) {
        probe("sim: a sender waits for its reader");
        return false;
    }
    uint8_t piece[SEND_FILE_PIECE];
    struct iovec rest =
        wait->op->verb == IO_SEND ? io_send_rest(wait->op).rest : file_rest(wait, piece);
    if (!rest.iov_base) {
        sim_wait_answer(wait, -EIO);
        return true;
    }
    uint64_t len = part_draw(side, min_u64(room, rest.iov_len));
    pipe_copy(pipe, pipe->sent, rest.iov_base, len, true);
    pipe->sent += len;
    link->sim->counts.stream_bytes += len;
    sim_trace(link->sim, crc32c(0, rest.iov_base, len) ^ len << 32);
    sim_pipe_move(peer);
    sim_wait_answer(wait, (int64_t)len);
    return true;
}

void sim_socket_shutdown(struct io *io, int number, bool both)
{
    struct sim_io *s = container_of(io, struct sim_io, io);
    struct sim_fd *fd = sim_fd_get(s->node, number);
    if (io->dead || !fd || fd->inode)
        return;
    if (fd->listener) {
        if (both)
            sim_listener_shut(fd->listener);
        return;
    }
    sim_side_end(fd->side);
    fd->side->shut |= both;
    if (both)
        sim_side_serve(fd->side);
}
