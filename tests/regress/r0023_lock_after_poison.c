/* The directory could not be synced after a larger image file had taken its place: the store was
 * poisoned, and when it was closed the new file's descriptor was left behind, and its lock with it.
 * Goal: closing and opening again clears the poison. Method: that sync fails; then both. */
#include "tests/unit/log/fixture.h"

#define EIO_ 5
#define MANY 700u

struct looker {
    struct sim_watch watch;
    struct fixture *f;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    const struct store *s = container_of(w, struct looker, watch)->f->store;
    bool last = s && s->ckpt && op == &s->ckpt->file_op && s->ckpt->step == IMAGE_DIR;
    return last ? EIO_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

static void added(struct part_request *r)
{
    (void)r;
}

TEST(r0023, lock_after_poison)
{
    struct fixture f;
    struct part_request adds[MANY];
    struct looker k = { { look_starts, look_ends }, &f };
    fixture_open(&f, 1);
    sim_watch(f.node, &k.watch);
    for (uint32_t i = 0; i < MANY; i++) {
        adds[i] = (struct part_request){ .done = added };
        part_add(f.store, &adds[i], fixture_topic(0), i);
    }
    f.store->want_checkpoint = true;
    for (uint32_t i = 0; i < 100000 && !f.store->poisoned; i++)
        fixture_turn(&f);
    EXPECT(f.store->poisoned);
    while (io_inflight(f.io) && sim_step(f.sim, UINT64_MAX))
        io_turn(f.io, 0);
    store_close(&f.store);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(f.store->part_map.count, MANY);
    fixture_close(&f);
}
