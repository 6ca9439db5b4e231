/* A create whose topic was durable, but whose partition the store did not take any more, left a
 * topic that exists, is described as available, and whose partition was NOT_FOUND. Goal: who asks
 * for the partition hears why it is not served; after a start it is. Method: each I/O of a create
 * fails in turn. Found by seed 238 of the front. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

/* Fails the next one after `left` others. */
struct fault {
    struct sim_watch watch;
    uint32_t left;
};

static int starts(struct sim_watch *w, const struct op *op)
{
    struct fault *f = container_of(w, struct fault, watch);
    bool counts = op->verb == IO_WRITE || op->verb == IO_SYNC;
    return counts && f->left-- == 0 ? 5 : 0;
}

static void ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

/* True: the topic was made, and its partition was not. */
static bool unplaced(uint32_t at)
{
    struct node_world w;
    struct fault fault = { { starts, ends }, at };
    node_open(&w, 1, 1, 1);
    check(node_start(&w, NULL) == SERVE_READY);
    sim_watch(w.machine, &fault.watch);
    bool failed = node_create(&w, "t", 1, NULL, NULL) != ERR_OK;
    sim_watch(w.machine, NULL);
    struct topic_info *t = failed ? node_topic(&w, "t") : NULL;
    if (t)
        EXPECT_ERR(node_append(&w, &t->places[0], "one", 0, NULL), ERR_POISONED);
    if (t) {
        node_crash(&w, SIM_KILL);
        check(node_start(&w, NULL) == SERVE_READY);
        EXPECT_OK(node_append(&w, &t->places[0], "two", 0, NULL));
        node_stop(&w);
    }
    bool met = t != NULL;
    free(t);
    node_close(&w);
    return met;
}

TEST(r0104, unplaced_is_not_found)
{
    uint32_t met = 0;
    for (uint32_t at = 0; at < 12; at++)
        met += unplaced(at);
    EXPECT(met > 0);
}
