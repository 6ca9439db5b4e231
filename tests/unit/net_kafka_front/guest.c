/* guest.c -- see guest.h. */
#include "tests/unit/net_kafka_front/guest.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"

#define ARENA_BYTES MIB(1)
#define BATCH_BYTES MIB(4)

struct inn inn;
static struct door_opts inn_opts;

static uint32_t guests_turn(void)
{
    return io_turn(inn.io, SEC_NS);
}

static void door_up(uint32_t shards)
{
    struct door_listen at = { .at = { .ip = { 127, 0, 0, 1 }, .port = 9092, .version = 4 },
                              .speaks = &kafka_protocol };
    struct door_opts o = inn_opts;
    struct why why = { "" };
    check(io_open(&inn.io, &(struct io_opts){ .node = inn.node.machine }) == ERR_OK);
    o.listen = &at;
    o.listen_count = 1;
    o.shards = shards;
    o.node = 1;
    o.board = &inn.board;
    o.auto_partitions = o.auto_partitions == UINT32_MAX ? 0 : 4;
    EXPECT_OK(metrics_board_open(&inn.board, shards, 1));
    EXPECT_OK(door_open(&inn.door, inn.io, &o, &why));
    inn.front = door_front(inn.door);
    inn.node.read_bytes = o.memory_bytes;
    inn.node.fronts = &inn.front;
    inn.node.front_count = 1;
    inn.node.beside = guests_turn;
    inn.node.groups = true;
    inn.node.group.delay_ms = -1;
    EXPECT_EQ(node_start(&inn.node, NULL), SERVE_READY);
}

static void door_down(void)
{
    door_close(&inn.door);
    metrics_board_close(&inn.board);
    inn.node.beside = NULL;
}

void inn_open(uint64_t seed, uint32_t shards, const struct door_opts *opts)
{
    inn = (struct inn){ 0 };
    inn_opts = opts ? *opts : (struct door_opts){ 0 };
    node_open(&inn.node, seed, 1, shards);
    door_up(shards);
}

uint64_t inn_figure(enum metric which)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < inn.node.shards; i++)
        sum += metrics_own(metrics_board_at(&inn.board, i), which);
    return sum;
}

void inn_close(void)
{
    node_stop(&inn.node);
    EXPECT_EQ(inn_figure(METRIC_CONNECTIONS), 0);
    EXPECT_EQ(inn_figure(METRIC_REQUESTS), 0);
    EXPECT_EQ(inn_figure(METRIC_NETWORK_MEMORY), 0);
    EXPECT_EQ(inn.door->connections, 0);
    door_down();
    node_pass(&inn.node, 0);
    io_close(&inn.io);
    node_close(&inn.node);
}

void inn_restart(void)
{
    uint32_t shards = inn.node.shards;
    node_crash(&inn.node, SIM_POWER);
    door_down();
    io_close(&inn.io);
    door_up(shards);
}

/* ---- bytes ---- */

static void pass_while(const bool *busy, uint64_t ns)
{
    for (uint64_t left = ns; *busy && left; left -= min_u64(left, MS_NS))
        node_pass(&inn.node, MS_NS);
}

static void sent(struct op *op)
{
    (void)op;
}

static void received(struct op *op);

static void guest_receive(struct guest *g)
{
    if (g->recv.busy || g->quiet || g->ended || g->in_len == GUEST_IN_BYTES)
        return;
    io_recv(inn.io, &g->recv, g->fd, g->in + g->in_len, GUEST_IN_BYTES - g->in_len, 0, received);
}

static void received(struct op *op)
{
    struct guest *g = container_of(op, struct guest, recv);
    if (op->err != ERR_OK || op->got == 0)
        g->ended = true;
    else
        g->in_len += op->got;
    guest_receive(g);
}

/* What the last one that closed had, for the next: fresh pages for each took most of the time of a
 * harness whose guests last for one request. */
static struct {
    uint8_t *in, *arena;
} spare;

static void *taken(uint8_t **kept, size_t bytes)
{
    uint8_t *at = *kept ? *kept : malloc(bytes);
    check(at);
    *kept = NULL;
    return at;
}

static void given(uint8_t **kept, uint8_t *at)
{
    free(*kept);
    *kept = at;
}

void guest_open(struct guest *g)
{
    static struct io_address at;
    at = door_address(inn.door, 0);
    *g = (struct guest){ .in = taken(&spare.in, GUEST_IN_BYTES) };
    g->arena = (struct kafka_arena){ .at = taken(&spare.arena, ARENA_BYTES), .cap = ARENA_BYTES };
    io_connect(inn.io, &g->connect, &at, sent);
    pass_while(&g->connect.busy, 10 * SEC_NS);
    g->ended = g->connect.err != ERR_OK;
    g->fd = g->ended ? -1 : (int)g->connect.got;
    guest_receive(g);
}

void guest_close(struct guest *g)
{
    if (!g->in)
        return;
    if (g->fd >= 0) {
        io_shutdown(inn.io, g->fd);
        pass_while(&g->recv.busy, SEC_NS);
        pass_while(&g->send.busy, SEC_NS);
        io_fd_close(inn.io, g->fd);
    }
    given(&spare.in, g->in);
    given(&spare.arena, g->arena.at);
    g->in = NULL;
    node_pass(&inn.node, SEC_NS);
}

void guest_put_start(struct guest *g, const void *at, size_t len)
{
    g->out = (struct iovec){ (void *)(uintptr_t)at, len };
    io_send(inn.io, &g->send, g->fd, &g->out, 1, 0, sent);
}

void guest_put(struct guest *g, const void *at, size_t len)
{
    guest_put_start(g, at, len);
    pass_while(&g->send.busy, 40 * SEC_NS);
}

void guest_sip(struct guest *g, uint32_t bytes)
{
    check(g->quiet && bytes <= GUEST_IN_BYTES);
    if (g->recv.busy || g->ended)
        return;
    g->in_len = g->in_at = 0;
    io_recv(inn.io, &g->recv, g->fd, g->in, bytes, IO_FULL, received);
}

size_t guest_make(struct guest *g, int16_t key, int16_t version, const void *request, uint8_t *at,
                  size_t cap)
{
    const struct kafka_api *api = kafka_api(key);
    struct kafka_what head = kafka_head(api, version, KAFKA_REQUEST);
    struct kafka_what body = kafka_body(api, version, KAFKA_REQUEST);
    struct kafka_request_header h = { key, version, ++g->correlation, text_bytes("test") };
    size_t first, second;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    EXPECT_OK(kafka_encode(&head, &h, at + 4, cap - 4, &first, &fault));
    EXPECT_OK(kafka_encode(&body, request, at + 4 + first, cap - 4 - first, &second, &fault));
    be32_put(at, (uint32_t)(first + second));
    return 4 + first + second;
}

void guest_ask(struct guest *g, int16_t key, int16_t version, const void *request)
{
    static uint8_t at[BATCH_BYTES + KIB(64)];
    guest_put(g, at, guest_make(g, key, version, request, at, sizeof(at)));
}

static bool frame_take(struct guest *g, struct bytes *out)
{
    const uint8_t *at = g->in + g->in_at;
    size_t have = g->in_len - g->in_at;
    if (have < 4 || have - 4 < be32_get(at))
        return false;
    *out = (struct bytes){ at + 4, be32_get(at) };
    g->in_at += 4 + out->len;
    return true;
}

bool guest_answer(struct guest *g, uint64_t ns, int16_t key, int16_t version, void *response)
{
    const struct kafka_api *api = kafka_api(key);
    struct kafka_what head = kafka_head(api, version, KAFKA_RESPONSE);
    struct kafka_what body = kafka_body(api, version, KAFKA_RESPONSE);
    struct kafka_response_header h;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    struct bytes frame;
    struct why why = { "" };
    for (uint64_t left = ns; !frame_take(g, &frame); left -= min_u64(left, MS_NS)) {
        if (g->ended || !left)
            return false;
        node_pass(&inn.node, MS_NS);
    }
    g->arena.len = 0;
    EXPECT_OK(kafka_decode_front(&head, &frame, &h, NULL, &fault));
    if (!EXPECT_OK(kafka_decode(&body, frame, response, &g->arena, &fault)))
        kafka_fault_text(&fault, &why);
    EXPECT_STR(why.text, "");
    g->answered = h.correlation_id;
    return true;
}

/* To the last request. */
static void answer_hear(struct guest *g, int16_t key, int16_t version, void *response)
{
    kafka_unset(kafka_api(key)->shape[KAFKA_RESPONSE](), response);
    EXPECT(guest_answer(g, 20 * SEC_NS, key, version, response));
    EXPECT_EQ(g->answered, g->correlation);
}

void guest_call(struct guest *g, int16_t key, int16_t version, const void *request, void *response)
{
    guest_ask(g, key, version, request);
    answer_hear(g, key, version, response);
}

bool guest_heard(struct guest *g)
{
    REQUEST(api_versions, ask);
    RESPONSE(api_versions, tell);
    guest_call(g, KEY(api_versions), 2, &ask, &tell);
    return EXPECT_EQ(tell.error_code, KAFKA_NONE) && tell.api_keys.count > 0;
}

struct id16 guest_topic(struct guest *g, const char *name, int32_t partitions)
{
    REQUEST(create_topics, ask);
    RESPONSE(create_topics, tell);
    struct kafka_create_topics_request_topic topic;
    kafka_unset(kafka_create_topics_request_topic_shape(), &topic);
    topic.name = text_bytes(name);
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(g, KEY(create_topics), 7, &ask, &tell);
    if (!EXPECT_EQ(tell.topics.count, 1) || !EXPECT_EQ(tell.topics.at[0].error_code, KAFKA_NONE))
        return (struct id16){ { 0 } };
    return tell.topics.at[0].topic_id;
}

/* ---- batches ---- */

struct bytes guest_batch(uint32_t count, size_t bytes, int64_t base_ms)
{
    static uint8_t at[BATCH_BYTES], value[BATCH_BYTES];
    struct batch_builder b;
    batch_builder_open(&b, at, sizeof(at));
    memset(value, '.', bytes + 16);
    for (uint32_t i = 0; i < count; i++) {
        int len = snprintf((char *)value, 16, "v%u", i);
        value[len] = '.';
        struct batch_record r = { .time = base_ms + i, .value = { value, max_u64(bytes, 12) } };
        check(batch_builder_add(&b, &r) == ERR_OK);
    }
    return batch_builder_done(&b);
}

struct bytes guest_packed(uint32_t count, size_t bytes, int64_t base_ms, int codec, bool framed)
{
    static uint8_t at[BATCH_BYTES];
    return batch_pack(guest_batch(count, bytes, base_ms), codec, framed, at, sizeof(at));
}

/* ---- one partition ---- */

struct kafka_produce_response_partition_response guest_produce(struct guest *g, int16_t version,
                                                               const char *topic, int32_t partition,
                                                               struct bytes batch)
{
    REQUEST(produce, ask);
    RESPONSE(produce, tell);
    struct kafka_produce_request_partition_data part = { partition, batch };
    struct kafka_produce_request_topic_data data = { .name = text_bytes(topic) };
    struct kafka_produce_response_partition_response none = { .error_code = -1 };
    data.partition_data.at = &part;
    data.partition_data.count = 1;
    ask.acks = -1;
    ask.timeout_ms = 1000;
    ask.topic_data.at = &data;
    ask.topic_data.count = 1;
    guest_call(g, KEY(produce), version, &ask, &tell);
    if (!EXPECT_EQ(tell.responses.count, 1) ||
        !EXPECT_EQ(tell.responses.at[0].partition_responses.count, 1))
        return none;
    return tell.responses.at[0].partition_responses.at[0];
}

void guest_fetch_ask(struct guest *g, const char *topic, int32_t partition, int64_t offset,
                     int32_t wait_ms, int32_t bytes_max)
{
    REQUEST(fetch, ask);
    struct kafka_fetch_request_partition part;
    struct kafka_fetch_request_topic data = { .topic = text_bytes(topic) };
    kafka_unset(kafka_fetch_request_partition_shape(), &part);
    part.partition = partition;
    part.fetch_offset = offset;
    part.partition_max_bytes = (int32_t)MIB(1);
    data.partitions.at = &part;
    data.partitions.count = 1;
    ask.max_wait_ms = wait_ms;
    ask.min_bytes = 1;
    ask.max_bytes = bytes_max;
    ask.topics.at = &data;
    ask.topics.count = 1;
    guest_ask(g, KEY(fetch), 11, &ask);
}

struct kafka_fetch_response_partition guest_fetch(struct guest *g, const char *topic,
                                                  int32_t partition, int64_t offset,
                                                  int32_t wait_ms)
{
    RESPONSE(fetch, tell);
    struct kafka_fetch_response_partition none = { .error_code = -1 };
    guest_fetch_ask(g, topic, partition, offset, wait_ms, (int32_t)MIB(4));
    answer_hear(g, KEY(fetch), 11, &tell);
    if (!EXPECT_EQ(tell.responses.count, 1) || !EXPECT_EQ(tell.responses.at[0].partitions.count, 1))
        return none;
    return tell.responses.at[0].partitions.at[0];
}

void guest_fetch_many(struct guest *g, uint32_t count, int32_t wait_ms)
{
    static struct kafka_fetch_request_partition parts[FETCH_MANY_MAX];
    check(count <= FETCH_MANY_MAX);
    REQUEST(fetch, ask);
    struct kafka_fetch_request_topic topic;
    kafka_unset(kafka_fetch_request_topic_shape(), &topic);
    for (uint32_t i = 0; i < count; i++) {
        kafka_unset(kafka_fetch_request_partition_shape(), &parts[i]);
        parts[i].partition = (int32_t)(i % 4);
        parts[i].partition_max_bytes = 1000;
    }
    topic.topic = text_bytes("t");
    topic.partitions.at = parts;
    topic.partitions.count = count;
    ask.max_wait_ms = wait_ms;
    ask.min_bytes = 1;
    ask.max_bytes = 1000;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_ask(g, KEY(fetch), 8, &ask);
}

bool guest_fetched(struct guest *g, uint64_t ns)
{
    RESPONSE(fetch, tell);
    return guest_answer(g, ns, KEY(fetch), 8, &tell) && tell.responses.count == 1;
}
