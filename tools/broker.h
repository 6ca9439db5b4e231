/* broker.h -- a node that runs: the engine, a thread for each shard and as many that help, its
 * fronts, its log lines.
 *
 *     broker_open(&b, &config, &why)     listens, opens the stores, starts the threads
 *     broker_state(&b, &why)             until READY, or FAILED
 *     broker_stop(&b), broker_close(&b)  drains, writes checkpoints, ends the threads
 *
 * Thread     one; the threads of the shards, and those that help, are its own.
 * Memory     until broker_close().
 * Fails      broker_open(): a setting that this machine cannot keep, an address in use. What the
 *            stores say comes with the state: LOCKED, PERMISSION, MISMATCH, ...
 */
#ifndef TOOLS_BROKER_H
#define TOOLS_BROKER_H

#include <pthread.h>

#include "engine/serve/serve.h"
#include "net/config/config.h"
#include "net/door/door.h"
#include "net/door/helper.h"
#include "net/http/http_front.h"
#include "net/log/log.h"

/* Of each shard, for receiving: several large batches with one system call; a buffer is held for a
 * moment only. */
#define RECEIVE_BUFFERS 16u
#define RECEIVE_BYTES   (uint32_t)KIB(512)

struct broker_worker {
    struct broker *broker;
    uint32_t shard;
    int cpu; /* -1: not pinned */
    pthread_t thread;
    bool started, quit;
    struct letter quit_letter;
};

struct broker {
    const struct config *config;
    struct io *io; /* control plane */
    struct door *door;
    struct helper *helper;
    pthread_t *helpers;     /* threads: as many as shards ... */
    uint32_t helper_count;  /* ... of which so many were started */
    uint32_t native, kafka; /* listeners of the door, in this order */
    struct http *http;
    struct serve *serve;
    struct metrics_board board;
    struct serve_front fronts[2];
    struct broker_worker *workers;
    uint32_t shards;
    pthread_mutex_t lock; /* of the log */
    struct log log;
    struct log_opts log_opts;
};

/* False: `why`; broker_close() in any case. The config is borrowed until then. */
enum err broker_open(struct broker *b, const struct config *c, struct why *why);
enum serve_state broker_state(struct broker *b, enum err *err, struct why *why);
/* Takes the live settings of `c`, which is not borrowed. After READY. */
void broker_adjust(struct broker *b, const struct config *c);
/* connections.max, or as many as the limit of descriptors allows, which it raises. */
uint32_t broker_connections(const struct config *c);
/* Blocks until all is stopped. */
void broker_stop(struct broker *b);
void broker_close(struct broker *b);
/* A line of the program itself; any thread. */
void broker_say(struct broker *b, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
uint64_t clock_ns(void);

#endif
