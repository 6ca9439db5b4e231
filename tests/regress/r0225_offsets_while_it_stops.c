/* While a broker stops, the coordinators of its groups are stopped before its connections have
 * ended: who fetched offsets then was told COORDINATOR_NOT_AVAILABLE, which Java's consumer throws
 * at the application. Goal: NOT_COORDINATOR, upon which it looks for the coordinator and asks
 * again. Method: a fetch of offsets behind a commit that waits for a slow disk when the stop
 * begins. */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g;

static size_t commit_make(uint8_t *at, size_t cap)
{
    struct kafka_offset_commit_request_partition part;
    struct kafka_offset_commit_request_topic topic = { .name = text_bytes("t") };
    REQUEST(offset_commit, ask);
    kafka_unset(kafka_offset_commit_request_partition_shape(), &part);
    part.partition_index = 0;
    part.committed_offset = 5;
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.group_id = text_bytes("g");
    ask.topics.at = &topic;
    ask.topics.count = 1;
    return guest_make(&g, KEY(offset_commit), 5, &ask, at, cap);
}

static size_t fetch_make(uint8_t *at, size_t cap)
{
    int32_t partition = 0;
    struct kafka_offset_fetch_request_topic topic = { .name = text_bytes("t") };
    REQUEST(offset_fetch, ask);
    topic.partition_indexes.at = &partition;
    topic.partition_indexes.count = 1;
    ask.group_id = text_bytes("g");
    ask.topics.at = &topic;
    ask.topics.count = 1;
    return guest_make(&g, KEY(offset_fetch), 5, &ask, at, cap);
}

/* Both are there, and neither was answered. */
static void ask_both(void)
{
    static uint8_t at[KIB(4)];
    size_t len = commit_make(at, sizeof(at));
    len += fetch_make(at + len, sizeof(at) - len);
    sim_chances(inn.node.sim, &(struct sim_opts){ .slow_per_million = 1000000 });
    guest_put_start(&g, at, len);
    for (uint32_t i = 0; i < 20000 && inn_figure(METRIC_REQUESTS) < 2; i++)
        node_pass(&inn.node, 100);
    EXPECT_EQ(inn_figure(METRIC_REQUESTS), 2);
}

TEST(r0225, offsets_while_it_stops)
{
    RESPONSE(offset_commit, done);
    RESPONSE(offset_fetch, tell);
    inn_open(225, 1, NULL);
    guest_open(&g);
    guest_topic(&g, "t", 1);
    node_pass(&inn.node, SEC_NS);
    ask_both();
    serve_stop(inn.node.serve);
    EXPECT(guest_answer(&g, 5 * SEC_NS, KEY(offset_commit), 5, &done));
    EXPECT_EQ(done.topics.at[0].partitions.at[0].error_code, GROUP_ERR_OK);
    EXPECT(guest_answer(&g, SEC_NS, KEY(offset_fetch), 5, &tell));
    EXPECT_EQ(tell.error_code, GROUP_ERR_NOT_COORDINATOR);
    guest_close(&g);
    inn_close();
}
