/* The entry that dropped a partition was lost, and another one had its space since: salvage gave
 * the partition back without extents, its end where it was, and wrote an image of it that no
 * opening took: "the image's rows contradict each other". Goal: it opens, empty, and goes on.
 * Method: a drop in an entry of its own, which is damaged; a partition that takes the extent. */
#include "engine/log/repair.h"

#include "tests/unit/log/fixture.h"

TEST(r0131, image_without_extents)
{
    struct fixture f;
    struct repair_report report;
    fixture_open(&f, 131);
    fixture_settle(&f);
    fixture_add(&f, 0);
    fixture_add(&f, 1);
    fixture_fill(&f, 0, 3, 500);
    fixture_checkpoint(&f);
    uint32_t unit = fixture_part(&f, 0)->extents[0]->unit;
    uint64_t at = BLOCK_BYTES + f.store->journal.head_pos % f.store->journal.ring;
    EXPECT_OK(fixture_drop(&f, 0));
    fixture_settle(&f);
    fixture_fill(&f, 1, 2, 500);
    EXPECT_EQ(fixture_part(&f, 1)->extents[0]->unit, unit);
    fixture_crash(&f, SIM_POWER);
    fixture_flip(&f, "journal", at + 9);
    EXPECT_ERR(fixture_start(&f), ERR_DAMAGED);
    REQUIRE_OK(repair_run(f.io, f.dir, &report, &f.why));
    REQUIRE_OK(fixture_start(&f));
    fixture_verify(&f, 1, 4000);
    EXPECT_EQ(part_info(fixture_part(&f, 0)).bytes, 0);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 333 }));
    EXPECT_EQ(part_info(fixture_part(&f, 0)).bytes, 333);
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(part_info(fixture_part(&f, 0)).bytes, 333);
    fixture_close(&f);
}
