/* broker.h -- the broker that is measured: `shardlog serve` in a process of its own, one shard on
 * one CPU, default settings but for the listeners; and a client for what is not measured.
 *
 * Thread     the benchmark's.
 * Fails      ends the program, with the last lines of the broker's log.
 */
#ifndef BENCH_NET_BROKER_H
#define BENCH_NET_BROKER_H

#include <shardlog/client.h>
#include <sys/types.h>

#include "bench/net/bench.h"

struct broker {
    char dir[512], log[520];
    pid_t pid; /* 0: not running */
    uint16_t port;
    struct sl_client *client;
};

/* Starts it on b->dir/`name`, and waits until it is ready. `setting`, `value`: one more of them, as
 * a flag; NULL: none. */
void broker_start(struct broker *k, const struct bench *b, const char *name, const char *setting,
                  const char *value);
void broker_stop(struct broker *k); /* SIGTERM; fine when it does not run */
/* Stops it and removes its files. */
void broker_end(struct broker *k);

/* Makes a topic, or finds it. `retention`: bytes that a partition keeps; NULL: all. */
struct sl_client_topic broker_topic(struct broker *k, const char *name, uint32_t partitions,
                                    const char *retention);
uint64_t broker_offset(struct broker *k, const struct sl_client_topic *t, uint32_t partition,
                       enum sl_offset_of what);
uint64_t broker_figure(struct broker *k, const char *name); /* of `shardlog stats` */
double broker_cpu_s(const struct broker *k);                /* since it was started */

#endif
