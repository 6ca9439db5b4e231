/* receive.c -- bytes to frames.
 *
 *   bytes come in a buffer of the io's pool (io_recv_any), as large as it is
 *   whole frames are taken where they lie; what a verb keeps is copied, but for a batch that goes
 *   into the log at once
 *   a frame that is not whole: the rest is received behind it, into the same buffer, if the frame
 *   passes, fits, and half of the buffers are free (`tops`); else into memory of its size (`large`)
 *   the connection ends: what comes is passed over, also the rest of a frame, and answers go on
 *   no room (requests, memory): what is left moves to memory of its own (`rest`), and reading
 *   stops; if there is no memory for that either, it keeps the buffer
 *
 * So a connection that waits holds no buffer as long as there is memory for rests (memory_rest).
 * When there is none, buffers run out with it, and nothing is received but payloads whose memory
 * was taken: until they are done.
 */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/door/protocol.h"

static bool conn_reads(const struct conn *c)
{
    return (c->state == CONN_HELLO || c->state == CONN_READY) && !c->blocked &&
           !node_linked(&c->waiting);
}

/* ---- what `in` lies in ---- */

static void in_free(struct conn *c)
{
    if (c->pool)
        io_recv_give(c->desk->shard->io, c->pool);
    if (c->rest) {
        c->desk->rest_used -= c->rest_bytes;
        conn_give(c, c->rest_bytes);
        free(c->rest);
    }
    c->pool = c->rest = NULL;
    c->rest_bytes = 0;
    c->in = (struct bytes){ NULL, 0 };
}

static void large_free(struct conn *c)
{
    if (!c->large)
        return;
    conn_give(c, c->payload_bytes);
    free(c->large);
    c->large = NULL;
}

void conn_received_free(struct conn *c)
{
    in_free(c);
    large_free(c);
    conn_give(c, c->room);
    c->room = 0;
}

bool conn_in_own(struct conn *c)
{
    if (!c->pool)
        return true;
    struct bytes in = c->in;
    uint8_t *rest = NULL;
    if (in.len) {
        if (!memory_rest(c->desk, in.len))
            return false;
        c->held += in.len;
        rest = malloc(in.len);
        check(rest); /* a buffer's worth, within the budget: the system is out of memory */
        memcpy(rest, in.at, in.len);
    }
    in_free(c);
    c->rest = rest;
    c->rest_bytes = in.len;
    c->in = (struct bytes){ rest, in.len };
    return true;
}

static struct bytes in_take(struct conn *c, size_t bytes)
{
    struct bytes taken = { c->in.at, bytes };
    check(bytes <= c->in.len);
    if (bytes)
        c->in = (struct bytes){ c->in.at + bytes, c->in.len - bytes };
    return taken;
}

/* ---- a payload that goes on where it began ---- */

/* It holds a buffer for as long as the peer takes: never so many that others find none. */
static bool payload_tops(const struct conn *c)
{
    const struct io *io = c->desk->shard->io;
    return c->pool && c->keep == CONN_KEEP_PASSING && c->payload_bytes <= io_recv_bytes(io) &&
           io_recv_free(io) >= io_recv_held(io);
}

static bool payload_top(struct conn *c)
{
    uint8_t *from = c->pool;
    size_t at = (size_t)(c->in.at - from);
    if (at + c->payload_bytes > io_recv_bytes(c->desk->shard->io)) {
        probe("door: what there is of a payload moves to the front of its buffer");
        memmove(from, c->in.at, c->in.len);
        c->in.at = from;
    }
    c->tops = true;
    return false;
}

/* ---- a large payload ---- */

/* `bytes` of the frame come next. */
static void frame_goes_on(struct conn *c, uint64_t bytes)
{
    uint64_t timeout_ns = c->desk->opts.frame_timeout_ns;
    c->frame_due_ns = pace_due_ns(desk_now(c->desk), c->frame_due_ns, timeout_ns, bytes);
}

static void large_done(struct op *op);

static uint32_t large_piece(const struct conn *c)
{
    return (uint32_t)min_u64(c->payload_bytes - c->large_len, CONN_PIECE_BYTES);
}

static void large_receive(struct conn *c)
{
    io_recv(c->desk->shard->io, &c->recv, c->fd, c->large + c->large_len, large_piece(c), IO_FULL,
            large_done);
}

/* Nothing more will come. What was asked before is answered. */
static void stream_ended(struct conn *c)
{
    c->peer_ended = true;
    if (c->state == CONN_LINGER)
        conn_break(c);
    else
        conn_finish(c);
}

/* It is not taken: the connection ends, or the rest never comes. What follows is passed over. */
static void large_left(struct conn *c)
{
    const struct op *op = &c->recv;
    probe("door: a payload is left half received");
    large_free(c);
    if (op->err != ERR_OK)
        conn_break(c);
    else if (op->got < op->len)
        stream_ended(c);
    conn_feed(c);
}

static void large_done(struct op *op)
{
    struct conn *c = container_of(op, struct conn, recv);
    if (op->err != ERR_OK || op->got < op->len || c->state >= CONN_CLOSING) {
        large_left(c);
        return;
    }
    c->quiet_ns = c->moved_ns = desk_now(c->desk);
    c->large_len += (uint32_t)op->got;
    if (c->large_len < c->payload_bytes) {
        frame_goes_on(c, large_piece(c));
        large_receive(c);
        return;
    }
    uint8_t *payload = c->large;
    metrics_add(c->desk->metrics, METRIC_BYTES_IN, op->got);
    c->large = NULL;
    c->head_len = 0;
    c->frame_due_ns = 0;
    c->protocol->begin(c, (struct bytes){ payload, c->payload_bytes }, payload, c->payload_bytes);
    conn_feed(c);
}

/* False: no memory now, it waits; meanwhile it holds nothing but its rest. */
static bool conn_take(struct conn *c, uint64_t bytes)
{
    struct door_desk *d = c->desk;
    struct list *line = memory_line(d, bytes);
    if (memory_take(d, bytes)) {
        c->held += bytes;
        return true;
    }
    probe("door: waits for memory");
    conn_give(c, c->room);
    c->room = 0;
    if (d->waking == line)
        list_push_front(line, &c->waiting);
    else
        list_push(line, &c->waiting);
    return false;
}

static uint8_t *payload_memory(struct conn *c)
{
    uint8_t *at = NULL;
    if (conn_take(c, c->payload_bytes)) {
        at = malloc(c->payload_bytes);
        if (!at) {
            conn_give(c, c->payload_bytes);
            conn_refuse(c, ERR_NO_MEMORY, "no memory for a request");
        }
    }
    return at;
}

/* For the request and its answer, if that is an error. */
static bool request_room(struct conn *c)
{
    uint32_t bytes = c->protocol->request_bytes;
    if (!c->room && conn_take(c, bytes))
        c->room = bytes;
    return c->room;
}

static bool large_start(struct conn *c)
{
    c->large = payload_memory(c);
    if (!c->large)
        return false;
    size_t have = c->in.len;
    if (have)
        memcpy(c->large, in_take(c, have).at, have);
    in_free(c);
    c->large_len = (uint32_t)have;
    c->moved_ns = desk_now(c->desk);
    large_receive(c);
    return false;
}

/* ---- frames ---- */

static bool feed_payload(struct conn *c)
{
    bool keeps = c->keep != CONN_KEEP_NOT && c->payload_bytes;
    bool passes = keeps && c->keep == CONN_KEEP_PASSING;
    uint8_t *memory = NULL;
    if (c->in.len < c->payload_bytes)
        return payload_tops(c) ? payload_top(c) : large_start(c);
    if (passes && !conn_take(c, c->payload_bytes))
        return false;
    if (keeps && !passes && !(memory = payload_memory(c)))
        return false;
    struct bytes payload = in_take(c, c->payload_bytes);
    if (memory) {
        memcpy(memory, payload.at, payload.len);
        payload.at = memory;
    }
    c->head_len = 0;
    c->frame_due_ns = 0;
    c->protocol->begin(c, payload, memory, keeps ? payload.len : 0);
    return true;
}

static bool feed_skip(struct conn *c)
{
    size_t bytes = min_u64(c->skip, c->in.len);
    in_take(c, bytes);
    c->skip -= (uint32_t)bytes;
    if (c->skip)
        return false;
    c->skips = false;
    c->head_len = 0;
    c->frame_due_ns = 0;
    c->protocol->skipped(c);
    return true;
}

static bool feed_head(struct conn *c)
{
    if (c->head_len == 0 && conn_full(c)) {
        probe("door: as many requests as may be");
        c->blocked = true;
        return false;
    }
    uint32_t whole = c->protocol->head_bytes;
    size_t bytes = min_u64(whole - c->head_len, c->in.len);
    memcpy(c->head + c->head_len, in_take(c, bytes).at, bytes);
    c->head_len += (uint32_t)bytes;
    if (c->head_len < whole)
        return false;
    c->skips = false;
    return c->protocol->head(c);
}

static bool feed_step(struct conn *c)
{
    if (c->head_len < c->protocol->head_bytes)
        return c->in.len && feed_head(c);
    if (!request_room(c))
        return false;
    return c->skips ? feed_skip(c) : feed_payload(c);
}

/* Of the payload that is received: so much comes next. */
static uint64_t payload_next(const struct conn *c)
{
    if (c->tops)
        return c->payload_bytes - c->in.len;
    return c->large ? large_piece(c) : 0;
}

void conn_feed(struct conn *c)
{
    check(!c->tops); /* its bytes are not there yet */
    c->blocked = false;
    while (conn_reads(c) && feed_step(c))
        ;
    bool partial = conn_reads(c) && c->head_len;
    if (!partial)
        c->frame_due_ns = 0;
    else if (!c->frame_due_ns)
        frame_goes_on(c, payload_next(c));
    if (c->state < CONN_CLOSING && c->in.len && !c->tops && !conn_in_own(c) &&
        c->state == CONN_MOVING)
        conn_break(c); /* it cannot take a buffer of this io along */
    if (c->state >= CONN_CLOSING || (c->in.len == 0 && !c->tops))
        in_free(c);
    conn_receive(c);
    conn_watch(c);
    conn_settle(c);
}

/* ---- receiving ---- */

static void recv_done(struct op *op)
{
    struct conn *c = container_of(op, struct conn, recv);
    uint64_t got = op->err == ERR_OK && op->buf ? op->got : 0;
    if (!c->tops) {
        c->pool = op->buf;
        c->in = (struct bytes){ op->buf, 0 };
    }
    c->tops = false;
    c->in.len += got;
    metrics_add(c->desk->metrics, METRIC_BYTES_IN, got);
    if (op->err != ERR_OK) {
        conn_break(c);
    } else if (!got) {
        stream_ended(c);
    } else {
        c->quiet_ns = c->state == CONN_LINGER ? c->quiet_ns : desk_now(c->desk);
        if (c->frame_due_ns && c->skips)
            frame_goes_on(c, op->got);
    }
    conn_feed(c);
}

/* The rest of the frame, and as many as fit that are as large: what began behind them would have to
 * be moved. */
static void top_receive(struct conn *c)
{
    struct io *io = c->desk->shard->io;
    uint8_t *pool = c->pool;
    size_t have = (size_t)(c->in.at - pool) + c->in.len;
    uint64_t rest = c->payload_bytes - c->in.len, frame = c->head_len + c->payload_bytes;
    uint64_t more = (io_recv_bytes(io) - have - rest) / frame * frame;
    io_recv(io, &c->recv, c->fd, pool + have, rest + more, 0, recv_done);
}

void conn_receive(struct conn *c)
{
    bool passes_over = c->state == CONN_CLOSING || c->state == CONN_LINGER;
    if (c->recv.busy || c->large || c->peer_ended || !(conn_reads(c) || passes_over))
        return;
    if (passes_over)
        in_free(c); /* that of one that waited for memory */
    if (c->tops)
        top_receive(c);
    else
        io_recv_any(c->desk->shard->io, &c->recv, c->fd, recv_done);
}
