/* request.c -- see request.h.
 *
 * An answer to a fetch comes in the classic encoding, so all that stands before the batches has
 * fixed places, but for the topic's name:
 *
 *   length 4, correlation 4, throttled 4, error 2, cache id 4, topics 4, name 2 + n, partitions 4,
 *   partition 4, error 2, end 8, stable end 8, start 8, aborted 4, replica 4, bytes of batches 4 */
#include "bench/kafka/request.h"

#include <unistd.h>

#include "bench/common/common.h"
#include "bench/common/socket.h"
#include "engine/base/le.h"
#include "net/kafka/api.h"
#include "net/kafka/error.h"

#define PRODUCE_VERSION      10
#define FETCH_VERSION        11
#define LIST_OFFSETS_VERSION 5
#define CREATE_VERSION       6
#define TIMEOUT_MS           30000
#define ANSWER_MAX           4096u
#define READY_NS             (20 * SEC_NS)

static struct bytes text_of(const char *text)
{
    return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static _Noreturn void fault_end(const struct kafka_fault *fault)
{
    struct why why;
    kafka_fault_text(fault, &why);
    die("%s", why.text);
}

/* ---- frames ---- */

static size_t frame_make(uint8_t *at, size_t cap, int16_t key, int16_t version, const void *body)
{
    const struct kafka_api *api = kafka_api(key);
    struct kafka_what head = kafka_head(api, version, KAFKA_REQUEST);
    struct kafka_what what = kafka_body(api, version, KAFKA_REQUEST);
    struct kafka_request_header h = { key, version, 0, text_of("bench") };
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    size_t first, second;
    if (kafka_encode(&head, &h, at + 4, cap - 4, &first, &fault) != ERR_OK ||
        kafka_encode(&what, body, at + 4 + first, cap - 4 - first, &second, &fault) != ERR_OK)
        fault_end(&fault);
    be32_put(at, (uint32_t)(first + second));
    return 4 + first + second;
}

void frame_number(uint8_t *frame, uint32_t number)
{
    be32_put(frame + 8, number);
}

size_t produce_make(uint8_t *at, size_t cap, struct place to, struct bytes batch)
{
    struct kafka_produce_request_partition_data part = { .index = (int32_t)to.partition,
                                                         .records = batch };
    struct kafka_produce_request_topic_data topic = { .name = text_of(to.topic),
                                                      .partition_data = { &part, 1 } };
    struct kafka_produce_request ask;
    kafka_unset(kafka_produce_request_shape(), &ask);
    ask.acks = -1;
    ask.timeout_ms = TIMEOUT_MS;
    ask.topic_data.at = &topic;
    ask.topic_data.count = 1;
    return frame_make(at, cap, KAFKA_KEY_produce, PRODUCE_VERSION, &ask);
}

size_t fetch_make(uint8_t at[FETCH_FRAME_MAX], struct place from, uint64_t offset,
                  uint32_t bytes_max)
{
    struct kafka_fetch_request_partition part;
    kafka_unset(kafka_fetch_request_partition_shape(), &part);
    part.partition = (int32_t)from.partition;
    part.fetch_offset = (int64_t)offset;
    part.partition_max_bytes = (int32_t)bytes_max;
    struct kafka_fetch_request_topic topic = { .topic = text_of(from.topic),
                                               .partitions = { &part, 1 } };
    struct kafka_fetch_request ask;
    kafka_unset(kafka_fetch_request_shape(), &ask);
    ask.max_wait_ms = 500;
    ask.min_bytes = 1;
    ask.max_bytes = (int32_t)bytes_max;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    return frame_make(at, FETCH_FRAME_MAX, KAFKA_KEY_fetch, FETCH_VERSION, &ask);
}

/* ---- answers ---- */

static void answer_decode(int16_t key, int16_t version, uint32_t number, struct bytes frame,
                          void *to, struct kafka_arena *arena)
{
    const struct kafka_api *api = kafka_api(key);
    struct kafka_what head = kafka_head(api, version, KAFKA_RESPONSE);
    struct kafka_what what = kafka_body(api, version, KAFKA_RESPONSE);
    struct kafka_response_header h;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    if (kafka_decode_front(&head, &frame, &h, arena, &fault) != ERR_OK ||
        kafka_decode(&what, frame, to, arena, &fault) != ERR_OK)
        fault_end(&fault);
    if (h.correlation_id != (int32_t)number)
        die("answer %d came where %u was next", h.correlation_id, number);
}

uint64_t produce_answer(struct bytes frame, uint32_t number, uint32_t partition)
{
    static _Alignas(max_align_t) uint8_t memory[1024];
    struct kafka_arena arena = { .at = memory, .cap = sizeof(memory) };
    struct kafka_produce_response got;
    answer_decode(KAFKA_KEY_produce, PRODUCE_VERSION, number, frame, &got, &arena);
    if (got.responses.count != 1 || got.responses.at[0].partition_responses.count != 1)
        die("an answer to one batch tells of others");
    struct kafka_produce_response_partition_response *p =
        got.responses.at[0].partition_responses.at;
    if (p->error_code != KAFKA_NONE || p->index != (int32_t)partition)
        die("partition %d: error %d when %u was written", p->index, p->error_code, partition);
    return (uint64_t)p->base_offset;
}

struct fetch_head fetch_answer(const uint8_t *at, struct place from, uint32_t number)
{
    size_t n = strlen(from.topic);
    const uint8_t *part = at + 28 + n; /* behind the name and the number of partitions */
    int16_t error = (int16_t)be16_get(at + 12), inner = (int16_t)be16_get(part + 4);
    uint32_t aborted = be32_get(part + 30);
    if (be32_get(at + 4) != number || error != KAFKA_NONE)
        die("fetch %u was answered as %u with error %d", number, be32_get(at + 4), error);
    if (be32_get(at + 18) != 1 || be16_get(at + 22) != n || be32_get(at + 24 + n) != 1 ||
        be32_get(part) != from.partition || inner != KAFKA_NONE)
        die("partition %u: fetch was answered for %u with error %d", from.partition, be32_get(part),
            inner);
    if (aborted != 0 && aborted != UINT32_MAX)
        die("a fetch that reads all tells of %u aborted transactions", aborted);
    struct fetch_head h = { .batches_bytes = be32_get(part + 38), .end_off = be64_get(part + 6) };
    if (be32_get(at) + 4 != FETCH_HEAD_BYTES(from.topic) + h.batches_bytes)
        die("a fetch of %u bytes has %u bytes of batches", be32_get(at), h.batches_bytes);
    return h;
}

/* ---- asked once ---- */

/* Sends one request and decodes its answer, which lies in `space`. */
static void ask_once(uint16_t port, int16_t key, int16_t version, const void *body, void *to,
                     uint8_t space[ANSWER_MAX], struct kafka_arena *arena)
{
    uint8_t frame[ANSWER_MAX];
    size_t len = frame_make(frame, sizeof(frame), key, version, body);
    int fd = socket_open(port);
    socket_send(fd, frame, len);
    socket_receive_all(fd, space, 4);
    len = be32_get(space);
    if (len > ANSWER_MAX)
        die("an answer has %zu bytes", len);
    socket_receive_all(fd, space, len);
    close(fd);
    answer_decode(key, version, 0, (struct bytes){ space, len }, to, arena);
}

/* The error code; *end is set without one. */
static int16_t end_ask(uint16_t port, struct place at, uint64_t *end)
{
    _Alignas(max_align_t) uint8_t memory[1024], space[ANSWER_MAX];
    struct kafka_arena arena = { .at = memory, .cap = sizeof(memory) };
    struct kafka_list_offsets_request_partition part;
    kafka_unset(kafka_list_offsets_request_partition_shape(), &part);
    part.partition_index = (int32_t)at.partition;
    part.timestamp = -1; /* the end */
    struct kafka_list_offsets_request_topic topic = { .name = text_of(at.topic),
                                                      .partitions = { &part, 1 } };
    struct kafka_list_offsets_request ask;
    kafka_unset(kafka_list_offsets_request_shape(), &ask);
    ask.replica_id = -1;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    struct kafka_list_offsets_response got;
    ask_once(port, KAFKA_KEY_list_offsets, LIST_OFFSETS_VERSION, &ask, &got, space, &arena);
    if (got.topics.count != 1 || got.topics.at[0].partitions.count != 1)
        die("an answer for one partition tells of others");
    *end = (uint64_t)got.topics.at[0].partitions.at[0].offset;
    return got.topics.at[0].partitions.at[0].error_code;
}

/* A topic that was just made is not everywhere at once: Kafka says so with these errors. */
static bool error_passes(int16_t error)
{
    return error == KAFKA_UNKNOWN_TOPIC_OR_PARTITION || error == KAFKA_LEADER_NOT_AVAILABLE ||
           error == KAFKA_NOT_LEADER_OR_FOLLOWER;
}

uint64_t topic_end(uint16_t port, struct place at)
{
    uint64_t end, until = now_ns() + READY_NS;
    int16_t error = end_ask(port, at, &end);
    while (error_passes(error) && now_ns() < until) {
        usleep(20000);
        error = end_ask(port, at, &end);
    }
    if (error != KAFKA_NONE)
        die("topic %s, partition %u: error %d", at.topic, at.partition, error);
    return end;
}

void topic_make(uint16_t port, const char *name, uint32_t partitions, const char *retention)
{
    _Alignas(max_align_t) uint8_t memory[2048], space[ANSWER_MAX];
    struct kafka_arena arena = { .at = memory, .cap = sizeof(memory) };
    struct kafka_create_topics_request_config keep = { text_of("retention.bytes"),
                                                       text_of(retention) };
    struct kafka_create_topics_request_topic topic;
    kafka_unset(kafka_create_topics_request_topic_shape(), &topic);
    topic.name = text_of(name);
    topic.num_partitions = (int32_t)partitions;
    topic.replication_factor = 1;
    topic.configs.at = &keep;
    topic.configs.count = 1;
    struct kafka_create_topics_request ask;
    kafka_unset(kafka_create_topics_request_shape(), &ask);
    ask.topics.at = &topic;
    ask.topics.count = 1;
    ask.timeout_ms = TIMEOUT_MS;
    struct kafka_create_topics_response got;
    ask_once(port, KAFKA_KEY_create_topics, CREATE_VERSION, &ask, &got, space, &arena);
    if (got.topics.count != 1 || got.topics.at[0].error_code != KAFKA_NONE)
        die("topic %s is not made: error %d", name,
            got.topics.count ? got.topics.at[0].error_code : 0);
    for (uint32_t i = 0; i < partitions; i++)
        topic_end(port, (struct place){ name, i });
}
