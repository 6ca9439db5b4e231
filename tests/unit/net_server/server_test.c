/* server_test.c -- what a client gets that keeps to the protocol. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

static struct peer a, b;

static void append_ask(struct peer *p, struct id16 topic, uint32_t partition, uint8_t durability,
                       size_t bytes)
{
    struct append_request ask = { .durability = durability, .batch = peer_batch(bytes) };
    peer_ask(p, VERB_APPEND, topic, partition, &ask);
}

TEST(server, append_and_fetch)
{
    /* Goal: what is appended comes back; acknowledgements say what was bought, and keep the order
     * of their partition although a later one asked for less. */
    static uint8_t at[KIB(64)];
    struct frame f;
    union payload out;
    broker_start(1, 2, NULL);
    peer_open(&a);
    struct id16 topic = peer_topic(&a, "t", 2);
    for (uint32_t part = 0; part < 2; part++) {
        size_t len = 0;
        uint64_t first = a.correlation + 1;
        for (uint32_t i = 0; i < 20; i++) {
            struct append_request ask = { .durability = i % 2 ? 1 : 3, .batch = peer_batch(100) };
            len += peer_make(&a, at + len, sizeof(at) - len, VERB_APPEND, topic, part, &ask);
        }
        peer_put(&a, at, len);
        for (uint32_t i = 0; i < 20; i++) {
            REQUIRE(peer_answer(&a, SEC_NS, &f, &out));
            EXPECT_EQ(f.correlation, first + i);
            EXPECT_EQ(out.append_answer.base_offset, i);
            EXPECT(out.append_answer.bought >= (i % 2 ? 1 : 3));
        }
        struct fetch_request fetch = { .offset = 0, .bytes_max = 1 << 20 };
        node_pass(&world.node, SEC_NS);
        peer_ask(&a, VERB_FETCH, topic, part, &fetch);
        out = peer_expect(&a, VERB_FETCH, ERR_OK);
        EXPECT_EQ(out.fetch_answer.next_offset, 20);
        EXPECT_EQ(out.fetch_answer.batches.len, 20 * peer_batch(100).len);
        struct offsets_request latest = { .what = 1 };
        peer_ask(&a, VERB_OFFSETS, topic, part, &latest);
        EXPECT_EQ(peer_expect(&a, VERB_OFFSETS, ERR_OK).offsets_answer.offset, 20);
        struct trim_request trim = { .offset = 7 };
        peer_ask(&a, VERB_TRIM, topic, part, &trim);
        EXPECT_EQ(peer_expect(&a, VERB_TRIM, ERR_OK).trim_answer.start_offset, 7);
        peer_ask(&a, VERB_FETCH, topic, part, &fetch);
        peer_expect(&a, VERB_FETCH, ERR_OFFSET_RANGE);
    }
    struct stats_request stats = { .shard = SHARD_ANY };
    peer_ask(&a, VERB_STATS, NO_TOPIC, 0, &stats);
    EXPECT(peer_expect(&a, VERB_STATS, ERR_OK).stats_answer.figures.count > 20);
    peer_close(&a);
    broker_end();
}

TEST(server, appends_keep_their_order)
{
    /* Goal: an append that is refused at once is answered after the one before it. */
    static uint8_t at[KIB(4)];
    broker_start(7, 2, NULL);
    peer_open(&a);
    struct id16 topic = peer_topic(&a, "t", 2);
    for (uint32_t part = 0; part < 2; part++) {
        struct append_request ask = { .durability = 3, .batch = peer_batch(100) };
        append_ask(&a, topic, part, 3, 100); /* the place is known from now on */
        peer_expect(&a, VERB_APPEND, ERR_OK);
        size_t len = peer_make(&a, at, sizeof(at), VERB_APPEND, topic, part, &ask);
        len += peer_make(&a, at + len, sizeof(at) - len, VERB_APPEND, topic, part, &ask);
        at[len - 1] ^= 1;
        peer_put(&a, at, len);
        peer_expect(&a, VERB_APPEND, ERR_OK);
        peer_expect(&a, VERB_APPEND, ERR_BAD_BATCH);
    }
    peer_close(&a);
    broker_end();
}

TEST(server, topics)
{
    /* Goal: describe, list, alter, delete; what is deleted is NOT_FOUND, by id too. */
    broker_start(2, 3, NULL);
    peer_open(&a);
    struct id16 topic = peer_topic(&a, "one", 5);
    peer_topic(&a, "two", 0);
    struct describe_request by_id = { 0 };
    peer_ask(&a, VERB_DESCRIBE, topic, 0, &by_id);
    union payload out = peer_expect(&a, VERB_DESCRIBE, ERR_OK);
    EXPECT_EQ(out.describe_answer.places.count, 5);
    struct topics_request list = { .count_max = 1 };
    peer_ask(&a, VERB_TOPICS, NO_TOPIC, 0, &list);
    out = peer_expect(&a, VERB_TOPICS, ERR_OK);
    EXPECT_EQ(out.topics_answer.names.count, 1);
    EXPECT_EQ(out.topics_answer.more, 1);
    list = (struct topics_request){ .after = text_of("one") };
    peer_ask(&a, VERB_TOPICS, NO_TOPIC, 0, &list);
    out = peer_expect(&a, VERB_TOPICS, ERR_OK);
    EXPECT_EQ(out.topics_answer.names.count, 1);
    EXPECT_EQ(out.topics_answer.more, 0);
    struct create_request again = { .name = text_of("one") };
    peer_ask(&a, VERB_CREATE, NO_TOPIC, 0, &again);
    peer_expect(&a, VERB_CREATE, ERR_EXISTS);
    append_ask(&a, topic, 4, 0, 10);
    peer_expect(&a, VERB_APPEND, ERR_OK);
    append_ask(&a, topic, 5, 0, 10);
    peer_expect(&a, VERB_APPEND, ERR_NOT_FOUND);
    struct delete_request gone = { .name = text_of("one") };
    peer_ask(&a, VERB_DELETE, NO_TOPIC, 0, &gone);
    peer_expect(&a, VERB_DELETE, ERR_OK);
    append_ask(&a, topic, 4, 0, 10); /* the place is remembered, and the partition gone */
    peer_expect(&a, VERB_APPEND, ERR_NOT_FOUND);
    append_ask(&a, topic, 4, 0, 10); /* asked for again */
    peer_expect(&a, VERB_APPEND, ERR_NOT_FOUND);
    peer_close(&a);
    broker_end();
}

TEST(server, grow)
{
    /* Goal: what has grown is there for a connection on a shard that knew the old number. */
    broker_start(3, 2, NULL);
    peer_open(&a);
    peer_open(&b);
    struct id16 topic = peer_topic(&a, "one", 1);
    append_ask(&a, topic, 2, 0, 10);
    peer_expect(&a, VERB_APPEND, ERR_NOT_FOUND);
    append_ask(&b, topic, 0, 0, 10);
    peer_expect(&b, VERB_APPEND, ERR_OK);
    struct grow_request grow = { 3, text_of("one") };
    peer_ask(&a, VERB_GROW, NO_TOPIC, 0, &grow);
    peer_expect(&a, VERB_GROW, ERR_OK);
    append_ask(&a, topic, 2, 0, 10);
    append_ask(&b, topic, 2, 0, 10);
    peer_expect(&a, VERB_APPEND, ERR_OK);
    peer_expect(&b, VERB_APPEND, ERR_OK);
    append_ask(&b, topic, 3, 0, 10);
    peer_expect(&b, VERB_APPEND, ERR_NOT_FOUND);
    peer_ask(&b, VERB_GROW, NO_TOPIC, 0, &grow);
    union payload out = peer_expect(&b, VERB_GROW, ERR_EXISTS);
    EXPECT_BYTES(out.error.text.at, "topic 'one' has 3 partitions already", out.error.text.len);
    grow.partitions = 2;
    peer_ask(&b, VERB_GROW, NO_TOPIC, 0, &grow);
    peer_expect(&b, VERB_GROW, ERR_INVALID);
    struct describe_request by_id = { 0 };
    peer_ask(&b, VERB_DESCRIBE, topic, 0, &by_id);
    EXPECT_EQ(peer_expect(&b, VERB_DESCRIBE, ERR_OK).describe_answer.places.count, 3);
    peer_close(&b);
    peer_close(&a);
    broker_end();
}

TEST(server, long_poll)
{
    /* Goal: a fetch waits without holding up others on its connection, ends with an append from
     * another one, or empty when its time is over. */
    broker_start(3, 2, NULL);
    peer_open(&a);
    peer_open(&b);
    struct id16 topic = peer_topic(&a, "t", 2);
    struct fetch_request fetch = { .bytes_max = 4096, .bytes_min = 1, .wait_ms = 60000 };
    for (uint32_t part = 0; part < 2; part++) {
        peer_ask(&a, VERB_FETCH, topic, part, &fetch);
        peer_ping(&a);
        node_pass(&world.node, 5 * SEC_NS);
        EXPECT_EQ(a.in_at, a.in_len);
        append_ask(&b, topic, part, 0, 10);
        peer_expect(&b, VERB_APPEND, ERR_OK);
        EXPECT_EQ(peer_expect(&a, VERB_FETCH, ERR_OK).fetch_answer.next_offset, 1);
    }
    fetch.offset = 1;
    fetch.wait_ms = 3000;
    peer_ask(&a, VERB_FETCH, topic, 0, &fetch);
    EXPECT_EQ(peer_expect(&a, VERB_FETCH, ERR_OK).fetch_answer.batches.len, 0);
    peer_close(&a);
    peer_close(&b);
    broker_end();
}

TEST(server, pipelining)
{
    /* Goal: more requests in one piece than may be unanswered: reading stops, all are answered in
     * their order. */
    enum { PINGS = 3 * CONN_REQUESTS_MAX };
    static uint8_t at[PINGS * 64];
    struct ping ping = { .bytes = text_of("ping") };
    struct frame f;
    union payload out;
    size_t len = 0;
    broker_start(4, 1, NULL);
    peer_open(&a);
    uint64_t first = a.correlation + 1;
    for (uint32_t i = 0; i < PINGS; i++)
        len += peer_make(&a, at + len, sizeof(at) - len, VERB_PING, NO_TOPIC, 0, &ping);
    peer_put(&a, at, len);
    for (uint32_t i = 0; i < PINGS; i++) {
        REQUIRE(peer_answer(&a, SEC_NS, &f, &out));
        EXPECT_EQ(f.correlation, first + i);
    }
    peer_close(&a);
    broker_end();
}

TEST(server, hand_over)
{
    /* Goal: hello's shard serves the connection, whoever accepted it, and what was sent behind
     * hello in one piece is answered after it, in order. Method: many connections for each shard,
     * so that the accepting shard is another one for some. */
    uint8_t at[1024];
    struct ping ping = { .bytes = text_of("behind") };
    broker_start(5, 3, NULL);
    for (uint32_t i = 0; i < 18; i++) {
        struct hello_request hello = peer_hello(i % 3);
        peer_connect(&a);
        size_t len = peer_make(&a, at, sizeof(at), VERB_HELLO, NO_TOPIC, 0, &hello);
        for (uint32_t k = 0; k < 3; k++)
            len += peer_make(&a, at + len, sizeof(at) - len, VERB_PING, NO_TOPIC, 0, &ping);
        peer_put(&a, at, len - i); /* the last one is cut */
        union payload out = peer_expect(&a, VERB_HELLO, ERR_OK);
        EXPECT_EQ(out.hello_answer.shard, i % 3);
        if (i)
            peer_put(&a, at + len - i, i);
        for (uint32_t k = 0; k < 3; k++)
            peer_expect(&a, VERB_PING, ERR_OK);
        peer_close(&a);
    }
    struct hello_request hello = peer_hello(3);
    peer_connect(&a);
    peer_ask(&a, VERB_HELLO, NO_TOPIC, 0, &hello);
    peer_expect(&a, VERB_HELLO, ERR_INVALID);
    peer_close(&a);
    broker_end();
}

TEST(server, stop)
{
    /* Goal: a stop answers what is under way, then ends the connections. */
    struct frame f;
    union payload out;
    broker_start(6, 2, NULL);
    peer_open(&a);
    peer_open(&b);
    struct id16 topic = peer_topic(&a, "t", 2);
    struct fetch_request fetch = { .bytes_max = 4096, .bytes_min = 1, .wait_ms = 60000 };
    peer_ask(&a, VERB_FETCH, topic, 0, &fetch);
    peer_ask(&a, VERB_FETCH, topic, 1, &fetch);
    append_ask(&b, topic, 1, 3, 1000);
    serve_stop(world.node.serve);
    for (uint32_t i = 0, ended = 0; i < 2; i++) {
        REQUIRE(peer_answer(&a, 10 * SEC_NS, &f, &out));
        ended += frame_is_error(&f) && out.error.code == ERR_CLOSED;
        EXPECT(ended || !frame_is_error(&f)); /* the append may have come first */
    }
    if (peer_answer(&b, 10 * SEC_NS, &f, &out))
        EXPECT(!frame_is_error(&f) || out.error.code == ERR_CLOSED);
    EXPECT(!peer_answer(&a, 10 * SEC_NS, &f, &out) && a.ended);
    EXPECT(!peer_answer(&b, 10 * SEC_NS, &f, &out) && b.ended);
    node_pass(&world.node, 5 * SEC_NS);
    EXPECT_EQ(serve_state(world.node.serve, NULL, NULL), SERVE_STOPPED);
    peer_close(&a);
    peer_close(&b);
    broker_end();
}
