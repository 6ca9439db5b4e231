/* embed_in.h -- what the files of the embedded front share (embed*.c).
 *
 * The front turns the public structs of include/shardlog/ into verbs and back, lends threads to
 * the shards, and lets callers wait. It is a front like any other: it knows verbs, no store.
 */
#ifndef SERVE_EMBED_IN_H
#define SERVE_EMBED_IN_H

#include <pthread.h>
#include <shardlog/engine.h>

#include "engine/serve/serve.h"

struct worker {
    struct sl_engine *engine;
    struct letter quit_letter;
    pthread_t thread;
    uint32_t shard;
    bool own;  /* ours: `thread` is to be joined. Else the caller's, once `lent` */
    bool lent; /* engine->lock: a thread of the caller turns this shard */
    bool quit; /* the worker's own: set by its letter */
};

struct sl_engine {
    struct serve *serve;
    struct worker *workers; /* one for each shard */
    uint32_t shards;
    bool callers_threads;
    char **dirs; /* copies; serve borrows them */
    uint32_t dir_count;
    uint32_t calls_max;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    uint32_t calls; /* lock: requests under way and fetched batches not freed */
};

struct sl_topic {
    struct sl_engine *engine;
    struct topic_info *info;
};

/* One more request; BUSY at the limit. */
enum err calls_take(struct sl_engine *e);
void calls_give(struct sl_engine *e);

/* A thread of the caller that waits for one thing to happen. */
struct waiter {
    struct sl_engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};
/* BUSY in a callback, where nothing may wait. */
enum err waiter_open(struct waiter *w, struct sl_engine *e);
void waiter_ring(struct waiter *w); /* from the callback: it is done */
/* Waits for the ring, then closes the waiter. Turns the calling thread's shards meanwhile. */
void waiter_wait(struct waiter *w);
/* Until the engine is open; CLOSED, or why it failed. */
enum err engine_await(struct sl_engine *e, struct sl_why *why);

void why_out(struct sl_why *to, const struct why *from); /* `to` may be NULL */

/* True when the caller's struct, which begins with its size, is new enough to have `field`. */
#define HAS(options, field) \
    ((options) &&           \
     (options)->size >= offsetof(__typeof__(*(options)), field) + sizeof((options)->field))
/* The field, or `other` where the struct has none. */
#define FIELD(options, field, other) (HAS(options, field) ? (options)->field : (other))

/* Copies a result to the caller, as much of it as the caller's struct has, keeping its size. */
void result_out(void *to, const void *from, size_t bytes);

#endif
