/* A topic was deleted by its id: the id was looked up, and the name that it had was deleted. Who
 * deleted that topic meanwhile and made another one of its name lost the new one. Goal: only the
 * topic that was meant. Method: the delete as it is when it comes late. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/serve/node.h"

static struct node_world w;

static enum err deleted(const char *name, struct id16 id)
{
    bool done = false;
    struct verb_delete v = { .verb = { .done = node_done, .arg = &done, .home = HOME_ANY },
                             .name = name,
                             .id = id };
    serve_delete(w.serve, &v);
    EXPECT(node_until(&w, &done));
    return v.verb.err;
}

static struct id16 made(const char *name)
{
    struct id16 id = { { 0 } };
    EXPECT_OK(node_create(&w, name, 1, NULL, NULL));
    struct topic_info *t = node_topic(&w, name);
    if (EXPECT(t != NULL))
        id = t->id;
    free(t);
    return id;
}

TEST(r0211, delete_by_id)
{
    node_open(&w, 211, 1, 1);
    REQUIRE(EXPECT_EQ(node_start(&w, NULL), SERVE_READY));
    struct id16 first = made("t");
    EXPECT_OK(deleted("t", (struct id16){ { 0 } }));
    struct id16 second = made("t");
    EXPECT_EQ(deleted("t", first), ERR_NOT_FOUND);
    struct topic_info *t = node_topic(&w, "t");
    EXPECT(t && id16_equal(t->id, second));
    free(t);
    EXPECT_OK(deleted("t", second));
    EXPECT(!node_topic(&w, "t"));
    node_close(&w);
}
