/* front_test.c -- fronts: open with READY on each shard, closed before the desks stop. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

#define SHARDS 3u

static struct node_world w;

/* A front of one fetch that waits, and of one append that it starts when it is told to close. */
struct tiny {
    uint32_t opened, closed, turns;
    struct serve *serve;
    struct shard *at;
    struct verb_fetch fetch;
    struct verb_append append;
    bool fetched, appended;
};
static struct tiny tiny[SHARDS];
static struct place place;
static uint8_t batch[256];
static struct bytes batch_bytes;

static void tiny_open(void *arg, struct serve *s, struct shard *at)
{
    struct tiny *t = &tiny[at->number];
    EXPECT(arg == tiny && shard_current() == at);
    t->opened++;
    t->serve = s;
    t->at = at;
}

static void tiny_turn(void *arg, struct shard *at)
{
    (void)arg;
    tiny[at->number].turns++;
}

static void tiny_append_done(struct verb *v)
{
    struct tiny *t = v->arg;
    EXPECT(shard_current() == t->at);
    EXPECT_OK(v->err);
    t->appended = true;
    serve_front_closed(t->at);
}

/* What a front has under way is done, although the instance stops. */
static void tiny_close(void *arg, struct shard *at)
{
    struct tiny *t = &tiny[at->number];
    (void)arg;
    t->closed++;
    t->append = (struct verb_append){
        .verb = { .done = tiny_append_done, .arg = t, .home = at->number },
        .place = place,
        .batch = batch_bytes,
    };
    serve_append(t->serve, &t->append);
}

static void tiny_fetch_done(struct verb *v)
{
    struct tiny *t = v->arg;
    EXPECT_ERR(v->err, ERR_CLOSED);
    t->fetched = true;
}

static const struct serve_front front = {
    .arg = tiny, .open = tiny_open, .turn = tiny_turn, .close = tiny_close
};

static void world_open(void)
{
    memset(tiny, 0, sizeof(tiny));
    node_open(&w, 5, 1, SHARDS);
    w.fronts = &front;
    w.front_count = 1;
}

static void batch_make(void)
{
    struct batch_builder b;
    batch_builder_open(&b, batch, sizeof(batch));
    struct batch_record r = { .value = { (const uint8_t *)"v", 1 }, .time = 1700000000000 };
    REQUIRE(batch_builder_add(&b, &r) == ERR_OK);
    batch_bytes = batch_builder_done(&b);
}

TEST(front, drains)
{
    /* Goal: a stop ends fetches that wait, lets a front finish appends to any shard, and stops the
     * desks only after the last front. */
    world_open();
    batch_make();
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    node_pass(&w, MS_NS);
    REQUIRE(node_create(&w, "t", 1, NULL, NULL) == ERR_OK);
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    place = t->places[0];
    free(t);
    for (uint32_t i = 0; i < SHARDS; i++) {
        EXPECT_EQ(tiny[i].opened, 1);
        EXPECT(tiny[i].turns > 0);
        tiny[i].fetch = (struct verb_fetch){
            .verb = { .done = tiny_fetch_done, .arg = &tiny[i], .home = i },
            .place = place,
            .bytes_max = 4096,
            .bytes_min = 1,
            .wait_ns = 100 * SEC_NS,
        };
        serve_fetch(w.serve, &tiny[i].fetch);
    }
    node_pass(&w, MS_NS);
    node_stop(&w);
    for (uint32_t i = 0; i < SHARDS; i++) {
        EXPECT_EQ(tiny[i].closed, 1);
        EXPECT(tiny[i].fetched && tiny[i].appended);
    }
    w.front_count = 0;
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    enum err err;
    EXPECT_EQ(node_part(&w, &place, &err).visible_off, SHARDS);
    node_stop(&w);
    node_close(&w);
}

TEST(front, stop_while_starting)
{
    /* Goal: an instance that is stopped before it is ready never opens a front. */
    world_open();
    enum err err = ERR_OK;
    struct serve_opts opts = { .dirs = w.dirs,
                               .dir_count = 1,
                               .shards = SHARDS,
                               .io = { .node = w.machine },
                               .fronts = &front,
                               .front_count = 1 };
    REQUIRE(serve_open(&w.serve, &opts, NULL) == ERR_OK);
    serve_turn(w.serve, 0, 0);
    serve_stop(w.serve);
    bool stopped = false;
    for (uint32_t i = 0; i < 1000000 && !stopped; i++) {
        for (uint32_t k = 0; k < SHARDS; k++)
            serve_turn(w.serve, k, SEC_NS);
        sim_step(w.sim, UINT64_MAX);
        stopped = serve_state(w.serve, &err, NULL) == SERVE_STOPPED;
    }
    EXPECT(stopped);
    for (uint32_t i = 0; i < SHARDS; i++)
        EXPECT_EQ(tiny[i].opened + tiny[i].closed, 0);
    serve_close(&w.serve);
    node_close(&w);
}

TEST(front, too_many)
{
    struct why why = { "" };
    const char *dir = "/a";
    struct serve_opts opts = { .dirs = &dir, .dir_count = 1, .front_count = FRONTS_MAX + 1 };
    struct serve *s;
    EXPECT_ERR(serve_open(&s, &opts, &why), ERR_INVALID);
    EXPECT_STR(why.text, "an engine has at most 4 fronts, not 5");
}
