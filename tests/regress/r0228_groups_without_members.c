/* What a ward keeps has a limit in bytes, but a group was made before there was room for its
 * member, the type of its protocols was in no count, and neither was who had been told an id to
 * join with: joins with long texts took gigabytes. Goal: beyond the limit no group is made; what
 * was told an id counts until it joins, leaves or is late, and a group of which nothing is left
 * goes at once. Method: a limit of 64 KiB, and texts of almost 30 KB. */
#include <stdio.h>

#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

#define LONG 29999u

static char longs[LONG + 1];

static void begin(void)
{
    group_world_new();
    gw.opts.bytes_max = KIB(64);
    group_world_start();
}

static struct bytes long_text(uint32_t i)
{
    snprintf(longs, sizeof(longs), "%0*u", (int)LONG, i);
    return (struct bytes){ (const uint8_t *)longs, LONG };
}

static struct ask *join_long(uint32_t i, bool id_required)
{
    struct ask *a = join_make("g", NULL, "m");
    a->q.group = long_text(i);
    a->q.id_required = id_required;
    return group_world_ask(a);
}

/* The first ones; then nobody, whoever asks. */
static void fill(bool id_required)
{
    for (uint32_t i = 0; i < 100; i++) {
        struct ask *a = join_long(i, id_required);
        if (i >= 2)
            EXPECT_ASK(a, FULL);
    }
    EXPECT_EQ(groups_count(gw.gs), 2);
}

TEST(r0228, groups_of_who_was_told_an_id)
{
    begin();
    fill(true);
    group_world_pass(10000);
    EXPECT_EQ(groups_count(gw.gs), 0); /* nobody has come in time */
    fill(true);
    group_world_end();
}

TEST(r0228, groups_of_who_was_refused)
{
    begin();
    fill(false);
    group_world_end();
}

TEST(r0228, groups_with_long_types)
{
    begin();
    for (uint32_t i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "g%u", i);
        struct ask *a = join_make(name, NULL, "m");
        a->q.protocol_type = long_text(0);
        group_world_ask(a);
        if (i >= 2)
            EXPECT_ASK(a, FULL);
    }
    EXPECT_EQ(groups_count(gw.gs), 2);
    group_world_pass(10000);
    group_world_restart();
    EXPECT(group_world_whole());
    EXPECT_ASK(ask_join("g", NULL, "m"), OK); /* of these there is still room */
    EXPECT_ASK(join_long(0, false), FULL);
    group_world_end();
}

static struct ask *told(uint32_t client_bytes)
{
    struct ask *a = join_make("g", NULL, "m");
    a->q.client_id = (struct bytes){ (const uint8_t *)longs, client_bytes };
    a->q.id_required = true;
    return group_world_ask(a);
}

/* Ids in one group, until it is full. */
static uint32_t many_told(struct ask **last)
{
    struct ask *a;
    uint32_t count = 0;
    long_text(0);
    for (; count < 2000 && (a = told(200))->q.err != GROUP_ERR_FULL; count++)
        *last = a;
    return count;
}

TEST(r0228, ids_that_were_told)
{
    struct ask *last = NULL;
    group_world_new();
    gw.opts.bytes_max = KIB(32);
    group_world_start();
    uint32_t count = many_told(&last);
    EXPECT(count > 10 && count < 200);
    EXPECT_ASK(told(200), FULL);
    EXPECT_ASK(ask_leave("g", id_of_join(last), NULL), OK);
    EXPECT_ASK(told(200), MEMBER_ID_REQUIRED); /* there is room for one */
    EXPECT_ASK(told(200), FULL);
    group_world_pass(10000);
    EXPECT_EQ(groups_count(gw.gs), 0);
    EXPECT_EQ(many_told(&last), count); /* all of it came back */
    group_world_end();
}

TEST(r0228, a_group_that_the_last_one_leaves)
{
    begin();
    struct ask *one = join_long(0, true);
    EXPECT_ASK(one, MEMBER_ID_REQUIRED);
    struct ask *leave = ask_make(GROUP_VERB_LEAVE, "g", NULL);
    leave->leavers[0] = (struct group_leaver){ .member = one->q.out.member };
    leave->q.group = long_text(0);
    leave->q.leavers = leave->leavers;
    leave->q.leaver_count = 1;
    EXPECT_ASK(group_world_ask(leave), OK);
    group_world_pass(1);
    EXPECT_EQ(groups_count(gw.gs), 0);
    fill(true);
    group_world_end();
}
