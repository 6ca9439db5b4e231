/* guest.h -- a broker in the simulator that speaks Kafka, and clients of it that send exactly what
 * a test says, in structs or in bytes.
 *
 * One machine: an instance with the door on every shard, clients over loopback on an io of their
 * own. Time passes only inside these functions.
 */
#ifndef TESTS_UNIT_NET_KAFKA_FRONT_GUEST_H
#define TESTS_UNIT_NET_KAFKA_FRONT_GUEST_H

#include "net/kafka/front_in.h"
#include "tests/unit/net_kafka_front/pack.h"
#include "tests/unit/serve/node.h"

#define GUEST_IN_BYTES MIB(8)

struct inn {
    struct node_world node;
    struct door *door;
    struct metrics_board board;
    struct serve_front front;
    struct io *io; /* the clients' */
};
extern struct inn inn;

/* `opts` NULL: defaults, and 4 partitions for topics that are made by name. */
void inn_open(uint64_t seed, uint32_t shards, const struct door_opts *opts);
void inn_close(void); /* stops in order; expects no connection, request or memory left */
/* Its power fails, and it starts again. */
void inn_restart(void);
uint64_t inn_figure(enum metric which);

struct guest {
    int fd;
    struct op send, recv, connect;
    struct iovec out;
    bool quiet; /* does not read */
    bool ended; /* the broker ended it */
    uint8_t *in;
    size_t in_len, in_at;
    int32_t correlation; /* of the last request */
    int32_t answered;    /* of the last answer */
    struct kafka_arena arena;
};
void guest_open(struct guest *g);
void guest_close(struct guest *g);
void guest_put(struct guest *g, const void *at, size_t len);
void guest_put_start(struct guest *g, const void *at, size_t len); /* until g->send is not busy */
/* One that is quiet takes so many bytes, when they are there; they are forgotten. */
void guest_sip(struct guest *g, uint32_t bytes);
/* A request as bytes; returns their number. */
size_t guest_make(struct guest *g, int16_t key, int16_t version, const void *request, uint8_t *at,
                  size_t cap);
/* A request of an API at a version; the struct is that of its shape. */
void guest_ask(struct guest *g, int16_t key, int16_t version, const void *request);
/* The next answer, within `ns`, decoded into its struct (lists and views live until the one after);
 * false: none came, or the stream ended. */
bool guest_answer(struct guest *g, uint64_t ns, int16_t key, int16_t version, void *response);
/* Both; expects an answer, and that it is the one to this request. */
void guest_call(struct guest *g, int16_t key, int16_t version, const void *request, void *response);
/* It is still heard: ApiVersions there and back. */
bool guest_heard(struct guest *g);

/* A request's struct with every member unset. */
#define REQUEST(name, var)             \
    struct kafka_##name##_request var; \
    kafka_unset(kafka_##name##_request_shape(), &var)
#define KEY(name) KAFKA_KEY_##name

/* A topic of so many partitions, and its id. */
struct id16 guest_topic(struct guest *g, const char *name, int32_t partitions);

/* ---- batches ---- */

/* Of `count` records, value "v<n>" padded to `bytes`, times base_ms + n; static memory, until the
 * next one. */
struct bytes guest_batch(uint32_t count, size_t bytes, int64_t base_ms);
/* The same, its records compressed (1 gzip, 2 snappy, 3 lz4, 4 zstd); `framed`: snappy in Java's
 * frame. */
struct bytes guest_packed(uint32_t count, size_t bytes, int64_t base_ms, int codec, bool framed);

/* Produce of one batch to one partition: the answer for it. */
struct kafka_produce_response_partition_response guest_produce(struct guest *g, int16_t version,
                                                               const char *topic, int32_t partition,
                                                               struct bytes batch);
/* Asks for at least one byte of one partition, by Fetch 11; and the answer for it. */
void guest_fetch_ask(struct guest *g, const char *topic, int32_t partition, int64_t offset,
                     int32_t wait_ms, int32_t bytes_max);
struct kafka_fetch_response_partition guest_fetch(struct guest *g, const char *topic,
                                                  int32_t partition, int64_t offset,
                                                  int32_t wait_ms);
/* Asks for the first records of partitions 0 to 3 of topic "t", so often that it is `count` of
 * them: memory for each. */
#define FETCH_MANY_MAX 2000u
void guest_fetch_many(struct guest *g, uint32_t count, int32_t wait_ms);
/* It is answered within `ns`. */
bool guest_fetched(struct guest *g, uint64_t ns);

#endif
