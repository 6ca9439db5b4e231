/* pace_test.c -- clients that are slow: what is only slow is served, what trickles is cut, what is
 * in the way of others gives way. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

static struct peer good, bad;
static struct id16 topic;

static void start(const struct door_opts *opts)
{
    broker_start(21, 2, opts);
    peer_open(&good);
    topic = peer_topic(&good, "t", 2);
    peer_open(&bad);
}

static void end(void)
{
    peer_ping(&good);
    peer_close(&bad);
    peer_close(&good);
    broker_end();
}

static void fill(uint32_t batches)
{
    struct append_request ask = { .durability = 3, .batch = peer_batch(50000) };
    for (uint32_t i = 0; i < batches; i++) {
        peer_ask(&good, VERB_APPEND, topic, 1, &ask);
        peer_expect(&good, VERB_APPEND, ERR_OK);
    }
}

static void fetch_ask(struct peer *p, uint64_t offset, uint32_t bytes_max, uint32_t wait_ms)
{
    struct fetch_request fetch = {
        .offset = offset, .bytes_max = bytes_max, .bytes_min = 1, .wait_ms = wait_ms
    };
    peer_ask(p, VERB_FETCH, topic, 1, &fetch);
}

/* The head of an append of so many bytes; they are no batch. */
static void append_head(struct peer *p, uint32_t bytes)
{
    uint8_t at[FRAME_HEADER_BYTES];
    struct frame f = { .version = 1,
                       .verb = VERB_APPEND,
                       .correlation = ++p->correlation,
                       .topic = topic,
                       .payload_bytes = bytes };
    frame_encode(&f, at);
    peer_put(p, at, sizeof(at));
}

/* Sends `bytes` a second for so many seconds; how many passed before the broker ended it. */
static uint32_t drip(struct peer *p, uint32_t bytes, uint32_t seconds)
{
    static const uint8_t zeros[KIB(256)];
    uint32_t i = 0;
    for (; i < seconds && !p->ended; i++) {
        if (!p->send.busy)
            peer_put_start(p, zeros, bytes);
        node_pass(&world.node, SEC_NS);
    }
    return i;
}

/* Reads `bytes` a second; the same. */
static uint32_t sip(struct peer *p, uint32_t bytes, uint32_t seconds)
{
    uint32_t i = 0;
    for (; i < seconds && !p->ended; i++) {
        peer_sip(p, bytes);
        node_pass(&world.node, SEC_NS);
    }
    return i;
}

static void told_timeout(struct peer *p)
{
    struct frame f;
    union payload out;
    EXPECT(peer_answer(p, SEC_NS, &f, &out) && f.verb == VERB_CLOSE);
    EXPECT_ERR(out.error.code, ERR_TIMEOUT);
}

TEST(pace, a_frame_that_trickles)
{
    /* Goal: bytes that come one by one do not prolong the time of a frame. */
    start(NULL);
    append_head(&bad, 200000);
    uint32_t seconds = drip(&bad, 1, 100);
    EXPECT(seconds >= 30 && seconds <= 36);
    told_timeout(&bad);
    end();
}

TEST(pace, a_frame_that_stops)
{
    /* Goal: what came fast gives no credit: silence in the middle of a large frame ends it within
     * its timeout, and the time of the piece that is awaited. */
    start(NULL);
    append_head(&bad, MIB(20));
    EXPECT_EQ(drip(&bad, KIB(256), 10), 10);
    uint32_t seconds = drip(&bad, 1, 100);
    EXPECT(seconds >= 30 && seconds <= 50);
    told_timeout(&bad);
    node_pass(&world.node, 2 * SEC_NS);
    EXPECT_EQ(broker_memory(), 0);
    end();
}

TEST(pace, a_frame_that_is_slow)
{
    /* Goal: 128 KiB a second is served, although it takes longer than the timeout. */
    start(NULL);
    append_head(&bad, MIB(6));
    EXPECT_EQ(drip(&bad, KIB(128), 48), 48);
    peer_expect(&bad, VERB_APPEND, ERR_BAD_FRAME);
    peer_ping(&bad);
    end();
}

TEST(pace, a_reader_that_trickles)
{
    /* Goal: many small answers, each taken in time, do not prolong the time of all of them. */
    static uint8_t bytes[4000];
    struct ping ping = { .bytes = { bytes, sizeof(bytes) } };
    start(NULL);
    bad.quiet = true;
    for (uint32_t i = 0; i < 250 && !bad.send.busy; i++)
        peer_ask(&bad, VERB_PING, NO_TOPIC, 0, &ping);
    uint32_t seconds = sip(&bad, 4000, 200);
    EXPECT(seconds >= 30 && seconds <= 60);
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 1);
    end();
}

TEST(pace, a_reader_that_is_slow)
{
    /* Goal: 128 KiB a second is served, although it takes longer than the timeout. */
    start(NULL);
    fill(40);
    bad.quiet = true;
    for (uint32_t i = 0; i < 60; i++)
        fetch_ask(&bad, 25, KIB(256), 0);
    EXPECT_EQ(sip(&bad, KIB(128), 40), 40);
    EXPECT(broker_memory() > 0); /* there still is something to read */
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 2);
    end();
}

TEST(pace, in_the_way_of_others)
{
    /* Goal: who does not read what it asked for holds up nobody's fetch, and is cut while its own
     * ones wait, long before its time is over. Method: it fills its part of the memory of fetches
     * of the partition's shard. */
    struct frame f;
    union payload out;
    start(&(struct door_opts){ .memory_bytes = MIB(4) });
    fill(40);
    bad.quiet = true;
    for (uint32_t i = 0; i < 40; i++)
        fetch_ask(&bad, 25, KIB(256), 0);
    node_pass(&world.node, MS_NS);
    EXPECT(serve_reads_wait(world.node.serve));
    fetch_ask(&good, 25, KIB(256), 0);
    EXPECT(peer_answer(&good, SEC_NS / 4, &f, &out) && !frame_is_error(&f)); /* its turn */
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 2);
    node_pass(&world.node, 5 * SEC_NS);
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 1);
    end();
}

TEST(pace, half_closed)
{
    /* Goal: who ends its direction gets what it asked for; a fetch waits no longer for it. */
    struct append_request append = { .durability = 3 };
    struct frame f;
    union payload out;
    start(NULL);
    fill(1);
    append.batch = peer_batch(100);
    peer_ask(&bad, VERB_APPEND, topic, 1, &append);
    fetch_ask(&bad, 2, 1000, 200000);
    io_send_end(world.io, bad.fd);
    peer_expect(&bad, VERB_APPEND, ERR_OK);
    EXPECT(peer_answer(&bad, SEC_NS, &f, &out) && f.verb == VERB_FETCH);
    EXPECT(!frame_is_error(&f) && out.fetch_answer.batches.len == 0);
    EXPECT(!peer_answer(&bad, SEC_NS, &f, &out) && bad.ended);
    end();
}

TEST(pace, cut_while_it_waits)
{
    /* Goal: nothing of a long poll is left when its connection is gone, on whatever shard it waits.
     */
    start(NULL);
    for (uint32_t part = 0; part < 2; part++) {
        struct fetch_request fetch = { .bytes_max = 1000, .bytes_min = 1, .wait_ms = 300000 };
        for (uint32_t i = 0; i < 5; i++)
            peer_ask(&bad, VERB_FETCH, topic, part, &fetch);
    }
    node_pass(&world.node, SEC_NS);
    EXPECT_EQ(broker_figure(METRIC_REQUESTS), 10);
    peer_close(&bad);
    EXPECT_EQ(broker_figure(METRIC_REQUESTS), 0);
    EXPECT_EQ(broker_figure(METRIC_CONNECTIONS), 1);
    end();
}
