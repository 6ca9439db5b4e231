/* http_front.c -- see http_front.h.
 *
 *   FREE --accept--> READ --head is whole--> ASK --figures of all shards--> SEND --> LINGER -->
 * FREE |                       ^ (only /metrics)
 *                     +-- from every state: cut, or 10 s --> shut down --> FREE */
#include "net/http/http_front.h"

#include <shardlog/engine.h>

#include <stdlib.h>

#include "engine/base/check.h"
#include "net/http/http.h"
#include "net/metric/metric.h"

#define CALLS_MAX  16u
#define HEAD_BYTES (HTTP_HEAD_MAX + 8u) /* with the empty lines that may come first */
#define TIMEOUT_NS (10 * SEC_NS)

enum call_state { CALL_FREE, CALL_READ, CALL_ASK, CALL_SEND, CALL_LINGER };

struct call {
    struct http *http;
    enum call_state state;
    int fd;
    bool cut;
    struct op recv, send;
    struct timer timer;
    struct verb_stats stats;
    struct metrics_shard *shards; /* of CALL_ASK: one of each shard */
    struct iovec iov[2];
    struct http_request request;
    char head[HEAD_BYTES], answer[HTTP_SHORT_MAX];
    char *body; /* figures; NULL: all is in `answer` */
    size_t head_len;
};

struct door {
    struct http *http;
    int fd; /* -1: none */
    struct op op;
};

struct http {
    uint32_t at_count;
    struct io_address at[HTTP_ADDRESSES_MAX];
    struct door doors[HTTP_ADDRESSES_MAX];
    struct call calls[CALLS_MAX];
    uint32_t used;
    struct serve *serve;
    struct shard *shard;
    uint64_t start_ms;
    bool closing, closed;
};

static void door_open(struct door *d);
static void call_read(struct call *c);

/* ---- ends ---- */

static void doors_close(struct http *h)
{
    for (uint32_t i = 0; i < h->at_count; i++) {
        struct door *d = &h->doors[i];
        if (d->fd < 0)
            continue;
        if (d->op.busy) {
            io_shutdown(h->shard->io, d->fd);
            continue;
        }
        io_fd_close(h->shard->io, d->fd);
        d->fd = -1;
    }
}

static void http_settle(struct http *h)
{
    bool open = h->used > 0;
    for (uint32_t i = 0; i < h->at_count; i++)
        open = open || h->doors[i].fd >= 0;
    if (!h->closing || h->closed || open)
        return;
    h->closed = true;
    serve_front_closed(h->shard);
}

static void call_settle(struct call *c)
{
    struct http *h = c->http;
    if (!c->cut || c->recv.busy || c->send.busy || c->state == CALL_ASK)
        return;
    timer_stop(&h->shard->timers, &c->timer);
    io_fd_close(h->shard->io, c->fd);
    free(c->shards);
    free(c->body);
    c->shards = NULL;
    c->body = NULL;
    c->state = CALL_FREE;
    h->used--;
    for (uint32_t i = 0; i < h->at_count && !h->closing; i++)
        door_open(&h->doors[i]);
    http_settle(h);
}

static void call_cut(struct call *c)
{
    if (!c->cut)
        io_shutdown(c->http->shard->io, c->fd);
    c->cut = true;
}

static void call_expire(struct timer *t)
{
    struct call *c = container_of(t, struct call, timer);
    call_cut(c);
    call_settle(c);
}

/* ---- answers ---- */

static void sent(struct op *op)
{
    struct call *c = container_of(op, struct call, send);
    if (op->err != ERR_OK || c->cut) {
        call_cut(c);
    } else {
        c->state = CALL_LINGER; /* until the peer has read it and ends */
        io_send_end(c->http->shard->io, c->fd);
        call_read(c);
    }
    call_settle(c);
}

/* One request to a connection. */
static void call_answer(struct call *c, size_t head_len, size_t body_len)
{
    c->state = CALL_SEND;
    if (c->cut) {
        call_settle(c);
        return;
    }
    c->iov[0] = (struct iovec){ c->answer, head_len };
    c->iov[1] = (struct iovec){ c->body, body_len };
    io_send(c->http->shard->io, &c->send, c->fd, c->iov, body_len ? 2 : 1, 0, sent);
}

static void text_answer(struct call *c, uint32_t status, const char *text)
{
    c->request.keep_alive = false;
    call_answer(c, http_answer_short(status, text, &c->request, c->answer), 0);
}

static void metrics_answer(struct call *c)
{
    const struct http *h = c->http;
    const struct metrics_view v = { .node = { .version = sl_version(),
                                              .one = 1,
                                              .start_ms = h->start_ms,
                                              .ready = !h->closing },
                                    .shards = c->shards,
                                    .shard_count = serve_shards(h->serve) };
    size_t len = metrics_print(&v, NULL, 0);
    c->body = malloc(len + 1);
    if (!c->body) {
        text_answer(c, 503, "no memory for the figures");
        return;
    }
    check(metrics_print(&v, c->body, len + 1) == len);
    const struct http_answer a = { .status = 200, .type = METRICS_CONTENT_TYPE, .body_bytes = len };
    call_answer(c, http_answer_head(&a, c->answer), c->request.head ? 0 : len);
}

/* One shard after another. */
static void stats_done(struct verb *v)
{
    struct call *c = container_of(v, struct call, stats.verb);
    struct serve *s = c->http->serve;
    c->shards[c->stats.shard].engine = c->stats.stats;
    if (v->err == ERR_OK && ++c->stats.shard < serve_shards(s))
        serve_stats(s, &c->stats);
    else if (v->err == ERR_OK)
        metrics_answer(c);
    else
        text_answer(c, 503, err_text(v->err));
}

static void metrics_ask(struct call *c)
{
    c->shards = calloc(serve_shards(c->http->serve), sizeof(*c->shards));
    if (!c->shards) {
        text_answer(c, 503, "no memory for the figures");
        return;
    }
    c->state = CALL_ASK;
    c->stats =
        (struct verb_stats){ .verb = { .done = stats_done, .home = c->http->shard->number } };
    serve_stats(c->http->serve, &c->stats);
}

static void health_answer(struct call *c)
{
    text_answer(c, 200, "running");
}

static void ready_answer(struct call *c)
{
    if (c->http->closing)
        text_answer(c, 503, "stopping");
    else
        text_answer(c, 200, "ready");
}

static void (*const page_answers[HTTP_PAGE_COUNT])(struct call *c) = {
    [HTTP_METRICS] = metrics_ask,
    [HTTP_HEALTHZ] = health_answer,
    [HTTP_READYZ] = ready_answer,
};

/* ---- requests ---- */

static void call_route(struct call *c)
{
    switch (http_request_read((struct bytes){ (uint8_t *)c->head, c->head_len }, &c->request)) {
    case HTTP_MORE:
        call_read(c);
        break;
    case HTTP_READY:
        page_answers[c->request.page](c);
        break;
    case HTTP_REFUSED:
        text_answer(c, c->request.status, c->request.reason);
        break;
    }
}

static void received(struct op *op)
{
    struct call *c = container_of(op, struct call, recv);
    if (op->err != ERR_OK || op->got == 0 || c->cut) {
        call_cut(c);
        call_settle(c);
        return;
    }
    if (c->state == CALL_LINGER) {
        call_read(c);
        return;
    }
    c->head_len += op->got;
    call_route(c);
}

static void call_read(struct call *c)
{
    if (c->state == CALL_LINGER)
        c->head_len = 0; /* what comes now is passed over */
    io_recv(c->http->shard->io, &c->recv, c->fd, c->head + c->head_len, HEAD_BYTES - c->head_len, 0,
            received);
}

static void call_open(struct http *h, int fd)
{
    struct call *c = h->calls;
    while (c->state != CALL_FREE)
        c++;
    h->used++;
    c->http = h;
    c->fd = fd;
    c->state = CALL_READ;
    c->cut = false;
    c->head_len = 0;
    c->timer = (struct timer){ .fire = call_expire };
    timer_start(&h->shard->timers, &c->timer, io_now_ns(h->shard->io) + TIMEOUT_NS);
    call_read(c);
}

/* ---- doors ---- */

static void accepted(struct op *op)
{
    struct door *d = container_of(op, struct door, op);
    struct http *h = d->http;
    if (op->err == ERR_OK && (h->closing || h->used == CALLS_MAX))
        io_fd_close(h->shard->io, (int)op->got);
    else if (op->err == ERR_OK)
        call_open(h, (int)op->got);
    if (!h->closing) {
        if (op->err == ERR_OK || op->err == ERR_RESET)
            door_open(d); /* after another error: when the next call ends */
        return;
    }
    doors_close(h);
    http_settle(h);
}

static void door_open(struct door *d)
{
    if (d->fd >= 0 && !d->op.busy && d->http->used < CALLS_MAX)
        io_accept(d->http->shard->io, &d->op, d->fd, accepted);
}

/* ---- the front ---- */

static void front_open(void *arg, struct serve *s, struct shard *at)
{
    struct http *h = arg;
    if (at->number != 0)
        return;
    h->serve = s;
    h->shard = at;
    for (uint32_t i = 0; i < h->at_count; i++)
        door_open(&h->doors[i]);
}

static void front_close(void *arg, struct shard *at)
{
    struct http *h = arg;
    if (at->number != 0) {
        serve_front_closed(at);
        return;
    }
    h->closing = true;
    doors_close(h);
    for (uint32_t i = 0; i < CALLS_MAX; i++)
        if (h->calls[i].state == CALL_READ || h->calls[i].state == CALL_LINGER)
            call_cut(&h->calls[i]); /* the receive ends, and settles */
    http_settle(h);
}

struct serve_front http_front(struct http *h)
{
    return (struct serve_front){ .arg = h, .open = front_open, .close = front_close };
}

enum err http_open(struct http **out, struct io *io, const struct http_opts *opts, struct why *why)
{
    const struct io_listen_opts listen = { .backlog = 64 };
    enum err err = ERR_OK;
    check(opts->at_count <= HTTP_ADDRESSES_MAX);
    struct http *h = *out = calloc(1, sizeof(*h));
    if (!h)
        return ERR_NO_MEMORY;
    h->at_count = opts->at_count;
    h->start_ms = io_wall_ms(io);
    for (uint32_t i = 0; i < opts->at_count; i++) {
        h->at[i] = opts->at[i];
        h->doors[i] = (struct door){ .http = h, .fd = -1 };
    }
    for (uint32_t i = 0; i < opts->at_count && err == ERR_OK; i++) {
        int fd = io_listen(io, &h->at[i], &listen, why);
        h->doors[i].fd = fd < 0 ? -1 : fd;
        err = fd < 0 ? (enum err) - fd : io_socket_name(io, fd, &h->at[i]);
    }
    for (uint32_t i = 0; err != ERR_OK && i < opts->at_count; i++)
        if (h->doors[i].fd >= 0)
            io_fd_close(io, h->doors[i].fd);
    if (err != ERR_OK)
        http_close(out);
    return err;
}

void http_close(struct http **h)
{
    free(*h); /* its descriptors are closed: by the stop, or by the end of the process */
    *h = NULL;
}

struct io_address http_address(const struct http *h, uint32_t i)
{
    check(i < h->at_count);
    return h->at[i];
}
