/* call.c -- requests and answers of one connection.
 *
 * A turn: connect again if that is due, send what is not sent, receive what is there, answer, end
 * what is out of time; then wait for the socket. An answer finds its call by correlation id; the
 * answer to a call that ran out of time finds none and is dropped.
 *
 * After a cut every call that may be sent again is unsent again, in the old order. An append that
 * was sent twice may meet its own first copy, still on its way: BUSY, and it is asked again. */
#include "net/client/client_in.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "engine/base/check.h"

#define SEND_IOV_MAX  64
#define BUSY_AGAIN_NS (10 * MS_NS)

/* ---- start ---- */

struct client_call *call_make(struct sl_client *c, enum native_verb verb, size_t bytes)
{
    if (c->call_count >= c->requests_max || c->call_bytes + bytes > c->bytes_max) {
        client_note(c, ERR_BUSY, "%u requests of %llu bytes are under way; poll, then try again",
                    c->call_count, (unsigned long long)c->call_bytes);
        return NULL;
    }
    struct client_call *call = malloc(sizeof(*call) + bytes);
    if (!call) {
        client_note(c, ERR_NO_MEMORY, "no memory for a request of %zu bytes", bytes);
        return NULL;
    }
    memset(call, 0, sizeof(*call));
    call->len = bytes;
    call->again = !(verb_row(verb)->flags & VERB_CHANGES) || verb == VERB_TRIM;
    call->due_ns = client_now_ns() + c->timeout_ns;
    call->frame = (struct frame){ .version = (uint8_t)c->hello.version,
                                  .verb = (uint8_t)verb,
                                  .correlation = c->next_correlation++ };
    return call;
}

/* A trim of all, done again, is another one: it takes what was appended after the first. */
static bool trims_all(const struct client_call *call, const void *from)
{
    const struct trim_request *trim = from;
    return call->frame.verb == VERB_TRIM && trim->offset == UINT64_MAX;
}

bool call_fill(struct sl_client *c, struct client_call *call, const void *from)
{
    struct fault fault = { 0 };
    size_t batch = frame_batches(&call->frame, from).len;
    call->again = call->again && !trims_all(call, from);
    size_t len =
        frame_make(call->bytes, call->len - batch, &call->frame, from, c->hello.frame_max, &fault);
    if (len) {
        call->len = len + batch;
        return true;
    }
    check(fault.kind != FAULT_NONE); /* call_make() was told how much room it needs */
    client_note_fault(c, call->frame.verb, &fault);
    return false;
}

void call_free(struct client_call *call)
{
    free(call);
}

enum err call_start(struct sl_client *c, struct client_call *call)
{
    enum err err = ERR_OK;
    if (c->fd < 0 && !c->reconnect)
        err = client_note(c, ERR_CLOSED, "there is no connection; sl_client_reconnect() makes one");
    else if (c->read_only && verb_row(call->frame.verb)->flags & VERB_CHANGES)
        err = client_note(c, ERR_PERMISSION, "the server takes no changes from this client");
    else if (map_put(&c->by_correlation, map_key_u64(call->frame.correlation), call) != ERR_OK)
        err = client_note(c, ERR_NO_MEMORY, "no memory for one more request");
    if (err != ERR_OK) {
        call_free(call);
        return err;
    }
    if (call->place)
        call->number = call->place->started++;
    list_push(&c->calls, &call->node);
    c->call_count++;
    c->call_bytes += call->len;
    return ERR_OK;
}

/* ---- end ---- */

static void place_answered(struct producer_place *p, uint64_t number)
{
    check(number - p->oldest < PRODUCER_UNANSWERED_MAX);
    p->answered |= 1u << (number - p->oldest);
    for (; p->answered & 1; p->answered >>= 1)
        p->oldest++;
}

static void call_end(struct sl_client *c, struct client_call *call, const struct call_result *r)
{
    bool was = c->inside;
    map_remove(&c->by_correlation, map_key_u64(call->frame.correlation));
    node_unlink(&call->node);
    c->call_count--;
    c->call_bytes -= call->len;
    if (call->place)
        place_answered(call->place, call->number);
    c->inside = true;
    call->answer(c, call, r);
    c->inside = was;
    call_free(call);
}

void call_cancel(struct sl_client *c, struct client_call *call, enum err err)
{
    call_end(c, call, &(struct call_result){ .err = err });
}

void calls_end(struct sl_client *c, enum err err)
{
    struct node *n;
    while ((n = list_first(&c->calls)))
        call_cancel(c, container_of(n, struct client_call, node), err);
}

/* ---- answers ---- */

static bool call_asks_again(struct client_call *call, enum err err)
{
    if (err != ERR_BUSY || !call->resent || !call->place)
        return false;
    call->sent = 0;
    call->after_ns = client_now_ns() + BUSY_AGAIN_NS;
    return true;
}

static bool call_matches(const struct client_call *call, const struct frame *f)
{
    return call->frame.verb == f->verb && call->sent == call->len;
}

static void answer_take(struct sl_client *c, const struct frame *f, struct bytes payload)
{
    union payload p;
    struct fault fault = { 0 };
    struct client_call *call = map_get(&c->by_correlation, map_key_u64(f->correlation));
    struct call_result r = { .payload = &p };
    if (f->verb == VERB_CLOSE || (call && !call_matches(call, f))) {
        if (payload_decode(f, payload, &p, &fault) == ERR_OK && frame_is_error(f))
            client_note_answer(c, &p.error);
        client_cut(c, f->verb == VERB_CLOSE ? NULL : "an answer that does not fit its request");
        return;
    }
    if (!call)
        return; /* it ran out of time */
    r.err = payload_decode(f, payload, &p, &fault);
    if (r.err != ERR_OK)
        client_note_fault(c, f->verb, &fault);
    else if (frame_is_error(f))
        r.err = client_note_answer(c, &p.error);
    if (r.err != ERR_OK) {
        r.payload = NULL;
        if (call_asks_again(call, r.err))
            return;
    }
    call_end(c, call, &r);
}

enum err frame_take(struct sl_client *c, bool hello, struct frame *f, struct bytes *payload)
{
    struct frame_gate gate = { .version = hello ? FRAME_VERSION : (uint8_t)c->hello.version,
                               .answers = true,
                               .payload_max = c->frame_max };
    struct fault fault = { 0 };
    TRY(wire_room(c, FRAME_HEADER_BYTES));
    if (c->in_to - c->in_from < FRAME_HEADER_BYTES)
        return ERR_BUSY;
    if (frame_decode(c->in + c->in_from, &gate, f, &fault) != ERR_OK)
        return client_note_fault(c, VERB_COUNT, &fault);
    size_t whole = FRAME_HEADER_BYTES + f->payload_bytes;
    TRY(wire_room(c, whole));
    if (c->in_to - c->in_from < whole)
        return ERR_BUSY;
    *payload = (struct bytes){ c->in + c->in_from + FRAME_HEADER_BYTES, f->payload_bytes };
    c->in_from += whole;
    return ERR_OK;
}

/* ---- bytes out and in ---- */

/* Half a frame is on its way: nothing may come between its halves. */
static bool call_torn(const struct client_call *call)
{
    return call->sent && call->sent < call->len;
}

static bool call_sendable(const struct client_call *call, uint64_t now_ns)
{
    return call->sent < call->len && call->after_ns <= now_ns;
}

static struct iovec call_left(const struct client_call *call)
{
    return (struct iovec){ (void *)(uintptr_t)(call->bytes + call->sent), call->len - call->sent };
}

static unsigned sends_gather(struct sl_client *c, uint64_t now_ns, struct client_call **calls,
                             struct iovec *iov)
{
    unsigned n = 0, unanswered = 0;
    if (c->torn) {
        calls[0] = c->torn;
        iov[0] = call_left(c->torn);
        return 1;
    }
    list_each (&c->calls, node) {
        struct client_call *call = container_of(node, struct client_call, node);
        if (n == SEND_IOV_MAX || ++unanswered > c->hello.requests_max)
            break;
        if (!call_sendable(call, now_ns))
            continue;
        calls[n] = call;
        iov[n++] = call_left(call);
    }
    return n;
}

static void sends_done(struct sl_client *c, struct client_call **calls, size_t bytes)
{
    c->torn = NULL;
    for (unsigned i = 0; bytes; i++) {
        size_t n = min_u64(bytes, calls[i]->len - calls[i]->sent);
        calls[i]->sent += n;
        bytes -= n;
        if (call_torn(calls[i]))
            c->torn = calls[i];
    }
}

/* True: the socket is full, wait for POLLOUT. */
static bool calls_send(struct sl_client *c, uint64_t now_ns)
{
    struct client_call *calls[SEND_IOV_MAX];
    struct iovec iov[SEND_IOV_MAX];
    for (;;) {
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = sends_gather(c, now_ns, calls, iov) };
        if (!m.msg_iovlen)
            return false;
        ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL);
        if (n >= 0) {
            sends_done(c, calls, (size_t)n);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return true;
        } else if (errno != EINTR) {
            client_cut(c, strerror(errno));
            return false;
        }
    }
}

/* Stops at what is waited for: its views die with the next frame. */
static bool calls_receive(struct sl_client *c, const bool *until)
{
    struct frame f;
    struct bytes payload;
    bool any = false;
    while (c->fd >= 0 && !(until && *until)) {
        enum err err = frame_take(c, false, &f, &payload);
        if (err == ERR_OK) {
            answer_take(c, &f, payload);
            any = true;
        } else if (err != ERR_BUSY) {
            client_cut(c, NULL);
        } else {
            long n = wire_receive(c);
            if (n == 0)
                break;
            if (n < 0)
                client_cut(c, "the server ended the connection");
        }
    }
    return any;
}

static void calls_expire(struct sl_client *c, uint64_t now_ns)
{
    list_each (&c->calls, node) {
        struct client_call *call = container_of(node, struct client_call, node);
        if (call->due_ns > now_ns)
            continue;
        if (call == c->torn) { /* nothing can follow on this connection */
            call->again = false;
            client_cut(c, "a request was not sent in time");
            return;
        }
        client_note(c, ERR_TIMEOUT, "%s: no answer within %llu ms", verb_name(call->frame.verb),
                    (unsigned long long)(c->timeout_ns / MS_NS));
        call_cancel(c, call, ERR_TIMEOUT);
        return; /* the callback may have changed the list: the next turn looks again */
    }
}

/* When the next thing happens that no socket tells. */
static uint64_t calls_due_ns(const struct sl_client *c, uint64_t due_ns)
{
    list_each (&c->calls, node) {
        const struct client_call *call = container_of(node, struct client_call, node);
        due_ns = min_u64(due_ns, call->due_ns);
        if (call->sent < call->len && call->after_ns)
            due_ns = min_u64(due_ns, max_u64(call->after_ns, 1));
    }
    return c->fd < 0 ? min_u64(due_ns, c->retry_ns) : due_ns;
}

static void calls_reconnect(struct sl_client *c, uint64_t now_ns)
{
    if (c->fd >= 0 || !c->reconnect || !c->call_count || now_ns < c->retry_ns)
        return;
    uint64_t due_ns = now_ns + c->timeout_ns;
    list_each (&c->calls, node)
        due_ns = min_u64(due_ns, container_of(node, struct client_call, node)->due_ns);
    if (client_connect(c, due_ns) == ERR_OK)
        return;
    c->retry_wait_ns = min_u64(max_u64(2 * c->retry_wait_ns, 10 * MS_NS), SEC_NS);
    c->retry_ns = client_now_ns() + c->retry_wait_ns;
}

enum err calls_turn(struct sl_client *c, uint64_t due_ns, const bool *until)
{
    for (;;) {
        uint64_t now_ns = client_now_ns();
        uint32_t before = c->call_count;
        calls_reconnect(c, now_ns);
        bool full = c->fd >= 0 && calls_send(c, now_ns);
        bool any = c->fd >= 0 && calls_receive(c, until);
        calls_expire(c, client_now_ns());
        if (until ? *until : any || !c->call_count || c->call_count != before)
            return ERR_OK;
        if (c->fd < 0 && !c->reconnect)
            return ERR_CLOSED;
        if (now_ns >= due_ns)
            return ERR_TIMEOUT;
        short events = (short)(full ? POLLIN | POLLOUT : POLLIN);
        wire_wait(c->fd, events, calls_due_ns(c, due_ns));
    }
}

/* ---- start and wait ---- */

struct waiting {
    call_take *take;
    void *arg;
    enum err err;
    bool done;
};

static void waiting_answer(struct sl_client *c, struct client_call *call,
                           const struct call_result *r)
{
    struct waiting *w = call->arg;
    (void)c;
    w->err = r->err;
    w->done = true;
    if (r->err == ERR_OK && w->take)
        w->take(w->arg, r->payload);
}

enum err call_wait(struct sl_client *c, struct client_call *call, call_take *take, void *arg)
{
    struct waiting w = { .take = take, .arg = arg };
    call->answer = waiting_answer;
    call->arg = &w;
    TRY(call_start(c, call));
    while (!w.done)
        calls_turn(c, UINT64_MAX, &w.done); /* ends: a call has a time, and a cut ends it too */
    return w.err;
}

enum err call_simple(struct sl_client *c, enum native_verb verb,
                     const struct sl_client_topic *topic, uint32_t partition, const void *from,
                     call_take *take, void *arg)
{
    if (c->inside)
        return client_note(c, ERR_BUSY, "a callback must not wait");
    struct client_call *call = call_make(c, verb, FRAME_HEADER_BYTES + verb_row(verb)->max[0]);
    if (!call)
        return (enum err)c->error.err;
    if (topic) {
        memcpy(call->frame.topic.b, topic->id, 16);
        call->frame.partition = partition;
    }
    if (!call_fill(c, call, from)) {
        call_free(call);
        return (enum err)c->error.err;
    }
    return call_wait(c, call, take, arg);
}
