/* Three answers that left a client wrong: a fetch behind an epoch that the log does not know was
 * answered with nothing, again and again; offsets were kept of partitions that a topic does not
 * have; a name that collides with another one was INVALID_PARTITIONS. Goal: Kafka's answers. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g;

static int16_t fetched(int32_t last_epoch)
{
    REQUEST(fetch, ask);
    RESPONSE(fetch, tell);
    struct kafka_fetch_request_partition part;
    struct kafka_fetch_request_topic topic;
    kafka_unset(kafka_fetch_request_partition_shape(), &part);
    kafka_unset(kafka_fetch_request_topic_shape(), &topic);
    part.fetch_offset = 100;
    part.last_fetched_epoch = last_epoch;
    part.partition_max_bytes = 1000;
    topic.topic = text_bytes("a.b");
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.max_bytes = 1000;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(fetch), 12, &ask, &tell);
    return tell.responses.count ? tell.responses.at[0].partitions.at[0].error_code : -1;
}

static int16_t committed(int32_t partition)
{
    REQUEST(offset_commit, ask);
    RESPONSE(offset_commit, tell);
    struct kafka_offset_commit_request_partition part;
    struct kafka_offset_commit_request_topic topic = { .name = text_bytes("a.b") };
    kafka_unset(kafka_offset_commit_request_partition_shape(), &part);
    part.partition_index = partition;
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.group_id = text_bytes("g");
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(offset_commit), 8, &ask, &tell);
    return tell.topics.count ? tell.topics.at[0].partitions.at[0].error_code : -1;
}

static int16_t created(const char *name)
{
    REQUEST(create_topics, ask);
    RESPONSE(create_topics, tell);
    struct kafka_create_topics_request_topic topic;
    kafka_unset(kafka_create_topics_request_topic_shape(), &topic);
    topic.name = text_bytes(name);
    topic.num_partitions = topic.replication_factor = 1;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(create_topics), 5, &ask, &tell);
    return tell.topics.count ? tell.topics.at[0].error_code : -1;
}

TEST(r0218, answers_as_kafka)
{
    inn_open(218, 1, NULL);
    node_pass(&inn.node, SEC_NS); /* coordinators have read their logs */
    guest_open(&g);
    EXPECT_EQ(created("a.b"), KAFKA_NONE);
    EXPECT_EQ(created("a_b"), KAFKA_INVALID_TOPIC_EXCEPTION);
    EXPECT_EQ(fetched(99), KAFKA_OFFSET_OUT_OF_RANGE);
    EXPECT_EQ(fetched(0), KAFKA_OFFSET_OUT_OF_RANGE); /* an epoch before, and nothing in the log */
    EXPECT_EQ(committed(0), KAFKA_NONE);
    EXPECT_EQ(committed(1), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    guest_close(&g);
    inn_close();
}
