/* CreateTopics with assignments looked for each partition among all of them: one request could keep
 * a shard busy for minutes. Goal: one look, whatever their number. Method: more than a topic may
 * have, within seconds of the processor's time; and what is refused. */
#include <stdlib.h>
#include <time.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define MANY 131073u

static struct guest g;
static struct kafka_create_topics_request_assignment assignments[MANY];

static int16_t created(const char *name, uint32_t count)
{
    REQUEST(create_topics, ask);
    RESPONSE(create_topics, tell);
    struct kafka_create_topics_request_topic topic;
    kafka_unset(kafka_create_topics_request_topic_shape(), &topic);
    topic.name = text_bytes(name);
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    topic.assignments.at = assignments;
    topic.assignments.count = count;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(create_topics), 4, &ask, &tell);
    return tell.topics.count ? tell.topics.at[0].error_code : -1;
}

TEST(r0215, assigned_partitions)
{
    int32_t node = 1, other = 2;
    inn_open(215, 1, NULL);
    guest_open(&g);
    for (uint32_t i = 0; i < MANY; i++) {
        assignments[i].partition_index = (int32_t)(MANY - 1 - i);
        assignments[i].broker_ids.at = &node;
        assignments[i].broker_ids.count = 1;
    }
    clock_t begin = clock();
    EXPECT_EQ(created("many", MANY), KAFKA_INVALID_PARTITIONS);
    EXPECT((clock() - begin) / CLOCKS_PER_SEC < 3);
    EXPECT_EQ(created("few", 3), KAFKA_INVALID_REPLICA_ASSIGNMENT); /* not from 0 on */
    for (uint32_t i = 0; i < 3; i++)
        assignments[i].partition_index = (int32_t)(2 - i);
    assignments[0].broker_ids.at = &other;
    EXPECT_EQ(created("few", 3), KAFKA_INVALID_REPLICA_ASSIGNMENT);
    assignments[0].broker_ids.at = &node;
    EXPECT_EQ(created("few", 3), KAFKA_NONE);
    assignments[0].partition_index = 1; /* twice */
    EXPECT_EQ(created("again", 3), KAFKA_INVALID_REPLICA_ASSIGNMENT);
    assignments[0].partition_index = -1;
    EXPECT_EQ(created("below", 3), KAFKA_INVALID_REPLICA_ASSIGNMENT);
    guest_close(&g);
    inn_close();
}
