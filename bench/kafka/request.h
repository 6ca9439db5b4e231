/* request.h -- what a client of Kafka sends and gets: frames that are built beforehand, and what is
 * asked once.
 *
 * The frames are those of librdkafka: Produce 10, Fetch 11, one topic and one partition each.
 *
 * Thread     the caller's; topic_make() and topic_end() block.
 * Fails      ends the program, with the broker's error code.
 */
#ifndef BENCH_KAFKA_REQUEST_H
#define BENCH_KAFKA_REQUEST_H

#include "engine/base/types.h"

/* A Produce frame is its batch and at most so much more. */
#define PRODUCE_MORE_BYTES 128u
#define PRODUCE_ANSWER_MAX 256u
#define FETCH_FRAME_MAX    256u

struct place {
    const char *topic;
    uint32_t partition;
};

/* ---- frames ---- */

/* Each returns the bytes of the frame at `at`. acks = all. */
size_t produce_make(uint8_t *at, size_t cap, struct place to, struct bytes batch);
size_t fetch_make(uint8_t at[FETCH_FRAME_MAX], struct place from, uint64_t offset,
                  uint32_t bytes_max);
/* Which answer is this frame's. */
void frame_number(uint8_t *frame, uint32_t number);

/* ---- answers ---- */

/* The base offset that the answer `number` acknowledges; the frame without its length. */
uint64_t produce_answer(struct bytes frame, uint32_t number, uint32_t partition);

/* What stands before the batches of an answer to fetch_make(), its length included. */
#define FETCH_HEAD_BYTES(topic) (70u + strlen(topic))
struct fetch_head {
    uint32_t batches_bytes; /* behind the head */
    uint64_t end_off;       /* of the partition */
};
struct fetch_head fetch_answer(const uint8_t *at, struct place from, uint32_t number);

/* ---- asked once ---- */

/* Makes a topic, whose partitions keep `retention` bytes, and waits until all can be written. */
void topic_make(uint16_t port, const char *name, uint32_t partitions, const char *retention);
/* The offset that the next record gets. */
uint64_t topic_end(uint16_t port, struct place at);

#endif
