/* Hello named the cluster 0, although each store has had the id since its first start. Goal: hello
 * tells an id that is not zero and stays the same over starts. Method: two starts on one disk. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

static struct id16 cluster_told(void)
{
    struct hello_request hello = peer_hello(SHARD_ANY);
    struct peer p;
    peer_connect(&p);
    peer_ask(&p, VERB_HELLO, NO_TOPIC, 0, &hello);
    struct id16 id = peer_expect(&p, VERB_HELLO, ERR_OK).hello_answer.cluster;
    peer_close(&p);
    return id;
}

TEST(r0091, hello_names_the_cluster)
{
    broker_start(91, 1, NULL);
    struct id16 first = cluster_told(), again = serve_cluster(world.node.serve);
    EXPECT(!id16_zero(first));
    EXPECT(id16_equal(first, again));
    node_stop(&world.node);
    world.node.fronts = NULL;
    world.node.front_count = 0;
    EXPECT_EQ(node_start(&world.node, NULL), SERVE_READY);
    EXPECT(id16_equal(first, serve_cluster(world.node.serve)));
    broker_end();
}
