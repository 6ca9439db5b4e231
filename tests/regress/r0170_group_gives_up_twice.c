/* A connection that is told to close, and then cut, gives up its join twice. When the first time
 * had been answered and was on its way home, the second one ended the program. Goal: again is fine.
 * Method: a letter that gives up, behind the one of the first giving up. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

static struct node_world w;
static struct verb_group joins[2];
static bool done[2];
static uint32_t given_up;

static void give_up_again(struct letter *l, struct shard *at)
{
    (void)l, (void)at;
    if (done[1])
        return;
    serve_group_give_up(&joins[1]);
    given_up++;
}

/* The second letter lies behind that of the first giving up. */
static void give_up(struct letter *l, struct shard *at)
{
    static struct letter again = { .open = give_up_again };
    (void)l;
    serve_group_give_up(&joins[1]);
    given_up++;
    shard_post(at, &again);
}

static void join(uint32_t i)
{
    static const struct group_protocol range = { { (const uint8_t *)"range", 5 },
                                                 { (const uint8_t *)"meta", 4 } };
    joins[i] = (struct verb_group){ .verb = { .done = node_done, .arg = &done[i], .home = 0 } };
    joins[i].ask = (struct group_request){ .verb = GROUP_VERB_JOIN,
                                           .group = { (const uint8_t *)"g", 1 },
                                           .member = { (const uint8_t *)"", 0 },
                                           .timeout_ms = 60000,
                                           .rebalance_ms = 60000,
                                           .protocol_type = { (const uint8_t *)"consumer", 8 },
                                           .protocols = &range,
                                           .protocol_count = 1 };
    done[i] = false;
    serve_group(w.serve, &joins[i]);
}

TEST(r0170, group_gives_up_twice)
{
    static struct letter letter = { .open = give_up };
    node_open(&w, 170, 1, 1);
    w.groups = true;
    w.group.delay_ms = -1;
    REQUIRE(EXPECT_EQ(node_start(&w, NULL), SERVE_READY));
    node_pass(&w, SEC_NS);
    join(0);
    node_pass(&w, SEC_NS);
    EXPECT(done[0]);
    EXPECT_EQ(joins[0].ask.err, GROUP_ERR_OK);
    join(1); /* waits for the first one */
    node_pass(&w, SEC_NS);
    EXPECT(!done[1]);
    shard_post(serve_shard(w.serve, 0), &letter);
    node_pass(&w, SEC_NS);
    EXPECT(done[1]);
    EXPECT_EQ(given_up, 2);
    EXPECT_EQ(joins[1].ask.err, GROUP_ERR_UNAVAILABLE);
    node_close(&w);
    free(joins[0].ask.block);
}
