/* serve.c -- an instance's life, and the way of a verb: out by letter, home by letter. */
#include "engine/serve/serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

#define NODE_DEFAULT         1u
#define RETENTION_DEFAULT_NS (5 * SEC_NS)
#define TAIL_BYTES_DEFAULT   MIB(512)

static enum err opts_check(const struct serve_opts *opts, struct why *why)
{
    if (opts->dir_count < 1 || opts->dir_count > DIRS_MAX) {
        why_set(why, "an engine has 1 to %u directories, not %u", DIRS_MAX, opts->dir_count);
        return ERR_INVALID;
    }
    if (opts->shards > SHARDS_MAX) {
        why_set(why, "an engine has at most %u shards, not %u", SHARDS_MAX, opts->shards);
        return ERR_INVALID;
    }
    return fronts_check(opts, why);
}

static void opts_default(struct serve_opts *o)
{
    struct geometry g = geometry_default();
    o->shards = o->shards ? o->shards : 1;
    o->node = o->node ? o->node : NODE_DEFAULT;
    o->retention_ns = o->retention_ns ? o->retention_ns : RETENTION_DEFAULT_NS;
    o->store.tail_bytes = o->store.tail_bytes ? o->store.tail_bytes : TAIL_BYTES_DEFAULT;
#define GEOMETRY_DEFAULT(field) o->geometry.field = o->geometry.field ? o->geometry.field : g.field
    GEOMETRY_DEFAULT(journal_bytes);
    GEOMETRY_DEFAULT(entry_max);
    GEOMETRY_DEFAULT(extent_min);
    GEOMETRY_DEFAULT(extent_max);
    GEOMETRY_DEFAULT(slabs);
    GEOMETRY_DEFAULT(batch_max);
#undef GEOMETRY_DEFAULT
}

static void desk_after(struct shard *s)
{
    struct desk *d = desk_of(s);
    bool wait = !list_empty(&d->reads.ring);
    desk_wake_fetches(d);
    if (d->state >= DESK_READY) /* before, desk 0 hands out the shelves */
        shelves_watch(d);
    if (wait != atomic_load_explicit(&d->reads_wait, memory_order_relaxed))
        atomic_store_explicit(&d->reads_wait, wait, memory_order_relaxed); /* a hint */
    fronts_turn(d);
}

bool serve_reads_wait(const struct serve *s)
{
    for (uint32_t i = 0; i < s->desk_count; i++)
        if (atomic_load_explicit(&s->desks[i].reads_wait, memory_order_relaxed))
            return true;
    return false;
}

static void desk_open(struct desk *d, struct serve *s, uint32_t number)
{
    shard_open(&d->shard, number);
    d->shard.after = desk_after;
    d->serve = s;
    list_init(&d->moving);
    list_init(&d->round);
    list_init(&d->loans);
    read_budget_open(&d->reads, s->opts.read_bytes / s->desk_count);
}

enum err serve_open(struct serve **out, const struct serve_opts *opts, struct why *why)
{
    *out = NULL;
    TRY(opts_check(opts, why));
    struct serve *s = calloc(1, sizeof(*s));
    uint32_t desks = opts->shards ? opts->shards : 1;
    struct desk *at = calloc(desks, sizeof(*at));
    if (!s || !at) {
        free(s);
        free(at);
        why_set(why, "no memory for %u shards", desks);
        return ERR_NO_MEMORY;
    }
    s->opts = *opts;
    opts_default(&s->opts);
    s->desks = at;
    s->desk_count = desks;
    pthread_mutex_init(&s->gate.lock, NULL);
    pthread_cond_init(&s->gate.moved, NULL);
    for (uint32_t i = 0; i < desks; i++)
        desk_open(&at[i], s, i);
    s->registry = registry_open();
    wards_open(s);
    *out = s;
    return ERR_OK;
}

void serve_close(struct serve **out)
{
    struct serve *s = *out;
    if (!s)
        return;
    for (uint32_t i = 0; i < s->desk_count; i++) {
        struct desk *d = &s->desks[i];
        for (uint32_t k = 0; k < d->shelf_count; k++)
            shelf_close(&d->shelves[k]);
        slots_close(d);
        loans_close(d);
        read_budget_close(&d->reads);
        shard_close(&d->shard);
        free(d->shelves);
    }
    registry_close(&s->registry);
    wards_close(s);
    pthread_mutex_destroy(&s->gate.lock);
    pthread_cond_destroy(&s->gate.moved);
    free(s->store_shard);
    free(s->desks);
    free(s);
    *out = NULL;
}

uint32_t serve_shards(const struct serve *s)
{
    return s->desk_count;
}

uint32_t serve_stores_stopped(const struct serve *s)
{
    return atomic_load(&s->stores_stopped);
}

uint64_t serve_topics_version(const struct serve *s)
{
    return atomic_load(&s->topics_version);
}

struct shard *serve_shard(struct serve *s, uint32_t shard)
{
    check(shard < s->desk_count);
    return &s->desks[shard].shard;
}

struct store *serve_store(struct serve *s, uint32_t number)
{
    for (uint32_t i = 0; i < s->desk_count; i++) {
        struct shelf *sh = shelf_find(&s->desks[i], number);
        if (sh)
            return sh->store;
    }
    return NULL;
}

void serve_note(struct serve *s, const char *fmt, ...)
{
    char line[512];
    va_list args;
    if (!s->opts.note)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    s->opts.note(s->opts.note_arg, line);
}

/* ---- turns ---- */

uint32_t serve_turn(struct serve *s, uint32_t shard, uint64_t wait_ns)
{
    check(shard < s->desk_count);
    struct desk *d = &s->desks[shard];
    if (d->state == DESK_NEW)
        desk_start(d);
    if (!d->shard.io)
        return 0; /* it did not open: the instance has failed */
    return shard_turn(&d->shard, wait_ns);
}

uint64_t serve_due_ns(struct serve *s, uint32_t shard)
{
    check(shard < s->desk_count);
    const struct desk *d = &s->desks[shard];
    return d->state == DESK_NEW ? 0 : shard_due_ns(&d->shard);
}

/* ---- state ---- */

static void gate_move(struct gate *g, enum serve_state to)
{
    g->state = to;
    pthread_cond_broadcast(&g->moved);
}

enum serve_state serve_state(struct serve *s, enum err *err, struct why *why)
{
    struct gate *g = &s->gate;
    pthread_mutex_lock(&g->lock);
    enum serve_state state = g->state;
    if (err)
        *err = g->err;
    if (why)
        *why = g->why;
    pthread_mutex_unlock(&g->lock);
    return state;
}

enum serve_state serve_await(struct serve *s, enum serve_state leave)
{
    struct gate *g = &s->gate;
    pthread_mutex_lock(&g->lock);
    while (g->state == leave)
        pthread_cond_wait(&g->moved, &g->lock);
    enum serve_state state = g->state;
    pthread_mutex_unlock(&g->lock);
    return state;
}

static void desk_ready(struct letter *l, struct shard *at)
{
    struct desk *d = desk_of(at);
    (void)l;
    if (d->state != DESK_STARTING)
        return; /* a stop came first */
    d->state = DESK_READY;
    retain_start(d);
    wards_start(d);
    fronts_open(d);
}

void serve_ready(struct serve *s)
{
    struct gate *g = &s->gate;
    s->features = io_features(s->desks[0].shard.io);
    pthread_mutex_lock(&g->lock);
    /* A stop came first, or it finds every front open. The letters go out before the state moves:
     * whoever sees READY posts behind them. */
    for (uint32_t i = 0; g->state == SERVE_STARTING && i < s->desk_count; i++) {
        struct desk *d = &s->desks[i];
        d->ready_letter.open = desk_ready;
        shard_post(&d->shard, &d->ready_letter);
    }
    if (g->state == SERVE_STARTING)
        gate_move(g, SERVE_READY);
    pthread_mutex_unlock(&g->lock);
}

/* ---- stop ---- */

void desk_stopped(struct desk *d)
{
    struct gate *g = &d->serve->gate;
    d->state = DESK_STOPPED;
    pthread_mutex_lock(&g->lock);
    if (++g->desks_stopped == d->serve->desk_count)
        gate_move(g, g->err == ERR_OK ? SERVE_STOPPED : SERVE_FAILED);
    pthread_mutex_unlock(&g->lock);
}

static void shelf_stopped(struct store_stop *stop)
{
    struct shelf *sh = container_of(stop, struct shelf, stop);
    struct desk *d = sh->desk;
    if (stop->err != ERR_OK)
        serve_note(d->serve, "store-%02u: stopped without a checkpoint: %s", sh->number,
                   err_text(stop->err));
    if (--d->stops_left == 0)
        desk_stopped(d);
}

static void stores_stop(struct desk *d)
{
    d->stops_left = 1; /* ours, so that a desk without a store stops as well */
    for (uint32_t i = 0; i < d->shelf_count; i++) {
        struct shelf *sh = &d->shelves[i];
        if (!sh->store)
            continue;
        sh->stop = (struct store_stop){ .done = shelf_stopped };
        d->stops_left++;
        store_stop(sh->store, &sh->stop);
    }
    if (--d->stops_left == 0)
        desk_stopped(d);
}

void desk_stop_settle(struct desk *d)
{
    if (d->state != DESK_STOPPING || d->stops_left)
        return;
    if (d->shard.number == 0 && d->serve->registry->under_way)
        return; /* records and partitions under way: the last one comes back here */
    if (wards_busy(d))
        return; /* likewise */
    stores_stop(d);
}

static void desk_stop(struct letter *l, struct shard *at)
{
    struct desk *d = desk_of(at);
    (void)l;
    if (d->state == DESK_STOPPED)
        return; /* it did not start */
    d->state = DESK_STOPPING;
    retain_stop(d);
    desk_end_fetches(d);
    wards_stop(d);
    desk_stop_settle(d);
}

void desks_stop(struct serve *s)
{
    for (uint32_t i = 0; i < s->desk_count; i++) {
        struct desk *d = &s->desks[i];
        d->stop_letter.open = desk_stop;
        shard_post(&d->shard, &d->stop_letter);
    }
}

void serve_fail(struct serve *s, enum err err, const struct why *why)
{
    struct gate *g = &s->gate;
    pthread_mutex_lock(&g->lock);
    bool first = g->state == SERVE_STARTING;
    if (first) {
        g->err = err;
        g->why = *why;
        gate_move(g, SERVE_STOPPING);
    }
    pthread_mutex_unlock(&g->lock);
    if (first)
        desks_stop(s);
}

void serve_stop(struct serve *s)
{
    struct gate *g = &s->gate;
    pthread_mutex_lock(&g->lock);
    enum serve_state from = g->state;
    bool first = from == SERVE_STARTING || from == SERVE_READY;
    if (first)
        gate_move(g, SERVE_STOPPING);
    pthread_mutex_unlock(&g->lock);
    if (first && from == SERVE_READY && s->opts.front_count)
        fronts_drain(s);
    else if (first)
        desks_stop(s);
}

bool serve_shard_stopped(struct serve *s, uint32_t shard)
{
    (void)shard; /* a desk answers letters of others until all have stopped */
    enum serve_state state = serve_state(s, NULL, NULL);
    return state == SERVE_STOPPED || state == SERVE_FAILED;
}

/* ---- verbs ---- */

void verb_send(struct serve *s, struct verb *v, uint32_t shard,
               void (*open)(struct letter *l, struct shard *at))
{
    check(shard < s->desk_count && v->done);
    v->serve = s;
    v->letter.open = open;
    shard_post(&s->desks[shard].shard, &v->letter);
}

static void verb_home(struct letter *l, struct shard *at)
{
    struct verb *v = container_of(l, struct verb, letter);
    (void)at;
    v->done(v);
}

void verb_end(struct verb *v, enum err err)
{
    const struct shard *here = shard_current();
    v->err = err;
    if (v->home == HOME_ANY || (here && v->home == here->number))
        v->done(v);
    else
        verb_send(v->serve, v, v->home, verb_home);
}

static void verb_unavailable(struct letter *l, struct shard *at)
{
    struct verb *v = container_of(l, struct verb, letter);
    (void)at;
    verb_end(v, v->err);
}

void verb_refuse(struct serve *s, struct verb *v, uint32_t shard, enum err err)
{
    v->err = err;
    verb_send(s, v, shard < s->desk_count ? shard : 0, verb_unavailable);
}

void verb_send_place(struct serve *s, struct verb *v, const struct place *p,
                     void (*open)(struct letter *l, struct shard *at))
{
    if (p->err != ERR_OK)
        verb_refuse(s, v, p->shard, p->err);
    else if (p->shard >= s->desk_count)
        verb_refuse(s, v, p->shard, ERR_NOT_FOUND);
    else
        verb_send(s, v, p->shard, open);
}

enum err verb_admittance(const struct desk *d)
{
    if (d->state == DESK_READY || d->state == DESK_DRAINING)
        return ERR_OK;
    return d->state < DESK_READY ? ERR_BUSY : ERR_CLOSED;
}

struct verb *verb_admit(struct letter *l, struct desk *d)
{
    struct verb *v = container_of(l, struct verb, letter);
    enum err err = verb_admittance(d);
    if (err == ERR_OK)
        return v;
    verb_end(v, err);
    return NULL;
}

struct slot *verb_slot(struct letter *l, struct desk *d, const struct place *p)
{
    struct verb *v = verb_admit(l, d);
    if (!v)
        return NULL;
    struct slot *slot = slot_find(d, p->topic, p->index);
    if (slot)
        slot->users++;
    else
        verb_end(v, slot_missing(d, p->topic));
    return slot;
}
