/* What a request named twice was done twice at once: the second delete or change of a topic was
 * answered with REQUEST_TIMED_OUT, and clients tried for ever. A name that collides with another
 * one was INVALID_PARTITIONS. Goal: as Kafka, which refuses all of the same name, and looks at a
 * topic's name and whether it is there before anything else. */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g;

static void begin(void)
{
    inn_open(199, 1, NULL);
    guest_open(&g);
    guest_topic(&g, "under_score", 1);
}

static void end(void)
{
    guest_close(&g);
    inn_close();
}

TEST(r0199, deleted_twice_in_a_request)
{
    struct bytes names[3] = { text_bytes("under_score"), text_bytes("x"),
                              text_bytes("under_score") };
    begin();
    REQUEST(delete_topics, ask);
    RESPONSE(delete_topics, tell);
    ask.topic_names.at = names;
    ask.topic_names.count = 3;
    guest_call(&g, KEY(delete_topics), 5, &ask, &tell);
    REQUIRE(EXPECT_EQ(tell.responses.count, 2));
    EXPECT_EQ(tell.responses.at[0].error_code, KAFKA_INVALID_REQUEST);
    EXPECT_EQ(tell.responses.at[1].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(guest_fetch(&g, "under_score", 0, 0, 0).error_code, KAFKA_NONE);
    end();
}

static int16_t created(const char *name, int32_t partitions, const char *setting)
{
    struct kafka_create_topics_request_config config = { .name = text_bytes(setting) };
    struct kafka_create_topics_request_topic topic;
    REQUEST(create_topics, ask);
    RESPONSE(create_topics, tell);
    kafka_unset(kafka_create_topics_request_topic_shape(), &topic);
    topic.name = text_bytes(name);
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    topic.configs.at = &config;
    topic.configs.count = setting ? 1 : 0;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(create_topics), 5, &ask, &tell);
    return EXPECT_EQ(tell.topics.count, 1) ? tell.topics.at[0].error_code : -1;
}

TEST(r0199, what_is_wrong_is_told_in_order)
{
    begin();
    EXPECT_EQ(created("under.score", 1, NULL), KAFKA_INVALID_TOPIC_EXCEPTION);
    EXPECT_EQ(created("a name", 0, "no.such"), KAFKA_INVALID_TOPIC_EXCEPTION);
    EXPECT_EQ(created("under_score", 0, "no.such"), KAFKA_TOPIC_ALREADY_EXISTS);
    EXPECT_EQ(created("t", 0, "no.such"), KAFKA_INVALID_CONFIG);
    EXPECT_EQ(created("t", 0, NULL), KAFKA_INVALID_PARTITIONS);
    EXPECT_EQ(created("t", 1, "retention.ms"), KAFKA_INVALID_CONFIG); /* without a value */
    EXPECT_EQ(created("t", 1, NULL), KAFKA_NONE);
    end();
}
