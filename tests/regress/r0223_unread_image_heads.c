/* Where both first pages of one region of the image could not be read, a repair failed with the
 * error of the read, though the other region had the newest image, whole. Goal: an opening fails,
 * for a newer image may be where it cannot look; a repair goes on from what it can read. Method:
 * these reads fail, of the older region. */
#include "engine/log/image.h"
#include "engine/log/repair.h"
#include "tests/unit/log/fixture.h"

#define EIO_ 5

struct looker {
    struct sim_watch watch;
    uint64_t pos[2];
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    struct looker *k = container_of(w, struct looker, watch);
    bool image = op->verb == IO_READ && strstr(op->site->file, "log/image.c");
    return image && (op->pos == k->pos[0] || op->pos == k->pos[1]) ? EIO_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

TEST(r0223, unread_image_heads)
{
    struct fixture f;
    struct repair_report report;
    struct looker k = { { look_starts, look_ends }, { 0, 0 } };
    fixture_open(&f, 223);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 2000);
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 3, 1000);
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 3, 500);
    uint64_t older = f.store->generation - 1, capacity = f.store->image_capacity;
    fixture_crash(&f, SIM_POWER);
    for (uint32_t copy = 0; copy < 2; copy++)
        k.pos[copy] = image_copy_pos(capacity, older, copy);
    sim_watch(f.node, &k.watch);
    EXPECT_ERR(fixture_start(&f), ERR_IO);
    REQUIRE_OK(repair_run(f.io, f.dir, &report, &f.why));
    sim_watch(f.node, NULL);
    REQUIRE_OK(fixture_start(&f));
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}
