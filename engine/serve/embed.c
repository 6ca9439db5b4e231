/* embed.c -- the embedded front: an engine's life, its threads, and waiting. */
#include "engine/serve/embed_in.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"

#define CALLS_DEFAULT  65536u
#define WORKER_WAIT_NS (10 * SEC_NS) /* a doorbell ends it early; this is only a bound */
#define LENT_WAIT_NS   MS_NS         /* one of several shards of a thread: look at the others */

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

const char *sl_version(void)
{
    return STRING(SL_VERSION_MAJOR) "." STRING(SL_VERSION_MINOR) "." STRING(SL_VERSION_PATCH);
}

void why_out(struct sl_why *to, const struct why *from)
{
    if (to)
        snprintf(to->text, sizeof(to->text), "%s", from->text);
}

static void why_say(struct sl_why *to, const char *text)
{
    if (to)
        snprintf(to->text, sizeof(to->text), "%s", text);
}

void result_out(void *to, const void *from, size_t bytes)
{
    size_t size;
    memcpy(&size, to, sizeof(size));
    size_t common = size < bytes ? size : bytes;
    if (common > sizeof(size))
        memcpy((char *)to + sizeof(size), (const char *)from + sizeof(size), common - sizeof(size));
}

/* ---- requests under way ---- */

enum err calls_take(struct sl_engine *e)
{
    pthread_mutex_lock(&e->lock);
    bool room = e->calls < e->calls_max;
    e->calls += room;
    pthread_mutex_unlock(&e->lock);
    return room ? ERR_OK : ERR_BUSY;
}

void calls_give(struct sl_engine *e)
{
    pthread_mutex_lock(&e->lock);
    check(e->calls > 0);
    if (--e->calls == 0)
        pthread_cond_broadcast(&e->idle);
    pthread_mutex_unlock(&e->lock);
}

static bool calls_none(struct sl_engine *e)
{
    pthread_mutex_lock(&e->lock);
    bool none = e->calls == 0;
    pthread_mutex_unlock(&e->lock);
    return none;
}

/* ---- threads of the library ---- */

static void worker_quit(struct letter *l, struct shard *at)
{
    (void)at;
    container_of(l, struct worker, quit_letter)->quit = true;
}

static void *worker_run(void *arg)
{
    struct worker *w = arg;
    struct serve *s = w->engine->serve;
    while (!w->quit) {
        serve_turn(s, w->shard, WORKER_WAIT_NS);
        if (!serve_shard(s, w->shard)->io)
            break; /* its io did not open: there is nothing to turn */
    }
    return NULL;
}

/* Signals are for the program's own threads: ours block all of them. */
static enum err worker_start(struct worker *w)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    w->own = pthread_create(&w->thread, NULL, worker_run, w) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return w->own ? ERR_OK : ERR_LIMIT;
}

static void workers_join(struct sl_engine *e)
{
    for (uint32_t i = 0; i < e->shards; i++) {
        struct worker *w = &e->workers[i];
        if (!w->own)
            continue;
        w->quit_letter.open = worker_quit;
        shard_post(serve_shard(e->serve, i), &w->quit_letter);
        pthread_join(w->thread, NULL);
        w->own = false;
    }
}

/* ---- threads of the caller ---- */

static bool worker_mine(struct worker *w)
{
    struct sl_engine *e = w->engine;
    pthread_mutex_lock(&e->lock);
    bool mine = w->lent && pthread_equal(w->thread, pthread_self());
    pthread_mutex_unlock(&e->lock);
    return mine;
}

/* The first thread that turns a shard is its thread. */
static bool worker_lend(struct worker *w)
{
    struct sl_engine *e = w->engine;
    pthread_mutex_lock(&e->lock);
    if (!w->lent) {
        w->lent = true;
        w->thread = pthread_self();
    }
    pthread_mutex_unlock(&e->lock);
    return worker_mine(w);
}

enum sl_err sl_engine_turn(struct sl_engine *e, uint32_t shard, uint64_t wait_ns)
{
    if (!e->callers_threads || shard >= e->shards || shard_current())
        return SL_ERR_INVALID;
    if (!worker_lend(&e->workers[shard]))
        return SL_ERR_INVALID;
    serve_turn(e->serve, shard, wait_ns);
    return serve_shard_stopped(e->serve, shard) ? SL_ERR_CLOSED : SL_ERR_OK;
}

/* One turn of each shard that the calling thread lends. False: it lends none. */
static bool turn_mine(struct sl_engine *e)
{
    uint32_t mine = 0, did = 0, last = 0;
    for (uint32_t i = 0; i < e->shards; i++) {
        if (!worker_mine(&e->workers[i]))
            continue;
        did += serve_turn(e->serve, i, 0);
        last = i;
        mine++;
    }
    if (mine && !did)
        serve_turn(e->serve, last, LENT_WAIT_NS);
    return mine > 0;
}

/* ---- waiting ---- */

enum err waiter_open(struct waiter *w, struct sl_engine *e)
{
    if (shard_current())
        return ERR_BUSY;
    *w = (struct waiter){ .engine = e };
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->cond, NULL);
    return ERR_OK;
}

void waiter_ring(struct waiter *w)
{
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->cond); /* under the lock: the waiter is gone right after it */
    pthread_mutex_unlock(&w->lock);
}

static bool waiter_rung(struct waiter *w)
{
    pthread_mutex_lock(&w->lock);
    bool done = w->done;
    pthread_mutex_unlock(&w->lock);
    return done;
}

void waiter_wait(struct waiter *w)
{
    while (w->engine->callers_threads && !waiter_rung(w) && turn_mine(w->engine))
        ;
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->cond, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->cond);
}

/* Until the state is not `leave`. */
static enum serve_state state_await(struct sl_engine *e, enum serve_state leave)
{
    enum serve_state state = serve_state(e->serve, NULL, NULL);
    while (e->callers_threads && state == leave && turn_mine(e))
        state = serve_state(e->serve, NULL, NULL);
    return state == leave ? serve_await(e->serve, leave) : state;
}

static enum err engine_state(struct sl_engine *e, struct sl_why *why)
{
    struct why said;
    enum err err;
    enum serve_state state = serve_state(e->serve, &err, &said);
    why_say(why, "");
    if (state == SERVE_READY)
        return ERR_OK;
    if (state == SERVE_STARTING) {
        why_say(why, "the engine is still opening");
        return ERR_BUSY;
    }
    if (err == ERR_OK) {
        why_say(why, "the engine is stopping, or stopped");
        return ERR_CLOSED;
    }
    why_out(why, &said);
    return err;
}

enum err engine_await(struct sl_engine *e, struct sl_why *why)
{
    if (shard_current()) {
        why_say(why, "a callback must not wait");
        return ERR_BUSY;
    }
    state_await(e, SERVE_STARTING);
    return engine_state(e, why);
}

enum sl_err sl_engine_ready(struct sl_engine *e, struct sl_why *why)
{
    return (enum sl_err)engine_state(e, why);
}

/* ---- open ---- */

static void engine_free(struct sl_engine *e)
{
    serve_close(&e->serve);
    for (uint32_t i = 0; i < e->dir_count; i++)
        free(e->dirs[i]);
    free(e->dirs);
    free(e->workers);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->idle);
    free(e);
}

static enum err dirs_copy(struct sl_engine *e, const struct sl_engine_options *o)
{
    e->dirs = calloc(o->dir_count + 1, sizeof(*e->dirs));
    if (!e->dirs)
        return ERR_NO_MEMORY;
    for (; e->dir_count < o->dir_count; e->dir_count++) {
        e->dirs[e->dir_count] = strdup(o->dirs[e->dir_count]);
        if (!e->dirs[e->dir_count])
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static struct serve_opts serve_opts_of(const struct sl_engine *e, const struct sl_engine_options *o)
{
    struct serve_opts s = { .dirs = (const char *const *)e->dirs, .dir_count = e->dir_count };
    s.shards = e->shards;
    s.io.plain = FIELD(o, plain_io, false);
    s.store.tail_bytes = FIELD(o, tail_bytes, 0);
    s.store.space_max = FIELD(o, space_bytes, 0);
    s.store.lock_wait_ns = FIELD(o, lock_wait_ns, 0);
    s.geometry.journal_bytes = FIELD(o, journal_bytes, 0);
    s.node = FIELD(o, node, 0);
    s.note = FIELD(o, note, NULL);
    s.note_arg = FIELD(o, note_arg, NULL);
    return s;
}

static struct sl_engine *engine_make(const struct sl_engine_options *o)
{
    struct sl_engine *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->idle, NULL);
    e->shards = FIELD(o, shards, 0) ? o->shards : 1;
    e->callers_threads = FIELD(o, threads, SL_THREADS_OWN) == SL_THREADS_CALLER;
    e->calls_max = FIELD(o, requests_max, 0) ? o->requests_max : CALLS_DEFAULT;
    e->workers = calloc(e->shards, sizeof(*e->workers));
    for (uint32_t i = 0; e->workers && i < e->shards; i++)
        e->workers[i] = (struct worker){ .engine = e, .shard = i };
    if (e->workers && dirs_copy(e, o) == ERR_OK)
        return e;
    engine_free(e);
    return NULL;
}

static enum err engine_start(struct sl_engine *e, const struct sl_engine_options *o,
                             struct sl_why *why)
{
    struct serve_opts opts = serve_opts_of(e, o);
    struct why said = { "" };
    enum err err = serve_open(&e->serve, &opts, &said);
    why_out(why, &said);
    if (err != ERR_OK || e->callers_threads)
        return err;
    for (uint32_t i = 0; i < e->shards && err == ERR_OK; i++)
        err = worker_start(&e->workers[i]);
    if (err == ERR_OK)
        return engine_await(e, why);
    why_say(why, "a thread for a shard could not be started");
    return err;
}

/* What was begun is stopped in order: stores may have I/O under way. */
static void engine_end(struct sl_engine *e)
{
    serve_stop(e->serve);
    for (uint32_t i = 0; i < e->shards; i++)
        if (!e->workers[i].own)
            serve_turn(e->serve, i, 0); /* it has no thread; its first turn finds the stop */
    state_await(e, SERVE_STOPPING);
    workers_join(e);
}

enum sl_err sl_engine_open(struct sl_engine **out, const struct sl_engine_options *o,
                           struct sl_why *why)
{
    *out = NULL;
    why_say(why, "");
    if (!HAS(o, dir_count) || !o->dirs || !o->dir_count || FIELD(o, shards, 0) > SHARDS_MAX) {
        why_say(why, "options: size, dirs and dir_count are needed, shards is at most 256");
        return SL_ERR_INVALID;
    }
    struct sl_engine *e = engine_make(o);
    if (!e)
        return SL_ERR_NO_MEMORY;
    enum err err = engine_start(e, o, why);
    if (err != ERR_OK) {
        if (e->serve)
            engine_end(e);
        engine_free(e);
        return (enum sl_err)err;
    }
    *out = e;
    return SL_ERR_OK;
}

/* ---- close ---- */

void sl_engine_stop(struct sl_engine *e)
{
    serve_stop(e->serve);
}

static void calls_await(struct sl_engine *e)
{
    while (e->callers_threads && !calls_none(e) && turn_mine(e))
        ;
    pthread_mutex_lock(&e->lock);
    while (e->calls)
        pthread_cond_wait(&e->idle, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

/* Shards that nobody ever turned: they have opened nothing, and one turn tells them to stop. */
static void workers_adopt(struct sl_engine *e)
{
    for (uint32_t i = 0; e->callers_threads && i < e->shards; i++)
        worker_lend(&e->workers[i]);
}

void sl_engine_close(struct sl_engine **out)
{
    struct sl_engine *e = *out;
    if (!e)
        return;
    check(!shard_current());
    serve_stop(e->serve);
    workers_adopt(e);
    state_await(e, SERVE_STOPPING);
    calls_await(e);
    workers_join(e);
    engine_free(e);
    *out = NULL;
}
