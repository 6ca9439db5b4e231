/* A store that a failed write had stopped told those who appended, and nobody else: the node's log
 * was silent, and no figure showed it. Goal: an operator is told once, which store and why, and the
 * figures count it until the node starts again. Method: a write fails under an append. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

static uint32_t poisoned(struct node_world *w)
{
    static struct verb_stats v;
    bool done = false;
    v = (struct verb_stats){ .verb = { .done = node_done, .arg = &done, .home = HOME_ANY } };
    serve_stats(w->serve, &v);
    return node_until(w, &done) ? v.stats.stores_poisoned : UINT32_MAX;
}

TEST(r0103, poison_is_told)
{
    struct node_world w;
    node_open(&w, 1, 1, 1);
    check(node_start(&w, NULL) == SERVE_READY);
    check(node_create(&w, "t", 1, NULL, NULL) == ERR_OK);
    struct topic_info *t = node_topic(&w, "t");
    check(t && node_append(&w, &t->places[0], "one", 0, NULL) == ERR_OK);
    EXPECT_EQ(poisoned(&w), 0);
    EXPECT_EQ(serve_stores_stopped(w.serve), 0);
    uint32_t notes = w.notes;
    sim_fault(w.machine, NULL, 5, 1);
    EXPECT_ERR(node_append(&w, &t->places[0], "two", 0, NULL), ERR_POISONED);
    EXPECT_ERR(node_append(&w, &t->places[0], "three", 0, NULL), ERR_POISONED);
    EXPECT_EQ(poisoned(&w), 1);
    EXPECT_EQ(serve_stores_stopped(w.serve), 1); /* and /readyz says so */
    EXPECT_EQ(w.notes, notes + 1);
    EXPECT(strstr(w.note, "store-00 in /a takes no more writes"));
    EXPECT(strstr(w.note, "restart to recover"));
    node_crash(&w, SIM_KILL);
    check(node_start(&w, NULL) == SERVE_READY);
    EXPECT_EQ(poisoned(&w), 0);
    EXPECT_OK(node_append(&w, &t->places[0], "four", 0, NULL));
    free(t);
    node_stop(&w);
    node_close(&w);
}
