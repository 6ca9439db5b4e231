/* lag_test.c -- the verb lag: records, bytes and time ahead of an offset. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

#define SHARDS 2u

static struct node_world w;
static struct place places[SHARDS];

static bool topic_start(const char *key, const char *value)
{
    node_open(&w, 5, 1, SHARDS);
    if (!EXPECT_EQ(node_start(&w, NULL), SERVE_READY))
        return false;
    EXPECT_OK(node_create(&w, "t", SHARDS, key, value));
    struct topic_info *t = node_topic(&w, "t");
    if (!EXPECT(t))
        return false;
    for (uint32_t i = 0; i < SHARDS; i++)
        places[i] = t->places[i];
    free(t);
    return true;
}

static void topic_stop(void)
{
    node_stop(&w);
    node_close(&w);
}

static int64_t now_ms(uint32_t partition)
{
    return io_wall_ms(serve_shard(w.serve, places[partition].shard)->io);
}

static struct verb_lag lag_of(uint32_t partition, uint64_t off)
{
    static struct verb_lag v;
    bool done = false;
    v = (struct verb_lag){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                           .place = places[partition],
                           .off = off };
    serve_lag(w.serve, &v);
    if (!node_until(&w, &done))
        v.verb.err = ERR_DEAD;
    return v;
}

/* A batch of `count` records that lie `step_ms` apart, the first one at `first_ms`; `codec` in its
 * attributes says that they are compressed, and nobody looks. */
static void batch_append(uint32_t partition, uint32_t count, int64_t first_ms, int64_t step_ms,
                         uint16_t codec)
{
    static uint8_t room[KIB(64)];
    struct batch_builder b;
    bool done = false;
    batch_builder_open(&b, room, sizeof(room));
    for (uint32_t i = 0; i < count; i++) {
        struct batch_record r = { .time = first_ms + i * step_ms,
                                  .value = { (const uint8_t *)"value", 5 } };
        check(batch_builder_add(&b, &r) == ERR_OK);
    }
    static struct verb_append v;
    v = (struct verb_append){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                              .place = places[partition],
                              .batch = batch_builder_done(&b) };
    if (codec) {
        room[22] |= (uint8_t)codec; /* the CRC does not fit any more: nobody looks */
        v.verified = true;
        v.max_time = first_ms + (count - 1) * step_ms;
        v.count = count;
    }
    serve_append(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_OK(v.verb.err);
}

TEST(lag, counts_what_is_ahead)
{
    /* Goal: three numbers for each place in the log; at the end and beyond it they are 0. */
    REQUIRE(topic_start(NULL, NULL));
    for (uint32_t p = 0; p < SHARDS; p++) {
        struct verb_lag v = lag_of(p, 0);
        EXPECT_OK(v.verb.err);
        EXPECT(v.records == 0 && v.bytes == 0 && v.lag_ms == 0 && v.visible_off == 0);
        int64_t first = now_ms(p) - 50000;
        batch_append(p, 10, first, 1000, 0);
        batch_append(p, 10, first + 10000, 1000, 0);
        node_pass(&w, SEC_NS);
        enum err err;
        uint64_t all = node_part(&w, &places[p], &err).bytes;
        for (uint32_t off = 0; off < 20; off++) {
            v = lag_of(p, off);
            EXPECT_OK(v.verb.err);
            EXPECT_EQ(v.visible_off, 20);
            EXPECT_EQ(v.records, 20 - off);
            EXPECT_EQ(v.bytes, all * (20 - off) / 20); /* one extent, shared out */
            EXPECT(v.lag_ms >= now_ms(p) - first - off * 1000 - 100);
            EXPECT(v.lag_ms <= now_ms(p) - first - off * 1000);
        }
        for (uint32_t off = 20; off < 23; off++) {
            v = lag_of(p, off);
            EXPECT(v.verb.err == ERR_OK && v.records == 0 && v.bytes == 0 && v.lag_ms == 0);
        }
    }
    topic_stop();
}

TEST(lag, what_is_deleted_is_not_ahead)
{
    /* Goal: a reader below the log's start is as far behind as one that stands at it. */
    REQUIRE(topic_start(NULL, NULL));
    int64_t first = now_ms(0) - 50000;
    batch_append(0, 10, first, 0, 0);
    batch_append(0, 10, first + 20000, 0, 0);
    node_pass(&w, SEC_NS);
    static struct verb_trim trim;
    bool done = false;
    trim = (struct verb_trim){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                               .place = places[0],
                               .off = 10 };
    serve_trim(w.serve, &trim);
    EXPECT(node_until(&w, &done));
    struct verb_lag v = lag_of(0, 3), at = lag_of(0, 10);
    EXPECT_EQ(v.start_off, 10);
    EXPECT_EQ(v.records, 10);
    EXPECT(v.bytes > 0 && v.bytes == at.bytes);
    EXPECT(v.lag_ms >= 30000 && v.lag_ms < 40000);
    topic_stop();
}

TEST(lag, bytes_follow_the_extents)
{
    /* Goal: bytes are exact where an extent begins. Method: extents are counted by hand. */
    static char value[4000];
    REQUIRE(topic_start(NULL, NULL));
    memset(value, 'v', sizeof(value) - 1);
    for (uint32_t i = 0; i < 200; i++)
        EXPECT_OK(node_append(&w, &places[0], value, 0, NULL));
    node_pass(&w, SEC_NS);
    const struct part *p = part_find(serve_store(w.serve, places[0].store), places[0].topic, 0);
    struct part_extent_info e;
    uint64_t rest = part_info(p).bytes, seen = 0;
    for (uint32_t i = 0; part_extent_at(p, i, &e); i++, seen++) {
        EXPECT_EQ(lag_of(0, e.base_off).bytes, rest);
        uint64_t middle = lag_of(0, (e.base_off + e.end_off) / 2).bytes;
        EXPECT(middle <= rest && middle >= rest - e.bytes);
        rest -= e.bytes;
    }
    EXPECT(rest == 0 && seen > 3);
    topic_stop();
}

TEST(lag, says_when_it_does_not_know)
{
    /* Goal: a record without time, and a clock that is behind, are no lag that was measured. */
    REQUIRE(topic_start(NULL, NULL));
    batch_append(0, 3, -1, 0, 0);
    node_pass(&w, SEC_NS);
    struct verb_lag v = lag_of(0, 1);
    EXPECT_OK(v.verb.err);
    EXPECT_EQ(v.records, 2);
    EXPECT_EQ(v.lag_ms, -1);
    batch_append(1, 3, now_ms(1) + 60000, 0, 0);
    node_pass(&w, SEC_NS);
    EXPECT_EQ(lag_of(1, 0).lag_ms, 0); /* from the future */
    topic_stop();
}

TEST(lag, of_a_compressed_batch_is_its_first_record_s)
{
    REQUIRE(topic_start(NULL, NULL));
    int64_t first = now_ms(0) - 50000;
    batch_append(0, 10, first, 1000, 1);
    node_pass(&w, SEC_NS);
    struct verb_lag v = lag_of(0, 7);
    EXPECT_OK(v.verb.err);
    EXPECT_EQ(v.records, 3);
    EXPECT(v.lag_ms >= 50000 && v.lag_ms < 60000);
    topic_stop();
}

TEST(lag, with_the_nodes_time)
{
    /* Goal: where the topic keeps the node's time, that is what counts. */
    REQUIRE(topic_start("message.timestamp.type", "LogAppendTime"));
    batch_append(0, 10, 1000, 0, 0);
    node_pass(&w, 20 * SEC_NS);
    struct verb_lag v = lag_of(0, 7);
    EXPECT(v.lag_ms >= 20000 && v.lag_ms < 30000);
    topic_stop();
}

TEST(lag, can_be_asked_without_a_read)
{
    REQUIRE(topic_start(NULL, NULL));
    batch_append(0, 10, now_ms(0), 0, 0);
    node_pass(&w, SEC_NS);
    struct store_counts was = store_counts(serve_store(w.serve, places[0].store));
    static struct verb_lag v;
    bool done = false;
    v = (struct verb_lag){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                           .place = places[0],
                           .untimed = true };
    serve_lag(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_OK(v.verb.err);
    EXPECT(v.records == 10 && v.bytes > 0 && v.lag_ms == -1);
    struct store_counts is = store_counts(serve_store(w.serve, places[0].store));
    EXPECT_EQ(is.reads_hot + is.reads_cold, was.reads_hot + was.reads_cold);
    topic_stop();
}

TEST(lag, of_a_topic_that_is_gone)
{
    REQUIRE(topic_start(NULL, NULL));
    batch_append(0, 10, now_ms(0), 0, 0);
    EXPECT_OK(node_delete(&w, "t"));
    EXPECT_ERR(lag_of(0, 0).verb.err, ERR_NOT_FOUND);
    topic_stop();
}
