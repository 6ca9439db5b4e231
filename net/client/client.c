/* client.c -- open, hello, cut, close, and the last error. */
#include "net/client/client_in.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/check.h"

#define REQUESTS_MAX  256u
#define BYTES_MAX     (64ull << 20)
#define FRAME_MAX     ((8u << 20) + (64u << 10))
#define TIMEOUT_NS    (30 * SEC_NS)
#define HELLO_ROOM    (FRAME_HEADER_BYTES + 512u)
#define CLIENT_ID_MAX 255u

/* ---- errors ---- */

enum err client_note(struct sl_client *c, enum err err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    c->error = (struct sl_client_error){ .err = (enum sl_err)err,
                                         .retriable = sl_err_retriable((enum sl_err)err) };
    vsnprintf(c->error.text, sizeof(c->error.text), fmt, args);
    va_end(args);
    return err;
}

enum err client_note_fault(struct sl_client *c, uint32_t verb, const struct fault *fault)
{
    struct why why;
    fault_text(fault, verb, &why);
    client_note(c, fault->err, "%s", why.text);
    c->error.limit = fault->limit;
    c->error.value = fault->value;
    return fault->err;
}

enum err client_note_answer(struct sl_client *c, const struct error_answer *e)
{
    /* An error answer is never OK, whatever its code says. */
    enum err err = e->code ? (enum err)e->code : ERR_BAD_FRAME;
    client_note(c, err, "%.*s", (int)e->text.len, (const char *)e->text.at);
    c->error.retriable = e->retriable;
    c->error.limit = e->limit;
    c->error.value = e->value;
    return err;
}

const struct sl_client_error *sl_client_error(const struct sl_client *c)
{
    return &c->error;
}

/* ---- hello ---- */

static struct hello_request hello_request_of(const struct sl_client *c)
{
    return (struct hello_request){ .version_min = FRAME_VERSION,
                                   .version_max = FRAME_VERSION,
                                   .frame_max = c->frame_max,
                                   .wanted_shard = c->shard_set ? c->shard : SHARD_ANY,
                                   .client_id = text_of(c->id) };
}

static enum err hello_send(struct sl_client *c, const struct hello_request *ask, uint64_t due_ns)
{
    uint8_t at[HELLO_ROOM];
    struct frame f = { .version = FRAME_VERSION, .verb = VERB_HELLO };
    struct fault fault = { 0 };
    size_t len = frame_make(at, sizeof(at), &f, ask, FRAME_FIRST_MAX, &fault), sent = 0;
    if (!len)
        return client_note_fault(c, VERB_HELLO, &fault);
    while (sent < len) {
        ssize_t n = send(c->fd, at + sent, len - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (!wire_wait(c->fd, POLLOUT, due_ns))
            return client_note(c, ERR_TIMEOUT, "hello: not sent in time");
        else if (n < 0 && wire_receive(c) < 0)
            return client_note(c, ERR_CLOSED, "hello: the server ended the connection");
    }
    return ERR_OK;
}

static enum err hello_receive(struct sl_client *c, uint64_t due_ns, union payload *p)
{
    struct frame f;
    struct bytes payload;
    struct fault fault = { 0 };
    enum err err;
    while ((err = frame_take(c, true, &f, &payload)) == ERR_BUSY) {
        if (!wire_wait(c->fd, POLLIN, due_ns))
            return client_note(c, ERR_TIMEOUT, "hello: no answer in time");
        if (wire_receive(c) < 0)
            return client_note(c, ERR_CLOSED, "hello: the server ended the connection");
    }
    TRY(err);
    if (payload_decode(&f, payload, p, &fault) != ERR_OK)
        return client_note_fault(c, f.verb, &fault);
    if (frame_is_error(&f))
        return client_note_answer(c, &p->error);
    if (f.verb != VERB_HELLO)
        return client_note(c, ERR_BAD_FRAME, "hello was answered by %s", verb_name(f.verb));
    return ERR_OK;
}

static enum err hello_exchange(struct sl_client *c, uint64_t due_ns)
{
    static const struct feature_words known; /* none */
    struct hello_request ask = hello_request_of(c);
    struct fault fault = { 0 };
    union payload p;
    TRY(hello_send(c, &ask, due_ns));
    TRY(hello_receive(c, due_ns, &p));
    if (hello_accept(&ask, &p.hello_answer, &known, &c->read_only, &fault) != ERR_OK)
        return client_note_fault(c, VERB_HELLO, &fault);
    c->hello = p.hello_answer;
    text_copy(c->hello.server, c->server, sizeof(c->server));
    if (!c->hello.requests_max)
        c->hello.requests_max = 1;
    return ERR_OK;
}

enum err client_connect(struct sl_client *c, uint64_t due_ns)
{
    struct why why;
    c->fd = wire_open(c->host, c->port, due_ns, &why);
    if (c->fd < 0)
        return client_note(c, ERR_CLOSED, "%s", why.text);
    c->in_from = c->in_to = 0;
    enum err err = hello_exchange(c, due_ns);
    if (err == ERR_OK) {
        c->retry_ns = c->retry_wait_ns = 0;
        return ERR_OK;
    }
    close(c->fd);
    c->fd = -1;
    return err;
}

/* ---- cut ---- */

void client_cut(struct sl_client *c, const char *reason)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->torn = NULL;
    c->retry_ns = client_now_ns();
    if (reason)
        client_note(c, ERR_CLOSED, "%s", reason);
    list_each (&c->calls, node) {
        struct client_call *call = container_of(node, struct client_call, node);
        if (!c->reconnect || (!call->again && call->sent)) {
            call_cancel(c, call, ERR_CLOSED);
        } else {
            call->resent |= call->sent != 0;
            call->sent = 0;
        }
    }
}

/* ---- life ---- */

static enum err options_take(struct sl_client *c, const struct sl_client_options *o)
{
    const char *host = CLIENT_FIELD(o, host, NULL), *id = CLIENT_FIELD(o, id, NULL);
    uint16_t port = CLIENT_FIELD(o, port, 0);
    c->shard_set = CLIENT_FIELD(o, shard_set, false);
    c->shard = CLIENT_FIELD(o, shard, 0);
    c->reconnect = CLIENT_FIELD(o, reconnect, false);
    c->timeout_ns = CLIENT_FIELD(o, timeout_ns, 0);
    c->requests_max = CLIENT_FIELD(o, requests_max, 0);
    c->bytes_max = CLIENT_FIELD(o, bytes_max, 0);
    c->frame_max = CLIENT_FIELD(o, frame_max, 0);
    c->timeout_ns = c->timeout_ns ? c->timeout_ns : TIMEOUT_NS;
    c->requests_max = c->requests_max ? c->requests_max : REQUESTS_MAX;
    c->bytes_max = c->bytes_max ? c->bytes_max : BYTES_MAX;
    c->frame_max = c->frame_max ? c->frame_max : FRAME_MAX;
    c->host = strdup(host ? host : "127.0.0.1");
    c->id = strdup(id ? id : "");
    if (!c->host || !c->id)
        return client_note(c, ERR_NO_MEMORY, "no memory for a client");
    if (strlen(c->id) > CLIENT_ID_MAX || c->frame_max > FRAME_PAYLOAD_MAX ||
        c->frame_max < FRAME_MAX_LEAST || c->timeout_ns > INT64_MAX)
        return client_note(c, ERR_INVALID, "id has at most %u bytes, frame_max is %u to %u",
                           CLIENT_ID_MAX, FRAME_MAX_LEAST, FRAME_PAYLOAD_MAX);
    snprintf(c->port, sizeof(c->port), "%u", port ? port : NATIVE_PORT);
    return ERR_OK;
}

static void client_free(struct sl_client *c)
{
    struct producer_place *place;
    uint32_t at = 0;
    if (c->fd >= 0)
        close(c->fd);
    while ((place = map_next(&c->producer_places, &at)))
        free(place);
    map_close(&c->producer_places);
    map_close(&c->by_correlation);
    free(c->in);
    free(c->host);
    free(c->id);
    free(c);
}

enum sl_err sl_client_open(struct sl_client **out, const struct sl_client_options *options,
                           struct sl_why *why)
{
    struct sl_client *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c)
        return SL_ERR_NO_MEMORY;
    c->fd = -1;
    c->producer_id = -1;
    c->next_correlation = 1;
    list_init(&c->calls);
    enum err err = options_take(c, options);
    if (err == ERR_OK)
        err = client_connect(c, client_now_ns() + c->timeout_ns);
    if (err == ERR_OK) {
        *out = c;
        return SL_ERR_OK;
    }
    if (why)
        snprintf(why->text, sizeof(why->text), "%.*s", (int)sizeof(why->text) - 1, c->error.text);
    client_free(c);
    return (enum sl_err)err;
}

void sl_client_close(struct sl_client **c)
{
    if (!*c)
        return;
    check(!(*c)->inside);
    (*c)->reconnect = false;
    if ((*c)->fd >= 0)
        close((*c)->fd);
    (*c)->fd = -1;
    client_note(*c, ERR_CANCELLED, "the client was closed");
    calls_end(*c, ERR_CANCELLED);
    client_free(*c);
    *c = NULL;
}

enum sl_err sl_client_reconnect(struct sl_client *c)
{
    if (c->inside)
        return (enum sl_err)client_note(c, ERR_BUSY, "a callback must not wait");
    if (c->fd >= 0)
        return SL_ERR_OK;
    return (enum sl_err)client_connect(c, client_now_ns() + c->timeout_ns);
}

enum sl_err sl_client_hello(const struct sl_client *c, struct sl_client_hello *out)
{
    struct sl_client_hello all = { .size = out->size,
                                   .version = c->hello.version,
                                   .shards = c->hello.shards,
                                   .shard = c->hello.shard,
                                   .frame_max = c->hello.frame_max,
                                   .requests_max = c->hello.requests_max,
                                   .idle_ms = c->hello.idle_ms,
                                   .node = c->hello.node,
                                   .read_only = c->read_only };
    memcpy(all.cluster, c->hello.cluster.b, 16);
    memcpy(all.server, c->server, sizeof(all.server));
    memcpy(out, &all, min_u64(out->size, sizeof(all)));
    return SL_ERR_OK;
}

/* ---- requests under way ---- */

enum sl_err sl_client_poll(struct sl_client *c, uint64_t wait_ns, uint32_t *unanswered)
{
    if (c->inside)
        return (enum sl_err)client_note(c, ERR_BUSY, "a callback must not wait");
    uint64_t now_ns = client_now_ns();
    enum err err =
        calls_turn(c, wait_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + wait_ns, NULL);
    if (unanswered)
        *unanswered = c->call_count;
    return err == ERR_TIMEOUT ? SL_ERR_OK : (enum sl_err)err;
}

enum sl_err sl_client_flush(struct sl_client *c)
{
    uint32_t unanswered = 1;
    enum sl_err err = SL_ERR_OK;
    while (err == SL_ERR_OK && unanswered)
        err = sl_client_poll(c, SEC_NS, &unanswered);
    return err;
}

int sl_client_fd(const struct sl_client *c, short *events)
{
    if (events) {
        *events = POLLIN;
        list_each (&c->calls, node)
            if (container_of(node, struct client_call, node)->sent == 0 || c->torn)
                *events = POLLIN | POLLOUT;
    }
    return c->fd;
}
