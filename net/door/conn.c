/* conn.c -- a connection's life: states, times, ending. Receiving is in receive.c. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/door/protocol.h"

#define TO(state) (1u << CONN_##state)

struct state_row {
    const char *name;
    uint32_t next;
};
static const struct state_row state_rows[CONN_STATES] = {
    [CONN_HELLO] = { "hello", TO(MOVING) | TO(READY) | TO(CLOSING) | TO(GONE) },
    [CONN_MOVING] = { "moving", TO(READY) | TO(CLOSING) | TO(GONE) },
    [CONN_READY] = { "ready", TO(CLOSING) | TO(GONE) },
    [CONN_CLOSING] = { "closing", TO(LINGER) | TO(GONE) },
    [CONN_LINGER] = { "linger", TO(GONE) },
    [CONN_GONE] = { "gone", 0 },
};

const char *conn_state_name(enum conn_state s)
{
    return state_rows[s].name;
}

void conn_move_state(struct conn *c, enum conn_state to)
{
    check(state_rows[c->state].next & 1u << to);
    c->state = to;
}

/* ---- times ---- */

uint64_t pace_due_ns(uint64_t now_ns, uint64_t due_ns, uint64_t timeout_ns, uint64_t bytes)
{
    uint64_t silent_until = now_ns + timeout_ns;
    return min_u64(due_ns ? due_ns : silent_until, silent_until) + bytes * SEC_NS / CONN_RATE_BYTES;
}

/* It holds memory, and the peer must do something so that it comes free. */
static bool conn_holds(const struct conn *c)
{
    return c->send.busy || c->large;
}

static uint64_t conn_due_ns(const struct conn *c)
{
    const struct door_opts *o = &c->desk->opts;
    uint64_t due = UINT64_MAX;
    if (c->state == CONN_HELLO)
        due = c->since_ns + HELLO_TIMEOUT_NS;
    if (c->state == CONN_LINGER)
        due = c->quiet_ns + LINGER_NS;
    if (c->frame_due_ns)
        due = min_u64(due, c->frame_due_ns);
    if (c->send.busy)
        due = min_u64(due, c->send_due_ns);
    if (c->state == CONN_READY && !c->request_count && !c->frame_due_ns && o->idle_ns)
        due = min_u64(due, c->quiet_ns + o->idle_ns);
    return due;
}

/* When it is looked at: to see whether it is in the way of others, too. */
static uint64_t conn_look_ns(const struct conn *c, uint64_t now_ns)
{
    uint64_t due = conn_due_ns(c);
    if (conn_holds(c))
        due = min_u64(due, max_u64(c->moved_ns + SHED_NS, now_ns + SHED_NS / 2));
    return due;
}

static void conn_expire(struct conn *c, uint64_t now_ns)
{
    bool deaf = c->send.busy && now_ns >= c->send_due_ns;
    if (deaf)
        desk_say(c->desk, LOG_LEVEL_INFO, c, ERR_TIMEOUT, "it does not read its answers");
    if (deaf || c->state == CONN_LINGER) {
        conn_break(c);
    } else if (c->state == CONN_HELLO) {
        conn_refuse(c, ERR_TIMEOUT, "no hello came within 10 s");
    } else if (c->frame_due_ns) {
        conn_refuse(c, ERR_TIMEOUT, "the rest of a frame did not come in time");
    } else {
        conn_refuse(c, ERR_TIMEOUT, "the connection was idle for connection.idle");
    }
    metrics_add(c->desk->metrics, METRIC_CONNECTIONS_TIMED_OUT, 1);
    conn_settle(c);
}

/* Others wait for the memory that it does not move. */
static bool conn_in_the_way(const struct conn *c, uint64_t now_ns)
{
    return conn_holds(c) && now_ns >= c->moved_ns + SHED_NS && memory_short(c->desk);
}

static void conn_fire(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, timer);
    uint64_t now_ns = desk_now(c->desk);
    if (c->state == CONN_GONE) {
        return;
    } else if (now_ns >= conn_due_ns(c)) {
        conn_expire(c, now_ns);
    } else if (conn_in_the_way(c, now_ns)) {
        probe("door: cut, for others need its memory");
        desk_say(c->desk, LOG_LEVEL_INFO, c, ERR_NO_MEMORY,
                 "it moves nothing, and others wait for the memory that it holds");
        conn_break(c);
        conn_settle(c);
    } else {
        conn_watch(c);
    }
}

/* Only an earlier time starts the timer again: a later one is seen when it fires. */
void conn_watch(struct conn *c)
{
    struct timers *ts = &c->desk->shard->timers;
    uint64_t due = c->state == CONN_GONE ? UINT64_MAX : conn_look_ns(c, desk_now(c->desk));
    if (due == UINT64_MAX || (c->timer.place && c->timer.at_ns <= due))
        return;
    timer_stop(ts, &c->timer);
    c->timer.fire = conn_fire;
    if (timer_start(ts, &c->timer, due) != ERR_OK)
        conn_break(c);
}

/* ---- open ---- */

static struct conn *conn_make(struct door_desk *d, int fd, uint32_t protocol)
{
    const struct protocol *p = d->door->protocols[protocol];
    struct conn *c = calloc(1, p->conn_bytes);
    struct io_address peer;
    if (!c)
        return NULL;
    c->desk = d;
    c->protocol = p;
    c->spoken = protocol;
    c->own = d->own[protocol];
    c->state = p->first;
    c->fd = fd;
    c->number = (uint64_t)(d->shard->number + 1) << 48 | ++d->conn_numbers;
    c->since_ns = c->quiet_ns = desk_now(d);
    list_init(&c->requests);
    list_init(&c->out);
    list_init(&c->sending);
    if (io_socket_peer(d->shard->io, fd, &peer) == ERR_OK)
        io_address_text(&peer, c->peer);
    p->open(c);
    return c;
}

void conn_open(struct door_desk *d, int fd, uint32_t protocol)
{
    struct conn *c = conn_make(d, fd, protocol);
    if (!c) {
        atomic_fetch_sub(&d->door->connections, 1);
        io_fd_close(d->shard->io, fd);
        return;
    }
    metrics_add(d->metrics, METRIC_CONNECTIONS, 1);
    list_push(&d->conns, &c->node);
    conn_receive(c);
    conn_watch(c);
}

void conn_farewell(struct door_desk *d, int fd, uint32_t protocol, enum err err, const char *text)
{
    struct conn *c = conn_make(d, fd, protocol);
    if (!c) {
        io_fd_close(d->shard->io, fd);
        return;
    }
    c->farewell = true;
    d->farewells++;
    list_push(&d->conns, &c->node);
    c->protocol->say_close(c, err, text);
    conn_finish(c);
}

void conn_mark(struct conn *c)
{
    if (!node_linked(&c->dirty))
        list_push(&c->desk->dirty, &c->dirty);
}

void conn_turn(struct conn *c)
{
    if (c->protocol->turn)
        c->protocol->turn(c);
    conn_send(c);
    if (c->blocked && !conn_full(c) && !pitfall(FRONT_FULL_FOR_EVER))
        conn_feed(c);
    else
        conn_settle(c);
}

/* ---- ends ---- */

void conn_finish(struct conn *c)
{
    if (c->state >= CONN_CLOSING)
        return;
    if (c->state == CONN_MOVING) {
        conn_break(c);
        return;
    }
    conn_move_state(c, CONN_CLOSING);
    node_unlink(&c->waiting);
    c->frame_due_ns = 0;
    c->protocol->hurry(c);
    conn_mark(c); /* conn_turn() settles */
}

void conn_refuse(struct conn *c, enum err err, const char *text)
{
    if (c->state >= CONN_CLOSING)
        return;
    desk_say(c->desk, LOG_LEVEL_INFO, c, err, text);
    if (c->protocol->say_close)
        c->protocol->say_close(c, err, text);
    conn_finish(c);
}

void conn_break(struct conn *c)
{
    struct node *n;
    if (c->state == CONN_GONE)
        return;
    if (c->state == CONN_MOVING) /* hello is nobody's: not answered, not sent on */
        c->protocol->free(list_first(&c->requests));
    conn_move_state(c, CONN_GONE);
    c->frame_due_ns = 0;
    c->protocol->hurry(c);
    node_unlink(&c->waiting);
    if (c->fd >= 0)
        io_shutdown(c->desk->shard->io, c->fd);
    if (c->protocol->broken)
        c->protocol->broken(c);
    while ((n = list_first(&c->out)))
        c->protocol->free(n);
    conn_mark(c);
}

/* All is said: the peer gets a moment to read it. Closing at once, with bytes of its own unread,
 * would cut it off. */
static void conn_linger(struct conn *c)
{
    if (c->peer_ended) {
        conn_break(c);
        return;
    }
    conn_move_state(c, CONN_LINGER);
    c->quiet_ns = desk_now(c->desk);
    io_send_end(c->desk->shard->io, c->fd);
    conn_receive(c);
    conn_watch(c);
}

static void conn_close_fd(struct conn *c)
{
    conn_received_free(c);
    if (c->fd < 0)
        return;
    io_fd_close(c->desk->shard->io, c->fd);
    c->fd = -1;
    if (c->farewell) {
        c->desk->farewells--;
        return;
    }
    metrics_sub(c->desk->metrics, METRIC_CONNECTIONS, 1);
    atomic_fetch_sub(&c->desk->door->connections, 1);
}

/* ---- from shard to shard ---- */

void conn_leave(struct conn *c)
{
    struct door_desk *d = c->desk;
    timer_stop(&d->shard->timers, &c->timer);
    node_unlink(&c->node);
    node_unlink(&c->dirty);
    node_unlink(&c->waiting);
    memory_give(d, c->held); /* the request's, and what came behind it */
    d->rest_used -= c->rest_bytes;
    metrics_sub(d->metrics, METRIC_CONNECTIONS, 1);
    metrics_sub(d->metrics, METRIC_REQUESTS, 1);
}

bool conn_arrive_at(struct conn *c, struct door_desk *d)
{
    c->desk = d;
    c->own = d->own[c->spoken];
    memory_move(d, c->held);
    d->rest_used += c->rest_bytes;
    metrics_add(d->metrics, METRIC_CONNECTIONS, 1);
    metrics_add(d->metrics, METRIC_REQUESTS, 1);
    list_push(&d->conns, &c->node);
    if (d->rest_used <= memory_rest_max(d))
        return true;
    probe("door: cut, for it came with more than waits may hold");
    desk_say(d, LOG_LEVEL_INFO, c, ERR_NO_MEMORY,
             "it sent more behind its hello than there is memory for: wait for the answer first");
    conn_break(c);
    conn_settle(c);
    return false;
}

/* ---- the last of it ---- */

static void conn_free(struct conn *c)
{
    struct door_desk *d = c->desk;
    timer_stop(&d->shard->timers, &c->timer);
    node_unlink(&c->node);
    node_unlink(&c->dirty);
    node_unlink(&c->waiting);
    free(c);
    desk_settle(d);
}

void conn_settle(struct conn *c)
{
    bool quiet = list_empty(&c->out) && !c->send.busy;
    if (c->state == CONN_MOVING && quiet) {
        c->protocol->move(c);
        return;
    }
    if (c->state == CONN_CLOSING && quiet && list_empty(&c->requests))
        conn_linger(c);
    if (c->state != CONN_GONE || c->recv.busy || c->send.busy)
        return;
    conn_close_fd(c);
    if (list_empty(&c->requests))
        conn_free(c);
}

/* The shards are closed: whatever was in flight is not any more. */
void conn_drop(struct conn *c)
{
    struct list *lists[] = { &c->requests, &c->out, &c->sending };
    for (uint32_t i = 0; i < 3; i++)
        list_each (lists[i], n) {
            c->protocol->drop(n);
        }
    free(c->rest);
    free(c->large);
    node_unlink(&c->node);
    free(c);
}
