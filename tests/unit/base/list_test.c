/* list_test.c -- order, and nodes that know whether they are in a list. */
#include "engine/base/list.h"
#include "engine/base/types.h"
#include "tests/test.h"

struct item {
    int value;
    struct node node;
};

static int item_value(const struct node *n)
{
    return container_of(n, const struct item, node)->value;
}

static int list_sum(const struct list *l)
{
    int sum = 0;
    list_each (l, n)
        sum = sum * 10 + item_value(n);
    return sum;
}

TEST(list, keeps_order_from_both_ends)
{
    struct item i[4] = { { .value = 1 }, { .value = 2 }, { .value = 3 }, { .value = 4 } };
    struct list l;

    list_init(&l);
    EXPECT(list_empty(&l) && !list_first(&l) && !list_pop(&l));
    list_push(&l, &i[1].node);
    list_push(&l, &i[2].node);
    list_push_front(&l, &i[0].node);
    list_push(&l, &i[3].node);
    EXPECT_EQ(list_sum(&l), 1234);
    EXPECT_EQ(item_value(list_first(&l)), 1);
    EXPECT_EQ(item_value(list_pop(&l)), 1);
    node_unlink(&i[2].node);
    EXPECT_EQ(list_sum(&l), 24);
}

TEST(list, unlinks_twice_without_harm)
{
    struct item i = { .value = 1 };
    struct list l;

    list_init(&l);
    EXPECT(!node_linked(&i.node));
    node_unlink(&i.node);
    list_push(&l, &i.node);
    EXPECT(node_linked(&i.node));
    node_unlink(&i.node);
    node_unlink(&i.node);
    EXPECT(!node_linked(&i.node) && list_empty(&l));
}

TEST(list, lets_the_walker_unlink)
{
    struct item i[3] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };
    struct list l;
    int seen = 0;

    list_init(&l);
    for (int k = 0; k < 3; k++)
        list_push(&l, &i[k].node);
    list_each (&l, n) {
        seen++;
        node_unlink(n);
    }
    EXPECT_EQ(seen, 3);
    EXPECT(list_empty(&l));
}
