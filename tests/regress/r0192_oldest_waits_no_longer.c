/* Of the small requests that waited for memory the youngest went on first: while more came than
 * there was memory for, the oldest never did. Goal: they begin in the order in which they came.
 * Method: memory for one append, one that is not all there (frames are larger than receive buffers,
 * so that it takes memory), and clients that come one after another. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

TEST(r0192, oldest_waits_no_longer)
{
    enum { PEERS = 6 };
    static struct peer peers[PEERS];
    static uint8_t at[PEERS][KIB(32)], last;
    broker_start_with(192, 1, &(struct door_opts){ .memory_bytes = KIB(40) }, KIB(16));
    for (uint32_t i = 0; i < PEERS; i++)
        peer_open(&peers[i]);
    struct id16 topic = peer_topic(&peers[0], "t", 1);
    struct append_request ask = { .durability = 3, .batch = peer_batch(20000) };
    for (uint32_t i = 0; i < PEERS; i++) {
        size_t len = peer_make(&peers[i], at[i], sizeof(at[i]), VERB_APPEND, topic, 0, &ask);
        last = i ? last : at[0][len - 1];
        peer_put_start(&peers[i], at[i], i ? len : len - 1);
        node_pass(&world.node, 100 * MS_NS);
    }
    EXPECT(memory_short(&world.door->desks[0]));
    peer_put(&peers[0], &last, 1);
    for (uint32_t i = 0; i < PEERS; i++)
        EXPECT_EQ(peer_expect(&peers[i], VERB_APPEND, ERR_OK).append_answer.base_offset, i);
    for (uint32_t i = 0; i < PEERS; i++)
        peer_close(&peers[i]);
    broker_end();
}
