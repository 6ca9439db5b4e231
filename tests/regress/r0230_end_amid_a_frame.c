/* A connection that was to end in order (the broker stops, the peer has said its last) was cut as
 * soon as more of a half received frame came: answers to what had been asked before were lost, also
 * those of records that were kept. Goal: they go out; the rest of the frame is passed over. Method:
 * appends at a disk that stands still, a piece of another frame behind them, the end, and then more
 * of that frame, or nothing; the frame has memory of its own, or goes on in the receive buffer. */
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

enum { APPENDS = 4, HALF = KIB(10), LARGE = MIB(3), SMALL = IO_RECV_BUFFER_BYTES };
static struct peer p;

static void appends_put(struct id16 topic)
{
    struct append_request ask = { .durability = 3, .batch = peer_batch(1000) };
    for (uint32_t i = 0; i < APPENDS; i++)
        peer_ask(&p, VERB_APPEND, topic, 0, &ask);
}

/* The head of an append of so many bytes, and the first of them. */
static void half_put(struct id16 topic, uint32_t bytes)
{
    static uint8_t at[FRAME_HEADER_BYTES + HALF];
    struct frame f = { .version = FRAME_VERSION, .verb = VERB_APPEND, .topic = topic };
    f.payload_bytes = bytes;
    frame_encode(&f, at);
    peer_put(&p, at, sizeof(at));
}

static void begin(uint32_t bytes)
{
    broker_start(230, 1, NULL);
    peer_open(&p);
    struct id16 topic = peer_topic(&p, "t", 1);
    sim_chances(world.node.sim, &(struct sim_opts){ .stuck_per_million = 1000000 });
    appends_put(topic);
    node_pass(&world.node, 25 * SEC_NS); /* of 30; a stop waits for 10 */
    half_put(topic, bytes);
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

/* `more` of the frame come after the stop. */
static void broker_stops(uint32_t bytes, uint32_t more)
{
    static const uint8_t at[MIB(1)];
    begin(bytes);
    serve_stop(world.node.serve);
    node_pass(&world.node, 100 * MS_NS);
    peer_put_start(&p, at, more);
    EXPECT_EQ(answered(), APPENDS);
    peer_close(&p);
    broker_end();
}

static void peer_ends(uint32_t bytes)
{
    begin(bytes);
    io_send_end(world.io, p.fd);
    EXPECT_EQ(answered(), APPENDS);
    peer_close(&p);
    broker_end();
}

TEST(r0230, the_broker_stops_amid_a_frame)
{
    broker_stops(LARGE, MIB(1));
    broker_stops(SMALL, SMALL - HALF);
    broker_stops(SMALL, KIB(1));
}

TEST(r0230, the_peer_ends_amid_a_frame)
{
    peer_ends(LARGE);
    peer_ends(SMALL);
}
