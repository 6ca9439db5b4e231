/* peer.h -- the brokers that are compared, each a process on the server's core: `shardlog serve`
 * with one shard, and Apache Kafka with the options of its own start script.
 *
 * Both end with this program, however that ends.
 *
 * Thread     the caller's.
 * Fails      ends the program, with the end of the broker's log.
 */
#ifndef BENCH_KAFKA_PEER_H
#define BENCH_KAFKA_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "bench/kafka/bench.h"

#define PEER_WORDS_MAX 32

struct peer {
    const char *name;
    char dir[400], log[420];
    pid_t pid; /* 0: not running */
    bool paused;
    uint16_t port;
};

enum peer_kind { PEER_SHARDLOG, PEER_KAFKA, PEERS };

/* Says with which settings, and returns when it serves. */
void peer_start(struct peer *p, enum peer_kind kind, const struct bench *b);
/* SIGTERM; then its files are removed. */
void peer_end(struct peer *p);
/* It stands still, whatever its timers say, until peer_resume(). */
void peer_pause(struct peer *p);
/* False: it was running. */
bool peer_resume(struct peer *p);
/* The most bytes of memory it had since its start. */
double peer_memory_max(const struct peer *p);

/* Its parts: a process with its output in p->log; whether that says `text`. */
void peer_run(struct peer *p, const struct bench *b, const char *const words[]);
const char *peer_says(struct peer *p, const char *text);
/* Waits until it says so; the program must still run. Returns what stands behind it. */
const char *peer_wait(struct peer *p, const char *text);
void kafka_start(struct peer *p, const struct bench *b); /* peer_kafka.c */

#endif
