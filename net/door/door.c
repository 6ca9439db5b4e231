/* door.c -- the front as serve sees it: open, turn, close on each shard; memory; log lines. */
#include "net/door/door.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "net/door/protocol.h"

#define CONNECTIONS_DEFAULT 10000u
#define REQUESTS_DEFAULT    65536u
#define TIMEOUT_DEFAULT_NS  (30 * SEC_NS)

/* ---- memory ---- */

static bool memory_within(struct door_desk *d, uint64_t bytes, uint64_t most)
{
    if (d->memory_used && d->memory_used + bytes > most)
        return false;
    memory_move(d, bytes);
    return true;
}

bool memory_take(struct door_desk *d, uint64_t bytes)
{
    bool small = memory_small(bytes);
    uint64_t left = d->memory_max / 8 + (small ? 0 : d->memory_max / 4);
    struct list *line = memory_line(d, bytes);
    bool first = d->waking == line || list_empty(line);
    return first && memory_within(d, bytes, d->memory_max - left);
}

bool memory_need(struct door_desk *d, uint64_t bytes)
{
    return memory_within(d, bytes, d->memory_max);
}

bool memory_rest(struct door_desk *d, uint64_t bytes)
{
    if (d->rest_used + bytes > memory_rest_max(d) || !memory_need(d, bytes))
        return false;
    d->rest_used += bytes;
    return true;
}

void memory_move(struct door_desk *d, uint64_t bytes)
{
    d->memory_used += bytes;
    metrics_add(d->metrics, METRIC_NETWORK_MEMORY, bytes);
}

bool memory_waited(const struct door_desk *d)
{
    return d->starved || !list_empty(&d->waiting_small) || !list_empty(&d->waiting_large);
}

bool memory_short(const struct door_desk *d)
{
    return memory_waited(d) || serve_reads_wait(d->serve);
}

void memory_give(struct door_desk *d, uint64_t bytes)
{
    check(d->memory_used >= bytes);
    d->memory_used -= bytes;
    metrics_sub(d->metrics, METRIC_NETWORK_MEMORY, bytes);
}

/* No answer takes more than an eighth of the shard's memory; the fetches of a connection that are
 * under way share its grant. */
uint32_t conn_grant(struct conn *c, uint64_t asked)
{
    uint64_t left = CONN_GRANT_MAX - min_u64(CONN_GRANT_MAX, c->granted);
    uint64_t most = min_u64(c->desk->memory_max / 8, max_u64(left, CONN_GRANT_LEAST));
    uint32_t granted = (uint32_t)min_u64(asked, most);
    c->granted += granted;
    return granted;
}

/* ---- words ---- */

bool desk_count(struct door_desk *d)
{
    if (metrics_own(d->metrics, METRIC_REQUESTS) >= d->requests_max)
        return false;
    metrics_add(d->metrics, METRIC_REQUESTS, 1);
    return true;
}

uint64_t desk_now(const struct door_desk *d)
{
    return io_now_ns(d->shard->io);
}

static void desk_sweep(struct timer *t)
{
    struct door_desk *d = container_of(t, struct door_desk, sweep);
    struct io *io = d->shard->io;
    if (log_sweep(d->log, desk_now(d), io_wall_ms(io), d->shard->number) && !d->closing)
        timer_start(&d->shard->timers, &d->sweep, desk_now(d) + LIMIT_QUIET_NS);
}

/* Lines that were suppressed are told when no line follows. */
void desk_say_line(struct door_desk *d, const struct conn *c, struct log_line line)
{
    line.time_ms = io_wall_ms(d->shard->io);
    line.shard = d->shard->number;
    line.subsystem = c ? c->protocol->name : "net";
    if (c)
        line.client = (struct bytes){ (const uint8_t *)c->peer, strlen(c->peer) };
    if (!d->log || log_say(d->log, desk_now(d), &line) || d->sweep.place || d->closing)
        return;
    d->sweep.fire = desk_sweep;
    timer_start(&d->shard->timers, &d->sweep, desk_now(d) + LIMIT_QUIET_NS);
}

void desk_say(struct door_desk *d, enum log_level level, const struct conn *c, enum err err,
              const char *message)
{
    desk_say_line(d, c, (struct log_line){ .level = level, .message = message, .err = err });
}

/* ---- open ---- */

static void opts_default(struct door_opts *o)
{
    o->shards = o->shards ? o->shards : 1;
    o->frame_max = o->frame_max ? o->frame_max : (uint32_t)MIB(32);
    o->frame_max = (uint32_t)min_u64(o->frame_max, GIB(1));
    o->connections_max = o->connections_max ? o->connections_max : CONNECTIONS_DEFAULT;
    o->requests_max = o->requests_max ? o->requests_max : REQUESTS_DEFAULT;
    o->memory_bytes = o->memory_bytes ? o->memory_bytes : MIB(256);
    o->frame_timeout_ns = o->frame_timeout_ns ? o->frame_timeout_ns : TIMEOUT_DEFAULT_NS;
    o->send_timeout_ns = o->send_timeout_ns ? o->send_timeout_ns : TIMEOUT_DEFAULT_NS;
    /* Any legal frame finds memory once the others are done. */
    o->frame_max = (uint32_t)min_u64(o->frame_max, o->memory_bytes / o->shards / 2);
    o->partitions_default = o->partitions_default ? o->partitions_default : 1;
}

/* Which protocol is spoken at a listener. */
static uint32_t protocol_at(const struct listener *l)
{
    const struct door_desk *d = l->arg;
    const struct door *door = d->door;
    const struct protocol *speaks = door->listen[l - d->listeners].speaks;
    uint32_t i = 0;
    while (door->protocols[i] != speaks)
        i++;
    return i;
}

/* One more than there may be: told so, while few are told; else closed without a word. */
static void connection_refuse(struct door_desk *d, int fd, uint32_t protocol)
{
    struct why why;
    metrics_add(d->metrics, METRIC_CONNECTIONS_REFUSED, 1);
    why_set(&why, "connections.max is reached: %u are open here; try again later",
            d->opts.connections_max);
    desk_say(d, LOG_LEVEL_WARN, NULL, ERR_LIMIT,
             "connections.max is reached: a connection was turned away");
    if (d->farewells < FAREWELLS_MAX && d->door->protocols[protocol]->say_close)
        conn_farewell(d, fd, protocol, ERR_LIMIT, why.text);
    else
        io_fd_close(d->shard->io, fd);
}

static bool connection_take(struct listener *l, int fd)
{
    struct door_desk *d = l->arg;
    struct door *door = d->door;
    if (atomic_fetch_add(&door->connections, 1) >= d->opts.connections_max) {
        atomic_fetch_sub(&door->connections, 1);
        connection_refuse(d, fd, protocol_at(l));
        return true;
    }
    metrics_add(d->metrics, METRIC_CONNECTIONS_OPENED, 1);
    conn_open(d, fd, protocol_at(l));
    return true;
}

static void accept_failed(struct listener *l, enum err err)
{
    desk_say(l->arg, LOG_LEVEL_WARN, NULL, err,
             err == ERR_LIMIT ? "no descriptor is left for a connection: raise ulimit -n, or lower "
                                "connections.max; trying again"
                              : "accepting failed; trying again");
}

static void listener_closed(struct listener *l)
{
    desk_settle(l->arg);
}

static void desk_init(struct door_desk *d, struct door *door, uint32_t number)
{
    const struct door_opts *o = &door->opts;
    *d = (struct door_desk){ .door = door,
                             .opts = *o,
                             .memory_max = o->memory_bytes / o->shards,
                             .requests_max = (uint32_t)max_u64(o->requests_max / o->shards, 1),
                             .metrics = metrics_board_at(o->board, number) };
    list_init(&d->conns);
    list_init(&d->dirty);
    list_init(&d->waiting_small);
    list_init(&d->waiting_large);
    for (uint32_t i = 0; i < DOOR_ADDRESSES_MAX; i++)
        d->listeners[i] = (struct listener){ .fd = -1,
                                             .take = connection_take,
                                             .failed = accept_failed,
                                             .closed = listener_closed,
                                             .arg = d };
    for (uint32_t i = 0; i < door->protocol_count; i++) {
        d->own[i] = calloc(1, door->protocols[i]->desk_bytes);
        check(d->own[i]); /* a few hundred bytes, at start */
        door->protocols[i]->desk_open(d, d->own[i]);
    }
}

static void protocol_add(struct door *door, const struct protocol *p)
{
    for (uint32_t i = 0; i < door->protocol_count; i++)
        if (door->protocols[i] == p)
            return;
    check(door->protocol_count < DOOR_PROTOCOLS_MAX && p->head_bytes <= CONN_HEAD_MAX);
    door->protocols[door->protocol_count++] = p;
}

static struct door *door_make(const struct door_opts *opts)
{
    struct door *door = calloc(1, sizeof(*door));
    if (!door)
        return NULL;
    door->opts = *opts;
    opts_default(&door->opts);
    door->opts.listen = NULL;
    for (uint32_t i = 0; i < opts->listen_count; i++) {
        door->listen[i] = opts->listen[i];
        protocol_add(door, opts->listen[i].speaks);
    }
    if (opts->log)
        door->log = *opts->log;
    door->opts.log = opts->log ? &door->log : NULL;
    door->desks =
        aligned_alloc(alignof(struct door_desk), door->opts.shards * sizeof(*door->desks));
    for (uint32_t i = 0; door->desks && i < door->opts.shards; i++)
        desk_init(&door->desks[i], door, i);
    return door;
}

static enum err listeners_open(struct door *door, struct io *io, struct why *why)
{
    int fds[SHARDS_MAX];
    for (uint32_t i = 0; i < door->opts.listen_count; i++) {
        TRY(listen_at(io, &door->listen[i].at, fds, door->opts.shards, why));
        for (uint32_t k = 0; k < door->opts.shards; k++)
            door->desks[k].listeners[i].fd = fds[k];
    }
    return ERR_OK;
}

static void listeners_close(struct door *door, struct io *io)
{
    for (uint32_t i = 0; i < door->opts.shards * DOOR_ADDRESSES_MAX; i++) {
        struct listener *l = &door->desks[i / DOOR_ADDRESSES_MAX].listeners[i % DOOR_ADDRESSES_MAX];
        if (l->fd >= 0)
            io_fd_close(io, l->fd);
        l->fd = -1;
    }
}

enum err door_open(struct door **out, struct io *io, const struct door_opts *opts, struct why *why)
{
    *out = NULL;
    if (opts->listen_count > DOOR_ADDRESSES_MAX || opts->shards > SHARDS_MAX) {
        why_set(why, "%u addresses on %u shards: at most %u on %u", opts->listen_count,
                opts->shards, DOOR_ADDRESSES_MAX, SHARDS_MAX);
        return ERR_INVALID;
    }
    struct door *door = door_make(opts);
    enum err err = !door || !door->desks ? ERR_NO_MEMORY : listeners_open(door, io, why);
    if (err == ERR_NO_MEMORY)
        why_set(why, "no memory for the listeners of clients");
    if (err == ERR_OK) {
        *out = door;
        return ERR_OK;
    }
    if (door && door->desks)
        listeners_close(door, io);
    door_close(&door);
    return err;
}

/* The instance is closed: nothing is in flight, no verb is under way. */
static void desk_free(struct door_desk *d)
{
    list_each (&d->conns, node) {
        conn_drop(container_of(node, struct conn, node));
    }
    for (uint32_t i = 0; i < d->door->protocol_count; i++) {
        d->door->protocols[i]->desk_close(d->own[i]);
        free(d->own[i]);
    }
    free(d->log);
}

void door_close(struct door **out)
{
    struct door *door = *out;
    if (!door)
        return;
    for (uint32_t i = 0; door->desks && i < door->opts.shards; i++)
        desk_free(&door->desks[i]);
    free(door->desks);
    free(door);
    *out = NULL;
}

struct io_address door_address(const struct door *d, uint32_t i)
{
    check(i < d->opts.listen_count);
    return d->listen[i].at;
}

/* ---- the front ---- */

static struct door_desk *desk_at(void *arg, const struct shard *at)
{
    struct door *door = arg;
    check(at->number < door->opts.shards);
    return &door->desks[at->number];
}

static void front_open(void *arg, struct serve *s, struct shard *at)
{
    struct door_desk *d = desk_at(arg, at);
    d->serve = s;
    d->shard = at;
    if (d->door->opts.log)
        d->log = malloc(sizeof(*d->log));
    if (d->log) {
        struct log_opts opts = *d->door->opts.log;
        opts.seed ^= at->number;
        log_open(d->log, &opts);
    }
    for (uint32_t i = 0; i < d->door->opts.listen_count; i++)
        listener_start(&d->listeners[i], at);
}

/* Until the first finds no memory: it is the first again then. */
static void line_wake(struct door_desk *d, struct list *line)
{
    const struct node *last = NULL;
    struct node *first;
    d->waking = line;
    while ((first = list_first(line)) && first != last) {
        last = first;
        node_unlink(first);
        conn_feed(container_of(first, struct conn, waiting));
    }
    d->waking = NULL;
}

/* Who waits for memory goes on in the order of waiting, while there is some. Where a small piece
 * finds none, a larger one does not either. */
static void waiting_wake(struct door_desk *d)
{
    line_wake(d, &d->waiting_small);
    if (list_empty(&d->waiting_small))
        line_wake(d, &d->waiting_large);
}

/* Those that wait still: fetches that wait for records may hold what they need. */
static void waiting_hurry(struct door_desk *d)
{
    if (!memory_waited(d) || desk_now(d) < d->hurried_ns + SHED_NS)
        return;
    probe("door: fetches wait no longer, for others need their memory");
    d->hurried_ns = desk_now(d);
    list_each (&d->conns, n) {
        struct conn *c = container_of(n, struct conn, node);
        c->protocol->hurry(c);
    }
}

static void front_turn(void *arg, struct shard *at)
{
    struct door_desk *d = desk_at(arg, at);
    struct list now;
    struct node *n;
    list_init(&now);
    list_move(&now, &d->dirty);
    while ((n = list_pop(&now)))
        conn_turn(container_of(n, struct conn, dirty));
    waiting_wake(d);
    waiting_hurry(d);
    for (uint32_t i = 0; i < d->door->protocol_count; i++)
        if (d->door->protocols[i]->desk_turn)
            d->door->protocols[i]->desk_turn(d->own[i]);
}

/* ---- new values ---- */

struct adjust {
    struct letter letter;
    struct door_desk *desk;
    struct door_opts opts;
    enum log_level level;
    bool text;
};

static void adjust_open(struct letter *l, struct shard *at)
{
    struct adjust *a = container_of(l, struct adjust, letter);
    struct door_desk *d = a->desk;
    struct door_opts *o = &d->opts;
    o->connections_max = a->opts.connections_max;
    o->idle_ns = a->opts.idle_ns;
    o->frame_timeout_ns = a->opts.frame_timeout_ns;
    o->send_timeout_ns = a->opts.send_timeout_ns;
    o->partitions_default = a->opts.partitions_default;
    o->auto_partitions = a->opts.auto_partitions;
    o->durability = a->opts.durability;
    o->durability_set = a->opts.durability_set;
    if (d->log) {
        d->log->opts.level = a->level;
        d->log->opts.text = a->text;
    }
    if (d->shard == at && !d->closing)
        list_each (&d->conns, node) {
            conn_watch(container_of(node, struct conn, node));
        }
    free(a);
}

void door_adjust(struct door *d, struct serve *s, const struct door_opts *opts)
{
    for (uint32_t i = 0; i < d->opts.shards; i++) {
        struct adjust *a = malloc(sizeof(*a));
        check(a); /* a few hundred bytes */
        *a = (struct adjust){ .letter.open = adjust_open, .desk = &d->desks[i], .opts = *opts };
        opts_default(&a->opts);
        a->level = opts->log ? opts->log->level : LOG_LEVEL_INFO;
        a->text = opts->log && opts->log->text;
        shard_post(serve_shard(s, i), &a->letter);
    }
}

/* ---- stop ---- */

void desk_settle(struct door_desk *d)
{
    bool listening = false;
    for (uint32_t i = 0; i < DOOR_ADDRESSES_MAX; i++)
        listening = listening || d->listeners[i].fd >= 0;
    if (!d->closing || d->closed || listening || !list_empty(&d->conns))
        return;
    d->closed = true;
    timer_stop(&d->shard->timers, &d->drain);
    timer_stop(&d->shard->timers, &d->sweep);
    serve_front_closed(d->shard);
}

static void drain_over(struct timer *t)
{
    struct door_desk *d = container_of(t, struct door_desk, drain);
    list_each (&d->conns, node) {
        conn_break(container_of(node, struct conn, node));
    }
}

static void front_close(void *arg, struct shard *at)
{
    struct door_desk *d = desk_at(arg, at);
    d->closing = true;
    d->drain.fire = drain_over;
    timer_start(&at->timers, &d->drain, desk_now(d) + DRAIN_NS);
    for (uint32_t i = 0; i < DOOR_ADDRESSES_MAX; i++)
        listener_stop(&d->listeners[i]);
    list_each (&d->conns, node) {
        conn_finish(container_of(node, struct conn, node));
    }
    desk_settle(d);
}

struct serve_front door_front(struct door *d)
{
    return (struct serve_front){
        .arg = d, .open = front_open, .turn = front_turn, .close = front_close
    };
}
