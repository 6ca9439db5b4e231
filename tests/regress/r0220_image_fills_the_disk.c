/* A larger image for which there was no space left its file as far as the file system had made it,
 * all the time that its checkpoint waited: other stores on that disk found nothing.
 * Goal: while a checkpoint waits for a larger image, the disk has as much space as without it.
 * Method: an image that has outgrown its file, and less space than a larger one takes; disks that
 * tell how much there is, and such that do not. */
#include "tests/unit/log/fixture.h"

#define SEEDS 16u
#define LEFT  KIB(40) /* the smallest image that is larger takes 68 */

static uint64_t disk_used(struct fixture *f)
{
    struct io_stat st;
    sim_disk_limit(f->node, 0);
    check(io_fd_stat(f->io, f->dir, &st) == ERR_OK);
    return (1ull << 50) - st.free_bytes;
}

static void starve(uint64_t seed)
{
    struct fixture f;
    fixture_open_still(&f, seed);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 500);
    fixture_settle(&f);
    uint64_t used = disk_used(&f), generation = f.store->generation;
    f.bent = true;
    f.store->image_capacity = BLOCK_BYTES;
    sim_disk_limit(f.node, used + LEFT);
    f.store->want_checkpoint = true;
    fixture_pass(&f, 3 * SEC_NS + SEC_NS / 2);
    REQUIRE(f.store->ckpt && checkpoint_starved(f.store));
    EXPECT_EQ(disk_used(&f), used);
    EXPECT_EQ(sim_file_bytes(f.node, FIXTURE_DIR, "image.tmp"), 0);
    EXPECT_EQ(f.store->generation, generation);
    fixture_pass(&f, 2 * SEC_NS);
    EXPECT(f.store->generation > generation);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1000);
    fixture_close(&f);
}

TEST(r0220, image_fills_the_disk)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        starve(22000 + seed);
}
