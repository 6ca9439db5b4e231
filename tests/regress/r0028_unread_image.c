/* One copy of the newest image was damaged and the other one could not be read: the store went on
 * from the older image. When the newer one could be read again, it contradicted what had been
 * written since, and the store did not open any more.
 * Goal: such an opening fails, and the next one finds everything. Method: the read of the second
 * copy fails once. */
#include "tests/unit/log/fixture.h"

#define EIO_        5
#define COPY_1_READ 6u /* four first pages, the other copy, this one */

struct looker {
    struct sim_watch watch;
    uint32_t reads;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    struct looker *k = container_of(w, struct looker, watch);
    return strstr(op->site->file, "log/image.c") && ++k->reads == COPY_1_READ ? EIO_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

TEST(r0028, unread_image)
{
    struct fixture f;
    struct looker k = { { look_starts, look_ends }, 0 };
    fixture_open(&f, 28);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 20000);
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 3, 1000);
    uint64_t generation = f.store->generation;
    uint64_t pos = image_copy_pos(f.store->image_capacity, generation, 0);
    fixture_crash(&f, SIM_KILL);
    fixture_flip(&f, "image", pos + BLOCK_BYTES + 5);
    sim_watch(f.node, &k.watch);
    EXPECT_ERR(fixture_start(&f), ERR_IO);
    REQUIRE(!f.store);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(f.store->generation, generation);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}
