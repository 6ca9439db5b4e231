/* banner.h -- what a node says when it is ready: what it found, and what it does with it.
 *
 *   kernel: io_uring, defer_taskrun, direct, fallocate, msg_ring, recv_ring
 *   node 1 of cluster 7f6f3d5e-...: 2 shards, on cores 0, 1
 *   memory: 512 MiB tails, 256 MiB network: 768 MiB planned, 7.8 GiB in the machine
 *   data/store-00: 12 partitions, 3 journal entries replayed in 4 ms, a sync takes 0.085 ms
 *   native protocol on 127.0.0.1:9700
 *   topics are synced: an acknowledged record survives a power cut, if the disk honours flushes
 *   ready in 23 ms
 *
 * What the kernel lacks, and what that costs, the engine has noted by then, a line each. Programs
 * look for "... on ADDRESS" and "ready in": these words stay.
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
    const char *dir; /* it is dir/store-number */
    uint32_t number;
    const char *error; /* why it does not open; NULL: it is open, and the rest is valid */
    uint32_t partitions, damaged;
    uint64_t entries; /* replayed */
    uint64_t open_ns;
    uint64_t sync_ns; /* measured; 0: not */
};
struct banner_listener {
    const char *what; /* "native protocol" */
    const struct io_address *addresses;
    uint32_t count;
};

struct banner {
    struct io_features features;
    struct id16 cluster;
    uint32_t node, shards;
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
void banner_say(const struct banner *b, void (*line)(void *arg, bool warning, const char *text),
                void *arg);
/* The class in words: what an acknowledgement of it means. */
const char *durability_text(enum durability d);

#endif
