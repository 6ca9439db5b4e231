/* A heartbeat that came while the coordinator read its log was told so, with an error that clients
 * do not know there: Java's consumer ends with it. Kafka answers that all is well, and tells a sync
 * to join again. Goal: the same. Method: ask a node that has just become READY. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

static struct node_world w;

static enum group_err asked(enum group_verb verb)
{
    static struct verb_group v;
    bool done = false;
    v = (struct verb_group){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY } };
    v.ask = (struct group_request){ .verb = verb,
                                    .group = { (const uint8_t *)"g", 1 },
                                    .member = { (const uint8_t *)"m", 1 },
                                    .generation = 1 };
    serve_group(w.serve, &v);
    EXPECT(node_until(&w, &done));
    free(v.ask.block);
    return v.ask.err;
}

TEST(r0171, heartbeat_while_loading)
{
    static const struct {
        enum group_verb verb;
        enum group_err loading, later;
    } rows[] = {
        { GROUP_VERB_HEARTBEAT, GROUP_ERR_OK, GROUP_ERR_UNKNOWN_MEMBER },
        { GROUP_VERB_SYNC, GROUP_ERR_REBALANCE_IN_PROGRESS, GROUP_ERR_UNKNOWN_MEMBER },
        { GROUP_VERB_DESCRIBE, GROUP_ERR_LOADING, GROUP_ERR_NOT_FOUND },
    };
    node_open(&w, 171, 1, 1);
    w.groups = true;
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        REQUIRE(EXPECT_EQ(node_start(&w, NULL), SERVE_READY));
        EXPECT_EQ(asked(rows[i].verb), rows[i].loading);
        node_pass(&w, SEC_NS);
        EXPECT_EQ(asked(rows[i].verb), rows[i].later);
        node_stop(&w);
    }
    node_close(&w);
}
