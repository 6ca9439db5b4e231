/* peer.h -- a broker in the simulator and clients of it that do exactly what a test says.
 *
 * One machine: an instance with the native front on every shard, and clients over loopback on an io
 * of their own. Time passes only inside these functions.
 */
#ifndef TESTS_UNIT_NET_SERVER_PEER_H
#define TESTS_UNIT_NET_SERVER_PEER_H

#include "net/native/hello.h"
#include "net/native/server_in.h"
#include "tests/unit/serve/node.h"

#define PEER_IN_BYTES MIB(8)

struct broker_world {
    struct node_world node;
    struct door *door;
    struct metrics_board board;
    struct serve_front front;
    struct io *io; /* the clients' */
};
extern struct broker_world world;
extern bool broker_groups; /* broker_start(): consumer groups are kept; false at first */

/* `opts` NULL: defaults; its addresses are filled in. Fetches have as much memory as the rest, if
 * that is said. */
void broker_start(uint64_t seed, uint32_t shards, const struct door_opts *opts);
/* The same with receive buffers of so many bytes; 0: as ever. */
void broker_start_with(uint64_t seed, uint32_t shards, const struct door_opts *opts,
                       uint32_t recv_bytes);
void broker_end(void); /* stops in order; expects no connection, request or memory left */
uint64_t broker_memory(void);
uint64_t broker_figure(enum metric which); /* of all shards: what the front counts itself */

struct peer {
    int fd;
    struct op send, recv, connect;
    struct iovec out;
    bool quiet; /* does not read */
    bool ended; /* the broker ended it */
    uint8_t *in;
    size_t in_len, in_at; /* at: answers taken so far */
    uint64_t correlation;
};
void peer_connect(struct peer *p); /* no hello */
void peer_open(struct peer *p);    /* and hello, anywhere */
void peer_close(struct peer *p);   /* closes; again is fine */
/* Sends these bytes and waits until the kernel has them, or 40 s passed. */
void peer_put(struct peer *p, const void *at, size_t len);
/* One that is quiet takes so many bytes, when they are there; they are forgotten. */
void peer_sip(struct peer *p, uint32_t bytes);
void peer_put_start(struct peer *p, const void *at, size_t len); /* until p->send is not busy */
/* Whole frames, into `at`; returns the length. */
size_t peer_make(struct peer *p, uint8_t *at, size_t cap, uint32_t verb, struct id16 topic,
                 uint32_t partition, const void *payload);
void peer_ask(struct peer *p, uint32_t verb, struct id16 topic, uint32_t partition,
              const void *payload);
/* The next answer, within `ns`. False: none came (or the stream ended: p->ended). Errors are
 * answers too: frame_is_error(). */
bool peer_answer(struct peer *p, uint64_t ns, struct frame *f, union payload *out);
/* Expects an answer of this kind, and returns its payload. */
union payload peer_expect(struct peer *p, uint32_t verb, enum err err);
/* One that is still heard: a ping there and back. */
void peer_ping(struct peer *p);

struct hello_request peer_hello(uint32_t shard);
/* Made by p; one partition after another on the shards. */
struct id16 peer_topic(struct peer *p, const char *name, uint32_t partitions);
/* A batch of one record with a value of `bytes`; static memory. */
struct bytes peer_batch(size_t bytes);

#define NO_TOPIC ((struct id16){ { 0 } })

#endif
