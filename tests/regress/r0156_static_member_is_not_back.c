/* A static member that came back was told of an append that failed with an id, and a leader, in
 * memory that had been freed. Goal: such an answer has no results. Method: the record of its new id
 * fails. */
#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

TEST(r0156, static_member_is_not_back)
{
    group_world_new();
    gw.opts.delay_ms = -1;
    group_world_start();
    struct ask *joined = ask_static("g", "", "one");
    EXPECT_ASK(joined, OK);
    EXPECT_ASK(ask_sync("g", joined, (const struct ask *const[]){ joined }, 1), OK);
    gw.append_err = ERR_IO;
    struct ask *back = ask_static("g", "", "one");
    EXPECT_ASK(back, UNAVAILABLE);
    EXPECT(!back->q.block);
    EXPECT(!back->q.out.member.at && !back->q.out.leader.at);
    EXPECT(!back->q.out.protocol.at && !back->q.out.protocol_type.at);
    EXPECT_EQ(back->q.out.member_count, 0);
    gw.append_err = ERR_OK;
    group_world_end();
}
