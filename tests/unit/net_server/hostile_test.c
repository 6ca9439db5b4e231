/* hostile_test.c -- clients that do not keep to the protocol harm themselves alone. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

#include <stdio.h>

static struct peer good, bad;
static struct id16 topic;

static void start_with(const struct door_opts *opts, uint32_t recv_bytes)
{
    broker_start_with(11, 2, opts, recv_bytes);
    peer_open(&good);
    topic = peer_topic(&good, "t", 2);
}

static void start(const struct door_opts *opts)
{
    start_with(opts, 0);
}

static void end(void)
{
    peer_ping(&good);
    peer_close(&bad);
    peer_close(&good);
    broker_end();
}

static size_t append_make(struct peer *p, uint8_t *at, size_t cap, size_t bytes)
{
    struct append_request ask = { .durability = 3, .batch = peer_batch(bytes) };
    return peer_make(p, at, cap, VERB_APPEND, topic, 1, &ask);
}

TEST(hostile, bits_flipped)
{
    /* Goal: any flipped bit of a request gives an error answer and the connection goes on, or a
     * close; no append with a flipped bit is taken. */
    static uint8_t at[KIB(1)];
    struct frame f;
    union payload out;
    uint32_t closes = 0, errors = 0;
    start(NULL);
    peer_open(&bad);
    size_t len = append_make(&bad, at, sizeof(at), 20);
    for (size_t i = 0; i < len; i++) {
        if (i >= 56 && i < 64)
            continue; /* the batch's base offset: the log writes it */
        if (i >= 68 && i < 72)
            continue; /* its leader epoch: likewise */
        at[i] ^= (uint8_t)(1u << i % 8);
        peer_put(&bad, at, len);
        at[i] ^= (uint8_t)(1u << i % 8);
        REQUIRE(peer_answer(&bad, 10 * SEC_NS, &f, &out));
        EXPECT(frame_is_error(&f));
        errors += f.verb != VERB_CLOSE;
        if (f.verb != VERB_CLOSE)
            continue;
        closes++;
        EXPECT(!peer_answer(&bad, 10 * SEC_NS, &f, &out) && bad.ended);
        peer_close(&bad);
        peer_open(&bad);
    }
    EXPECT(closes >= 48 && errors > 80);
    peer_put(&bad, at, len);
    EXPECT_EQ(peer_expect(&bad, VERB_APPEND, ERR_OK).append_answer.base_offset, 0);
    end();
}

struct crooked {
    const char *what;
    uint32_t verb, payload_bytes;
    enum err err;
    bool closes;
};
static const struct crooked crooked[] = {
    { "beyond every frame", VERB_APPEND, FRAME_PAYLOAD_MAX + 1, ERR_TOO_LARGE, true },
    { "beyond frame_max", VERB_APPEND, MIB(1) + 1, ERR_TOO_LARGE, false },
    { "too short", VERB_FETCH, 10, ERR_BAD_FRAME, false },
    { "too long", VERB_FETCH, 30, ERR_TOO_LARGE, false },
    { "no such verb", 99, 0, ERR_UNSUPPORTED, false },
    { "close is the server's", VERB_CLOSE, 0, ERR_UNSUPPORTED, false },
    { "hello again", VERB_HELLO, 48, ERR_BAD_FRAME, false },
    { "a payload that is not the checksum's", VERB_AUTH, 6, ERR_BAD_FRAME, false },
};

TEST(hostile, lengths_and_verbs)
{
    /* Goal: each is answered with its error before memory is taken for it, is passed over, and the
     * connection goes on where framing holds. */
    static uint8_t at[FRAME_HEADER_BYTES + MIB(2)];
    struct frame f;
    union payload out;
    start(&(struct door_opts){ .frame_max = MIB(1) });
    for (uint32_t i = 0; i < sizeof(crooked) / sizeof(crooked[0]); i++) {
        const struct crooked *c = &crooked[i];
        struct frame ask = { .version = 1, .verb = (uint8_t)c->verb, .correlation = 77 };
        ask.payload_bytes = c->payload_bytes;
        frame_encode(&ask, at);
        peer_open(&bad);
        peer_put(&bad, at, FRAME_HEADER_BYTES + (c->closes ? 0 : c->payload_bytes));
        if (!EXPECT(peer_answer(&bad, 10 * SEC_NS, &f, &out) && frame_is_error(&f)))
            fprintf(stderr, "%s\n", c->what);
        EXPECT_ERR(out.error.code, c->err);
        EXPECT_EQ(f.verb == VERB_CLOSE && f.correlation == 0, c->closes);
        if (!c->closes)
            peer_ping(&bad);
        EXPECT_EQ(broker_memory(), 0);
        peer_close(&bad);
    }
    end();
}

TEST(hostile, cut_in_a_frame)
{
    /* Goal: whatever was sent of a frame when the connection ends, nothing is left of it. */
    static uint8_t at[KIB(64)];
    start(NULL);
    size_t len = append_make(&good, at, sizeof(at), 40000);
    for (size_t part = 1; part < len; part += part < 100 ? 7 : 5000) {
        peer_open(&bad);
        peer_put(&bad, at, part);
        node_pass(&world.node, 10 * MS_NS);
        peer_close(&bad);
        EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 1);
        EXPECT_EQ(broker_memory(), 0);
    }
    end();
}

TEST(hostile, slow_frames)
{
    /* Goal: no hello within 10 s, half a frame for 30 s, nothing for idle_ns: told why, closed. */
    uint8_t at[256];
    struct frame f;
    union payload out;
    struct ping ping = { .bytes = text_of("ping") };
    broker_start(11, 2, &(struct door_opts){ .idle_ns = 600 * SEC_NS });
    for (uint32_t i = 0; i < 3; i++) {
        static const uint64_t after_ns[] = { 10 * SEC_NS, 30 * SEC_NS, 600 * SEC_NS };
        if (i)
            peer_open(&bad);
        else
            peer_connect(&bad);
        size_t len = peer_make(&bad, at, sizeof(at), VERB_PING, NO_TOPIC, 0, &ping);
        if (i == 1)
            peer_put(&bad, at, len - 1);
        EXPECT(!peer_answer(&bad, after_ns[i] - SEC_NS, &f, &out) && !bad.ended);
        EXPECT(peer_answer(&bad, 2 * SEC_NS, &f, &out) && f.verb == VERB_CLOSE);
        EXPECT_ERR(out.error.code, ERR_TIMEOUT);
        EXPECT(!peer_answer(&bad, 2 * SEC_NS, &f, &out) && bad.ended);
        peer_close(&bad);
    }
    broker_end();
}

TEST(hostile, slow_reader)
{
    /* Goal: who asks and does not read is not answered without bound, and is cut after 30 s. */
    static uint8_t at[KIB(64)];
    start(NULL);
    for (uint32_t i = 0; i < 40; i++) {
        peer_put(&good, at, append_make(&good, at, sizeof(at), 50000));
        peer_expect(&good, VERB_APPEND, ERR_OK);
    }
    peer_open(&bad);
    bad.quiet = true;
    for (uint32_t i = 0; i < 200 && !bad.send.busy; i++) {
        struct fetch_request fetch = { .bytes_max = 1 << 20 };
        size_t len = peer_make(&bad, at, sizeof(at), VERB_FETCH, topic, 1, &fetch);
        peer_put(&bad, at, len);
    }
    EXPECT(broker_memory() > 0 && broker_memory() < CONN_BYTES_MAX + MIB(4));
    peer_ping(&good);
    for (uint32_t i = 0; i < 100; i++) {
        node_pass(&world.node, SEC_NS);
        if (i % 10 == 0)
            peer_ping(&good);
    }
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 1);
    EXPECT_EQ(broker_memory(), 0);
    end();
}

TEST(hostile, memory)
{
    /* Goal: more large requests at once than there is memory for: some wait, all are done. Method:
     * each is larger than a receive buffer, and lacks its last byte until the memory is full. */
    enum { PEERS = 8 };
    static struct peer peers[PEERS];
    static uint8_t at[KIB(64)];
    start_with(&(struct door_opts){ .memory_bytes = KIB(256) }, KIB(16));
    size_t len = append_make(&good, at, sizeof(at), 50000);
    for (uint32_t i = 0; i < PEERS; i++)
        peer_open(&peers[i]);
    for (uint32_t i = 0; i < PEERS; i++)
        peer_put_start(&peers[i], at, len - 1);
    node_pass(&world.node, SEC_NS);
    for (uint32_t i = 0; i < 2; i++)
        EXPECT(world.door->desks[i].memory_used <= KIB(128));
    EXPECT(memory_short(&world.door->desks[0]) || memory_short(&world.door->desks[1]));
    for (uint32_t rounds = 0, last = 0; last != (1u << PEERS) - 1 && rounds < 1000; rounds++) {
        struct peer *p = &peers[rounds % PEERS];
        node_pass(&world.node, MS_NS);
        if (p->send.busy || last & 1u << rounds % PEERS)
            continue; /* it waits for memory, or is done with it */
        peer_put_start(p, at + len - 1, 1);
        last |= 1u << rounds % PEERS;
    }
    for (uint32_t i = 0; i < PEERS; i++)
        peer_expect(&peers[i], VERB_APPEND, ERR_OK);
    for (uint32_t i = 0; i < PEERS; i++)
        peer_close(&peers[i]);
    end();
}

static uint32_t buffers_held(uint32_t shard)
{
    return io_recv_held(world.door->desks[shard].shard->io);
}

TEST(hostile, half_frames)
{
    /* Goal: frames that do not go on take half of the receive buffers at most; the others have
     * memory of their own, and who comes next is served. When the rest comes, all are taken. */
    enum { PEERS = 2 * IO_RECV_BUFFERS };
    static struct peer peers[PEERS];
    static uint8_t at[KIB(64)];
    uint32_t most = 0;
    start(NULL);
    size_t len = append_make(&good, at, sizeof(at), 50000);
    for (uint32_t i = 0; i < PEERS; i++) {
        peer_open(&peers[i]);
        peer_put(&peers[i], at, len - 1);
    }
    for (uint32_t i = 0; i < 2; i++) {
        most = buffers_held(i) > most ? buffers_held(i) : most;
        EXPECT(buffers_held(i) <= IO_RECV_BUFFERS / 2);
    }
    EXPECT_EQ(most, IO_RECV_BUFFERS / 2);
    EXPECT(broker_memory() > 0);
    peer_put(&good, at, len);
    peer_expect(&good, VERB_APPEND, ERR_OK);
    for (uint32_t i = 0; i < PEERS; i++)
        peer_put(&peers[i], at + len - 1, 1);
    for (uint32_t i = 0; i < PEERS; i++) {
        peer_expect(&peers[i], VERB_APPEND, ERR_OK);
        peer_close(&peers[i]);
    }
    EXPECT_EQ(buffers_held(0) + buffers_held(1), 0);
    EXPECT_EQ(broker_memory(), 0);
    end();
}

TEST(hostile, connections)
{
    /* Goal: one more than connections_max is told so and closed; a place that comes free is used.
     */
    struct frame f;
    union payload out;
    struct peer more;
    start(&(struct door_opts){ .connections_max = 2 });
    peer_open(&bad);
    peer_connect(&more);
    EXPECT(peer_answer(&more, SEC_NS, &f, &out) && f.verb == VERB_CLOSE);
    EXPECT_ERR(out.error.code, ERR_LIMIT);
    EXPECT(!peer_answer(&more, 2 * SEC_NS, &f, &out) && more.ended);
    peer_close(&more);
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS_REFUSED), 1);
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 2);
    peer_close(&bad);
    peer_open(&bad);
    end();
}
