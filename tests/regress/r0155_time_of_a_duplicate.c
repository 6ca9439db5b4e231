/* A batch that was sent again to a topic with LogAppendTime was answered with the time at which it
 * got its place; its records have the time at which it came, which is earlier if it had to wait.
 * Goal: the answer is what the records have, as in Kafka. Method: a restart leaves the tail on a
 * slow disk, so the first append waits for it; the batch comes again, also after a power cut. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

static struct node_world w;
static struct place place;
static uint8_t room[512];

/* A batch of one record by a producer; sent again it is the same. */
static struct verb_append sent(int32_t sequence)
{
    bool done = false;
    struct batch_builder b;
    struct batch_record r = { .time = 1000, .value = { (const uint8_t *)"v", 1 } };
    batch_builder_open(&b, room, sizeof(room));
    b.producer_id = 7;
    b.producer_epoch = 0;
    b.base_sequence = sequence;
    EXPECT_OK(batch_builder_add(&b, &r));
    struct verb_append v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                             .place = place,
                             .batch = batch_builder_done(&b) };
    serve_append(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_OK(v.verb.err);
    return v;
}

TEST(r0155, time_of_a_duplicate)
{
    enum err err;
    node_open(&w, 155, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    REQUIRE_OK(node_create(&w, "t", 1, "message.timestamp.type", "LogAppendTime"));
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    place = t->places[0];
    EXPECT(!sent(0).duplicate);
    node_stop(&w);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    sim_chances(w.sim, &(struct sim_opts){ .slow_per_million = 1000000 });
    struct verb_append first = sent(1);
    EXPECT(!first.duplicate);
    EXPECT_EQ(node_part(&w, &place, &err).max_time, first.append_ms);
    for (uint32_t i = 0; i < 2; i++) {
        struct verb_append again = sent(1);
        EXPECT(again.duplicate);
        EXPECT_EQ(again.base_off, first.base_off);
        EXPECT_EQ(again.append_ms, first.append_ms);
        if (i == 0)
            node_crash(&w, SIM_POWER);
        if (i == 0)
            REQUIRE(node_start(&w, NULL) == SERVE_READY);
    }
    free(t);
    node_stop(&w);
    node_close(&w);
}
