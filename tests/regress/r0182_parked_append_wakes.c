/* A fetch that waits was forgotten when the append that should end it had to wait itself, for a
 * tail to be loaded: the fetch's slot left the list of those that may move in the same turn, and
 * nobody put it there again when the append was placed. Goal: it ends when the record is visible.
 * Method: a restart leaves the tail on the disk; a fetch waits, then an append. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

TEST(r0182, parked_append_wakes)
{
    struct node_world w;
    bool done = false;
    node_open(&w, 1, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    REQUIRE_OK(node_create(&w, "t", 1, NULL, NULL));
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    EXPECT_OK(node_append(&w, t->places, "a", 0, NULL));
    node_stop(&w);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    struct verb_fetch v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                            .place = t->places[0],
                            .off = 1,
                            .bytes_max = 1u << 20,
                            .bytes_min = 1,
                            .wait_ns = 1000 * SEC_NS };
    serve_fetch(w.serve, &v);
    node_pass(&w, SEC_NS);
    EXPECT(!done);
    uint64_t before = sim_now_ns(w.sim);
    EXPECT_OK(node_append(&w, t->places, "b", 0, NULL));
    EXPECT(node_until(&w, &done));
    EXPECT(sim_now_ns(w.sim) - before < 100 * SEC_NS);
    EXPECT_OK(v.verb.err);
    EXPECT_EQ(v.next_off, 2);
    serve_fetch_give(&v, NULL);
    node_pass(&w, MS_NS);
    node_stop(&w);
    free(t);
    node_close(&w);
}
