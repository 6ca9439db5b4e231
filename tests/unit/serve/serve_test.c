/* serve_test.c -- an instance's life: starts, restarts, stops, shards and directories that change.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/serve/node.h"

static const char *text_of(uint32_t partition, uint32_t n)
{
    static char text[64];
    snprintf(text, sizeof(text), "value-%u-%u", partition, n);
    return text;
}

/* Appends `count` more to every partition; they must land at `from`. */
static void fill(struct node_world *w, const char *name, uint32_t from, uint32_t count)
{
    struct topic_info *t = node_topic(w, name);
    uint64_t off;
    if (!EXPECT(t))
        return;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t p = 0; p < t->partitions; p++)
            if (EXPECT_OK(node_append(w, &t->places[p], text_of(p, from + i), 0, &off)))
                EXPECT_EQ(off, from + i);
    free(t);
}

static void expect_filled(struct node_world *w, const char *name, uint32_t count)
{
    struct topic_info *t = node_topic(w, name);
    enum err err;
    if (!EXPECT(t))
        return;
    for (uint32_t p = 0; p < t->partitions; p++)
        for (uint32_t i = 0; i < count; i++)
            if (!EXPECT_STR(node_value(w, &t->places[p], i, &err), text_of(p, i)))
                EXPECT_OK(err);
    free(t);
}

TEST(serve, keeps_over_a_stop)
{
    /* Goal: topics, settings and records are there after a clean stop. */
    struct node_world w;
    node_open(&w, 1, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_OK(node_create(&w, "t", 3, "retention.ms", "-1"));
    fill(&w, "t", 0, 5);
    node_stop(&w);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    expect_filled(&w, "t", 5);
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    EXPECT_EQ(setting_get(&t->settings, SETTING_RETENTION_MS), -1);
    free(t);
    node_stop(&w);
    node_close(&w);
}

TEST(serve, keeps_over_power_loss)
{
    /* Goal: what was acknowledged is there, with several stores on several shards. Method: three
     * ends of the machine, one after another, each after new records. */
    static const enum sim_end ends[] = { SIM_POWER, SIM_KERNEL, SIM_KILL };
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct node_world w;
        node_open(&w, seed, 2, 2);
        for (uint32_t i = 0; i < 3; i++) {
            REQUIRE(node_start(&w, NULL) == SERVE_READY);
            if (i == 0)
                EXPECT_OK(node_create(&w, "t", 6, NULL, NULL));
            fill(&w, "t", 4 * i, 4);
            node_crash(&w, ends[i]);
        }
        REQUIRE(node_start(&w, NULL) == SERVE_READY);
        expect_filled(&w, "t", 12);
        node_stop(&w);
        node_close(&w);
    }
}

TEST(serve, shards_may_change)
{
    /* Goal: fewer shards run several stores each, more shards get new stores for new partitions.
     * Method: the same data under 2, 1, 4 and 3 shards. */
    static const uint32_t shards[] = { 2, 1, 4, 3 };
    struct node_world w;
    node_open(&w, 1, 2, 2);
    for (uint32_t i = 0; i < 4; i++) {
        char name[16];
        w.shards = shards[i];
        REQUIRE(node_start(&w, NULL) == SERVE_READY);
        for (uint32_t k = 0; k < i; k++) {
            snprintf(name, sizeof(name), "t%u", k);
            expect_filled(&w, name, 3);
        }
        snprintf(name, sizeof(name), "t%u", i);
        EXPECT_OK(node_create(&w, name, 8, NULL, NULL));
        fill(&w, name, 0, 3);
        node_stop(&w);
    }
    node_close(&w);
}

TEST(serve, new_stores_are_used)
{
    /* Goal: a directory that is added takes partitions. Method: one directory, then two. */
    struct node_world w;
    bool second = false;
    node_open(&w, 1, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_OK(node_create(&w, "a", 2, NULL, NULL));
    node_stop(&w);
    w.dir_count = 2;
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_OK(node_create(&w, "b", 2, NULL, NULL));
    struct topic_info *t = node_topic(&w, "b");
    REQUIRE(t);
    for (uint32_t i = 0; i < 2; i++)
        second = second || t->places[i].store == 1;
    EXPECT(second);
    free(t);
    node_stop(&w);
    node_close(&w);
}

TEST(serve, a_missing_directory_makes_its_partitions_unavailable)
{
    /* Goal: the rest is served, and the reason is told. Method: leave the second directory out,
     * then give it back. */
    struct node_world w;
    node_open(&w, 1, 2, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_OK(node_create(&w, "t", 2, NULL, NULL));
    fill(&w, "t", 0, 2);
    node_stop(&w);
    w.dir_count = 1;
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_EQ(w.notes, 1);
    struct topic_info *t = node_topic(&w, "t");
    REQUIRE(t);
    uint32_t lost = t->places[0].store == 1 ? 0 : 1;
    EXPECT_ERR(t->places[lost].err, ERR_NOT_FOUND);
    EXPECT_ERR(node_append(&w, &t->places[lost], "x", 0, NULL), ERR_NOT_FOUND);
    EXPECT_OK(node_append(&w, &t->places[1 - lost], text_of(1 - lost, 2), 0, NULL));
    free(t);
    node_stop(&w);
    w.dir_count = 2;
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    expect_filled(&w, "t", 2);
    node_stop(&w);
    /* Without the first one there is no metadata. */
    enum err err;
    w.dirs[0] = "/b";
    w.dir_count = 1;
    EXPECT_EQ(node_start(&w, &err), SERVE_FAILED);
    EXPECT_ERR(err, ERR_NOT_FOUND);
    node_close(&w);
}

TEST(serve, a_broken_store_is_alone_with_it)
{
    /* Goal: a store that does not open takes its own partitions with it and nothing else, is never
     * made anew, and is back when it is mended. Method: spoil the head of its journal. */
    static const char *const journal[] = { "/b/store-01", "journal" };
    uint8_t head[BLOCK_BYTES], zeros[BLOCK_BYTES] = { 0 };
    struct node_world w;
    node_open(&w, 1, 2, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_OK(node_create(&w, "t", 2, NULL, NULL));
    fill(&w, "t", 0, 2);
    node_stop(&w);
    sim_file_read(w.machine, journal[0], journal[1], 0, head, sizeof(head));
    sim_file_write(w.machine, journal[0], journal[1], 0, zeros, sizeof(zeros));
    for (uint32_t i = 0; i < 2; i++) {
        REQUIRE(node_start(&w, NULL) == SERVE_READY);
        EXPECT_EQ(w.notes, 1 + i);
        struct topic_info *t = node_topic(&w, "t");
        REQUIRE(t);
        uint32_t lost = t->places[0].store == 1 ? 0 : 1;
        EXPECT_NE(t->places[lost].err, ERR_OK);
        EXPECT_OK(t->places[1 - lost].err);
        EXPECT_OK(node_append(&w, &t->places[1 - lost], text_of(1 - lost, 2 + i), 0, NULL));
        EXPECT_OK(i ? ERR_OK : node_create(&w, "u", 2, NULL, NULL)); /* it has room elsewhere */
        free(t);
        node_stop(&w);
    }
    sim_file_write(w.machine, journal[0], journal[1], 0, head, sizeof(head));
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    EXPECT_EQ(w.notes, 2);
    expect_filled(&w, "t", 2);
    fill(&w, "u", 0, 1);
    node_stop(&w);
    node_close(&w);
}

TEST(serve, a_copied_store_is_noticed)
{
    /* Goal: two stores of one number are refused. Method: both directories are the same. */
    struct node_world w;
    enum err err;
    node_open(&w, 1, 1, 1);
    REQUIRE(node_start(&w, NULL) == SERVE_READY);
    node_stop(&w);
    w.dirs[1] = w.dirs[0];
    w.dir_count = 2;
    EXPECT_EQ(node_start(&w, &err), SERVE_FAILED);
    EXPECT_ERR(err, ERR_MISMATCH);
    node_close(&w);
}

TEST(serve, a_crash_in_the_first_start_is_no_end)
{
    /* Goal: whatever is half made, the next start makes whole. Method: lose power before the k-th
     * I/O of the very first start, for every k until it gets through. */
    for (uint64_t k = 1; k < 400; k++) {
        struct node_world w;
        enum err err;
        node_open(&w, k, 2, 1);
        sim_crash_at_io(w.machine, k, k % 2 ? SIM_POWER : SIM_KERNEL);
        enum serve_state state = node_start(&w, &err);
        bool dead = sim_dead(w.machine);
        EXPECT(dead || state == SERVE_READY);
        if (!dead) {
            EXPECT(k > 20); /* every I/O had its crash */
            node_close(&w);
            break;
        }
        serve_close(&w.serve);
        sim_restart(w.machine);
        if (EXPECT_EQ(node_start(&w, &err), SERVE_READY)) {
            EXPECT_OK(node_create(&w, "t", 3, NULL, NULL));
            fill(&w, "t", 0, 1);
        }
        node_close(&w);
    }
}

TEST(serve, create_and_delete_survive_a_crash_anywhere)
{
    /* Goal: after a crash at any I/O of create and delete, each topic is whole or gone, and what
     * was acknowledged holds. Method: power loss before the k-th I/O from the create on. */
    for (uint64_t k = 1; k < 200; k++) {
        struct node_world w;
        node_open(&w, 7, 2, 2);
        REQUIRE(node_start(&w, NULL) == SERVE_READY);
        EXPECT_OK(node_create(&w, "old", 4, NULL, NULL));
        fill(&w, "old", 0, 1);
        sim_crash_at_io(w.machine, k, SIM_POWER);
        enum err created = node_create(&w, "new", 4, NULL, NULL);
        enum err deleted = created == ERR_OK ? node_delete(&w, "old") : ERR_DEAD;
        bool dead = sim_dead(w.machine);
        if (!dead) {
            EXPECT(k > 10); /* every I/O had its crash */
            node_close(&w);
            break;
        }
        serve_close(&w.serve);
        sim_restart(w.machine);
        if (EXPECT_EQ(node_start(&w, NULL), SERVE_READY)) {
            struct topic_info *new = node_topic(&w, "new"), *old = node_topic(&w, "old");
            EXPECT(new || created != ERR_OK);
            EXPECT(!old || deleted != ERR_OK);
            if (new)
                fill(&w, "new", 0, 1);
            if (old)
                expect_filled(&w, "old", 1);
            free(new);
            free(old);
            EXPECT_EQ(w.notes, 0); /* no orphans */
        }
        node_close(&w);
    }
}

TEST(serve, growth_survives_a_crash_anywhere)
{
    /* Goal: after a crash at any I/O of it, a topic has the partitions it had or those that it was
     * to have, and each takes records; what was there is there. Method: power loss before the k-th
     * I/O from the growth on. */
    for (uint64_t k = 1; k < 200; k++) {
        struct node_world w;
        node_open(&w, 8, 2, 2);
        REQUIRE(node_start(&w, NULL) == SERVE_READY);
        EXPECT_OK(node_create(&w, "t", 3, NULL, NULL));
        fill(&w, "t", 0, 1);
        sim_crash_at_io(w.machine, k, SIM_POWER);
        enum err grown = node_grow(&w, "t", 9);
        if (!sim_dead(w.machine)) {
            EXPECT(k > 3); /* every I/O had its crash */
            node_close(&w);
            break;
        }
        serve_close(&w.serve);
        sim_restart(w.machine);
        if (EXPECT_EQ(node_start(&w, NULL), SERVE_READY)) {
            struct topic_info *t = node_topic(&w, "t");
            REQUIRE(t);
            EXPECT(t->partitions == 9 || (t->partitions == 3 && grown != ERR_OK));
            EXPECT_EQ(w.notes, 0); /* no orphans */
            EXPECT_ERR(node_grow(&w, "t", 9), t->partitions == 9 ? ERR_EXISTS : ERR_OK);
            free(t);
            t = node_topic(&w, "t");
            for (uint32_t i = 0; i < 9; i++) {
                uint64_t off = 9;
                EXPECT_OK(node_append(&w, &t->places[i], "again", 0, &off));
                EXPECT_EQ(off, i < 3 ? 1 : 0);
            }
            free(t);
        }
        node_close(&w);
    }
}
