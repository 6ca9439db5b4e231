/* A repair could not read the identity block of the image at first, so that the image did not count
 * as the store's; then it made a volume's block anew without it, with an opening of 0 (as r0025).
 * Goal: such a repair fails and writes nothing. Method: one read fails; then a repair. */
#include "tests/unit/log/damage.h"

#define EIO_       5
#define IMAGE_READ 2u /* journal, image, tails, volumes */

struct looker {
    struct sim_watch watch;
    uint32_t reads;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    struct looker *k = container_of(w, struct looker, watch);
    bool verify = op->verb == IO_READ && strstr(op->site->file, "log/verify.c");
    return verify && ++k->reads == IMAGE_READ ? EIO_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

TEST(r0029, identity_of_unread_image)
{
    struct damage d;
    struct repair_report report;
    struct looker k = { { look_starts, look_ends }, 0 };
    damage_open(&d, 29);
    damage_flip(&d, d.vol, 33);
    sim_watch(d.f.node, &k.watch);
    EXPECT_ERR(repair_run(d.f.io, d.f.dir, &report, &d.f.why), ERR_CORRUPT);
    EXPECT_EQ(report.identities, 0);
    REQUIRE_OK(repair_run(d.f.io, d.f.dir, &report, &d.f.why));
    EXPECT_EQ(report.identities, 1);
    REQUIRE_OK(fixture_start(&d.f));
    for (uint32_t b = 0; b < DAMAGE_BOOKS; b++)
        fixture_verify(&d.f, b, 1 << 20);
    damage_close(&d);
}
