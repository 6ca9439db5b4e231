/* A trim moved the log start while a fetch below it was reading: the answer could begin behind what
 * was asked for, and still named the old log start, as if records had vanished.
 * Goal: an answer names the log start of the moment when it is given. Method: a fetch from 0 that
 * has to go to the disk, and a trim right behind it. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

TEST(r0004, fetch_beside_trim)
{
    static struct node_world w;
    static struct verb_fetch fetch;
    static struct verb_trim trim;
    char value[4000];
    bool fetched = false, trimmed = false;
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = 0;
    node_open(&w, 4, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_OK(node_create(&w, "t", 1, NULL, NULL));
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    for (uint32_t i = 0; i < 60; i++)
        EXPECT_OK(node_append(&w, &t->places[0], value, 0, NULL));
    node_stop(&w);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    fetch = (struct verb_fetch){ .verb = { .done = node_done, .arg = &fetched, .home = HOME_ANY },
                                 .place = t->places[0],
                                 .bytes_max = 1u << 20 };
    trim = (struct verb_trim){ .verb = { .done = node_done, .arg = &trimmed, .home = HOME_ANY },
                               .place = t->places[0],
                               .off = 40 };
    serve_fetch(w.serve, &fetch);
    serve_trim(w.serve, &trim);
    EXPECT(node_until(&w, &fetched) && node_until(&w, &trimmed));
    EXPECT_OK(trim.verb.err);
    EXPECT_OK(fetch.verb.err);
    EXPECT(fetch.batches.len > 0);
    EXPECT_EQ(fetch.start_off, 40);
    serve_fetch_give(&fetch, NULL);
    node_pass(&w, MS_NS);
    free(t);
    node_stop(&w);
    node_close(&w);
}
