/* lent_test.c -- batches that are sent without a copy: out of tail memory, out of the page cache;
 * and appends that go into the log out of the receive buffer. */
#include "engine/base/batch.h"
#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

#define BATCHES     200u
#define VALUE_BYTES 30000u

static struct peer a, b;

static int64_t now_ms; /* of all records: retention keeps them */

static struct bytes batch_of(uint32_t i)
{
    static uint8_t batch[KIB(32)], value[KIB(32)];
    struct batch_builder made;
    struct batch_record r = { .value = { value, VALUE_BYTES + i % 700 }, .time = now_ms };
    memset(value, (int)i, sizeof(value));
    batch_builder_open(&made, batch, sizeof(batch));
    check(batch_builder_add(&made, &r) == ERR_OK);
    return batch_builder_done(&made);
}

/* Twenty at a time: some frames lie whole in a receive buffer, some do not. */
static void fill(struct peer *p, struct id16 topic)
{
    static uint8_t at[20 * KIB(32)];
    now_ms = io_wall_ms(world.io);
    for (uint32_t i = 0; i < BATCHES;) {
        size_t len = 0;
        uint32_t from = i;
        for (; i < from + 20; i++) {
            struct append_request ask = { .durability = 3, .batch = batch_of(i) };
            len += peer_make(p, at + len, sizeof(at) - len, VERB_APPEND, topic, 0, &ask);
        }
        peer_put(p, at, len);
        for (uint32_t k = from; k < i; k++)
            EXPECT_EQ(peer_expect(p, VERB_APPEND, ERR_OK).append_answer.base_offset, k);
    }
}

/* Everything from the start on, batch by batch. */
static void read_all(struct peer *p, struct id16 topic, uint32_t bytes_max)
{
    uint64_t off = 0;
    while (off < BATCHES) {
        struct fetch_request ask = { .offset = off, .bytes_max = bytes_max };
        peer_ask(p, VERB_FETCH, topic, 0, &ask);
        struct fetch_answer got = peer_expect(p, VERB_FETCH, ERR_OK).fetch_answer;
        REQUIRE(got.batches.len > 0 && got.next_offset > off);
        const uint8_t *at = got.batches.at, *end = at + got.batches.len;
        for (; at < end; off++) {
            struct bytes want = batch_of((uint32_t)off);
            REQUIRE(want.len <= (size_t)(end - at));
            EXPECT_BYTES(at + 16, want.at + 16, want.len - 16);
            at += want.len;
        }
        EXPECT_EQ(off, got.next_offset);
    }
}

static struct store_counts counts(void)
{
    struct store_counts sum = { 0 };
    for (uint32_t i = 0; serve_store(world.node.serve, i); i++) {
        struct store_counts one = store_counts(serve_store(world.node.serve, i));
        sum.lent_bytes += one.lent_bytes;
        sum.cache_lent_bytes += one.cache_lent_bytes;
        sum.reads_cold += one.reads_cold;
    }
    return sum;
}

TEST(lent, what_is_sent_without_a_copy_is_what_was_appended)
{
    /* Goal: every byte comes back, from disk, from the page cache and from memory, to clients on
     * the partition's shard and on another one. Method: more than the tails hold, read six times by
     * one client after another. */
    for (uint32_t shards = 1; shards <= 2; shards++) {
        broker_start(40 + shards, shards, NULL);
        peer_open(&a);
        struct id16 topic = peer_topic(&a, "t", 1);
        fill(&a, topic);
        peer_close(&a);
        for (uint32_t round = 0; round < 6; round++) {
            peer_open(&a);
            read_all(&a, topic, 200000 + round * 50000);
            peer_close(&a);
        }
        struct store_counts c = counts();
        EXPECT(c.reads_cold > 0);
        EXPECT(c.lent_bytes > MIB(1));
        EXPECT(c.cache_lent_bytes > MIB(1));
        broker_end();
    }
}

TEST(lent, a_client_that_goes_away_in_the_middle_gives_everything_back)
{
    /* Goal: nothing stays lent. Method: clients that ask for much, read nothing, and close. */
    broker_start(50, 2, NULL);
    peer_open(&a);
    struct id16 topic = peer_topic(&a, "t", 1);
    fill(&a, topic);
    peer_close(&a);
    for (uint32_t round = 0; round < 2; round++) {
        peer_open(&a);
        read_all(&a, topic, 300000);
        peer_close(&a);
    }
    for (uint32_t round = 0; round < 6; round++) {
        peer_open(&b);
        b.quiet = true;
        for (uint32_t i = 0; i < 8; i++) {
            struct fetch_request ask = { .offset = i * 20, .bytes_max = MIB(1) };
            peer_ask(&b, VERB_FETCH, topic, 0, &ask);
        }
        node_pass(&world.node, 20 * MS_NS);
        peer_close(&b);
    }
    node_pass(&world.node, SEC_NS);
    peer_open(&a);
    read_all(&a, topic, 300000);
    peer_close(&a);
    broker_end();
}
