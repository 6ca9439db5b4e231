/* Records whose time is -1 (Kafka: none) were 56 years old to retention: deleted seconds after they
 * were acknowledged. Goal: where no record has a time since 1970, age goes by when the log took
 * them. Method: a topic that keeps a minute, a record of time -1. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

/* Retention looks about once a second. */
static void seconds_pass(struct node_world *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        node_pass(w, SEC_NS);
}

TEST(r0181, records_without_time)
{
    struct node_world w;
    enum err err;
    struct place p;
    node_open(&w, 1, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    REQUIRE_OK(node_create(&w, "t", 1, "retention.ms", "60000"));
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    p = t->places[0];
    free(t);
    EXPECT_OK(node_append(&w, &p, "kept", -1, NULL));
    seconds_pass(&w, 30);
    EXPECT_EQ(node_part(&w, &p, &err).start_off, 0);
    EXPECT_STR(node_value(&w, &p, 0, &err), "kept");
    seconds_pass(&w, 60); /* and it does grow old */
    EXPECT_EQ(node_part(&w, &p, &err).start_off, 1);
    node_stop(&w);
    node_close(&w);
}
