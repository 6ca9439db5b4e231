/* An answer to `topics` whose connection was cut meanwhile was freed with its request, and then the
 * list in it was freed out of the freed request. Goal: what an answer frees, it knows by itself.
 * Method: the metadata's shard does not turn while a connection of another one asks and is cut;
 * ASan sees the rest. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

static void pass_without_metadata(uint64_t ns)
{
    uint64_t until = sim_now_ns(world.node.sim) + ns;
    while (sim_now_ns(world.node.sim) < until)
        if (!(serve_turn(world.node.serve, 1, SEC_NS) + world.node.beside()))
            (void)sim_step(world.node.sim, until);
}

TEST(r0183, cut_before_topics)
{
    static uint8_t at[1024];
    struct peer p;
    struct frame f;
    union payload out;
    struct hello_request hello = peer_hello(1);
    struct topics_request ask = { .count_max = 0 };
    broker_start(1, 2, NULL);
    peer_open(&p);
    (void)peer_topic(&p, "a-topic", 1);
    peer_close(&p);
    peer_connect(&p);
    peer_ask(&p, VERB_HELLO, NO_TOPIC, 0, &hello);
    EXPECT(peer_answer(&p, SEC_NS, &f, &out));
    size_t len = peer_make(&p, at, sizeof(at), VERB_TOPICS, NO_TOPIC, 0, &ask);
    peer_put_start(&p, at, len);
    pass_without_metadata(10 * MS_NS);
    EXPECT(broker_figure(METRIC_REQUESTS) == 1 && !p.send.busy);
    sim_chances(world.node.sim, &(struct sim_opts){ .cut_per_million = 1000000 });
    peer_put_start(&p, at, len);
    pass_without_metadata(10 * MS_NS);
    sim_chances(world.node.sim, &(struct sim_opts){ 0 });
    EXPECT(p.ended && broker_figure(METRIC_REQUESTS) == 1);
    peer_close(&p);
    broker_end();
}
