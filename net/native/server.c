/* server.c -- the front as serve sees it: open, turn, close on each shard; memory; log lines. */
#include "net/native/server.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "net/native/server_in.h"

#define CONNECTIONS_DEFAULT 10000u
#define REQUESTS_DEFAULT    65536u
#define TIMEOUT_DEFAULT_NS  (30 * SEC_NS)

/* ---- memory ---- */

static bool memory_within(struct desk_native *d, uint64_t bytes, uint64_t most)
{
    if (d->memory_used && d->memory_used + bytes > most)
        return false;
    memory_move(d, bytes);
    return true;
}

bool memory_take(struct desk_native *d, uint64_t bytes)
{
    bool small = memory_small(bytes);
    uint64_t left = d->memory_max / 8 + (small ? 0 : d->memory_max / 4);
    bool first = small || d->waking || list_empty(&d->waiting);
    return first && memory_within(d, bytes, d->memory_max - left);
}

bool memory_need(struct desk_native *d, uint64_t bytes)
{
    return memory_within(d, bytes, d->memory_max);
}

void memory_move(struct desk_native *d, uint64_t bytes)
{
    d->memory_used += bytes;
    metrics_add(d->metrics, METRIC_NETWORK_MEMORY, bytes);
}

bool memory_short(const struct desk_native *d)
{
    return !list_empty(&d->waiting) || serve_reads_wait(d->serve);
}

void memory_give(struct desk_native *d, uint64_t bytes)
{
    check(d->memory_used >= bytes);
    d->memory_used -= bytes;
    metrics_sub(d->metrics, METRIC_NETWORK_MEMORY, bytes);
}

/* ---- words ---- */

uint64_t desk_now(const struct desk_native *d)
{
    return io_now_ns(d->shard->io);
}

static void desk_sweep(struct timer *t)
{
    struct desk_native *d = container_of(t, struct desk_native, sweep);
    struct io *io = d->shard->io;
    if (log_sweep(d->log, desk_now(d), io_wall_ms(io), d->shard->number) && !d->closing)
        timer_start(&d->shard->timers, &d->sweep, desk_now(d) + LIMIT_QUIET_NS);
}

/* Lines that were suppressed are told when no line follows. */
static void desk_say_line(struct desk_native *d, const struct log_line *line)
{
    if (!d->log || log_say(d->log, desk_now(d), line) || d->sweep.place || d->closing)
        return;
    d->sweep.fire = desk_sweep;
    timer_start(&d->shard->timers, &d->sweep, desk_now(d) + LIMIT_QUIET_NS);
}

void desk_say(struct desk_native *d, enum log_level level, const struct conn *c, enum err err,
              const char *message)
{
    struct log_line line = { .time_ms = io_wall_ms(d->shard->io),
                             .level = level,
                             .shard = d->shard->number,
                             .subsystem = "native",
                             .message = message,
                             .err = err };
    if (c)
        line.client = text_of(c->peer);
    desk_say_line(d, &line);
}

void desk_say_request(const struct request *r, enum err err, const char *message)
{
    const struct conn *c = r->conn;
    struct desk_native *d = c->desk;
    if (!d->log || !log_wants(d->log, LOG_LEVEL_DEBUG))
        return;
    const struct topic_info *t = place_topic(d, r->frame.topic);
    desk_say_line(d, &(struct log_line){ .time_ms = io_wall_ms(d->shard->io),
                                         .level = LOG_LEVEL_DEBUG,
                                         .shard = d->shard->number,
                                         .subsystem = "native",
                                         .topic = t ? t->name : NULL,
                                         .partition = r->frame.partition,
                                         .client = text_of(c->peer),
                                         .message = message,
                                         .err = err });
}

/* ---- open ---- */

static void opts_default(struct native_opts *o)
{
    o->shards = o->shards ? o->shards : 1;
    o->frame_max = o->frame_max ? o->frame_max : (uint32_t)MIB(32);
    o->frame_max = (uint32_t)min_u64(o->frame_max, FRAME_PAYLOAD_MAX);
    o->connections_max = o->connections_max ? o->connections_max : CONNECTIONS_DEFAULT;
    o->requests_max = o->requests_max ? o->requests_max : REQUESTS_DEFAULT;
    o->memory_bytes = o->memory_bytes ? o->memory_bytes : MIB(256);
    o->frame_timeout_ns = o->frame_timeout_ns ? o->frame_timeout_ns : TIMEOUT_DEFAULT_NS;
    o->send_timeout_ns = o->send_timeout_ns ? o->send_timeout_ns : TIMEOUT_DEFAULT_NS;
    /* Any legal frame finds memory once the others are done. */
    o->frame_max = (uint32_t)min_u64(o->frame_max, o->memory_bytes / o->shards / 2);
    o->partitions_default = o->partitions_default ? o->partitions_default : 1;
}

/* One more than there may be: told so, while few are told; else closed without a word. */
static void connection_refuse(struct desk_native *d, int fd)
{
    struct why why;
    metrics_add(d->metrics, METRIC_CONNECTIONS_REFUSED, 1);
    why_set(&why, "connections.max is reached: %u are open here; try again later",
            d->opts.connections_max);
    desk_say(d, LOG_LEVEL_WARN, NULL, ERR_LIMIT,
             "connections.max is reached: a connection was turned away");
    if (d->farewells < FAREWELLS_MAX)
        conn_farewell(d, fd, ERR_LIMIT, why.text);
    else
        io_fd_close(d->shard->io, fd);
}

static bool connection_take(struct listener *l, int fd)
{
    struct desk_native *d = l->arg;
    struct native *n = d->native;
    if (atomic_fetch_add(&n->connections, 1) >= d->opts.connections_max) {
        atomic_fetch_sub(&n->connections, 1);
        connection_refuse(d, fd);
        return true;
    }
    metrics_add(d->metrics, METRIC_CONNECTIONS_OPENED, 1);
    conn_open(d, fd);
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

static void desk_init(struct desk_native *d, struct native *n, uint32_t number)
{
    const struct native_opts *o = &n->opts;
    *d = (struct desk_native){ .native = n,
                               .opts = *o,
                               .memory_max = o->memory_bytes / o->shards,
                               .requests_max = (uint32_t)max_u64(o->requests_max / o->shards, 1),
                               .metrics = metrics_board_at(o->board, number) };
    list_init(&d->conns);
    list_init(&d->dirty);
    list_init(&d->waiting);
    list_init(&d->ones);
    for (uint32_t i = 0; i < NATIVE_ADDRESSES_MAX; i++)
        d->listeners[i] = (struct listener){ .fd = -1,
                                             .take = connection_take,
                                             .failed = accept_failed,
                                             .closed = listener_closed,
                                             .arg = d };
}

static struct native *native_make(const struct native_opts *opts)
{
    struct native *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->opts = *opts;
    opts_default(&n->opts);
    memcpy(n->at, opts->at, opts->at_count * sizeof(*n->at));
    n->opts.at = NULL;
    if (opts->log)
        n->log = *opts->log;
    n->opts.log = opts->log ? &n->log : NULL;
    n->desks = aligned_alloc(alignof(struct desk_native), n->opts.shards * sizeof(*n->desks));
    for (uint32_t i = 0; n->desks && i < n->opts.shards; i++)
        desk_init(&n->desks[i], n, i);
    return n;
}

static enum err listeners_open(struct native *n, struct io *io, struct why *why)
{
    int fds[SHARDS_MAX];
    for (uint32_t i = 0; i < n->opts.at_count; i++) {
        TRY(listen_at(io, &n->at[i], fds, n->opts.shards, why));
        for (uint32_t k = 0; k < n->opts.shards; k++)
            n->desks[k].listeners[i].fd = fds[k];
    }
    return ERR_OK;
}

static void listeners_close(struct native *n, struct io *io)
{
    for (uint32_t i = 0; i < n->opts.shards * NATIVE_ADDRESSES_MAX; i++) {
        struct listener *l =
            &n->desks[i / NATIVE_ADDRESSES_MAX].listeners[i % NATIVE_ADDRESSES_MAX];
        if (l->fd >= 0)
            io_fd_close(io, l->fd);
        l->fd = -1;
    }
}

enum err native_open(struct native **out, struct io *io, const struct native_opts *opts,
                     struct why *why)
{
    *out = NULL;
    if (opts->at_count > NATIVE_ADDRESSES_MAX || opts->shards > SHARDS_MAX) {
        why_set(why, "%u addresses on %u shards: at most %u on %u", opts->at_count, opts->shards,
                NATIVE_ADDRESSES_MAX, SHARDS_MAX);
        return ERR_INVALID;
    }
    struct native *n = native_make(opts);
    enum err err = !n || !n->desks ? ERR_NO_MEMORY : listeners_open(n, io, why);
    if (err == ERR_NO_MEMORY)
        why_set(why, "no memory for the native protocol's listeners");
    if (err == ERR_OK) {
        *out = n;
        return ERR_OK;
    }
    if (n && n->desks)
        listeners_close(n, io);
    native_close(&n);
    return err;
}

/* The instance is closed: nothing is in flight, no verb is under way. */
static void desk_free(struct desk_native *d)
{
    list_each (&d->conns, node) {
        conn_drop(container_of(node, struct conn, node));
    }
    place_rows_free(d);
    free(d->log);
}

void native_close(struct native **out)
{
    struct native *n = *out;
    if (!n)
        return;
    for (uint32_t i = 0; n->desks && i < n->opts.shards; i++)
        desk_free(&n->desks[i]);
    free(n->desks);
    free(n);
    *out = NULL;
}

struct io_address native_address(const struct native *n, uint32_t i)
{
    check(i < n->opts.at_count);
    return n->at[i];
}

/* ---- the front ---- */

static struct desk_native *desk_at(void *arg, const struct shard *at)
{
    struct native *n = arg;
    check(at->number < n->opts.shards);
    return &n->desks[at->number];
}

static void front_open(void *arg, struct serve *s, struct shard *at)
{
    struct desk_native *d = desk_at(arg, at);
    d->serve = s;
    d->shard = at;
    if (d->native->opts.log)
        d->log = malloc(sizeof(*d->log));
    if (d->log) {
        struct log_opts opts = *d->native->opts.log;
        opts.seed ^= at->number;
        log_open(d->log, &opts);
    }
    for (uint32_t i = 0; i < d->native->opts.at_count; i++)
        listener_start(&d->listeners[i], at);
}

/* Who waits for memory goes on in the order of waiting, while there is some. */
static void waiting_wake(struct desk_native *d)
{
    struct node *first;
    uint64_t used = UINT64_MAX;
    while (d->memory_used != used && (first = list_pop(&d->waiting))) {
        used = d->memory_used;
        d->waking = true;
        conn_feed(container_of(first, struct conn, waiting));
        d->waking = false;
    }
}

/* Those that wait still: fetches that wait for records may hold what they need. */
static void waiting_hurry(struct desk_native *d)
{
    if (list_empty(&d->waiting) || desk_now(d) < d->hurried_ns + SHED_NS)
        return;
    probe("native: fetches wait no longer, for others need their memory");
    d->hurried_ns = desk_now(d);
    list_each (&d->conns, n) {
        requests_hurry(container_of(n, struct conn, node));
    }
}

static void front_turn(void *arg, struct shard *at)
{
    struct desk_native *d = desk_at(arg, at);
    struct list now;
    struct node *n;
    list_init(&now);
    list_move(&now, &d->dirty);
    while ((n = list_pop(&now)))
        conn_turn(container_of(n, struct conn, dirty));
    waiting_wake(d);
    waiting_hurry(d);
    requests_ones(d);
}

/* ---- new values ---- */

struct adjust {
    struct letter letter;
    struct desk_native *desk;
    struct native_opts opts;
    enum log_level level;
    bool text;
};

static void adjust_open(struct letter *l, struct shard *at)
{
    struct adjust *a = container_of(l, struct adjust, letter);
    struct desk_native *d = a->desk;
    struct native_opts *o = &d->opts;
    o->connections_max = a->opts.connections_max;
    o->idle_ns = a->opts.idle_ns;
    o->frame_timeout_ns = a->opts.frame_timeout_ns;
    o->send_timeout_ns = a->opts.send_timeout_ns;
    o->partitions_default = a->opts.partitions_default;
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

void native_adjust(struct native *n, struct serve *s, const struct native_opts *opts)
{
    for (uint32_t i = 0; i < n->opts.shards; i++) {
        struct adjust *a = malloc(sizeof(*a));
        check(a); /* a few hundred bytes */
        *a = (struct adjust){ .letter.open = adjust_open, .desk = &n->desks[i], .opts = *opts };
        opts_default(&a->opts);
        a->level = opts->log ? opts->log->level : LOG_LEVEL_INFO;
        a->text = opts->log && opts->log->text;
        shard_post(serve_shard(s, i), &a->letter);
    }
}

/* ---- stop ---- */

void desk_settle(struct desk_native *d)
{
    bool listening = false;
    for (uint32_t i = 0; i < NATIVE_ADDRESSES_MAX; i++)
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
    struct desk_native *d = container_of(t, struct desk_native, drain);
    list_each (&d->conns, node) {
        conn_break(container_of(node, struct conn, node));
    }
}

static void front_close(void *arg, struct shard *at)
{
    struct desk_native *d = desk_at(arg, at);
    d->closing = true;
    d->drain.fire = drain_over;
    timer_start(&at->timers, &d->drain, desk_now(d) + DRAIN_NS);
    for (uint32_t i = 0; i < NATIVE_ADDRESSES_MAX; i++)
        listener_stop(&d->listeners[i]);
    list_each (&d->conns, node) {
        conn_finish(container_of(node, struct conn, node));
    }
    desk_settle(d);
}

struct serve_front native_front(struct native *n)
{
    return (struct serve_front){
        .arg = n, .open = front_open, .turn = front_turn, .close = front_close
    };
}
