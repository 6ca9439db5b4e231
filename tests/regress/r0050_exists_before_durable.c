/* Creating a topic of a name that is being created was answered EXISTS, although nothing was
 * durable yet: a client that asked again after a cut took that for success, and a describe right
 * behind it gave NOT_FOUND.
 * Goal: EXISTS says that the topic can be used; before that the answer is BUSY. Method: two creates
 * of one name, one right behind the other; then a third. */
#include "tests/test.h"
#include "tests/unit/serve/node.h"

static struct verb_create create_of(bool *done)
{
    return (struct verb_create){ .verb = { .done = node_done, .arg = done, .home = HOME_ANY },
                                 .name = "t",
                                 .partitions = 1 };
}

TEST(r0050, exists_before_durable)
{
    static struct node_world w;
    static struct verb_create first, second;
    bool created = false, answered = false;
    node_open(&w, 50, 1, 2);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    first = create_of(&created);
    second = create_of(&answered);
    serve_create(w.serve, &first);
    serve_create(w.serve, &second);
    EXPECT(node_until(&w, &answered) && node_until(&w, &created));
    EXPECT_OK(first.verb.err);
    EXPECT_ERR(second.verb.err, ERR_BUSY);
    EXPECT_ERR(node_create(&w, "t", 1, NULL, NULL), ERR_EXISTS);
    node_stop(&w);
    node_close(&w);
}
