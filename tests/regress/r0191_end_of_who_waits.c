/* A connection that waited for memory in the buffer that it had received into, and was closed then
 * (the broker stops, it was idle), received over it: the buffer was never given back. Goal: all
 * buffers are back when the broker is closed; the io checks that. Method: more clients than there
 * is memory for, as long as another one is half received (frames are larger than receive buffers,
 * so that it takes memory), and a stop. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

TEST(r0191, end_of_who_waits)
{
    enum { PEERS = 12 };
    static struct peer peers[PEERS];
    static uint8_t at[PEERS][KIB(32)];
    broker_start_with(191, 1, &(struct door_opts){ .memory_bytes = KIB(40) }, KIB(16));
    for (uint32_t i = 0; i < PEERS; i++)
        peer_open(&peers[i]);
    struct id16 topic = peer_topic(&peers[0], "t", 1);
    struct append_request ask = { .durability = 3, .batch = peer_batch(20000) };
    for (uint32_t i = 0; i < PEERS; i++) {
        size_t len = peer_make(&peers[i], at[i], sizeof(at[i]), VERB_APPEND, topic, 0, &ask);
        peer_put_start(&peers[i], at[i], i ? len : len - 1);
        node_pass(&world.node, 100 * MS_NS);
    }
    EXPECT(memory_short(&world.door->desks[0]));
    serve_stop(world.node.serve);
    node_pass(&world.node, 60 * SEC_NS);
    for (uint32_t i = 0; i < PEERS; i++)
        peer_close(&peers[i]);
    broker_end();
}
