/* fetch_test.c -- fetches that find something, and fetches that wait. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

static struct node_world w;
static struct place place;

static bool topic_start(const char *key, const char *value)
{
    node_open(&w, 3, 1, 2);
    if (!EXPECT_EQ(node_start(&w, NULL), SERVE_READY))
        return false;
    EXPECT_OK(node_create(&w, "t", 2, key, value));
    struct topic_info *t = node_topic(&w, "t");
    if (!EXPECT(t))
        return false;
    place = t->places[1];
    free(t);
    return true;
}

static void topic_stop(void)
{
    node_stop(&w);
    node_close(&w);
}

static struct verb_fetch fetch_of(bool *done, uint64_t off, uint64_t wait_ns)
{
    struct verb_fetch v = { .verb = { .done = node_done, .arg = done, .home = HOME_ANY },
                            .place = place,
                            .off = off,
                            .bytes_max = 1u << 20,
                            .bytes_min = 1,
                            .wait_ns = wait_ns };
    *done = false;
    return v;
}

static void fetch_free(struct verb_fetch *v)
{
    serve_fetch_give(v, NULL);
    node_pass(&w, MS_NS);
}

TEST(fetch, ranges)
{
    /* Goal: at the end there is nothing, beyond it an error; below the start too. */
    bool done;
    REQUIRE(topic_start(NULL, NULL));
    struct verb_fetch v = fetch_of(&done, 0, 0);
    serve_fetch(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_OK(v.verb.err);
    EXPECT_EQ(v.batches.len, 0);
    EXPECT_EQ(v.next_off, 0);
    v = fetch_of(&done, 1, 0);
    serve_fetch(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_ERR(v.verb.err, ERR_OFFSET_RANGE);
    EXPECT_OK(node_append(&w, &place, "a", 0, NULL));
    v = fetch_of(&done, 0, 0);
    serve_fetch(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_OK(v.verb.err);
    EXPECT(v.batches.len > 0);
    EXPECT_EQ(v.next_off, 1);
    EXPECT_EQ(v.visible_off, 1);
    fetch_free(&v);
    v = fetch_of(&done, 0, 0);
    v.place.topic.b[0] ^= 1;
    serve_fetch(w.serve, &v);
    EXPECT(node_until(&w, &done));
    EXPECT_ERR(v.verb.err, ERR_NOT_FOUND);
    topic_stop();
}

TEST(fetch, waits_for_an_append)
{
    /* Goal: a parked fetch ends when a record becomes visible, not before, and long before its
     * time is over. */
    bool done;
    REQUIRE(topic_start(NULL, NULL));
    struct verb_fetch v = fetch_of(&done, 0, 100 * SEC_NS);
    serve_fetch(w.serve, &v);
    node_pass(&w, SEC_NS);
    EXPECT(!done);
    uint64_t before = sim_now_ns(w.sim);
    EXPECT_OK(node_append(&w, &place, "a", 0, NULL));
    EXPECT(node_until(&w, &done));
    EXPECT(sim_now_ns(w.sim) - before < SEC_NS);
    EXPECT_OK(v.verb.err);
    EXPECT_EQ(v.next_off, 1);
    fetch_free(&v);
    topic_stop();
}

TEST(fetch, gives_up_in_time)
{
    /* Goal: with too little there, the wait ends when its time is over, with what there is. */
    bool done;
    REQUIRE(topic_start(NULL, NULL));
    EXPECT_OK(node_append(&w, &place, "a", 0, NULL));
    struct verb_fetch v = fetch_of(&done, 0, 3 * SEC_NS);
    v.bytes_min = 1u << 19;
    uint64_t before = sim_now_ns(w.sim);
    serve_fetch(w.serve, &v);
    node_pass(&w, SEC_NS);
    EXPECT(!done);
    EXPECT_OK(node_append(&w, &place, "b", 0, NULL));
    EXPECT(node_until(&w, &done));
    uint64_t took = sim_now_ns(w.sim) - before;
    EXPECT(took >= 3 * SEC_NS && took < 4 * SEC_NS);
    EXPECT_OK(v.verb.err);
    EXPECT_EQ(v.next_off, 2);
    fetch_free(&v);
    topic_stop();
}

TEST(fetch, many_wait_for_as_much_as_each_wants)
{
    /* Goal: each of several parked fetches ends at its own minimum. Method: minima of one, two and
     * three batches; appends one by one. */
    bool done[3];
    struct verb_fetch v[3];
    REQUIRE(topic_start(NULL, NULL));
    for (uint32_t i = 0; i < 3; i++) {
        v[i] = fetch_of(&done[i], 0, 100 * SEC_NS);
        v[i].verb.arg = &done[i];
        v[i].bytes_min = 60 * (i + 1) + 10 * i;
        serve_fetch(w.serve, &v[i]);
    }
    for (uint32_t i = 0; i < 3; i++) {
        node_pass(&w, SEC_NS);
        for (uint32_t k = 0; k < 3; k++)
            EXPECT_EQ(done[k], k < i);
        EXPECT_OK(node_append(&w, &place, "x", 0, NULL));
        EXPECT(node_until(&w, &done[i]));
        EXPECT_EQ(v[i].next_off, i + 1);
    }
    for (uint32_t i = 0; i < 3; i++)
        fetch_free(&v[i]);
    topic_stop();
}

TEST(fetch, ends_with_its_topic_and_with_the_engine)
{
    /* Goal: nobody waits at something that is gone. Method: delete under one, stop under another.
     */
    bool done, other;
    REQUIRE(topic_start(NULL, NULL));
    struct verb_fetch v = fetch_of(&done, 0, 1000 * SEC_NS);
    serve_fetch(w.serve, &v);
    node_pass(&w, SEC_NS);
    EXPECT_OK(node_delete(&w, "t"));
    EXPECT(node_until(&w, &done));
    EXPECT_ERR(v.verb.err, ERR_NOT_FOUND);
    EXPECT_OK(node_create(&w, "t", 2, NULL, NULL));
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    place = t->places[0];
    free(t);
    struct verb_fetch u = fetch_of(&other, 0, 1000 * SEC_NS);
    serve_fetch(w.serve, &u);
    node_pass(&w, SEC_NS);
    EXPECT(!other);
    node_stop(&w);
    EXPECT(other);
    EXPECT_ERR(u.verb.err, ERR_CLOSED);
    node_close(&w);
}

TEST(fetch, comes_home)
{
    /* Goal: a verb ends on the shard that asked. Method: ask for the other shard's partition. */
    static struct shard *ended_at;
    bool done;
    REQUIRE(topic_start(NULL, NULL));
    struct verb_fetch v = fetch_of(&done, 0, 0);
    v.verb.home = 1 - place.shard;
    v.verb.done = node_done_at;
    v.verb.arg = &ended_at;
    ended_at = NULL;
    serve_fetch(w.serve, &v);
    node_pass(&w, SEC_NS);
    EXPECT(ended_at == serve_shard(w.serve, 1 - place.shard));
    topic_stop();
}
