/* A connection that was to end in order (the broker stops, the peer has said its last) was cut as
 * soon as more of a half received frame came: answers to what had been asked before were lost, also
 * those of records that were kept. Goal: they go out; the rest of the frame is passed over. Method:
 * appends at a disk that stands still, a piece of another frame behind them, the end, and then more
 * of that frame, or nothing. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

enum { APPENDS = 4, MORE = MIB(1) };
static struct peer p;

static void appends_put(struct id16 topic)
{
    struct append_request ask = { .durability = 3, .batch = peer_batch(1000) };
    for (uint32_t i = 0; i < APPENDS; i++)
        peer_ask(&p, VERB_APPEND, topic, 0, &ask);
}

/* The head of an append of 3 MiB, and the first of them. */
static void half_put(struct id16 topic)
{
    static uint8_t at[FRAME_HEADER_BYTES + KIB(10)];
    struct frame f = { .version = FRAME_VERSION, .verb = VERB_APPEND, .topic = topic };
    f.payload_bytes = MIB(3);
    frame_encode(&f, at);
    peer_put(&p, at, sizeof(at));
}

static void begin(void)
{
    broker_start(230, 1, NULL);
    peer_open(&p);
    struct id16 topic = peer_topic(&p, "t", 1);
    sim_chances(world.node.sim, &(struct sim_opts){ .stuck_per_million = 1000000 });
    appends_put(topic);
    node_pass(&world.node, 25 * SEC_NS); /* of 30; a stop waits for 10 */
    half_put(topic);
    node_pass(&world.node, 100 * MS_NS);
    EXPECT_EQ(broker_figure(METRIC_REQUESTS), APPENDS);
    sim_chances(world.node.sim, &(struct sim_opts){ 0 });
}

static uint32_t answered(void)
{
    struct frame f;
    union payload out;
    uint32_t ok = 0;
    while (peer_answer(&p, 60 * SEC_NS, &f, &out) && f.verb == VERB_APPEND && !frame_is_error(&f))
        ok++;
    return ok;
}

TEST(r0230, the_broker_stops_amid_a_frame)
{
    static const uint8_t more[MORE];
    begin();
    serve_stop(world.node.serve);
    node_pass(&world.node, 100 * MS_NS);
    peer_put_start(&p, more, MORE);
    EXPECT_EQ(answered(), APPENDS);
    peer_close(&p);
    broker_end();
}

TEST(r0230, the_peer_ends_amid_a_frame)
{
    begin();
    io_send_end(world.io, p.fd);
    EXPECT_EQ(answered(), APPENDS);
    peer_close(&p);
    broker_end();
}
