/* A volume for which there was no space left its file as far as the file system had made it: all
 * that was left of an ext4 disk. Each try took it again, and a checkpoint of the same store found
 * nothing.
 * Goal: what is left stays left, and a checkpoint that wants a little of it ends. Method: less
 * space than a volume, more partitions than there are slots; disks that tell how much there is, and
 * such that do not. */
#include "tests/unit/log/fixture.h"

#define PARTS  17u
#define SEEDS  16u
#define LEFT   KIB(600) /* the slots want half of it */
#define FILLED 120000u

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
    fixture_open(&f, seed);
    for (uint32_t i = 0; i < PARTS; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 500);
    }
    fixture_settle(&f);
    EXPECT_EQ(f.store->slot_count, PARTS - 1);
    sim_disk_limit(f.node, disk_used(&f) + LEFT);
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < 40 && !err; i++)
        err = fixture_append(&f, 0, (struct spec){ .bytes = FILLED });
    EXPECT_ERR(err, ERR_NO_SPACE);
    uint64_t generation = f.store->generation;
    f.store->want_checkpoint = true;
    fixture_pass(&f, 3 * SEC_NS + SEC_NS / 2);
    EXPECT_EQ(sim_file_bytes(f.node, FIXTURE_DIR, "vol.tmp"), 0);
    EXPECT(f.store->generation > generation);
    EXPECT(f.store->full && !store_poisoned(f.store, NULL));
    sim_disk_limit(f.node, 0);
    fixture_pass(&f, 2 * SEC_NS);
    fixture_fill(&f, 0, 5, FILLED);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(r0219, volume_fills_the_disk)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        starve(21900 + seed);
}
