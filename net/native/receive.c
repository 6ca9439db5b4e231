/* receive.c -- bytes to frames.
 *
 *   bytes come in a buffer of the io's pool (io_recv_any), as large as it is
 *   whole frames are taken where they lie; what a verb keeps is copied
 *   a frame that is not whole: memory of exactly its size, the rest is received into it
 *   no room (requests, memory): what is left moves to memory of its own, and reading stops
 *
 * So a connection that waits holds no buffer, and no connection holds a buffer of the pool while
 * it waits for others. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/native/server_in.h"

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
    free(c->rest);
    c->pool = c->rest = NULL;
    c->in = (struct bytes){ NULL, 0 };
}

void conn_received_free(struct conn *c)
{
    in_free(c);
    if (c->large) {
        memory_give(c->desk, c->frame.payload_bytes);
        free(c->large);
        c->large = NULL;
    }
}

bool conn_in_own(struct conn *c)
{
    if (!c->pool)
        return true;
    struct bytes in = c->in;
    uint8_t *rest = in.len ? malloc(in.len) : NULL;
    if (in.len && !rest)
        return false;
    if (in.len)
        memcpy(rest, in.at, in.len);
    in_free(c);
    c->rest = rest;
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

/* ---- a large payload ---- */

static void large_done(struct op *op)
{
    struct conn *c = container_of(op, struct conn, recv);
    if (op->err != ERR_OK || op->got < op->len || c->state >= CONN_CLOSING) {
        if (c->state < CONN_GONE)
            conn_break(c);
        conn_settle(c);
        return;
    }
    uint8_t *payload = c->large;
    metrics_add(c->desk->metrics, METRIC_BYTES_IN, op->got);
    c->large = NULL;
    c->head_len = 0;
    c->frame_ns = 0;
    c->quiet_ns = desk_now(c->desk);
    request_begin(c, (struct bytes){ payload, c->frame.payload_bytes }, payload);
    conn_feed(c);
}

/* False: no memory now, it waits. */
static uint8_t *payload_memory(struct conn *c)
{
    uint8_t *at = NULL;
    if (memory_take(c->desk, c->frame.payload_bytes)) {
        at = malloc(c->frame.payload_bytes);
        if (!at) {
            memory_give(c->desk, c->frame.payload_bytes);
            conn_refuse(c, ERR_NO_MEMORY, "no memory for a request");
        }
        return at;
    }
    probe("native: waits for memory");
    list_push(&c->desk->waiting, &c->waiting);
    return NULL;
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
    io_recv(c->desk->shard->io, &c->recv, c->fd, c->large + have, c->frame.payload_bytes - have,
            IO_FULL, large_done);
    return false;
}

/* ---- frames ---- */

static bool feed_payload(struct conn *c)
{
    uint8_t *memory = NULL;
    if (c->in.len < c->frame.payload_bytes)
        return large_start(c);
    if (verb_serves[c->frame.verb].keeps && c->frame.payload_bytes) {
        memory = payload_memory(c);
        if (!memory)
            return false;
    }
    struct bytes payload = in_take(c, c->frame.payload_bytes);
    if (memory) {
        memcpy(memory, payload.at, payload.len);
        payload.at = memory;
    }
    c->head_len = 0;
    c->frame_ns = 0;
    request_begin(c, payload, memory);
    return true;
}

static bool feed_skip(struct conn *c)
{
    size_t bytes = min_u64(c->skip, c->in.len);
    in_take(c, bytes);
    c->skip -= (uint32_t)bytes;
    if (c->skip)
        return false;
    struct fault fault = c->fault;
    c->fault = (struct fault){ .kind = FAULT_NONE };
    c->head_len = 0;
    c->frame_ns = 0;
    request_begin_fault(c, &fault);
    return true;
}

static void framing_lost(struct conn *c)
{
    struct why why;
    fault_text(&c->fault, VERB_COUNT, &why);
    probe("native: framing is lost");
    conn_refuse(c, c->fault.err, why.text);
}

static bool feed_head(struct conn *c)
{
    if (c->head_len == 0 && conn_full(c)) {
        probe("native: as many requests as may be");
        c->blocked = true;
        return false;
    }
    size_t bytes = min_u64(FRAME_HEADER_BYTES - c->head_len, c->in.len);
    memcpy(c->head + c->head_len, in_take(c, bytes).at, bytes);
    c->head_len += (uint32_t)bytes;
    if (c->head_len < FRAME_HEADER_BYTES)
        return false;
    c->fault = (struct fault){ .kind = FAULT_NONE };
    if (frame_decode(c->head, &c->gate, &c->frame, &c->fault) == ERR_OK)
        return true;
    c->skip = c->fault.lost ? 0 : c->frame.payload_bytes;
    if (c->fault.lost)
        framing_lost(c);
    return !c->fault.lost;
}

static bool feed_step(struct conn *c)
{
    if (c->head_len < FRAME_HEADER_BYTES)
        return c->in.len && feed_head(c);
    return c->fault.kind != FAULT_NONE ? feed_skip(c) : feed_payload(c);
}

void conn_feed(struct conn *c)
{
    c->blocked = false;
    while (conn_reads(c) && feed_step(c))
        ;
    bool partial = conn_reads(c) && c->head_len;
    if (!partial)
        c->frame_ns = 0;
    else if (!c->frame_ns)
        c->frame_ns = desk_now(c->desk);
    if (c->state >= CONN_CLOSING || c->in.len == 0)
        in_free(c);
    else if (!conn_in_own(c))
        conn_break(c);
    conn_receive(c);
    conn_watch(c);
    conn_settle(c);
}

/* ---- receiving ---- */

static void recv_done(struct op *op)
{
    struct conn *c = container_of(op, struct conn, recv);
    c->pool = op->buf;
    c->in = (struct bytes){ op->buf, op->buf ? op->got : 0 };
    metrics_add(c->desk->metrics, METRIC_BYTES_IN, c->in.len);
    if (op->err != ERR_OK) {
        conn_break(c);
    } else if (!op->buf || !op->got) {
        c->peer_ended = true;
        if (c->state == CONN_LINGER)
            conn_break(c);
        else
            conn_finish(c);
    } else {
        c->quiet_ns = c->state == CONN_LINGER ? c->quiet_ns : desk_now(c->desk);
    }
    conn_feed(c);
}

void conn_receive(struct conn *c)
{
    bool passes_over = c->state == CONN_CLOSING || c->state == CONN_LINGER;
    if (c->recv.busy || c->large || c->peer_ended || !(conn_reads(c) || passes_over))
        return;
    io_recv_any(c->desk->shard->io, &c->recv, c->fd, recv_done);
}
