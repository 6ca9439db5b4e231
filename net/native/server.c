/* server.c -- the table that plugs the native protocol into the door; frames and answers. */
#include "net/native/server.h"

#include <stdlib.h>

#include "engine/base/batch_sums.h"
#include "engine/base/check.h"
#include "net/native/server_in.h"

static void desk_open(struct door_desk *d, void *own)
{
    struct desk_native *n = own;
    n->desk = d;
    list_init(&n->ones);
    n->sums = malloc(batch_sums_bytes(FRAME_PAYLOAD_MAX)); /* what is never used is never touched */
    check(n->sums);
}

static void desk_turn(void *own)
{
    requests_ones(own);
}

static void desk_close(void *own)
{
    struct desk_native *n = own;
    place_rows_free(n);
    free(n->sums);
}

static void conn_made(struct conn *c)
{
    struct conn_native *n = native_of(c);
    n->gate = (struct frame_gate){ .version = FRAME_VERSION, .payload_max = FRAME_FIRST_MAX };
    n->peer_max = FRAME_MAX_LEAST;
}

/* ---- frames ---- */

static void framing_lost(struct conn *c)
{
    struct why why;
    const struct fault *fault = &native_of(c)->fault;
    fault_text(fault, VERB_COUNT, &why);
    probe("native: framing is lost");
    conn_refuse(c, fault->err, why.text);
}

static enum conn_keep frame_keep(const struct frame *f)
{
    const struct verb_serve *v = &verb_serves[f->verb];
    return !v->keeps ? CONN_KEEP_NOT : v->passes ? CONN_KEEP_PASSING : CONN_KEEP_COPY;
}

static bool head_take(struct conn *c)
{
    struct conn_native *n = native_of(c);
    n->fault = (struct fault){ .kind = FAULT_NONE };
    if (frame_decode(c->head, &n->gate, &n->frame, &n->fault) == ERR_OK) {
        c->payload_bytes = n->frame.payload_bytes;
        c->keep = frame_keep(&n->frame);
        return true;
    }
    if (n->fault.lost) {
        framing_lost(c);
        return false;
    }
    c->skips = true;
    c->skip = n->frame.payload_bytes;
    return true;
}

static void frame_skipped(struct conn *c)
{
    struct conn_native *n = native_of(c);
    struct fault fault = n->fault;
    n->fault = (struct fault){ .kind = FAULT_NONE };
    request_begin_fault(c, &fault);
}

/* ---- answers ---- */

static bool answer_gather(struct conn *c, struct node *node)
{
    struct request *r = container_of(node, struct request, node);
    conn_iov(c, r->answer, r->answer_bytes);
    if (r->batches.at)
        conn_iov(c, r->batches.at, r->batches.len);
    else if (r->batches.len)
        conn_iov_lent(c, &r->fetch.read.lent, r->batches.len);
    return true;
}

static void node_free(struct node *node)
{
    request_free(container_of(node, struct request, node));
}

static void node_drop(struct node *node)
{
    request_drop(container_of(node, struct request, node));
}

static void conn_broken(struct conn *c)
{
    if (pitfall(FRONT_REUSE_PAYLOAD))
        requests_spoil(c);
}

/* ---- words ---- */

void desk_say_request(const struct request *r, enum err err, const char *message)
{
    const struct conn *c = r->conn;
    struct door_desk *d = c->desk;
    if (!d->log || !log_wants(d->log, LOG_LEVEL_DEBUG))
        return;
    const struct topic_info *t = place_topic(desk_of_conn(c), r->frame.topic);
    desk_say_line(d, c,
                  (struct log_line){ .level = LOG_LEVEL_DEBUG,
                                     .topic = t ? t->name : NULL,
                                     .partition = r->frame.partition,
                                     .message = message,
                                     .err = err });
}

const struct protocol native_protocol = {
    .name = "native",
    .first = CONN_HELLO,
    .head_bytes = FRAME_HEADER_BYTES,
    .request_bytes = REQUEST_BYTES,
    .conn_bytes = sizeof(struct conn_native),
    .desk_bytes = sizeof(struct desk_native),
    .desk_open = desk_open,
    .desk_turn = desk_turn,
    .desk_close = desk_close,
    .open = conn_made,
    .head = head_take,
    .begin = request_begin,
    .skipped = frame_skipped,
    .gather = answer_gather,
    .free = node_free,
    .drop = node_drop,
    .hurry = requests_hurry,
    .broken = conn_broken,
    .say_close = request_say_close,
    .move = conn_move,
};
