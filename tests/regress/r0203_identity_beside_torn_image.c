/* A crash left the newest image torn, and the identity block of a volume went bad. A repair asked
 * only the newest image how old the volume is, and as that one could not say, wrote a block that no
 * opening takes: MISMATCH. Found by lives with rot.
 * Goal: repair asks the image that an opening would take. Method: a page of the newest image is
 * damaged in both copies while the ring still has all since the one before it. */
#include "engine/log/image.h"
#include "tests/unit/log/damage.h"

TEST(r0203, identity_beside_torn_image)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    struct repair_report report;
    fixture_open(f, 203);
    fixture_add(f, 0);
    fixture_fill(f, 0, 5, 1000);
    fixture_checkpoint(f);
    fixture_fill(f, 0, 5, 1000);
    fixture_checkpoint(f);
    for (uint32_t copy = 0; copy < 2; copy++) {
        uint64_t at = image_copy_pos(f->store->image_capacity, f->store->generation, copy);
        fixture_flip(f, "image", at + BLOCK_BYTES + 30);
    }
    fixture_crash(f, SIM_KILL);
    fixture_flip(f, "vol-0001", 40);
    EXPECT_OK(repair_run(f->io, f->dir, &report, &f->why));
    EXPECT_EQ(report.identities, 1);
    REQUIRE_OK(fixture_start(f));
    fixture_verify(f, 0, 1 << 20);
    fixture_close(f);
}
