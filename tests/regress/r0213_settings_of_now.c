/* What a shard had heard of a topic held until the topic failed there: settings that were altered
 * over another connection were not looked at, and of topics that were deleted the shard remembered
 * everything. Goal: settings hold for every client from the answer on; nothing of a deleted topic
 * stays. Method: two shards, clients whose connections lie on both. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define GUESTS 8u
#define HOUR   (3600 * 1000ll)

static struct guest guests[GUESTS];

static void begin(uint64_t seed)
{
    inn_open(seed, 2, NULL);
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_open(&guests[i]);
}

static void end(void)
{
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_close(&guests[i]);
    inn_close();
}

static void produced(int64_t time_ms, enum kafka_error want)
{
    for (uint32_t i = 0; i < GUESTS; i++)
        EXPECT_EQ(guest_produce(&guests[i], 8, "t", 0, guest_batch(1, 20, time_ms)).error_code,
                  want);
}

TEST(r0213, settings_of_now)
{
    begin(213);
    guest_topic(&guests[0], "t", 1);
    int64_t soon_ms = io_wall_ms(serve_shard(inn.node.serve, 0)->io) + 5 * HOUR;
    produced(soon_ms, KAFKA_INVALID_TIMESTAMP);
    EXPECT_OK(node_alter(&inn.node, "t", "message.timestamp.after.max.ms", "36000000"));
    produced(soon_ms, KAFKA_NONE);
    EXPECT_OK(node_alter(&inn.node, "t", "message.timestamp.after.max.ms", "1000"));
    produced(soon_ms, KAFKA_INVALID_TIMESTAMP);
    end();
}

static void looked_up(struct guest *g, const char *name)
{
    REQUEST(metadata, ask);
    RESPONSE(metadata, tell);
    struct kafka_metadata_request_topic topic = { .name = text_bytes(name) };
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(g, KEY(metadata), 8, &ask, &tell);
    EXPECT(tell.topics.count == 1 && tell.topics.at[0].error_code == KAFKA_NONE);
}

TEST(r0213, deleted_topics_are_forgotten)
{
    begin(2130);
    guest_topic(&guests[0], "stays", 1);
    for (uint32_t n = 0; n < 40; n++) {
        char name[16];
        snprintf(name, sizeof(name), "t%u", n);
        guest_topic(&guests[0], name, 3);
        for (uint32_t i = 0; i < GUESTS; i++)
            looked_up(&guests[i], name);
        EXPECT_OK(node_delete(&inn.node, name));
    }
    for (uint32_t i = 0; i < GUESTS; i++)
        looked_up(&guests[i], "stays");
    for (uint32_t i = 0; i < 2; i++) {
        const struct desk_kafka *d = inn.door->desks[i].own[0];
        EXPECT(d->names.count <= 1);
        EXPECT(d->ids.count <= 1);
    }
    end();
}
