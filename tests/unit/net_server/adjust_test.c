/* adjust_test.c -- new values reach the shards of a running broker, and connections that are open.
 */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

TEST(adjust, times_partitions_and_connections)
{
    /* Goal: a shorter idle time ends who is idle already; topics without a number get the new one;
     * the new limit of connections holds. Method: one peer that is idle, one that goes on. */
    struct frame f;
    union payload out;
    struct peer idle, busy, more;
    struct door_opts o = { .idle_ns = 3600 * SEC_NS };
    broker_start(21, 2, &o);
    peer_open(&idle);
    peer_open(&busy);
    node_pass(&world.node, 60 * SEC_NS);
    EXPECT(!idle.ended);
    peer_ping(&busy);
    o = (struct door_opts){
        .shards = 2, .idle_ns = 5 * SEC_NS, .partitions_default = 3, .connections_max = 1
    };
    door_adjust(world.door, world.node.serve, &o);
    peer_ping(&busy);
    struct create_request create = { .name = text_of("t") };
    peer_ask(&busy, VERB_CREATE, NO_TOPIC, 0, &create);
    EXPECT_EQ(peer_expect(&busy, VERB_CREATE, ERR_OK).create_answer.partitions, 3);
    EXPECT(peer_answer(&idle, 10 * SEC_NS, &f, &out) && f.verb == VERB_CLOSE);
    EXPECT_ERR(out.error.code, ERR_TIMEOUT);
    peer_ping(&busy);
    peer_close(&idle);
    peer_connect(&more);
    EXPECT(peer_answer(&more, SEC_NS, &f, &out) && f.verb == VERB_CLOSE);
    peer_close(&more);
    peer_close(&busy);
    broker_end();
}
