/* Compressed batches that are too long for a turn stood in one line, whoever had sent them: a
 * request of thousands, each of which may hold 512 MiB, kept the producers of all connections
 * waiting for hours. Goal: of each connection one is in the line, and what a topic does not take by
 * its size is not unpacked. Method: a helper that works when the test says so. */
#include "net/door/helper.h"
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

enum { PARTS = 5 };
static struct helper *helper;
static struct guest greedy, other;

static void begin(void)
{
    helper = helper_open();
    helper_stop(helper); /* so helper_run() returns when the line is empty */
    inn_open(233, 1, &(struct door_opts){ .helper = helper });
    guest_open(&greedy);
    guest_open(&other);
    (void)guest_topic(&greedy, "t", PARTS);
}

static void end(void)
{
    guest_close(&other);
    guest_close(&greedy);
    inn_close();
    helper_close(&helper);
}

/* 200 KB of records in each. */
static void produce_ask(struct guest *g, uint32_t partitions)
{
    REQUEST(produce, ask);
    struct bytes batch = guest_packed(200, 1000, 0, 4, false);
    struct kafka_produce_request_partition_data parts[PARTS];
    struct kafka_produce_request_topic_data topic = { .name = text_bytes("t") };
    for (uint32_t i = 0; i < partitions; i++)
        parts[i] = (struct kafka_produce_request_partition_data){ (int32_t)i, batch };
    topic.partition_data.at = parts;
    topic.partition_data.count = partitions;
    ask.acks = -1;
    ask.topic_data.at = &topic;
    ask.topic_data.count = 1;
    guest_ask(g, KEY(produce), 8, &ask);
}

/* The error of the first partition; -1: no answer. */
static int16_t produced(struct guest *g)
{
    RESPONSE(produce, tell);
    if (!guest_answer(g, SEC_NS, KEY(produce), 8, &tell))
        return -1;
    return tell.responses.at[0].partition_responses.at[0].error_code;
}

TEST(r0233, connections_take_turns)
{
    begin();
    produce_ask(&greedy, PARTS);
    produce_ask(&other, 1);
    helper_run(helper);
    EXPECT_EQ(produced(&other), KAFKA_NONE);
    EXPECT_EQ(produced(&greedy), -1);
    for (uint32_t i = 1; i < PARTS; i++) {
        helper_run(helper);
        node_pass(&inn.node, MS_NS);
    }
    EXPECT_EQ(produced(&greedy), KAFKA_NONE);
    end();
}

TEST(r0233, too_large_is_not_unpacked)
{
    begin();
    EXPECT_OK(node_alter(&inn.node, "t", "max.message.bytes", "100"));
    produce_ask(&other, 1);
    EXPECT_EQ(produced(&other), KAFKA_MESSAGE_TOO_LARGE);
    helper_run(helper);
    end();
}
