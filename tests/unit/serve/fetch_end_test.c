/* fetch_end_test.c -- fetches that are hurried by their home, and fetches that wait for memory. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

#define US_NS 1000ull

static struct node_world w;
static struct place place;

static void start(uint64_t seed, uint64_t read_bytes)
{
    node_open(&w, seed, 1, 2);
    w.read_bytes = read_bytes;
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_OK(node_create(&w, "t", 2, NULL, NULL));
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    place = t->places[0];
    free(t);
}

static void stop(void)
{
    node_stop(&w);
    node_close(&w);
}

/* ---- hurrying ---- */

/* A front's fetch: in memory of its own, freed when it is done, so that a sanitizer sees a letter
 * that is opened later. */
struct guest {
    struct letter letter;
    struct verb_fetch v;
};
static uint32_t dones;
static uint64_t done_next_off;
static struct guest *under_way; /* NULL: freed */

static void guest_given(struct verb_fetch *v)
{
    free(container_of(v, struct guest, v));
}

static void guest_done(struct verb *v)
{
    struct guest *g = container_of(v, struct guest, v.verb);
    EXPECT(shard_current()->number == v->home);
    EXPECT_OK(v->err);
    done_next_off = g->v.next_off;
    dones++;
    under_way = NULL;
    serve_fetch_give(&g->v, guest_given);
}

static void guest_hurry(struct letter *l, struct shard *at)
{
    struct guest *g = under_way;
    (void)at;
    if (g)
        serve_fetch_hurry(&g->v);
    free(l);
}

static void guest_hurry_post(uint32_t home)
{
    struct letter *l = calloc(1, sizeof(*l));
    check(l);
    l->open = guest_hurry;
    shard_post(serve_shard(w.serve, home), l);
}

static void guest_start(uint32_t home, uint64_t wait_ns)
{
    struct guest *g = calloc(1, sizeof(*g));
    check(g);
    g->v = (struct verb_fetch){ .verb = { .done = guest_done, .home = home },
                                .place = place,
                                .bytes_max = 1000,
                                .bytes_min = 1000,
                                .wait_ns = wait_ns };
    under_way = g;
    serve_fetch(w.serve, &g->v);
}

TEST(fetch_end, hurried_while_it_waits)
{
    /* Goal: a fetch that waits for an hour ends at once, with what there is, on its home; twice is
     * fine. Method: from both shards; nothing there, and something. */
    start(1, 0);
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t before = sim_now_ns(w.sim);
        dones = 0;
        guest_start(i % 2, 3600 * SEC_NS);
        node_pass(&w, SEC_NS);
        EXPECT_EQ(dones, 0);
        guest_hurry_post(i % 2);
        guest_hurry_post(i % 2);
        node_pass(&w, SEC_NS);
        EXPECT_EQ(dones, 1);
        EXPECT_EQ(done_next_off, i / 2);
        EXPECT(sim_now_ns(w.sim) - before < 3 * SEC_NS);
        if (i == 1)
            EXPECT_OK(node_append(&w, &place, "a", 0, NULL));
    }
    stop();
}

TEST(fetch_end, hurried_at_any_moment)
{
    /* Goal: done runs once, with both letters home, whenever the second one is sent: before the
     * fetch has arrived, while it reads, on its way home. Method: seeds and a wait of their own;
     * an append beside it. */
    uint32_t total = 0;
    start(2, 0);
    for (uint32_t i = 0; i < 400; i++) {
        dones = 0;
        guest_start(i % 2, i % 7 ? 100 * US_NS * (i % 50) : 3600 * SEC_NS);
        if (i % 3 == 0)
            node_pass(&w, 10 * US_NS * (i % 64));
        guest_hurry_post(i % 2);
        if (i % 16 == 0)
            EXPECT_OK(node_append(&w, &place, "b", 0, NULL));
        node_pass(&w, 10 * MS_NS);
        total += dones;
        EXPECT_EQ(dones, 1);
    }
    EXPECT_EQ(total, 400);
    stop();
}

/* ---- memory ---- */

enum { READS = 12, VALUE = 3000 };

static uint32_t reads_done(const bool *done)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < READS; i++)
        n += done[i];
    return n;
}

static uint64_t reads_used(void)
{
    return desk_of(serve_shard(w.serve, place.shard))->reads.used;
}

TEST(fetch_end, memory_is_taken_before_it_is_used)
{
    /* Goal: reads hold no more than their shard's budget; those that find none wait, in order, and
     * go on when others give theirs back. Method: 12 reads of 3 KB (in blocks: 8 KiB) with room for
     * three. */
    static char value[VALUE + 1];
    static struct verb_fetch v[READS];
    bool done[READS];
    const uint64_t budget = 3 * KIB(8);
    memset(value, 'x', VALUE);
    start(3, 2 * budget);
    EXPECT_OK(node_append(&w, &place, value, 0, NULL));
    for (uint32_t i = 0; i < READS; i++) {
        done[i] = false;
        v[i] =
            (struct verb_fetch){ .verb = { .done = node_done, .arg = &done[i], .home = HOME_ANY },
                                 .place = place,
                                 .bytes_max = 1000 };
        serve_fetch(w.serve, &v[i]);
    }
    for (uint32_t i = 0; i < READS; i++) {
        node_pass(&w, SEC_NS);
        EXPECT(reads_used() <= budget);
        EXPECT(reads_done(done) >= i + 1 && (i + 3 >= READS || reads_done(done) < READS));
        EXPECT_EQ(serve_reads_wait(w.serve), reads_done(done) < READS);
        EXPECT(done[i] && v[i].batches.len > VALUE);
        serve_fetch_give(&v[i], NULL);
    }
    node_pass(&w, SEC_NS);
    EXPECT_EQ(reads_used(), 0);
    stop();
}

TEST(fetch_end, a_batch_larger_than_the_budget)
{
    /* Goal: it is given when nothing else is out. */
    static char value[VALUE + 1];
    struct verb_fetch v[2];
    bool done[2] = { false, false };
    memset(value, 'x', VALUE);
    start(4, 2 * KIB(2));
    EXPECT_OK(node_append(&w, &place, value, 0, NULL));
    for (uint32_t i = 0; i < 2; i++) {
        v[i] =
            (struct verb_fetch){ .verb = { .done = node_done, .arg = &done[i], .home = HOME_ANY },
                                 .place = place,
                                 .bytes_max = 1000 };
        serve_fetch(w.serve, &v[i]);
    }
    EXPECT(node_until(&w, &done[0]));
    node_pass(&w, SEC_NS);
    EXPECT(v[0].batches.len > VALUE && !done[1]);
    serve_fetch_give(&v[0], NULL);
    EXPECT(node_until(&w, &done[1]));
    EXPECT(v[1].batches.len > VALUE);
    serve_fetch_give(&v[1], NULL);
    stop();
}

TEST(fetch_end, clients_take_turns)
{
    /* Goal: who asks for one is served beside somebody who asked for many before and gives nothing
     * back; when that one gives, everybody goes on. */
    static char value[VALUE + 1];
    static struct verb_fetch v[READS], other;
    bool done[READS], other_done = false;
    memset(value, 'x', VALUE);
    start(5, 2 * 4 * KIB(8));
    EXPECT_OK(node_append(&w, &place, value, 0, NULL));
    for (uint32_t i = 0; i < READS; i++) {
        done[i] = false;
        v[i] =
            (struct verb_fetch){ .verb = { .done = node_done, .arg = &done[i], .home = HOME_ANY },
                                 .place = place,
                                 .client = 1,
                                 .bytes_max = 1000 };
        serve_fetch(w.serve, &v[i]);
    }
    node_pass(&w, SEC_NS);
    EXPECT_EQ(reads_done(done), 2); /* half of the room for four */
    other =
        (struct verb_fetch){ .verb = { .done = node_done, .arg = &other_done, .home = HOME_ANY },
                             .place = place,
                             .client = 2,
                             .bytes_max = 1000 };
    serve_fetch(w.serve, &other);
    EXPECT(node_until(&w, &other_done));
    EXPECT(other.batches.len > VALUE);
    for (uint32_t i = 0; i < READS; i++) {
        EXPECT(node_until(&w, &done[i]));
        serve_fetch_give(&v[i], NULL);
        node_pass(&w, MS_NS);
    }
    serve_fetch_give(&other, NULL);
    node_pass(&w, SEC_NS);
    EXPECT_EQ(reads_used(), 0);
    stop();
}
