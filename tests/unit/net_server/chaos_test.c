/* chaos_test.c -- clients that come, ask, and go at random, while connections are cut by chance.
 *
 * Goal: whatever is cut, the broker answers the others, keeps what it acknowledged, stops in order,
 * and has nothing left. Method: seeds; a few clients, each with at most one piece of requests on
 * its way; a stop at the end with all of it under way. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

#define PEERS 5u
#define STEPS 300u
#define SEEDS 40u
#define PARTS 3u

struct guest {
    struct peer peer;
    uint8_t out[KIB(16)]; /* what is being sent */
};
static struct guest guests[PEERS];
static struct id16 topic;
static uint64_t acked_off[PARTS]; /* above every acknowledged one */

static void guest_leave(struct guest *g)
{
    peer_close(&g->peer);
}

static void guest_come(struct guest *g, struct rng *rng)
{
    struct hello_request hello = peer_hello((uint32_t)rng_below(rng, world.node.shards));
    peer_connect(&g->peer);
    if (g->peer.connect.err != ERR_OK)
        return;
    size_t len = peer_make(&g->peer, g->out, sizeof(g->out), VERB_HELLO, NO_TOPIC, 0, &hello);
    peer_put_start(&g->peer, g->out, len);
}

static size_t guest_ask_one(struct guest *g, struct rng *rng, uint8_t *at, size_t cap)
{
    uint32_t part = (uint32_t)rng_below(rng, PARTS);
    struct append_request append = { .durability = (uint8_t)rng_below(rng, 4),
                                     .batch = peer_batch(rng_below(rng, 3000)) };
    struct fetch_request fetch = { .offset = rng_below(rng, acked_off[part] + 2),
                                   .bytes_max = (uint32_t)rng_below(rng, 100000),
                                   .bytes_min = (uint32_t)rng_below(rng, 2),
                                   .wait_ms = (uint32_t)rng_below(rng, 3000) };
    struct ping ping = { .bytes = text_of("ping") };
    switch (rng_below(rng, 3)) {
    case 0:
        return peer_make(&g->peer, at, cap, VERB_APPEND, topic, part, &append);
    case 1:
        return peer_make(&g->peer, at, cap, VERB_FETCH, topic, part, &fetch);
    default:
        return peer_make(&g->peer, at, cap, VERB_PING, NO_TOPIC, 0, &ping);
    }
}

static void guest_ask(struct guest *g, struct rng *rng)
{
    size_t len = 0;
    if (g->peer.send.busy || g->peer.ended)
        return;
    for (uint32_t i = 1 + (uint32_t)rng_below(rng, 4); i > 0; i--)
        len += guest_ask_one(g, rng, g->out + len, sizeof(g->out) - len);
    if (rng_chance(rng, 1, 20))
        g->out[rng_below(rng, len)] ^= 1;
    peer_put_start(&g->peer, g->out, rng_chance(rng, 1, 30) ? len - 1 : len);
}

static void guest_listen(struct guest *g)
{
    struct frame f;
    union payload out;
    while (peer_answer(&g->peer, 0, &f, &out)) {
        if (f.verb != VERB_APPEND || frame_is_error(&f))
            continue;
        acked_off[f.partition] = max_u64(acked_off[f.partition], out.append_answer.base_offset + 1);
    }
}

static void guest_step(struct guest *g, struct rng *rng)
{
    if (!g->peer.in)
        guest_come(g, rng);
    else if (g->peer.ended || rng_chance(rng, 1, 25))
        guest_leave(g);
    else
        guest_ask(g, rng);
    if (g->peer.in)
        guest_listen(g);
    node_pass(&world.node, rng_below(rng, 2 * MS_NS));
}

static void offsets_expect(void)
{
    struct peer p;
    peer_open(&p);
    for (uint32_t i = 0; i < PARTS; i++) {
        struct offsets_request latest = { .what = 1 };
        node_pass(&world.node, SEC_NS); /* all that is in memory is visible by then */
        peer_ask(&p, VERB_OFFSETS, topic, i, &latest);
        EXPECT(peer_expect(&p, VERB_OFFSETS, ERR_OK).offsets_answer.offset >= acked_off[i]);
    }
    peer_close(&p);
}

static void chaos(uint64_t seed)
{
    struct rng rng;
    struct peer p;
    rng_seed(&rng, seed);
    memset(acked_off, 0, sizeof(acked_off));
    broker_start(seed, 1 + (uint32_t)(seed % 3), &(struct door_opts){ .memory_bytes = MIB(1) });
    peer_open(&p);
    topic = peer_topic(&p, "t", PARTS);
    peer_close(&p);
    sim_chances(world.node.sim,
                &(struct sim_opts){ .cut_per_million = 3000, .short_per_million = 50000 });
    for (uint32_t i = 0; i < STEPS; i++)
        guest_step(&guests[rng_below(&rng, PEERS)], &rng);
    sim_chances(world.node.sim, &(struct sim_opts){ 0 });
    if (seed % 2)
        offsets_expect();
    serve_stop(world.node.serve);
    for (uint32_t i = 0; i < 30 && serve_state(world.node.serve, NULL, NULL) != SERVE_STOPPED; i++)
        node_pass(&world.node, SEC_NS);
    EXPECT_EQ(serve_state(world.node.serve, NULL, NULL), SERVE_STOPPED);
    for (uint32_t i = 0; i < PEERS; i++)
        guest_leave(&guests[i]);
    broker_end();
}

TEST(chaos, seeds)
{
    uint64_t acked = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        chaos(seed);
        for (uint32_t i = 0; i < PARTS; i++)
            acked += acked_off[i];
    }
    EXPECT(acked > 20 * SEEDS);
}
