/* What members were assigned counted as theirs: a group whose assignments were large took no more
 * members, and told those that had something new to say, as cooperative ones do in each rebalance,
 * that it was full. Goal: members have their half of a record whatever they are assigned; and a
 * static member that comes back with more than a record holds, assignments included, begins a
 * rebalance. Method: limits of 4 KiB. */
#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

static char bytes[4096];

static const char *meta(size_t len)
{
    static char at[4][4096];
    static uint32_t turn;
    char *to = at[turn++ % 4];
    memset(to, 'm', len);
    to[len] = '\0';
    return to;
}

/* Its leader, which assigns so many bytes to itself. */
static struct ask *stable(struct ask *joined, size_t assigned)
{
    struct ask *a = ask_make(GROUP_VERB_SYNC, "g", id_of_join(joined));
    EXPECT_ASK(joined, OK);
    a->q.generation = joined->q.out.generation;
    a->assignments[0] =
        (struct group_assignment){ joined->q.out.member, { (const uint8_t *)bytes, assigned } };
    a->q.assignments = a->assignments;
    a->q.assignment_count = 1;
    EXPECT_ASK(group_world_ask(a), OK);
    return joined;
}

static void begin(void)
{
    group_world_new();
    gw.opts.record_max = 4096;
    group_world_start();
}

TEST(r0235, a_member_comes)
{
    begin();
    struct ask *first = stable(ask_join("g", NULL, meta(500)), 1700);
    struct ask *second = ask_join("g", NULL, meta(500));
    EXPECT(!second->done);
    EXPECT_ASK(ask_join("g", id_of_join(first), meta(600)), OK);
    EXPECT_ASK(second, OK);
    group_world_end();
}

TEST(r0235, a_member_says_more)
{
    begin();
    struct ask *first = stable(ask_join("g", NULL, meta(500)), 1700);
    EXPECT_ASK(ask_join("g", id_of_join(first), meta(800)), OK);
    group_world_restart();
    EXPECT(group_world_whole());
    group_world_end();
}

TEST(r0235, a_static_member_is_back)
{
    begin();
    struct ask *a = join_make("g", NULL, meta(500));
    a->q.instance = text("one");
    stable(group_world_ask(a), 3000);
    struct ask *again = join_make("g", NULL, meta(1000));
    again->q.instance = text("one");
    EXPECT_ASK(group_world_ask(again), OK);
    EXPECT_EQ(again->q.out.generation, a->q.out.generation + 1);
    EXPECT_EQ(state_of("g"), GROUP_COMPLETING);
    group_world_end();
}
