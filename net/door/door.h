/* door.h -- where clients come in: connections on every shard, whatever protocol they speak.
 *
 *     door_open(&d, io, &opts, &why);         listens; nothing is accepted yet
 *     front = door_front(d);                  for serve_opts.fronts
 *     ... the instance runs and stops ...
 *     door_close(&d);
 *
 * Each shard listens for itself (SO_REUSEPORT) and serves what it accepted, or what another one
 * handed over because a client asked for this shard. Nothing is shared but the number of
 * connections. What the bytes mean is the protocol's business (protocol.h); what they cost is ours:
 * memory, time, how many there may be.
 *
 * Owner      whoever starts the node. door_open() before serve_open(), door_close() after
 *            serve_close().
 * Thread     open and close one; all else runs in the shards' turns.
 * Memory     an idle connection about 2 KiB and no buffer. Requests, payloads, what came behind
 * them, and answers come out of memory_bytes, an equal part for each shard, before there is memory
 * for them: a request that finds none waits, an answer that finds none is NO_MEMORY. Batches come
 * out of serve_opts.read_bytes. While somebody waits for memory, whose payload or answers do not
 * move is cut, and what waits for records or for others ends.
 * Invariant  a length is compared with its limit before memory is taken for it; what one connection
 *            sends harms no other.
 * Fails      door_open() as io_listen() does, with the address in `why`.
 */
#ifndef DOOR_DOOR_H
#define DOOR_DOOR_H

#include "engine/io/socket.h"
#include "engine/serve/serve.h"
#include "net/log/log.h"
#include "net/metric/board.h"

#define DOOR_ADDRESSES_MAX 32u
#define DOOR_PROTOCOLS_MAX 2u

struct helper;
struct protocol; /* native_protocol, kafka_protocol */

struct door_listen {
    struct io_address at;
    const struct protocol *speaks;
};

struct door_opts {
    const struct door_listen *listen; /* borrowed during door_open() */
    uint32_t listen_count;
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
    uint32_t auto_partitions;    /* of topics that are made because a Kafka client names them; 0:
                                    none is made */
    struct io_address
        advertise;         /* where Kafka clients are told to go; version 0: what they reached */
    struct helper *helper; /* work that is too long for a turn; NULL: it is done in one */
    const struct log_opts *log;        /* NULL: says nothing */
    const struct metrics_board *board; /* of as many shards; borrowed until door_close() */
};

struct door;

/* `io` is for the control plane alone: it makes the listeners of all shards. */
enum err door_open(struct door **out, struct io *io, const struct door_opts *opts, struct why *why);
/* After the instance is closed, or never ran; frees what is left. NULL is fine. */
void door_close(struct door **d);

struct serve_front door_front(struct door *d);
/* Takes new values while the instance runs, each shard in a turn of its own soon after: *_max of
 * connections, the three times, what topics are created with, and how much the log tells. All else
 * in `opts` stays what it was. Any thread, after READY. */
void door_adjust(struct door *d, struct serve *s, const struct door_opts *opts);
/* Where it listens: a port 0 is known by now. i < listen_count. */
struct io_address door_address(const struct door *d, uint32_t i);

#endif
