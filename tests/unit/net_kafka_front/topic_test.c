/* topic_test.c -- topics that get more partitions, and one whose deletion is in doubt. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g, other;

static void begin(uint32_t shards)
{
    inn_open(37, shards, NULL);
    guest_open(&g);
    guest_open(&other);
}

static void end(void)
{
    guest_close(&other);
    guest_close(&g);
    inn_close();
}

/* ---- CreatePartitions ---- */

static struct kafka_create_partitions_request_topic to_grow(const char *name, int32_t count)
{
    struct kafka_create_partitions_request_topic t;
    kafka_unset(kafka_create_partitions_request_topic_shape(), &t);
    t.name = text_bytes(name);
    t.count = count;
    t.assignments.at = NULL; /* null: wherever the node likes */
    return t;
}

static struct kafka_create_partitions_response_result grow(
    int16_t version, const struct kafka_create_partitions_request_topic *topic, bool only_look)
{
    REQUEST(create_partitions, ask);
    RESPONSE(create_partitions, tell);
    struct kafka_create_partitions_response_result none = { .error_code = -1 };
    ask.topics.at = (struct kafka_create_partitions_request_topic *)(uintptr_t)topic;
    ask.topics.count = 1;
    ask.timeout_ms = 1000;
    ask.validate_only = only_look;
    guest_call(&g, KEY(create_partitions), version, &ask, &tell);
    return EXPECT_EQ(tell.results.count, 1) ? tell.results.at[0] : none;
}

static int16_t grown(int16_t version, const char *name, int32_t count, bool only_look)
{
    struct kafka_create_partitions_request_topic t = to_grow(name, count);
    struct kafka_create_partitions_response_result r = grow(version, &t, only_look);
    EXPECT((r.error_code == KAFKA_NONE) == (r.error_message.len == 0));
    return r.error_code;
}

static uint32_t partitions_of(const char *name)
{
    struct topic_info *t = node_topic(&inn.node, name);
    uint32_t count = t ? t->partitions : 0;
    free(t);
    return count;
}

TEST(growth, takes_records_at_once)
{
    /* Goal: new partitions are there for everybody, at every version, also on a shard that knew the
     * old number. */
    begin(2);
    guest_topic(&g, "t", 1);
    int32_t count = 1;
    for (int16_t version = 0; version <= 3; version++) {
        int32_t last = count;
        EXPECT_EQ(guest_produce(&other, 8, "t", count - 1, guest_batch(1, 20, 1000)).error_code,
                  KAFKA_NONE);
        count += 1 + version;
        EXPECT_EQ(grown(version, "t", count, false), KAFKA_NONE);
        EXPECT_EQ(partitions_of("t"), (uint32_t)count);
        for (int32_t i = last; i < count; i++) {
            EXPECT_EQ(guest_produce(&other, 8, "t", i, guest_batch(1, 20, 1000)).error_code,
                      KAFKA_NONE);
            EXPECT(guest_fetch(&other, "t", i, 0, 0).records.len > 0);
        }
    }
    end();
}

TEST(growth, refuses_what_cannot_be)
{
    /* Goal: Kafka's errors, with a sentence; nothing is changed, nor by who only looks. */
    begin(2);
    guest_topic(&g, "t", 3);
    EXPECT_EQ(grown(2, "t", 3, false), KAFKA_INVALID_PARTITIONS);
    EXPECT_EQ(grown(2, "t", 2, false), KAFKA_INVALID_PARTITIONS);
    EXPECT_EQ(grown(2, "t", 0, false), KAFKA_INVALID_PARTITIONS);
    EXPECT_EQ(grown(2, "t", -1, false), KAFKA_INVALID_PARTITIONS);
    EXPECT_EQ(grown(2, "t", 1 << 30, false), KAFKA_INVALID_PARTITIONS);
    EXPECT_EQ(grown(2, "nobody", 3, false), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(grown(2, "t", 3, true), KAFKA_INVALID_PARTITIONS);
    EXPECT_EQ(grown(2, "t", 5, true), KAFKA_NONE);
    EXPECT_EQ(partitions_of("t"), 3);
    struct kafka_create_partitions_request_topic twice[2] = { to_grow("t", 5), to_grow("t", 6) };
    REQUEST(create_partitions, ask);
    RESPONSE(create_partitions, tell);
    ask.topics.at = twice;
    ask.topics.count = 2;
    guest_call(&g, KEY(create_partitions), 3, &ask, &tell);
    REQUIRE(tell.results.count == 1);
    EXPECT_EQ(tell.results.at[0].error_code, KAFKA_INVALID_REQUEST);
    twice[1].name = text_bytes("nobody");
    guest_call(&g, KEY(create_partitions), 3, &ask, &tell);
    REQUIRE(tell.results.count == 2);
    EXPECT_EQ(tell.results.at[0].error_code, KAFKA_NONE);
    EXPECT_EQ(tell.results.at[1].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(partitions_of("t"), 5);
    end();
}

TEST(growth, assignments_name_this_node_alone)
{
    int32_t here[] = { 1, 1 }, there[] = { 2 };
    struct kafka_create_partitions_request_assignment rows[3];
    for (uint32_t i = 0; i < 3; i++) {
        kafka_unset(kafka_create_partitions_request_assignment_shape(), &rows[i]);
        rows[i].broker_ids.at = here;
        rows[i].broker_ids.count = 1;
    }
    begin(1);
    guest_topic(&g, "t", 1);
    struct kafka_create_partitions_request_topic t = to_grow("t", 3);
    t.assignments.at = rows;
    t.assignments.count = 3; /* one too many */
    EXPECT_EQ(grow(3, &t, false).error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
    t.assignments.count = 1;
    EXPECT_EQ(grow(3, &t, false).error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
    t.assignments.count = 2;
    rows[1].broker_ids.at = there;
    EXPECT_EQ(grow(3, &t, false).error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
    rows[1].broker_ids.at = here;
    rows[1].broker_ids.count = 2;
    EXPECT_EQ(grow(3, &t, true).error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
    EXPECT_EQ(partitions_of("t"), 1);
    rows[1].broker_ids.count = 1;
    EXPECT_EQ(grow(0, &t, false).error_code, KAFKA_NONE);
    EXPECT_EQ(partitions_of("t"), 3);
    end();
}

/* ---- DeleteTopics ---- */

/* Store-00 is shard 0's, and alone there. */
static int write_fails(struct sim_watch *watch, const struct op *op)
{
    (void)watch;
    return op->verb == IO_WRITE && shard_current()->number == 0 ? 5 : 0;
}

static void write_ends(struct sim_watch *watch, const struct op *op, int sys)
{
    (void)watch, (void)op, (void)sys;
}

TEST(delete, in_doubt_says_so)
{
    /* Goal: who deletes, and who produces, hears an error that is no answer to wait for; the text
     * says what to do. Method: the write of the deletion fails. */
    REQUEST(delete_topics, ask);
    RESPONSE(delete_topics, tell);
    static struct sim_watch watch = { write_fails, write_ends };
    struct bytes name = text_bytes("t");
    begin(2);
    guest_topic(&g, "t", 4);
    for (int32_t i = 0; i < 4; i++)
        EXPECT_EQ(guest_produce(&g, 8, "t", i, guest_batch(1, 20, 1000)).error_code, KAFKA_NONE);
    ask.topic_names.at = &name;
    ask.topic_names.count = 1;
    sim_watch(inn.node.machine, &watch);
    guest_call(&g, KEY(delete_topics), 5, &ask, &tell);
    REQUIRE(tell.responses.count == 1);
    EXPECT_EQ(tell.responses.at[0].error_code, KAFKA_KAFKA_STORAGE_ERROR);
    EXPECT(memmem(tell.responses.at[0].error_message.at, tell.responses.at[0].error_message.len,
                  "in doubt", 8));
    for (int32_t i = 0; i < 4; i++) {
        EXPECT_EQ(guest_produce(&other, 8, "t", i, guest_batch(1, 20, 1000)).error_code,
                  KAFKA_KAFKA_STORAGE_ERROR);
        EXPECT(guest_fetch(&other, "t", i, 0, 0).records.len > 0);
    }
    sim_watch(inn.node.machine, NULL);
    end();
}
