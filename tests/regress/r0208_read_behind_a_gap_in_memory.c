/* A read from an offset in a gap batch looked for more up to the end of the extent, as long as that
 * lay in memory, and then said that nothing is there up to the log's end: records in the next
 * extent that a reader never saw.
 * Goal: it goes on with the first batch behind the gap, as a read off the disk does (r0120).
 * Method: the last batch of an extent is lost in the journal; repair; an append that takes the next
 * extent, while the first one is still in memory. */
#include "tests/unit/log/damage.h"

enum { LOSER = 0, OTHER = 1 };

TEST(r0208, read_behind_a_gap_in_memory)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    struct got g;
    fixture_open_still(f, 208);
    fixture_add(f, LOSER);
    fixture_add(f, OTHER);
    fixture_fill(f, LOSER, 10, 1000);
    fixture_checkpoint(f);
    uint64_t entry = BLOCK_BYTES + journal_next_pos(f->store, f->store->journal.head_pos) %
                                       (f->geometry.journal_bytes - BLOCK_BYTES);
    fixture_fill(f, LOSER, 1, 1000);
    fixture_fill(f, OTHER, 1, 100);
    fixture_crash(f, SIM_POWER);
    fixture_flip(f, "journal", entry + ENTRY_HEADER_BYTES + ROW_BYTES + 300);
    EXPECT_EQ(damage_repair(&d).parts, 1);
    EXPECT_OK(fixture_append(f, LOSER, (struct spec){ .bytes = 4000 }));
    struct part *p = fixture_part(f, LOSER);
    REQUIRE(p->extent_count == 2 && p->extents[1]->base_off == 11);
    for (uint32_t lends = 0; lends < 2; lends++) {
        f->lends = lends;
        fixture_read(f, &g, LOSER, 10, 3000);
        EXPECT_OK(g.r.err);
        EXPECT_EQ(g.r.batches.len, 4000);
        EXPECT_EQ(g.r.next_off, 12);
        read_give(&g.r);
    }
    damage_left(&d, LOSER, 1);
    f->hurt = true;
    damage_close(&d);
}
