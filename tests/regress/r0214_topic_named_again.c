/* A request that named one topic thousands of times asked for it as often, with the places of all
 * of its partitions each time, in no budget: one of 50 KB took gigabytes. Goal: it is asked for
 * once, and what that takes is counted. Method: how many questions are open at a time. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define COUNT 2000u

static struct guest g;
static uint32_t most;
static uint32_t (*beside)(void);

static uint32_t look(void)
{
    const struct desk_kafka *d = inn.door->desks[0].own[0];
    uint32_t asks = 0;
    list_each (&d->asks, n)
        asks++;
    most = asks > most ? asks : most;
    return beside();
}

static void described(uint32_t count)
{
    static struct kafka_describe_configs_request_resource rows[COUNT];
    struct bytes key = text_bytes("retention.ms");
    REQUEST(describe_configs, ask);
    RESPONSE(describe_configs, tell);
    for (uint32_t i = 0; i < count; i++) {
        rows[i].resource_type = 2;
        rows[i].resource_name = text_bytes("t");
        rows[i].configuration_keys.at = &key;
        rows[i].configuration_keys.count = 1;
    }
    ask.resources.at = rows;
    ask.resources.count = count;
    guest_call(&g, KEY(describe_configs), 2, &ask, &tell);
    EXPECT_EQ(tell.results.count, count);
    for (uint32_t i = 0; i < tell.results.count; i++)
        EXPECT_EQ(tell.results.at[i].error_code, KAFKA_NONE);
}

/* Metadata tells of a topic once, however often it is named. */
static void metadata(uint32_t count)
{
    static struct kafka_metadata_request_topic topics[COUNT];
    REQUEST(metadata, ask);
    RESPONSE(metadata, tell);
    for (uint32_t i = 0; i < count; i++)
        topics[i] = (struct kafka_metadata_request_topic){ .name = text_bytes("t") };
    ask.topics.at = topics;
    ask.topics.count = count;
    ask.allow_auto_topic_creation = false;
    guest_call(&g, KEY(metadata), 8, &ask, &tell);
    REQUIRE(EXPECT_EQ(tell.topics.count, 1));
    EXPECT_EQ(tell.topics.at[0].error_code, KAFKA_NONE);
}

TEST(r0214, topic_named_again)
{
    inn_open(214, 1, NULL);
    guest_open(&g);
    beside = inn.node.beside;
    inn.node.beside = look;
    EXPECT_OK(node_create(&inn.node, "t", 1, NULL, NULL));
    most = 0;
    described(COUNT);
    metadata(COUNT);
    EXPECT_EQ(most, 1);
    inn.node.beside = beside;
    guest_close(&g);
    inn_close();
}
