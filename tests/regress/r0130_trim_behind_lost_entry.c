/* A journal entry was lost with the last batches of a partition, and the one after it trimmed the
 * partition beyond what was left. Salvage found a log start beyond the log end and refused: the
 * store could be neither opened nor repaired. Goal: the log is empty from there on, and goes on.
 * Method: an append and a trim of all there is, each in an entry of its own; the first is
 * damaged. */
#include "engine/log/repair.h"

#include "tests/unit/log/fixture.h"

TEST(r0130, trim_behind_lost_entry)
{
    struct fixture f;
    struct got g;
    struct repair_report report;
    fixture_open(&f, 130);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 500);
    fixture_checkpoint(&f);
    uint64_t at = BLOCK_BYTES + f.store->journal.head_pos % f.store->journal.ring;
    fixture_fill(&f, 0, 2, 500);
    EXPECT_OK(fixture_trim(&f, 0, 5));
    fixture_settle(&f);
    fixture_crash(&f, SIM_POWER);
    fixture_flip(&f, "journal", at + 9);
    fixture_flip(&f, "journal", at + BLOCK_BYTES + 9);
    EXPECT_ERR(fixture_start(&f), ERR_DAMAGED);
    REQUIRE_OK(repair_run(f.io, f.dir, &report, &f.why));
    REQUIRE_OK(fixture_start(&f));
    struct part_state_info i = part_info(fixture_part(&f, 0));
    EXPECT_EQ(i.start_off, 5);
    EXPECT_EQ(i.next_off, 5);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 333 }));
    fixture_read(&f, &g, 0, 5, 1000);
    EXPECT_OK(g.r.err);
    EXPECT_EQ(g.r.batches.len, 333);
    EXPECT_EQ(g.r.next_off, 6);
    read_give(&g.r);
    fixture_close(&f);
}
