/* A fetch told the visible end of its first look with the log start of its answer's moment. What
 * was appended and trimmed while it read made an answer whose log begins behind its end. Goal:
 * start and end are of one moment. Method: a fetch that reads from disk, an append behind it, a
 * trim up to that, in many worlds: the read is the slower one in some. Found by seed 1243 of the
 * front. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

#define RECORDS 8u

/* True: the log moved on while the fetch read. */
static bool race(uint64_t seed)
{
    static struct node_world w;
    static struct verb_fetch fetch;
    static struct verb_trim trim;
    static char value[3000];
    bool fetched = false, trimmed = false;
    memset(value, 'v', sizeof(value) - 1);
    node_open(&w, seed, 1, 1);
    check(node_start(&w, NULL) == SERVE_READY);
    check(node_create(&w, "t", 1, NULL, NULL) == ERR_OK);
    struct topic_info *t = node_topic(&w, "t");
    for (uint32_t i = 0; i < RECORDS; i++)
        check(node_append(&w, &t->places[0], value, 0, NULL) == ERR_OK);
    node_stop(&w);
    check(node_start(&w, NULL) == SERVE_READY);
    fetch = (struct verb_fetch){ .verb = { .done = node_done, .arg = &fetched, .home = HOME_ANY },
                                 .place = t->places[0],
                                 .bytes_max = 100 };
    trim = (struct verb_trim){ .verb = { .done = node_done, .arg = &trimmed, .home = HOME_ANY },
                               .place = t->places[0],
                               .off = RECORDS + 1 };
    serve_fetch(w.serve, &fetch);
    EXPECT_OK(node_append(&w, &t->places[0], "x", 0, NULL));
    bool moved = !fetched;
    serve_trim(w.serve, &trim);
    EXPECT(node_until(&w, &trimmed) && node_until(&w, &fetched));
    EXPECT(fetch.start_off <= fetch.visible_off);
    free(t);
    serve_fetch_give(&fetch, NULL);
    node_stop(&w);
    node_close(&w);
    return moved && fetch.start_off > RECORDS;
}

TEST(r0100, end_before_start)
{
    uint32_t moved = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        moved += race(seed);
    EXPECT(moved > 0);
}
