/* send.c -- answers, gathered: as many as one send of iovecs takes.
 *
 * An answer is bytes of the protocol, and batches that lie where the engine has them: read into
 * memory of theirs, lent out of a tail, or lying checked in the page cache (then a send of the file
 * follows what stands before them). All of it stays until the kernel has taken every byte; then the
 * request gives everything back. An answer that is larger than one send goes on with the next. */
#include "engine/base/check.h"
#include "net/door/protocol.h"

static void send_done(struct op *op);

void conn_iov_lent(struct conn *c, const struct read_lent *lent, size_t len)
{
    for (uint32_t i = 0; i < lent->count; i++)
        conn_iov(c, lent->pieces[i].at, lent->pieces[i].len);
    if (lent->fd < 0)
        return;
    c->send_file = lent;
    c->send_file_bytes = len;
    c->send_bytes += len;
}

/* False: there is no room for all of it. What is in the send, in part too, is not freed before it
 * is done. */
static bool answer_gather(struct conn *c, struct node *request)
{
    bool whole = c->protocol->gather(c, request);
    node_unlink(request);
    list_push(&c->sending, request);
    c->part = whole ? NULL : request;
    return whole;
}

/* An answer of which something is left is the next one again. */
static void part_back(struct conn *c)
{
    struct node *part = c->part;
    c->part = NULL;
    if (!part || c->state == CONN_GONE)
        return;
    node_unlink(part);
    list_push_front(&c->out, part);
}

/* What stands before them is out; the batches come out of the page cache. */
static void file_start(struct conn *c)
{
    const struct read_lent *file = c->send_file;
    c->send_file = NULL;
    c->moved_ns = desk_now(c->desk);
    io_send_file(c->desk->shard->io, &c->send, c->fd, file->fd, file->pos, c->send_file_bytes,
                 send_done);
}

static void send_done(struct op *op)
{
    struct conn *c = container_of(op, struct conn, send);
    struct metrics *m = c->desk->metrics;
    struct node *n;
    if (op->err == ERR_OK && c->send_file && c->state != CONN_GONE) {
        file_start(c);
        return;
    }
    c->send_file = NULL;
    if (op->err == ERR_OK)
        metrics_add(m, METRIC_BYTES_OUT, c->send_bytes);
    c->out_bytes -= c->send_bytes;
    c->send_bytes = 0;
    if (list_empty(&c->out) && !c->part)
        c->send_due_ns = 0; /* nothing waits: what comes next has all its time */
    if (op->err != ERR_OK)
        conn_break(c);
    part_back(c);
    for (; (n = list_first(&c->sending)); metrics_add(m, METRIC_FRAMES_OUT, op->err == ERR_OK))
        c->protocol->free(n);
    if (c->state != CONN_LINGER)
        c->quiet_ns = desk_now(c->desk);
    conn_mark(c);
    conn_watch(c);
}

void conn_send(struct conn *c)
{
    struct node *n;
    if (c->send.busy || c->state == CONN_GONE || c->state == CONN_LINGER)
        return;
    c->iov_count = 0;
    while (conn_iov_room(c) >= ANSWER_IOV_MAX && c->send_bytes < CONN_SEND_BYTES &&
           (n = list_first(&c->out)))
        if (!answer_gather(c, n))
            break;
    if (!c->iov_count)
        return;
    c->moved_ns = desk_now(c->desk);
    c->send_due_ns =
        pace_due_ns(c->moved_ns, c->send_due_ns, c->desk->opts.send_timeout_ns, c->send_bytes);
    io_send(c->desk->shard->io, &c->send, c->fd, c->iov, c->iov_count, c->send_file ? IO_MORE : 0,
            send_done);
    conn_watch(c);
}
