/* An append of two batches, or of one with bytes behind it, was taken as one: the second one's
 * records never got an offset, readers went in a circle, and after a crash the store did not open
 * (CORRUPT), with all its partitions. Goal: BAD_BATCH, whoever looked at the bytes before, and
 * nothing is kept. Method: a good batch with another one, and with seven bytes, behind it. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

static enum err append(struct node_world *w, const struct place *p, struct bytes batch,
                       bool verified)
{
    bool done = false;
    struct verb_append v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                             .place = *p,
                             .batch = batch,
                             .verified = verified,
                             .count = 1 };
    serve_append(w->serve, &v);
    return node_until(w, &done) ? v.verb.err : ERR_DEAD;
}

TEST(r0180, bytes_behind_a_batch)
{
    struct node_world w;
    enum err err;
    struct batch_builder b;
    uint8_t at[512];
    struct batch_record r = { .time = 1, .value = { (const uint8_t *)"v", 1 } };
    node_open(&w, 1, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    REQUIRE_OK(node_create(&w, "t", 1, "retention.ms", "-1"));
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    batch_builder_open(&b, at, 256);
    REQUIRE_OK(batch_builder_add(&b, &r));
    size_t len = batch_builder_done(&b).len;
    memcpy(at + len, at, len);
    for (int verified = 0; verified < 2; verified++) {
        EXPECT_ERR(append(&w, t->places, (struct bytes){ at, 2 * len }, verified), ERR_BAD_BATCH);
        EXPECT_ERR(append(&w, t->places, (struct bytes){ at, len + 7 }, verified), ERR_BAD_BATCH);
    }
    EXPECT_OK(append(&w, t->places, (struct bytes){ at, len }, false));
    EXPECT_EQ(node_part(&w, t->places, &err).next_off, 1);
    node_crash(&w, SIM_KILL);
    EXPECT_EQ(node_start(&w, NULL), SERVE_READY);
    EXPECT_OK(append(&w, t->places, (struct bytes){ at, len }, true));
    node_stop(&w);
    free(t);
    node_close(&w);
}
