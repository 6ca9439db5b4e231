/* A member that asked for its assignment in a stable group, as one does that was away, was not
 * taken for alive: it was dropped when its time was over since what it had asked before. Goal:
 * it stays. Method: a sync shortly before the end of its time, a heartbeat after it. */
#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

TEST(r0157, sync_is_a_sign_of_life)
{
    group_world_new();
    group_world_start();
    struct ask *a = stable_one("g"); /* its time is 10 s */
    group_world_pass(8000);
    EXPECT_ASK(ask_sync("g", a, NULL, 0), OK);
    group_world_pass(8000);
    EXPECT_ASK(ask_beat("g", id_of_join(a), a->q.out.generation), OK);
    group_world_end();
}
