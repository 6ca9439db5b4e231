/* A run whose write had failed was taken for one that is on the disk: its bytes were let go from
 * memory, and who read them, as readers of `memory` may, was told CORRUPT. Goal: a stopped store
 * gives what it took. Method: a direct run fails, memory is wanted, and all of it is read. Found by
 * a seed of the front. */
#include "tests/unit/log/fixture.h"

TEST(r0105, read_of_failed_run)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 1);
    struct part *p = fixture_add(&f, 0);
    part_durability_set(p, DURABILITY_MEMORY);
    fixture_settle(&f);
    sim_fault(f.node, NULL, 5, 0);
    for (uint32_t i = 0; i < 5; i++)
        (void)fixture_send(&f, 0, (struct spec){ .bytes = 20000, .memory = true });
    fixture_pass(&f, SEC_NS);
    EXPECT(store_poisoned(f.store, NULL));
    EXPECT_EQ(p->disk_pos, 0);
    EXPECT(list_empty(&f.store->clean)); /* nothing may be let go */
    fixture_read(&f, &g, 0, 0, MIB(1));
    EXPECT_OK(g.r.err);
    EXPECT(g.r.batches.len >= 20000);
    read_give(&g.r);
    sim_fault_clear(f.node);
    f.hurt = true;
    fixture_close(&f);
}
