/* group_static_test.c -- static members: back under a new id, fenced under the old one. */
#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

static void begin(void)
{
    group_world_new();
    group_world_start();
}

TEST(group_static, a_static_member_comes_back_without_a_rebalance)
{
    /* Goal: the instance keeps its place and assignment under a new id, others notice nothing, and
     * whoever still uses the old id is fenced. */
    begin();
    struct ask *a = ask_static("g", NULL, "one");
    const struct ask *all[] = { a };
    struct ask *s = ask_sync("g", a, all, 1);
    struct ask *b = ask_static("g", NULL, "one");
    EXPECT_ASK(b, OK);
    EXPECT_EQ(b->q.out.generation, 1);
    EXPECT(!bytes_equal(b->q.out.member, a->q.out.member));
    EXPECT(memcmp(b->q.out.member.at, "one-", 4) == 0);
    EXPECT(bytes_equal(b->q.out.leader, a->q.out.member)); /* it must not assign anew */
    EXPECT_EQ(b->q.out.member_count, 0);
    EXPECT_EQ(state_of("g"), GROUP_STABLE);
    struct ask *again = ask_sync("g", b, NULL, 0);
    EXPECT_ASK(again, OK);
    EXPECT(bytes_equal(again->q.out.assignment, s->q.out.assignment));
    struct ask *old = ask_make(GROUP_VERB_HEARTBEAT, "g", id_of_join(a));
    old->q.generation = 1;
    old->q.instance = text("one");
    EXPECT_ASK(group_world_ask(old), FENCED_INSTANCE);
    EXPECT_ASK(ask_beat("g", id_of_join(a), 1), UNKNOWN_MEMBER);
    struct ask *commit = ask_make(GROUP_VERB_COMMIT, "g", id_of_join(a));
    commit->q.generation = 1;
    commit->q.instance = text("one");
    commit->offsets[0] = (struct group_offset){ .topic = text("t") };
    commit->q.offsets = commit->offsets;
    commit->q.offset_count = 1;
    group_world_ask(commit);
    EXPECT_EQ(commit->offsets[0].err, GROUP_ERR_FENCED_INSTANCE);
    EXPECT_ASK(ask_static("g", id_of_join(a), "one"), FENCED_INSTANCE);
    EXPECT_ASK(ask_static("g", id_of_join(b), "two"), UNKNOWN_MEMBER);

    /* From version 9 on, the leader may be told all, and not to assign. */
    struct ask *c = join_make("g", NULL, "meta");
    c->q.instance = text("one");
    c->q.skips_assignment = true;
    group_world_ask(c);
    EXPECT_ASK(c, OK);
    EXPECT(c->q.out.skip_assignment);
    EXPECT_EQ(c->q.out.member_count, 1);
    EXPECT(bytes_equal(c->q.out.leader, c->q.out.member));
    group_world_restart();
    EXPECT_ASK(ask_beat("g", id_of_join(c), 1), OK);
    EXPECT_ASK(ask_beat("g", id_of_join(b), 1), UNKNOWN_MEMBER);
    group_world_end();
}

TEST(group_static, a_static_member_is_fenced_while_it_waits)
{
    /* Goal: the old one's join and sync that wait end with FENCED_INSTANCE. */
    begin();
    struct ask *m[2];
    m[0] = stable_one("g");
    m[1] = ask_static("g", NULL, "one"); /* waits for the other */
    struct ask *twin = ask_static("g", NULL, "one");
    EXPECT_ASK(m[1], FENCED_INSTANCE);
    m[0] = ask_join("g", id_of_join(m[0]), "meta");
    EXPECT_ASK(m[0], OK);
    EXPECT_ASK(twin, OK);
    EXPECT_EQ(m[0]->q.out.member_count, 2);
    struct ask *sync = ask_sync("g", twin, NULL, 0);
    struct ask *third = ask_static("g", NULL, "one");
    EXPECT_ASK(sync, FENCED_INSTANCE);
    EXPECT(!third->done); /* the leader may have assigned to the old id: again */
    EXPECT_EQ(state_of("g"), GROUP_PREPARING);
    group_world_end();
}

TEST(group_static, a_static_member_keeps_its_place_through_a_rebalance)
{
    /* Goal: who is static and away is still assigned to, until it is silent for too long. */
    begin();
    struct ask *a = ask_static("g", NULL, "one");
    const struct ask *all[] = { a };
    EXPECT_ASK(ask_sync("g", a, all, 1), OK);
    struct ask *b = ask_join("g", NULL, "meta");
    for (uint32_t i = 0; i < 3 && !b->done; i++) {
        EXPECT_ASK(ask_beat("g", id_of_join(a), 1), REBALANCE_IN_PROGRESS);
        group_world_pass(8000);
    }
    EXPECT_ASK(b, OK);
    EXPECT_EQ(b->q.out.member_count, 2);
    EXPECT(bytes_equal(b->q.out.leader, b->q.out.member));
    EXPECT_EQ(ask_leave("g", "", "one")->leavers[0].err, GROUP_ERR_OK); /* an administrator */
    EXPECT_EQ(ask_leave("g", "", "one")->leavers[0].err, GROUP_ERR_UNKNOWN_MEMBER);
    EXPECT_EQ(state_of("g"), GROUP_PREPARING);
    group_world_end();
}
