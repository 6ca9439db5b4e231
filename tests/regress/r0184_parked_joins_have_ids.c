/* Joins that waited for a record of their group got member ids made of zeros: chance came with the
 * request, and was gone when it was taken up again. Two consumers of one name were one member.
 * Goal: each has an id of its own. Method: two joins while a generation is on its way. */
#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

static struct ask *join_id_first(void)
{
    struct ask *a = join_make("g", "", "meta");
    a->q.id_required = true;
    return group_world_ask(a);
}

TEST(r0184, parked_joins_have_ids)
{
    group_world_new();
    gw.opts.delay_ms = -1;
    group_world_start();
    gw.hold = true;
    struct ask *first = ask_join("g", "", "meta"); /* its generation is under way */
    struct ask *one = join_id_first(), *other = join_id_first();
    EXPECT(!one->done && !other->done);
    gw.hold = false;
    group_world_write(1);
    EXPECT_ASK(first, OK);
    EXPECT_ASK(one, MEMBER_ID_REQUIRED);
    EXPECT_ASK(other, MEMBER_ID_REQUIRED);
    struct bytes a = one->q.out.member, b = other->q.out.member;
    EXPECT(!bytes_equal(a, b));
    group_world_end();
}
