/* After a repair had given up a slot that was the first block of an extent, a read from a lost
 * offset found zeros where the extent begins, took them for padding, and went on behind all that
 * had been appended since: acknowledged records that a reader never saw. Goal: it goes on with the
 * first batch behind the loss. Method: an extent is filled, the first batch of the next one rests
 * in its slot, which is damaged; repair, an append, a read from the lost offset. */
#include "engine/log/repair.h"

#include "tests/unit/log/fixture.h"

TEST(r0120, read_behind_lost_slot)
{
    struct fixture f;
    struct got g;
    struct repair_report report;
    fixture_open(&f, 120);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 13, 1000); /* twelve fill the first extent */
    fixture_checkpoint(&f);
    fixture_stop_again(&f);
    struct part *p = fixture_part(&f, 0);
    REQUIRE(p->extent_count == 2 && p->extents[1]->tile_count == 0);
    uint64_t at = BLOCK_BYTES + ((uint64_t)p->slot * 2 + p->slot_side) * BLOCK_BYTES;
    fixture_stop(&f);
    fixture_flip(&f, "tails", at + 3);
    REQUIRE_OK(repair_run(f.io, f.dir, &report, &f.why));
    EXPECT_EQ(report.slots, 1);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 333 }));
    fixture_read(&f, &g, 0, 12, 1000);
    EXPECT_OK(g.r.err);
    EXPECT_EQ(g.r.batches.len, 333);
    EXPECT_EQ(g.r.next_off, 14);
    read_give(&g.r);
    fixture_close(&f);
}
