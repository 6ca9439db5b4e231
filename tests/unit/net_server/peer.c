/* peer.c -- see peer.h. */
#include "tests/unit/net_server/peer.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"

struct broker_world world;
bool broker_groups;

static uint32_t clients_turn(void)
{
    return io_turn(world.io, SEC_NS);
}

void broker_start(uint64_t seed, uint32_t shards, const struct door_opts *opts)
{
    broker_start_with(seed, shards, opts, 0);
}

void broker_start_with(uint64_t seed, uint32_t shards, const struct door_opts *opts,
                       uint32_t recv_bytes)
{
    struct door_listen at = { .at = { .ip = { 127, 0, 0, 1 }, .version = 4 },
                              .speaks = &native_protocol };
    struct door_opts o = opts ? *opts : (struct door_opts){ 0 };
    struct why why = { "" };
    world = (struct broker_world){ 0 };
    node_open(&world.node, seed, 1, shards);
    check(io_open(&world.io, &(struct io_opts){ .node = world.node.machine }) == ERR_OK);
    o.listen = &at;
    o.listen_count = 1;
    o.shards = shards;
    o.board = &world.board;
    EXPECT_OK(metrics_board_open(&world.board, shards, 1));
    EXPECT_OK(door_open(&world.door, world.io, &o, &why));
    world.front = door_front(world.door);
    world.node.read_bytes = o.memory_bytes;
    world.node.recv_bytes = recv_bytes;
    world.node.fronts = &world.front;
    world.node.front_count = 1;
    world.node.beside = clients_turn;
    world.node.groups = broker_groups;
    world.node.group.delay_ms = -1;
    EXPECT_EQ(node_start(&world.node, NULL), SERVE_READY);
}

uint64_t broker_memory(void)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < world.node.shards; i++)
        used += world.door->desks[i].memory_used;
    return used;
}

uint64_t broker_figure(enum metric which)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < world.node.shards; i++)
        sum += metrics_own(metrics_board_at(&world.board, i), which);
    return sum;
}

void broker_end(void)
{
    node_stop(&world.node);
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 0);
    EXPECT_EQ(world.door->connections, 0);
    EXPECT_EQ(broker_figure(METRIC_REQUESTS), 0);
    EXPECT_EQ(broker_figure(METRIC_NETWORK_MEMORY), 0);
    EXPECT_EQ(broker_memory(), 0);
    door_close(&world.door);
    metrics_board_close(&world.board);
    world.node.beside = NULL;
    node_pass(&world.node, 0);
    io_close(&world.io);
    node_close(&world.node);
}

/* ---- bytes ---- */

static void pass_while(const bool *busy, uint64_t ns)
{
    for (uint64_t left = ns; *busy && left; left -= min_u64(left, MS_NS))
        node_pass(&world.node, MS_NS);
}

static void sent(struct op *op)
{
    (void)op;
}

static void received(struct op *op);

static void peer_receive(struct peer *p)
{
    if (p->recv.busy || p->quiet || p->ended || p->in_len == PEER_IN_BYTES)
        return;
    io_recv(world.io, &p->recv, p->fd, p->in + p->in_len, PEER_IN_BYTES - p->in_len, 0, received);
}

static void received(struct op *op)
{
    struct peer *p = container_of(op, struct peer, recv);
    if (op->err != ERR_OK || op->got == 0)
        p->ended = true;
    else
        p->in_len += op->got;
    peer_receive(p);
}

void peer_connect(struct peer *p)
{
    struct io_address at = door_address(world.door, 0);
    *p = (struct peer){ .in = malloc(PEER_IN_BYTES) };
    check(p->in);
    io_connect(world.io, &p->connect, &at, sent);
    pass_while(&p->connect.busy, 10 * SEC_NS);
    p->ended = p->connect.err != ERR_OK;
    p->fd = p->ended ? -1 : (int)p->connect.got;
    peer_receive(p);
}

void peer_close(struct peer *p)
{
    if (!p->in)
        return;
    if (p->fd >= 0) {
        io_shutdown(world.io, p->fd);
        pass_while(&p->recv.busy, SEC_NS);
        pass_while(&p->send.busy, SEC_NS);
        io_fd_close(world.io, p->fd);
    }
    free(p->in);
    p->in = NULL;
    node_pass(&world.node, SEC_NS);
}

void peer_put_start(struct peer *p, const void *at, size_t len)
{
    p->out = (struct iovec){ (void *)at, len };
    io_send(world.io, &p->send, p->fd, &p->out, 1, 0, sent);
}

void peer_put(struct peer *p, const void *at, size_t len)
{
    peer_put_start(p, at, len);
    pass_while(&p->send.busy, 40 * SEC_NS);
}

void peer_sip(struct peer *p, uint32_t bytes)
{
    check(p->quiet && bytes <= PEER_IN_BYTES);
    if (p->recv.busy || p->ended)
        return;
    p->in_len = p->in_at = 0;
    io_recv(world.io, &p->recv, p->fd, p->in, bytes, IO_FULL, received);
}

/* ---- frames ---- */

size_t peer_make(struct peer *p, uint8_t *at, size_t cap, uint32_t verb, struct id16 topic,
                 uint32_t partition, const void *payload)
{
    struct frame f = { .version = FRAME_VERSION,
                       .verb = (uint8_t)verb,
                       .correlation = ++p->correlation,
                       .topic = topic,
                       .partition = partition };
    struct fault fault = { .kind = FAULT_NONE };
    size_t len = frame_make(at, cap, &f, payload, FRAME_PAYLOAD_MAX, &fault);
    struct bytes batches = frame_batches(&f, payload);
    EXPECT(len && len + batches.len <= cap);
    if (batches.len)
        memcpy(at + len, batches.at, batches.len);
    return len + batches.len;
}

void peer_ask(struct peer *p, uint32_t verb, struct id16 topic, uint32_t partition,
              const void *payload)
{
    static uint8_t at[KIB(256)];
    peer_put(p, at, peer_make(p, at, sizeof(at), verb, topic, partition, payload));
}

static bool answer_take(struct peer *p, struct frame *f, union payload *out)
{
    const struct frame_gate gate = { FRAME_VERSION, true, FRAME_PAYLOAD_MAX };
    struct fault fault;
    const uint8_t *at = p->in + p->in_at;
    size_t have = p->in_len - p->in_at;
    if (have < FRAME_HEADER_BYTES)
        return false;
    enum err err = frame_decode(at, &gate, f, &fault);
    if (err == ERR_UNSUPPORTED && !fault.lost && frame_is_error(f))
        f->verb = VERB_PING; /* the answer to an unknown verb: the error alone */
    else
        EXPECT_OK(err);
    if (have < FRAME_HEADER_BYTES + f->payload_bytes)
        return false;
    struct bytes payload = { at + FRAME_HEADER_BYTES, f->payload_bytes };
    EXPECT_OK(payload_decode(f, payload, out, &fault));
    p->in_at += FRAME_HEADER_BYTES + f->payload_bytes;
    return true;
}

bool peer_answer(struct peer *p, uint64_t ns, struct frame *f, union payload *out)
{
    for (uint64_t left = ns;; left -= min_u64(left, MS_NS)) {
        if (answer_take(p, f, out))
            return true;
        if (p->ended || !left)
            return false;
        peer_receive(p);
        node_pass(&world.node, MS_NS);
    }
}

union payload peer_expect(struct peer *p, uint32_t verb, enum err err)
{
    struct frame f = { 0 };
    union payload out;
    memset(&out, 0, sizeof(out));
    if (!EXPECT(peer_answer(p, 20 * SEC_NS, &f, &out)))
        return out;
    EXPECT_EQ(f.verb, verb);
    EXPECT_EQ(frame_is_error(&f), err != ERR_OK);
    if (frame_is_error(&f))
        EXPECT_ERR(out.error.code, err);
    return out;
}

struct hello_request peer_hello(uint32_t shard)
{
    return (struct hello_request){
        .version_min = 1, .version_max = 1, .frame_max = MIB(8), .wanted_shard = shard
    };
}

void peer_open(struct peer *p)
{
    struct hello_request hello = peer_hello(SHARD_ANY);
    peer_connect(p);
    peer_ask(p, VERB_HELLO, NO_TOPIC, 0, &hello);
    peer_expect(p, VERB_HELLO, ERR_OK);
}

void peer_ping(struct peer *p)
{
    struct ping ping = { .bytes = text_of("are you there?") };
    peer_ask(p, VERB_PING, NO_TOPIC, 0, &ping);
    union payload tell = peer_expect(p, VERB_PING, ERR_OK);
    EXPECT_EQ(tell.ping.bytes.len, ping.bytes.len);
}

struct id16 peer_topic(struct peer *p, const char *name, uint32_t partitions)
{
    struct create_request create = { .partitions = partitions, .name = text_of(name) };
    peer_ask(p, VERB_CREATE, NO_TOPIC, 0, &create);
    return peer_expect(p, VERB_CREATE, ERR_OK).create_answer.topic;
}

struct bytes peer_batch(size_t bytes)
{
    static uint8_t batch[KIB(64)], value[KIB(64)];
    struct batch_builder b;
    struct batch_record r = { .value = { value, bytes }, .time = 1700000000000 };
    batch_builder_open(&b, batch, sizeof(batch));
    check(batch_builder_add(&b, &r) == ERR_OK);
    return batch_builder_done(&b);
}
