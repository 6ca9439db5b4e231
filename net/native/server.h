/* server.h -- the native protocol's front: connections on every shard, requests to verbs.
 *
 *     native_open(&n, io, &opts, &why);       listens; nothing is accepted yet
 *     front = native_front(n);                for serve_opts.fronts
 *     ... the instance runs and stops ...
 *     native_close(&n);
 *
 * Each shard listens for itself (SO_REUSEPORT) and serves what it accepted, or what another one
 * handed over because hello asked for this shard. Nothing is shared but the number of connections.
 *
 * Owner      whoever starts the node. native_open() before serve_open(), native_close() after
 *            serve_close().
 * Thread     open and close one; all else runs in the shards' turns.
 * Memory     an idle connection about 2 KiB and no buffer. Requests, payloads, what came behind
 * them, and answers come out of memory_bytes, an equal part for each shard, before there is memory
 * for them: a request that finds none waits, an answer that finds none is NO_MEMORY. Batches come
 * out of serve_opts.read_bytes. Beside it: the list of all topics, or the places of one, once for
 * each shard. While somebody waits for memory, whose payload or answers do not move is cut.
 * Invariant  a length is compared with its limit before memory is taken for it; what one connection
 *            sends harms no other.
 * Fails      native_open() as io_listen() does, with the address in `why`.
 */
#ifndef NATIVE_SERVER_H
#define NATIVE_SERVER_H

#include "engine/io/socket.h"
#include "engine/serve/serve.h"
#include "net/log/log.h"
#include "net/metric/board.h"

#define NATIVE_ADDRESSES_MAX 16u

struct native_opts {
    const struct io_address *at; /* borrowed during native_open() */
    uint32_t at_count;
    uint32_t shards, node;
    uint32_t frame_max;          /* largest request payload; 0: 32 MiB */
    uint32_t connections_max;    /* of all shards; more are told so and closed. 0: 10,000 */
    uint32_t requests_max;       /* under way, an equal part for each shard; more are BUSY. 0:
                                    65,536 */
    uint64_t memory_bytes;       /* 0: 256 MiB */
    uint64_t space_max;          /* of each store, as refused appends tell it; 0: none */
    uint64_t idle_ns;            /* 0: for ever */
    uint64_t frame_timeout_ns;   /* 0: 30 s; and a second for each 64 KiB, see pace_due_ns() */
    uint64_t send_timeout_ns;    /* likewise, for what is sent */
    uint32_t partitions_default; /* of topics created without a number; 0: 1 */
    enum durability durability;  /* of topics created without one ... */
    bool durability_set;         /* ... if this says so, else what the engine gives */
    const struct log_opts *log;  /* NULL: says nothing */
    const struct metrics_board *board; /* of as many shards; borrowed until native_close() */
};

struct native;

/* `io` is for the control plane alone: it makes the listeners of all shards. */
enum err native_open(struct native **out, struct io *io, const struct native_opts *opts,
                     struct why *why);
/* After the instance is closed, or never ran; frees what is left. NULL is fine. */
void native_close(struct native **n);

struct serve_front native_front(struct native *n);
/* Takes new values while the instance runs, each shard in a turn of its own soon after: *_max of
 * connections, the three times, what topics are created with, and how much the log tells. All else
 * in `opts` stays what it was. Any thread, after READY. */
void native_adjust(struct native *n, struct serve *s, const struct native_opts *opts);
/* Where it listens: a port 0 is known by now. i < at_count. */
struct io_address native_address(const struct native *n, uint32_t i);

#endif
