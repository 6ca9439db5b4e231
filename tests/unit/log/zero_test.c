/* zero_test.c -- the pace of zeroing; what it leaves is grow_test.c's. */
#include "engine/log/grow.h"
#include "tests/unit/log/fixture.h"

TEST(zero, takes_small_steps_beside_commits)
{
    // Goal: K4: no commit waits behind a long write of zeros, and space is zeroed all the same.
    // Method: small appends without a pause, the first of which takes a zeroed slab.
    struct fixture f;
    fixture_open(&f, 86);
    fixture_settle(&f);
    fixture_add(&f, 0);
    const struct grower *g = f.store->grower;
    uint32_t steps = 0;
    uint64_t largest = 0;
    for (uint32_t i = 0; i < 400; i++) {
        fixture_fill(&f, 0, 1, 500);
        if (!g->zeroing || g->zero_syncing || !g->zero_op.busy)
            continue;
        steps++;
        largest = max_u64(largest, g->zero_op.len);
    }
    EXPECT(steps > 0);
    EXPECT_EQ(largest, KIB(64));
    EXPECT(!g->zeroing);
    EXPECT_EQ(f.store->vols[0]->slabs[2].written, 1);
    fixture_close(&f);
}
