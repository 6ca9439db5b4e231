/* group_log_test.c -- nothing is answered before it is durable, and the log stays short. */
#include <stdio.h>

#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

static void begin(void)
{
    group_world_new();
    group_world_start();
}

TEST(group_log, nothing_is_told_before_it_is_durable)
{
    /* Goal: a generation, an assignment, a commit, a returned member, an end: each is answered
     * after its record, and what would change the group meanwhile waits in order. */
    begin();
    gw.hold = true;
    struct ask *a = ask_join("g", NULL, "meta");
    struct ask *d = ask_group(GROUP_VERB_DESCRIBE, "g");
    EXPECT(d->done); /* looking never waits */
    EXPECT(!a->done);
    group_world_write(1);
    EXPECT_ASK(a, OK);
    const struct ask *all[] = { a };
    struct ask *s = ask_sync("g", a, all, 1);
    struct ask *beat = ask_beat("g", id_of_join(a), 1);
    struct ask *commit = ask_commit("g", id_of_join(a), 1, 5);
    EXPECT(!s->done && !beat->done && !commit->done);
    EXPECT_EQ(group_world_held(), 1); /* the commit waits for the assignment */
    group_world_write(1);
    EXPECT_ASK(s, OK);
    EXPECT_ASK(beat, OK);
    EXPECT(beat->order > s->order);
    EXPECT(!commit->done);
    struct ask *second = ask_commit("g", id_of_join(a), 1, 6);
    EXPECT_EQ(group_world_held(), 2); /* commits do not wait for each other */
    EXPECT_EQ(committed("g", "t", 0), -1);
    group_world_write(1);
    EXPECT_ASK(commit, OK);
    EXPECT(!second->done);
    EXPECT_EQ(committed("g", "t", 0), 5);
    group_world_write(1);
    EXPECT_ASK(second, OK);
    struct ask *leave = ask_leave("g", id_of_join(a), NULL);
    EXPECT_ASK(leave, OK);
    struct ask *end = ask_group(GROUP_VERB_DELETE, "g");
    struct ask *new = ask_join("g", NULL, "meta");
    group_world_write(1); /* the empty generation */
    EXPECT(!end->done && !new->done);
    group_world_write(1);
    EXPECT_ASK(end, OK);
    EXPECT(!new->done); /* it made the group anew */
    group_world_write(1);
    EXPECT_ASK(new, OK);
    EXPECT_EQ(new->q.out.generation, 1);
    group_world_end();
}

TEST(group_log, members_go_on_after_a_crash)
{
    /* Goal: whatever was told is so after a restart, at each step of two generations. */
    begin();
    struct ask *a = ask_join("g", NULL, "meta");
    group_world_restart();
    EXPECT_EQ(state_of("g"), GROUP_COMPLETING);
    EXPECT_ASK(ask_beat("g", id_of_join(a), 1), OK);
    struct ask *same = ask_join("g", id_of_join(a), "meta"); /* it never had its answer */
    EXPECT_EQ(same->q.out.generation, 1);
    EXPECT_EQ(same->q.out.member_count, 1);
    const struct ask *all[] = { a };
    struct ask *s = ask_sync("g", a, all, 1);
    group_world_restart();
    EXPECT_EQ(state_of("g"), GROUP_STABLE);
    struct ask *again = ask_sync("g", a, NULL, 0);
    EXPECT_ASK(again, OK);
    EXPECT(bytes_equal(s->q.out.assignment, again->q.out.assignment));
    struct ask *b = ask_join("g", NULL, "meta");
    group_world_restart(); /* it had joined, and no generation came of it */
    EXPECT(!b->done);
    EXPECT_ASK(ask_beat("g", id_of_join(a), 1), OK);
    EXPECT_EQ(ask_group(GROUP_VERB_DESCRIBE, "g")->q.out.member_count, 1);
    group_world_pass(10001); /* whoever does not come back is gone in its time */
    EXPECT_EQ(state_of("g"), GROUP_EMPTY);
    group_world_restart();
    EXPECT_EQ(state_of("g"), GROUP_EMPTY);
    EXPECT_EQ(ask_join("g", NULL, "meta")->q.out.generation, 3);
    group_world_end();
}

TEST(group_log, no_generation_is_used_twice)
{
    /* Goal: a generation that somebody was told has no second leader. Method: crash before and
     * after its record. */
    begin();
    gw.hold = true;
    struct ask *a = ask_join("g", NULL, "meta");
    group_world_restart(); /* before: nobody was told */
    EXPECT(!a->done);
    gw.hold = false;
    struct ask *b = ask_join("g", NULL, "meta");
    EXPECT_EQ(b->q.out.generation, 1);
    group_world_restart(); /* after */
    struct ask *c = ask_join("g", NULL, "meta");
    EXPECT(!c->done);
    group_world_pass(10001);
    EXPECT_ASK(c, OK);
    EXPECT(c->q.out.generation > 1);
    group_world_end();
}

TEST(group_log, an_append_that_fails_is_told)
{
    /* Goal: every kind of record that cannot be written has its answer, and the group goes on. */
    begin();
    gw.append_err = ERR_NO_SPACE;
    struct ask *a = ask_join("g", NULL, "meta");
    EXPECT_ASK(a, UNAVAILABLE);
    EXPECT_EQ(state_of("g"), GROUP_PREPARING);
    EXPECT_ASK(ask_commit("c", NULL, -1, 1), UNAVAILABLE);
    EXPECT_EQ(committed("c", "t", 0), -1);
    gw.append_err = ERR_OK;
    group_world_pass(20001); /* who did not come back is gone */
    EXPECT_EQ(state_of("g"), GROUP_EMPTY);
    a = ask_join("g", NULL, "meta");
    EXPECT_ASK(a, OK);
    gw.append_err = ERR_NO_SPACE;
    const struct ask *all[] = { a };
    EXPECT_ASK(ask_sync("g", a, all, 1), UNAVAILABLE);
    EXPECT_EQ(state_of("g"), GROUP_PREPARING);
    gw.append_err = ERR_OK;
    a = ask_join("g", id_of_join(a), "meta");
    EXPECT_ASK(a, OK);
    all[0] = a;
    EXPECT_ASK(ask_sync("g", a, all, 1), OK);
    (void)ask_leave("g", id_of_join(a), NULL);
    gw.append_err = ERR_NO_SPACE;
    EXPECT_ASK(ask_group(GROUP_VERB_DELETE, "g"), UNAVAILABLE);
    EXPECT_EQ(state_of("g"), GROUP_EMPTY);
    gw.append_err = ERR_OK;
    struct ask *s = ask_static("s", NULL, "one");
    const struct ask *one[] = { s };
    EXPECT_ASK(ask_sync("s", s, one, 1), OK);
    gw.append_err = ERR_IO;
    struct ask *back = ask_static("s", NULL, "one");
    EXPECT_ASK(back, UNAVAILABLE);
    EXPECT(!back->q.block);
    group_world_end();
}

static void commits(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        (void)ask_commit("g", NULL, -1, i);
}

TEST(group_log, the_log_is_bounded)
{
    /* Goal: ten thousand commits leave a short log, a restart finds the last one. */
    group_world_new();
    gw.opts.snapshot_bytes = 4096;
    group_world_start();
    struct ask *a = stable_one("members");
    commits(10000);
    EXPECT(gw.trims > 50);
    EXPECT(gw.next_off - gw.start_off < 100);
    EXPECT(group_world_whole());
    group_world_restart();
    EXPECT_EQ(committed("g", "t", 0), 9999);
    EXPECT_ASK(ask_beat("members", id_of_join(a), 1), OK);
    group_world_end();
}

TEST(group_log, a_snapshot_takes_several_records)
{
    /* Goal: what does not fit in one record goes into more, and says the same. */
    group_world_new();
    gw.opts.snapshot_bytes = 4096;
    gw.opts.record_max = 512;
    group_world_start();
    (void)stable_one("members");
    char name[16];
    for (uint32_t k = 0; k < 20; k++) {
        for (uint32_t i = 0; i < 40; i++) {
            struct ask *c = ask_make(GROUP_VERB_COMMIT, i % 2 ? "g" : "h", NULL);
            snprintf(name, sizeof(name), "topic-%u", i);
            c->offsets[0] = (struct group_offset){ .topic = text(name), .off = k };
            c->q.offsets = c->offsets;
            c->q.offset_count = 1;
            EXPECT_ASK(group_world_ask(c), OK);
        }
    }
    EXPECT(gw.trims > 0);
    EXPECT(gw.next_off - gw.start_off < 400);
    group_world_restart();
    EXPECT_EQ(committed("g", "topic-39", 0), 19);
    EXPECT_EQ(committed("h", "topic-38", 0), 19);
    EXPECT_EQ(state_of("members"), GROUP_STABLE);
    group_world_end();
}

TEST(group_log, a_snapshot_waits_for_what_is_under_way)
{
    /* Goal: a snapshot never says less than the records before it: it is written when none is under
     * way, and what comes meanwhile waits for it. Crash with each prefix of it durable. */
    for (uint32_t crash = 0; crash < 8; crash++) {
        group_world_new();
        gw.opts.snapshot_bytes = 4096;
        gw.opts.record_max = 256;
        group_world_start();
        (void)stable_one("members");
        gw.hold = true;
        for (uint32_t i = 1; group_world_held() + 1 >= i && i < 1000; i++)
            commits(1); /* until one is not appended: it waits */
        EXPECT_EQ(gw.trims, 0);
        struct ask *late = ask_commit("late", NULL, -1, 7);
        uint32_t held = group_world_held();
        group_world_write(held - 1);
        EXPECT(!late->done);
        EXPECT(held > 10);
        EXPECT_EQ(group_world_held(), 1);
        group_world_write(1); /* the last one: now the snapshot, and what waited behind it */
        EXPECT(group_world_held() > 1);
        group_world_write(crash);
        group_world_restart();
        EXPECT_EQ(state_of("members"), GROUP_STABLE);
        EXPECT_EQ(committed("late", "t", 0), late->done ? 7 : -1);
        group_world_end();
    }
}

TEST(group_log, an_empty_state_shortens_the_log_too)
{
    /* Goal: groups that come and go leave nothing. */
    group_world_new();
    gw.opts.snapshot_bytes = 2000;
    group_world_start();
    for (uint32_t i = 0; i < 200; i++) {
        EXPECT_ASK(ask_commit("g", NULL, -1, 1), OK);
        EXPECT_ASK(ask_group(GROUP_VERB_DELETE, "g"), OK);
    }
    EXPECT(gw.trims > 5);
    EXPECT(gw.next_off - gw.start_off < 50);
    group_world_restart();
    EXPECT_EQ(groups_count(gw.gs), 0);
    group_world_end();
}

TEST(group_log, a_snapshot_that_fails_trims_nothing)
{
    /* Goal: a record of it that cannot be written leaves the log as it is, and the next one works.
     */
    group_world_new();
    gw.opts.snapshot_bytes = 2000;
    group_world_start();
    gw.hold = true;
    while (group_world_held() < 1 || gw.appends < 100) {
        uint32_t before = gw.appends;
        commits(1);
        if (gw.appends - before != 1)
            break;
        group_world_write(1);
        if (group_world_held())
            break; /* the snapshot */
    }
    EXPECT_EQ(gw.trims, 0);
    gw.append_err = ERR_NO_SPACE;
    group_world_write(UINT32_MAX);
    EXPECT_EQ(gw.trims, 0);
    gw.append_err = ERR_OK;
    gw.hold = false;
    commits(100);
    EXPECT(gw.trims > 0);
    group_world_restart();
    EXPECT_EQ(committed("g", "t", 0), 99);
    group_world_end();
}
