/* http_front.c -- see http_front.h; http_front_in.h draws the states. */
#include "net/http/http_front.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/http/http_front_in.h"

static void call_read(struct call *c);

/* ---- ends ---- */

static void http_settle(struct http *h)
{
    bool open = h->used > 0;
    for (uint32_t i = 0; i < h->at_count; i++)
        open = open || h->listeners[i].fd >= 0;
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
    page_free(c);
    c->state = CALL_FREE;
    h->used--;
    for (uint32_t i = 0; i < h->at_count && !h->closing; i++)
        listener_start(&h->listeners[i], h->shard);
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

static void call_watch(struct call *c)
{
    struct shard *at = c->http->shard;
    timer_stop(&at->timers, &c->timer);
    c->timer.fire = call_expire;
    if (timer_start(&at->timers, &c->timer, io_now_ns(at->io) + HTTP_TIMEOUT_NS) != ERR_OK)
        call_cut(c);
}

/* ---- answers ---- */

/* One request to a connection: it ends when the peer has read the answer. */
void call_linger(struct call *c)
{
    c->state = CALL_LINGER;
    io_send_end(c->http->shard->io, c->fd);
    call_read(c);
}

static void sent(struct op *op)
{
    struct call *c = container_of(op, struct call, send);
    if (op->err != ERR_OK || c->cut)
        call_cut(c);
    else if (c->page)
        page_sent(c);
    else
        call_linger(c);
    call_settle(c);
}

void call_send(struct call *c, uint32_t iov_count)
{
    c->state = CALL_TELL;
    if (c->cut) {
        call_settle(c);
        return;
    }
    call_watch(c);
    io_send(c->http->shard->io, &c->send, c->fd, c->iov, iov_count, 0, sent);
}

void call_answer(struct call *c, uint32_t status, const char *text)
{
    c->request.keep_alive = false;
    c->iov[0] =
        (struct iovec){ c->answer, http_answer_short(status, text, &c->request, c->answer) };
    call_send(c, 1);
}

static void health_answer(struct call *c)
{
    call_answer(c, 200, "running");
}

static void ready_answer(struct call *c)
{
    uint32_t stopped = serve_stores_stopped(c->http->serve);
    char text[64];
    snprintf(text, sizeof(text), "%u stores take no more writes: see the log", stopped);
    if (c->http->closing)
        call_answer(c, 503, "stopping");
    else if (stopped)
        call_answer(c, 503, text);
    else
        call_answer(c, 200, "ready");
}

static void (*const page_answers[HTTP_PAGE_COUNT])(struct call *c) = {
    [HTTP_METRICS] = page_ask,
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
        call_answer(c, c->request.status, c->request.reason);
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
    io_recv(c->http->shard->io, &c->recv, c->fd, c->head + c->head_len,
            HTTP_HEAD_BYTES - c->head_len, 0, received);
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
    call_watch(c);
    call_read(c);
}

/* ---- the front ---- */

/* As many as there are calls: the others wait in the backlog. */
static bool call_take(struct listener *l, int fd)
{
    struct http *h = l->arg;
    if (h->used == HTTP_CALLS_MAX) /* another listener took the last one */
        io_fd_close(h->shard->io, fd);
    else
        call_open(h, fd);
    return h->used < HTTP_CALLS_MAX;
}

static void listener_closed(struct listener *l)
{
    http_settle(l->arg);
}

static void front_open(void *arg, struct serve *s, struct shard *at)
{
    struct http *h = arg;
    if (at->number != 0)
        return;
    h->serve = s;
    h->shard = at;
    for (uint32_t i = 0; i < h->at_count; i++)
        listener_start(&h->listeners[i], at);
}

static void front_close(void *arg, struct shard *at)
{
    struct http *h = arg;
    if (at->number != 0) {
        serve_front_closed(at);
        return;
    }
    h->closing = true;
    for (uint32_t i = 0; i < h->at_count; i++)
        listener_stop(&h->listeners[i]);
    for (uint32_t i = 0; i < HTTP_CALLS_MAX; i++)
        if (h->calls[i].state == CALL_READ || h->calls[i].state == CALL_LINGER)
            call_cut(&h->calls[i]); /* the receive ends, and settles */
    http_settle(h);
}

struct serve_front http_front(struct http *h)
{
    return (struct serve_front){ .arg = h, .open = front_open, .close = front_close };
}

static void listeners_close(struct http *h, struct io *io)
{
    for (uint32_t i = 0; i < h->at_count; i++) {
        if (h->listeners[i].fd >= 0)
            io_fd_close(io, h->listeners[i].fd);
        h->listeners[i].fd = -1;
    }
}

enum err http_open(struct http **out, struct io *io, const struct http_opts *opts, struct why *why)
{
    enum err err = ERR_OK;
    check(opts->at_count <= HTTP_ADDRESSES_MAX);
    struct http *h = *out = calloc(1, sizeof(*h));
    if (!h)
        return ERR_NO_MEMORY;
    h->at_count = opts->at_count;
    h->board = opts->board;
    for (uint32_t i = 0; i < opts->at_count; i++) {
        h->at[i] = opts->at[i];
        h->listeners[i] =
            (struct listener){ .fd = -1, .take = call_take, .closed = listener_closed, .arg = h };
    }
    for (uint32_t i = 0; i < opts->at_count && err == ERR_OK; i++)
        err = listen_at(io, &h->at[i], &h->listeners[i].fd, 1, why);
    if (err == ERR_OK)
        return ERR_OK;
    listeners_close(h, io);
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
