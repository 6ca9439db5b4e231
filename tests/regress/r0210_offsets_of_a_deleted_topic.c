/* A group's connection is on one shard, its topic was deleted over another one: the next commit was
 * taken, for that shard still remembered the topic, and when the topic was made again, the group
 * went on in the middle of it. Goal: such a commit is refused, as in Kafka; so is one that was on
 * its way when the topic was deleted, or comes while the coordinator reads its log. Method: two
 * shards; clients whose connections lie on both. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define GUESTS 8u

static struct guest guests[GUESTS];

static int16_t commit(struct guest *g, int64_t off)
{
    REQUEST(offset_commit, ask);
    RESPONSE(offset_commit, tell);
    struct kafka_offset_commit_request_partition part;
    struct kafka_offset_commit_request_topic one = { .name = text_bytes("t") };
    kafka_unset(kafka_offset_commit_request_partition_shape(), &part);
    part.committed_offset = off;
    one.partitions.at = &part;
    one.partitions.count = 1;
    ask.group_id = text_bytes("g");
    ask.topics.at = &one;
    ask.topics.count = 1;
    guest_call(g, KEY(offset_commit), 8, &ask, &tell);
    return tell.topics.count ? tell.topics.at[0].partitions.at[0].error_code : -1;
}

static int64_t fetched(struct guest *g)
{
    REQUEST(offset_fetch, ask);
    RESPONSE(offset_fetch, tell);
    struct kafka_offset_fetch_request_topic one = { .name = text_bytes("t") };
    int32_t partition = 0;
    one.partition_indexes.at = &partition;
    one.partition_indexes.count = 1;
    ask.group_id = text_bytes("g");
    ask.topics.at = &one;
    ask.topics.count = 1;
    guest_call(g, KEY(offset_fetch), 5, &ask, &tell);
    return tell.topics.count ? tell.topics.at[0].partitions.at[0].committed_offset : -2;
}

static void topic_delete(struct guest *g)
{
    REQUEST(delete_topics, ask);
    RESPONSE(delete_topics, tell);
    struct bytes name = text_bytes("t");
    ask.topic_names.at = &name;
    ask.topic_names.count = 1;
    guest_call(g, KEY(delete_topics), 5, &ask, &tell);
    EXPECT(tell.responses.count == 1 && tell.responses.at[0].error_code == KAFKA_NONE);
}

static void begin(uint64_t seed, uint32_t shards)
{
    inn_open(seed, shards, NULL);
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_open(&guests[i]);
    node_pass(&inn.node, SEC_NS); /* coordinators have read their logs */
    guest_topic(&guests[0], "t", 1);
}

static void end(void)
{
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_close(&guests[i]);
    inn_close();
}

TEST(r0210, a_commit_on_another_shard)
{
    begin(210, 2);
    for (uint32_t i = 0; i < GUESTS; i++)
        EXPECT_EQ(commit(&guests[i], 1000 + i), KAFKA_NONE);
    topic_delete(&guests[0]);
    node_pass(&inn.node, SEC_NS);
    for (uint32_t i = 0; i < GUESTS; i++)
        EXPECT_EQ(commit(&guests[i], 2000 + i), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    guest_topic(&guests[0], "t", 1);
    for (uint32_t i = 0; i < GUESTS; i++)
        EXPECT_EQ(fetched(&guests[i]), -1);
    for (uint32_t i = 0; i < GUESTS; i++)
        EXPECT_EQ(commit(&guests[i], 3000 + i), KAFKA_NONE);
    EXPECT_EQ(fetched(&guests[0]), 3000 + GUESTS - 1);
    end();
}

/* ---- on a node without a front ---- */

#define ROWS 8u

static struct node_world w;
static struct group_offset rows[ROWS];

static void node_begin(uint64_t seed)
{
    node_open(&w, seed, 1, 1);
    w.groups = true;
    w.group.snapshot_bytes = MIB(64); /* the log stays long */
    REQUIRE(EXPECT_EQ(node_start(&w, NULL), SERVE_READY));
    node_pass(&w, SEC_NS);
    REQUIRE_OK(node_create(&w, "t", 1, NULL, NULL));
}

/* A commit of the first `count` rows, or a fetch of the first. */
static void ask(enum group_verb verb, uint32_t count, uint64_t topics_seen)
{
    static struct verb_group v;
    bool done = false;
    v = (struct verb_group){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY } };
    v.ask = (struct group_request){ .verb = verb,
                                    .group = text_bytes("g"),
                                    .member = text_bytes(""),
                                    .generation = -1,
                                    .retention_ms = -1,
                                    .topics_seen = topics_seen,
                                    .offsets = rows,
                                    .offset_count = count };
    serve_group(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_EQ(v.ask.err, GROUP_ERR_OK);
    free(v.ask.block);
}

static void rows_fill(size_t metadata)
{
    static uint8_t text[4096];
    memset(text, 'm', sizeof(text));
    for (uint32_t i = 0; i < ROWS; i++)
        rows[i] = (struct group_offset){ .topic = text_bytes("t"),
                                         .partition = (int32_t)i,
                                         .off = 7,
                                         .metadata = { text, metadata } };
}

TEST(r0210, a_commit_under_way)
{
    node_begin(211);
    rows_fill(0);
    uint64_t seen = serve_topics_version(w.serve);
    REQUIRE_OK(node_delete(&w, "t"));
    ask(GROUP_VERB_COMMIT, 1, seen);
    EXPECT_EQ(rows[0].err, GROUP_ERR_UNKNOWN_TOPIC);
    node_close(&w);
}

TEST(r0210, a_log_that_is_being_read)
{
    node_begin(212);
    rows_fill(4096);
    for (uint32_t i = 0; i < 150; i++)
        ask(GROUP_VERB_COMMIT, ROWS, serve_topics_version(w.serve));
    node_stop(&w);
    REQUIRE(EXPECT_EQ(node_start(&w, NULL), SERVE_READY));
    EXPECT_OK(node_delete(&w, "t"));
    EXPECT_OK(node_create(&w, "t", 1, NULL, NULL));
    node_pass(&w, SEC_NS);
    ask(GROUP_VERB_FETCH, 1, 0);
    EXPECT_EQ(rows[0].off, -1);
    node_close(&w);
}
