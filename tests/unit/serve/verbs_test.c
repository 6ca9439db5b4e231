/* verbs_test.c -- append, offsets, trim, settings, retention: each verb's own rules. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

static struct node_world w;
static struct place place;

static bool topic_start(const char *key, const char *value)
{
    node_open(&w, 5, 1, 1);
    if (!EXPECT_EQ(node_start(&w, NULL), SERVE_READY))
        return false;
    EXPECT_OK(node_create(&w, "t", 1, key, value));
    struct topic_info *t = node_topic(&w, "t");
    if (!EXPECT(t))
        return false;
    place = t->places[0];
    free(t);
    return true;
}

static void topic_stop(void)
{
    node_stop(&w);
    node_close(&w);
}

/* A batch of a producer; the result is in *v. */
static enum err append_as(struct verb_append *v, int64_t producer, int16_t epoch, int32_t sequence)
{
    static uint8_t room[512];
    bool done = false;
    struct batch_builder b;
    struct batch_record r = { .time = 1795000000000, .value = { (const uint8_t *)"v", 1 } };
    batch_builder_open(&b, room, sizeof(room));
    check(batch_builder_add(&b, &r) == ERR_OK);
    b.producer_id = producer;
    b.producer_epoch = epoch;
    b.base_sequence = sequence;
    *v = (struct verb_append){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                               .place = place,
                               .batch = batch_builder_done(&b) };
    serve_append(w.serve, v);
    return node_until(&w, &done) ? v->verb.err : ERR_DEAD;
}

TEST(append, resends_are_recognised)
{
    /* Goal: a batch with a sequence is in the log once, and its resend is told where. */
    struct verb_append v;
    REQUIRE(topic_start(NULL, NULL));
    EXPECT_OK(append_as(&v, 9, 0, 0));
    EXPECT_OK(append_as(&v, 9, 0, 1));
    EXPECT_EQ(v.base_off, 1);
    EXPECT(!v.duplicate);
    EXPECT_OK(append_as(&v, 9, 0, 0));
    EXPECT(v.duplicate);
    EXPECT_EQ(v.base_off, 0);
    EXPECT_EQ(v.bought, DURABILITY_SYNCED);
    EXPECT_ERR(append_as(&v, 9, 0, 5), ERR_SEQUENCE);
    EXPECT_OK(append_as(&v, 9, 1, 0));
    EXPECT_EQ(v.base_off, 2);
    EXPECT_ERR(append_as(&v, 9, 0, 2), ERR_FENCED);
    topic_stop();
}

TEST(append, says_what_it_bought)
{
    /* Goal: the ack names the durability; the topic's setting is the default. */
    static const enum durability wants[] = { DURABILITY_MEMORY, DURABILITY_WRITTEN,
                                             DURABILITY_SYNCED };
    REQUIRE(topic_start("shardlog.durability", "written"));
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t room[256];
        bool done = false;
        struct batch_builder b;
        struct batch_record r = { .time = 1795000000000 };
        batch_builder_open(&b, room, sizeof(room));
        check(batch_builder_add(&b, &r) == ERR_OK);
        struct verb_append v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                                 .place = place,
                                 .batch = batch_builder_done(&b) };
        v.want_set = i < 3;
        v.want = wants[i % 3];
        serve_append(w.serve, &v);
        EXPECT(node_until(&w, &done));
        EXPECT_OK(v.verb.err);
        EXPECT(v.bought >= (i < 3 ? wants[i] : DURABILITY_WRITTEN));
    }
    topic_stop();
}

TEST(append, limits_and_lies)
{
    /* Goal: too large and malformed batches are refused, and nothing of them is in the log. */
    uint8_t room[256];
    bool done = false;
    struct batch_builder b;
    struct batch_record r = { .time = 1795000000000, .value = { (const uint8_t *)"value", 5 } };
    REQUIRE(topic_start("max.message.bytes", "70"));
    batch_builder_open(&b, room, sizeof(room));
    check(batch_builder_add(&b, &r) == ERR_OK);
    struct verb_append v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                             .place = place,
                             .batch = batch_builder_done(&b) };
    serve_append(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_ERR(v.verb.err, ERR_TOO_LARGE);
    EXPECT_OK(node_alter(&w, "t", "max.message.bytes", "1000"));
    room[70] ^= 1;
    done = v.verified = false;
    serve_append(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_ERR(v.verb.err, ERR_BAD_BATCH);
    room[70] ^= 1;
    done = v.verified = false;
    serve_append(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_OK(v.verb.err);
    EXPECT_EQ(v.base_off, 0);
    topic_stop();
}

static enum err offset_of_(enum offset_of what, int64_t time, struct verb_offset *v)
{
    bool done = false;
    *v = (struct verb_offset){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                               .place = place,
                               .what = what,
                               .time_ms = time };
    serve_offset(w.serve, v);
    return node_until(&w, &done) ? v->verb.err : ERR_DEAD;
}

static enum err trim_to(uint64_t off, uint64_t *start)
{
    bool done = false;
    struct verb_trim v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                           .place = place,
                           .off = off };
    serve_trim(w.serve, &v);
    bool ended = node_until(&w, &done);
    *start = v.start_off;
    return ended ? v.verb.err : ERR_DEAD;
}

TEST(offset, earliest_latest_and_by_time)
{
    /* Goal: each question has its answer. Method: records of times 100, 300, 200, then a trim. */
    struct verb_offset v;
    uint64_t start;
    REQUIRE(topic_start("retention.ms", "-1"));
    EXPECT_OK(offset_of_(OFFSET_LATEST, 0, &v));
    EXPECT_EQ(v.off, 0);
    EXPECT_ERR(offset_of_(OFFSET_MAX_TIME, 0, &v), ERR_NOT_FOUND);
    EXPECT_OK(node_append(&w, &place, "a", 100, NULL));
    EXPECT_OK(node_append(&w, &place, "b", 300, NULL));
    EXPECT_OK(node_append(&w, &place, "c", 200, NULL));
    EXPECT_OK(offset_of_(OFFSET_EARLIEST, 0, &v));
    EXPECT_EQ(v.off, 0);
    EXPECT_OK(offset_of_(OFFSET_LATEST, 0, &v));
    EXPECT_EQ(v.off, 3);
    EXPECT_OK(offset_of_(OFFSET_TIME, 101, &v));
    EXPECT_EQ(v.off, 1);
    EXPECT_EQ(v.found_ms, 300);
    EXPECT_OK(offset_of_(OFFSET_MAX_TIME, 0, &v));
    EXPECT_EQ(v.off, 1);
    EXPECT_EQ(v.found_ms, 300);
    EXPECT(v.leader_epoch > 0);
    EXPECT_ERR(offset_of_(OFFSET_TIME, 301, &v), ERR_NOT_FOUND);
    EXPECT_ERR(trim_to(4, &start), ERR_OFFSET_RANGE);
    EXPECT_OK(trim_to(2, &start));
    EXPECT_EQ(start, 2);
    EXPECT_OK(offset_of_(OFFSET_EARLIEST, 0, &v));
    EXPECT_EQ(v.off, 2);
    EXPECT_OK(trim_to(UINT64_MAX, &start));
    EXPECT_EQ(start, 3);
    topic_stop();
}

TEST(retention, old_records_go_by_themselves)
{
    /* Goal: an idle partition is emptied by age, a busy one by size. Method: a topic for each, and
     * simulated time. */
    enum err err;
    REQUIRE(topic_start("retention.ms", "5000"));
    EXPECT_OK(node_append(&w, &place, "a", 0, NULL));
    node_pass(&w, 3 * SEC_NS);
    EXPECT_EQ(node_part(&w, &place, &err).start_off, 0);
    node_pass(&w, 6 * SEC_NS);
    EXPECT_EQ(node_part(&w, &place, &err).start_off, 1);
    EXPECT_EQ(node_part(&w, &place, &err).next_off, 1);
    EXPECT_OK(node_append(&w, &place, "b", 0, NULL));
    node_stop(&w);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_EQ(node_part(&w, &place, &err).start_off, 1);
    EXPECT_EQ(node_part(&w, &place, &err).next_off, 2);
    topic_stop();
}

TEST(settings, change_at_once_and_for_ever)
{
    /* Goal: an alter holds for the next append and after a restart; unknown keys are refused. */
    REQUIRE(topic_start(NULL, NULL));
    EXPECT_ERR(node_alter(&w, "t", "retention.mss", "1"), ERR_INVALID);
    EXPECT_ERR(node_alter(&w, "nope", "retention.ms", "1"), ERR_NOT_FOUND);
    EXPECT_OK(node_alter(&w, "t", "max.message.bytes", "60"));
    EXPECT_ERR(node_append(&w, &place, "a", 0, NULL), ERR_TOO_LARGE);
    node_crash(&w, SIM_POWER);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_ERR(node_append(&w, &place, "a", 0, NULL), ERR_TOO_LARGE);
    EXPECT_OK(node_alter(&w, "t", "max.message.bytes", NULL));
    EXPECT_OK(node_append(&w, &place, "a", 0, NULL));
    topic_stop();
}

TEST(topics, grow)
{
    /* Goal: new partitions take records as soon as the answer is there, under the topic's settings,
     * on every shard; the others stay where they are. Method: from one partition to seven over two
     * stores and two shards, with a restart. */
    node_open(&w, 11, 1, 2);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_OK(node_create(&w, "t", 1, "max.message.bytes", "200"));
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    place = t->places[0];
    free(t);
    EXPECT_OK(node_append(&w, &place, "first", 0, NULL));
    EXPECT_ERR(node_grow(&w, "t", 1), ERR_EXISTS);
    EXPECT_ERR(node_grow(&w, "t", 0), ERR_INVALID);
    EXPECT_ERR(node_grow(&w, "nobody", 2), ERR_NOT_FOUND);
    EXPECT_OK(node_grow(&w, "t", 4));
    EXPECT_OK(node_grow(&w, "t", 7));
    for (int restart = 0; restart < 2; restart++) {
        uint32_t shards[2] = { 0, 0 };
        enum err err;
        t = node_topic(&w, "t");
        REQUIRE(t && t->partitions == 7);
        EXPECT_EQ(t->places[0].store, place.store);
        for (uint32_t i = 0; i < 7; i++) {
            char text[201] = "value";
            shards[t->places[i].shard]++;
            EXPECT_OK(node_append(&w, &t->places[i], text, 0, NULL));
            memset(text, 'x', 200);
            EXPECT_ERR(node_append(&w, &t->places[i], text, 0, NULL), ERR_TOO_LARGE);
        }
        EXPECT(shards[0] >= 3 && shards[1] >= 3);
        EXPECT_STR(node_value(&w, &t->places[0], 0, &err), "first");
        EXPECT_STR(node_value(&w, &t->places[6], 0, &err), "value");
        free(t);
        node_crash(&w, SIM_POWER);
        REQUIRE(node_start(&w, NULL) == SERVE_READY);
    }
    EXPECT_OK(node_delete(&w, "t"));
    EXPECT_EQ(w.notes, 0);
    node_stop(&w);
    node_close(&w);
}

TEST(topics, are_listed_in_order)
{
    /* Goal: list gives each topic once, sorted. Method: names in another order, one deleted. */
    bool done = false;
    REQUIRE(topic_start(NULL, NULL));
    EXPECT_OK(node_create(&w, "z", 1, NULL, NULL));
    EXPECT_OK(node_create(&w, "a", 1, NULL, NULL));
    EXPECT_OK(node_delete(&w, "z"));
    struct verb_list v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY } };
    serve_list(w.serve, &v);
    EXPECT(node_until(&w, &done));
    REQUIRE(v.count == 2);
    EXPECT_STR(v.names[0], "a");
    EXPECT_STR(v.names[1], "t");
    free(v.names);
    topic_stop();
}

TEST(verbs, before_ready_and_after_stop)
{
    /* Goal: a verb is always answered. Method: one before READY, one behind the stop. */
    bool early = false, late = false;
    node_open(&w, 5, 1, 1);
    struct serve_opts opts = { .dirs = w.dirs, .dir_count = 1, .io = { .node = w.machine } };
    REQUIRE_OK(serve_open(&w.serve, &opts, NULL));
    struct verb_list v = { .verb = { .done = node_done, .arg = &early, .home = HOME_ANY } };
    serve_list(w.serve, &v);
    EXPECT(node_until(&w, &early));
    EXPECT_ERR(v.verb.err, ERR_BUSY);
    sim_crash(w.machine, SIM_POWER);
    serve_close(&w.serve);
    sim_restart(w.machine);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    serve_stop(w.serve);
    v.verb.arg = &late;
    serve_list(w.serve, &v);
    EXPECT(node_until(&w, &late));
    EXPECT_ERR(v.verb.err, ERR_CLOSED);
    topic_stop();
}

/* ---- the node's time ---- */

static int64_t appended_ms(struct bytes batch, bool fixed)
{
    bool done = false;
    struct verb_append v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                             .place = place,
                             .batch = batch,
                             .fixed = fixed };
    serve_append(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_OK(v.verb.err);
    EXPECT(v.append_timed);
    return v.append_ms;
}

TEST(append, writes_the_nodes_time_where_the_topic_wants_it)
{
    /* Goal: the batch's header has the time that the answer names, in the caller's memory or, where
     * that is fixed, in a copy. */
    static uint8_t room[512], was[512];
    struct batch_builder b;
    struct batch_record r = { .time = 1000, .value = { (const uint8_t *)"v", 1 } };
    struct batch_info info;
    REQUIRE(topic_start("message.timestamp.type", "LogAppendTime"));
    batch_builder_open(&b, room, sizeof(room));
    EXPECT_OK(batch_builder_add(&b, &r));
    struct bytes batch = batch_builder_done(&b);
    memcpy(was, room, batch.len);
    EXPECT(appended_ms(batch, true) > 1000);
    EXPECT_BYTES(room, was, batch.len);
    int64_t time = appended_ms(batch, false);
    EXPECT_OK(batch_peek(batch, &info));
    EXPECT(batch_crc_ok(batch));
    EXPECT_EQ(info.header_max_time, time);
    enum err err;
    EXPECT_EQ(node_part(&w, &place, &err).max_time, time);
    topic_stop();
}

/* ---- leader epochs ---- */

static struct verb_epoch epoch_of(uint32_t epoch)
{
    bool done = false;
    struct verb_epoch v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                            .place = place,
                            .epoch = epoch };
    serve_epoch(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_OK(v.verb.err);
    return v;
}

TEST(epoch, ends_where_the_next_one_begins)
{
    /* Goal: of an older epoch its end, of this one the log's, of a newer one nothing; before the
     * first append after a start, too. */
    REQUIRE(topic_start(NULL, NULL));
    EXPECT_OK(node_append(&w, &place, "a", 1, NULL));
    enum err err;
    uint32_t first = node_part(&w, &place, &err).leader_epoch;
    EXPECT_EQ(epoch_of(first).end_off, 1);
    EXPECT(!epoch_of(first + 1).found);
    node_stop(&w);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_EQ(epoch_of(first).end_off, 1);
    EXPECT_EQ(epoch_of(first + 1).end_off, 1);
    EXPECT_EQ(epoch_of(first + 1).found_epoch, first + 1);
    EXPECT_OK(node_append(&w, &place, "b", 1, NULL));
    EXPECT_EQ(epoch_of(first).end_off, 1);
    EXPECT_EQ(epoch_of(first + 1).end_off, 2);
    EXPECT(!epoch_of(first + 2).found);
    topic_stop();
}
