/* Connections that waited for memory moved what they had received into memory of their own, up to
 * the last byte of it: in the end all was held by those who waited, nothing was under way, and no
 * request began until connection.idle had ended them. Goal: whoever waits holds little of it, and
 * every request ends. Method: more clients than memory has receive buffers, each with a buffer full
 * of appends, at a disk that stands still and then is slow. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

enum { PEERS = 96, APPENDS = 8, MEMORY = KIB(256) };
static struct peer peers[PEERS];
static uint8_t asked[PEERS][KIB(256)];

static void appends_put(struct peer *p, uint8_t *at, struct id16 topic)
{
    struct append_request ask = { .durability = 3, .batch = peer_batch(30000) };
    size_t len = 0;
    for (uint32_t i = 0; i < APPENDS; i++)
        len += peer_make(p, at + len, KIB(256) - len, VERB_APPEND, topic, 0, &ask);
    peer_put_start(p, at, len);
}

static uint32_t appends_answered(struct peer *p, uint64_t ns)
{
    struct frame f;
    union payload out;
    uint32_t ok = 0;
    while (ok < APPENDS && peer_answer(p, ns, &f, &out) && !frame_is_error(&f))
        ok++;
    return ok;
}

static uint32_t appends_ok(struct id16 topic)
{
    uint32_t ok = 0;
    for (uint32_t i = 0; i < PEERS; i++)
        appends_put(&peers[i], asked[i], topic);
    node_pass(&world.node, 5 * SEC_NS);
    EXPECT(memory_short(&world.door->desks[0]));
    EXPECT(world.door->desks[0].rest_used <= MEMORY / 16);
    sim_chances(world.node.sim, &(struct sim_opts){ .slow_per_million = 500000 });
    for (uint32_t i = 0; i < PEERS; i++)
        ok += appends_answered(&peers[i], 60 * SEC_NS);
    return ok;
}

TEST(r0190, all_memory_is_of_who_waits)
{
    broker_start(190, 1, &(struct door_opts){ .memory_bytes = MEMORY });
    for (uint32_t i = 0; i < PEERS; i++)
        peer_open(&peers[i]);
    struct id16 topic = peer_topic(&peers[0], "t", 1);
    sim_chances(world.node.sim, &(struct sim_opts){ .stuck_per_million = 1000000 });
    EXPECT_EQ(appends_ok(topic), PEERS * APPENDS);
    sim_chances(world.node.sim, &(struct sim_opts){ 0 });
    for (uint32_t i = 0; i < PEERS; i++)
        peer_close(&peers[i]);
    broker_end();
}
