/* send.c -- answers, gathered: as many as one send of iovecs takes.
 *
 * An answer is its frame, and batches that lie where the engine has them: read into memory of
 * theirs, lent out of a tail, or lying checked in the page cache (then a send of the file follows
 * the frame). All of it stays until the kernel has taken every byte; then the request gives
 * everything back. */
#include "engine/base/check.h"
#include "net/native/server_in.h"

static void send_done(struct op *op);

/* The answer's frame is out; what follows comes out of the page cache. */
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
    if (list_empty(&c->out))
        c->send_due_ns = 0; /* nothing waits: what comes next has all its time */
    if (op->err != ERR_OK)
        conn_break(c);
    for (; (n = list_first(&c->sending)); metrics_add(m, METRIC_FRAMES_OUT, op->err == ERR_OK))
        request_free(container_of(n, struct request, node));
    if (c->state != CONN_LINGER)
        c->quiet_ns = desk_now(c->desk);
    conn_mark(c);
    conn_watch(c);
}

static uint32_t answer_gather(struct conn *c, struct request *r, uint32_t used)
{
    const struct read_lent *lent = &r->fetch.read.lent;
    bool lends = r->batches.len && !r->batches.at;
    c->iov[used++] = (struct iovec){ r->answer, r->answer_bytes };
    if (r->batches.at)
        c->iov[used++] = (struct iovec){ (void *)r->batches.at, r->batches.len };
    for (uint32_t i = 0; lends && i < lent->count; i++)
        c->iov[used++] = (struct iovec){ (void *)lent->pieces[i].at, lent->pieces[i].len };
    c->send_bytes += r->answer_bytes + r->batches.len;
    if (lends && lent->fd >= 0) {
        c->send_file = lent;
        c->send_file_bytes = r->batches.len;
    }
    node_unlink(&r->node);
    list_push(&c->sending, &r->node);
    return used;
}

void conn_send(struct conn *c)
{
    struct node *n;
    uint32_t used = 0;
    if (c->send.busy || c->state == CONN_GONE || c->state == CONN_LINGER)
        return;
    while (used + ANSWER_IOV_MAX <= CONN_IOV_MAX && c->send_bytes < CONN_SEND_BYTES &&
           !c->send_file && (n = list_first(&c->out)))
        used = answer_gather(c, container_of(n, struct request, node), used);
    if (!used)
        return;
    c->moved_ns = desk_now(c->desk);
    c->send_due_ns =
        pace_due_ns(c->moved_ns, c->send_due_ns, c->desk->opts.send_timeout_ns, c->send_bytes);
    io_send(c->desk->shard->io, &c->send, c->fd, c->iov, used, c->send_file ? IO_MORE : 0,
            send_done);
    conn_watch(c);
}
