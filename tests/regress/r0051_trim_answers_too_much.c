/* The answer to a trim told the log start of the moment, as durable: with a later trim under way
 * that start was not durable yet, and a power cut took it back. And a trim of a topic that was
 * deleted meanwhile was answered with OK and log start 0.
 * Goal: the log start in a trim's answer is durable, and a deleted topic is NOT_FOUND. Method: a
 * small trim with a larger one right behind it; a trim with a delete in front of it. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

static struct verb_trim trim_of(const struct topic_info *t, uint64_t off, bool *done)
{
    return (struct verb_trim){ .verb = { .done = node_done, .arg = done, .home = HOME_ANY },
                               .place = t->places[0],
                               .off = off };
}

static struct topic_info *filled(struct node_world *w)
{
    EXPECT_OK(node_create(w, "t", 1, NULL, NULL));
    struct topic_info *t = node_topic(w, "t");
    for (uint32_t i = 0; i < 10; i++)
        EXPECT_OK(node_append(w, &t->places[0], "value", 0, NULL));
    return t;
}

TEST(r0051, trim_answers_what_is_durable)
{
    static struct node_world w;
    static struct verb_trim small, large;
    bool small_done = false, large_done = false;
    node_open(&w, 51, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    struct topic_info *t = filled(&w);
    small = trim_of(t, 1, &small_done);
    large = trim_of(t, 7, &large_done);
    serve_trim(w.serve, &small);
    serve_trim(w.serve, &large);
    EXPECT(node_until(&w, &small_done) && node_until(&w, &large_done));
    EXPECT_EQ(small.start_off, 1);
    EXPECT_EQ(large.start_off, 7);
    free(t);
    node_stop(&w);
    node_close(&w);
}

TEST(r0051, trim_of_a_topic_that_goes)
{
    static struct node_world w;
    static struct verb_trim trim;
    static struct verb_delete gone;
    uint32_t late = 0;
    node_open(&w, 52, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    for (uint64_t wait_ns = 0; wait_ns < 20 * MS_NS && !late; wait_ns += 20000) {
        bool trimmed = false, deleted = false;
        struct topic_info *t = filled(&w);
        gone =
            (struct verb_delete){ .verb = { .done = node_done, .arg = &deleted, .home = HOME_ANY },
                                  .name = "t" };
        serve_delete(w.serve, &gone);
        node_pass(&w, wait_ns);
        trim = trim_of(t, 5, &trimmed);
        serve_trim(w.serve, &trim);
        EXPECT(node_until(&w, &trimmed) && node_until(&w, &deleted));
        if (trim.verb.err == ERR_OK)
            EXPECT_EQ(trim.start_off, 5);
        else
            EXPECT_ERR(trim.verb.err, ERR_NOT_FOUND);
        late += trim.verb.err != ERR_OK;
        free(t);
    }
    EXPECT(late); /* the trim came before the end, at it, and behind it */
    node_stop(&w);
    node_close(&w);
}
