/* The write of an image's second copy failed. A repair took the two generations side by side for
 * what a crash leaves, and went by; verify went on to call it healable.
 * Goal: repair writes the second copy when the first one is whole. Method: that write fails. */
#include "tests/unit/log/damage.h"

#define ENOSPC_ 28

struct looker {
    struct sim_watch watch;
    struct fixture *f;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    const struct store *s = container_of(w, struct looker, watch)->f->store;
    return s && s->ckpt && op == &s->ckpt->copy_op ? ENOSPC_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

TEST(r0027, image_of_one_copy)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    struct looker k = { { look_starts, look_ends }, f };
    struct repair_report report;
    fixture_open(f, 27);
    fixture_add(f, 0);
    fixture_fill(f, 0, 5, 1000);
    fixture_checkpoint(f);
    fixture_checkpoint(f);
    sim_watch(f->node, &k.watch);
    f->store->want_checkpoint = true;
    fixture_pass(f, SEC_NS);
    EXPECT(f->store->poisoned);
    sim_watch(f->node, NULL);
    fixture_crash(f, SIM_KILL);
    REQUIRE_OK(repair_run(f->io, f->dir, &report, &f->why));
    EXPECT_EQ(report.image_pages > 0, true);
    damage_look(&d);
    EXPECT(damage_none(&d));
    fixture_close(f);
}
