/* banner.h -- what a node says when it starts: what it found, what it does with it, and that it is
 * ready.
 *
 *   shardlog 0.1.0 on Linux 6.1.0-18-amd64
 *     kernel      io_uring, defer_taskrun, direct, fallocate, msg_ring
 *     missing     dsync: a durable write is a write and a sync
 *     shards      2, on cores 0, 1
 *     memory      512 MiB tails, 256 MiB network: 768 MiB planned, 7.8 GiB in the machine
 *     store       data/store-00: 12 partitions, 3 journal entries replayed in 4 ms, sync 0.085 ms
 *     listening   native on 127.0.0.1:9700, [::1]:9700
 *     durability  synced: an acknowledged record survives a power cut, if the disk honours flushes
 *   ready in 23 ms
 *
 * Thread     pure; any thread.
 * Memory     all borrowed during the call.
 */
#ifndef TOOLS_BANNER_H
#define TOOLS_BANNER_H

#include "engine/io/socket.h"

struct banner_memory {
    const char *what; /* "tails" */
    uint64_t bytes;
};
struct banner_store {
    const char *path;
    const char *error; /* why it does not open; NULL: it is open, and the rest is valid */
    uint32_t partitions, damaged;
    uint64_t entries; /* replayed */
    uint64_t open_ns;
    uint64_t sync_ns; /* measured; 0: not */
};
struct banner_listener {
    const char *protocol;
    const struct io_address *addresses;
    uint32_t count;
};

struct banner {
    const char *version, *kernel; /* "0.1.0", "Linux 6.1.0-18-amd64" */
    struct io_features features;
    const char *missing; /* what io_features_say() said: a line for each; empty: nothing */
    uint32_t shards;
    const uint32_t *cpus; /* of each shard; NULL: not pinned */
    const struct banner_memory *memory;
    uint32_t memory_count;
    uint64_t memory_machine; /* 0: not known */
    const struct banner_store *stores;
    uint32_t store_count;
    const struct banner_listener *listeners;
    uint32_t listener_count;
    enum durability durability; /* of topics that do not say */
    uint64_t ready_ns;
};

#define BANNER_LINE_MAX 512u
/* Calls line() for each line, without its newline; longer ones are cut and end with "...". */
void banner_say(const struct banner *b, void (*line)(void *arg, const char *text), void *arg);
/* The class in words: what an acknowledgement of it means. */
const char *durability_text(enum durability d);

#endif
