/* An offset was committed for a partition that the topic does not have, and kept: the group's lag
 * had a row that nobody could read. Goal: such a row is UNKNOWN_TOPIC_OR_PARTITION, as in Kafka,
 * its neighbours are committed, and nothing of it is fetched. OffsetDelete says the same. */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g;

static void committed(void)
{
    struct kafka_offset_commit_request_partition parts[3];
    struct kafka_offset_commit_request_topic topic;
    REQUEST(offset_commit, ask);
    RESPONSE(offset_commit, tell);
    kafka_unset(kafka_offset_commit_request_topic_shape(), &topic);
    for (int32_t i = 0; i < 3; i++) {
        kafka_unset(kafka_offset_commit_request_partition_shape(), &parts[i]);
        parts[i].partition_index = i - 1; /* -1, 0, and behind the last */
        parts[i].committed_offset = 5;
        parts[i].committed_metadata = text_bytes("");
    }
    topic.name = text_bytes("t");
    topic.partitions.at = parts;
    topic.partitions.count = 3;
    ask.group_id = text_bytes("g");
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(offset_commit), 5, &ask, &tell);
    REQUIRE(EXPECT_EQ(tell.topics.count, 1) && EXPECT_EQ(tell.topics.at[0].partitions.count, 3));
    EXPECT_EQ(tell.topics.at[0].partitions.at[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(tell.topics.at[0].partitions.at[1].error_code, KAFKA_NONE);
    EXPECT_EQ(tell.topics.at[0].partitions.at[2].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
}

static void forgotten(void)
{
    struct kafka_offset_delete_request_partition part = { .partition_index = 1 };
    struct kafka_offset_delete_request_topic topic = { .name = text_bytes("t") };
    REQUEST(offset_delete, ask);
    RESPONSE(offset_delete, tell);
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.group_id = text_bytes("g");
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(offset_delete), 0, &ask, &tell);
    REQUIRE(EXPECT_EQ(tell.topics.count, 1));
    EXPECT_EQ(tell.topics.at[0].partitions.at[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
}

TEST(r0193, offsets_of_no_partition)
{
    inn_open(193, 1, NULL);
    guest_open(&g);
    guest_topic(&g, "t", 1);
    committed();
    forgotten();
    REQUEST(offset_fetch, ask);
    RESPONSE(offset_fetch, tell);
    ask.group_id = text_bytes("g");
    ask.topics.at = NULL; /* all of them */
    guest_call(&g, KEY(offset_fetch), 5, &ask, &tell);
    REQUIRE(EXPECT_EQ(tell.topics.count, 1));
    EXPECT_EQ(tell.topics.at[0].partitions.count, 1);
    EXPECT_EQ(tell.topics.at[0].partitions.at[0].partition_index, 0);
    guest_close(&g);
    inn_close();
}
