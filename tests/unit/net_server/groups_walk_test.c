/* groups_walk_test.c -- the lag of all groups, as /metrics has it: its order, and its limits. */
#include <stdio.h>

#include "engine/base/check.h"
#include "net/metric/groups.h"
#include "tests/test.h"
#include "tests/unit/net_server/peer.h"

static struct peer a;
static struct groups_walk walk;
static bool told;

static void walk_told(struct groups_walk *g)
{
    EXPECT(g == &walk);
    told = true;
}

static void walk_run(uint32_t groups_max, uint32_t rows_max, uint64_t timed_until_ns)
{
    told = false;
    walk = (struct groups_walk){ .serve = world.node.serve,
                                 .groups_max = groups_max,
                                 .rows_max = rows_max,
                                 .timed_until_ns = timed_until_ns,
                                 .done = walk_told };
    groups_walk_start(&walk);
    for (uint32_t i = 0; i < 1000 && !told; i++)
        node_pass(&world.node, MS_NS);
    REQUIRE(told);
}

static void commit(const char *group, uint32_t partitions)
{
    static uint8_t room[KIB(4)];
    struct writer w;
    struct commit_request ask = { .group = text_of(group) };
    writer_open(&w, room, sizeof(room));
    for (uint32_t i = 0; i < partitions; i++)
        check(items_add(&ask.rows, ITEM_COMMIT, &(struct item_commit){ text_of("t"), i, 0 }, &w,
                        NULL));
    peer_ask(&a, VERB_COMMIT, NO_TOPIC, 0, &ask);
    peer_expect(&a, VERB_COMMIT, ERR_OK);
}

static void world_open(void)
{
    broker_groups = true;
    broker_start(3, 2, NULL);
    broker_groups = false;
    peer_open(&a);
}

static void world_close(void)
{
    peer_close(&a);
    broker_end();
}

TEST(groups_walk, in_order_and_within_limits)
{
    /* Goal: groups by id, partitions by number; what a limit cuts off is counted by groups. */
    world_open();
    struct id16 t = peer_topic(&a, "t", 3);
    struct append_request append = { .durability = 3, .batch = peer_batch(100) };
    peer_ask(&a, VERB_APPEND, t, 1, &append);
    peer_expect(&a, VERB_APPEND, ERR_OK);
    static const char *const ids[] = { "delta", "alpha", "charlie", "bravo" };
    for (uint32_t i = 0; i < 4; i++)
        commit(ids[i], 3);
    walk_run(100, 100, 0);
    EXPECT_EQ(walk.count, 12);
    EXPECT_EQ(walk.left_out, 0);
    static const char *const sorted[] = { "alpha", "bravo", "charlie", "delta" };
    for (uint32_t i = 0; i < walk.count; i++) {
        const struct metrics_lag *l = &walk.rows[i];
        EXPECT_STR(l->group, sorted[i / 3]);
        EXPECT_STR(l->topic, "t");
        EXPECT_EQ(l->partition, i % 3);
        EXPECT_EQ(l->records, i % 3 == 1);
        EXPECT_EQ(l->bytes > 0, i % 3 == 1);
        EXPECT(i % 3 == 1 ? l->lag_ms > 0 && l->lag_ms != METRIC_UNKNOWN : l->lag_ms == 0);
    }
    groups_walk_free(&walk);
    groups_walk_free(&walk);
    static const struct {
        uint32_t groups, rows, count, left_out;
    } limits[] = { { 4, 12, 12, 0 }, { 3, 12, 9, 1 }, { 4, 11, 11, 1 }, { 4, 9, 9, 1 },
                   { 4, 7, 7, 2 },   { 0, 12, 0, 4 }, { 4, 0, 0, 4 } };
    for (uint32_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        walk_run(limits[i].groups, limits[i].rows, 0);
        EXPECT_EQ(walk.count, limits[i].count);
        EXPECT_EQ(walk.left_out, limits[i].left_out);
        groups_walk_free(&walk);
    }
    walk_run(100, 100, 1); /* its time was over before it began */
    EXPECT(walk.count == 12 && walk.rows[1].records == 1);
    EXPECT_EQ(walk.rows[1].lag_ms, METRIC_UNKNOWN);
    EXPECT_EQ(walk.rows[0].lag_ms, 0);
    groups_walk_free(&walk);
    world_close();
}

TEST(groups_walk, ids_that_are_no_labels)
{
    /* Goal: an id that no label can hold is counted, and harms nobody else. */
    static char large[257];
    world_open();
    peer_topic(&a, "t", 1);
    memset(large, 'x', 256);
    commit(large, 1);
    commit("\xff\xfe", 1);
    commit("sch\xc3\xb6n \"1\"", 1);
    large[255] = '\0';
    commit(large, 1);
    walk_run(100, 100, 0);
    EXPECT_EQ(walk.count, 2);
    EXPECT_EQ(walk.left_out, 2);
    EXPECT_STR(walk.rows[0].group, "sch\xc3\xb6n \"1\"");
    EXPECT_EQ(strlen(walk.rows[1].group), METRIC_LABEL_MAX);
    groups_walk_free(&walk);
    world_close();
}

TEST(groups_walk, without_groups)
{
    broker_start(3, 2, NULL);
    peer_open(&a);
    walk_run(100, 100, 0);
    EXPECT(walk.count == 0 && walk.left_out == 0);
    groups_walk_free(&walk);
    world_close();
}
