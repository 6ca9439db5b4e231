/* A sync that failed with ENOSPC while a volume was made or a slab zeroed counted as a lack of
 * space: the store waited a second and went on. But the device may have dropped what it had not
 * flushed, a completed run or entry too, and the next sync of a commit vouched for it.
 * Goal: any failed sync poisons. Method: each sync of a store that grows gets ENOSPC in turn; no
 * sync starts after it. */
#include "tests/unit/log/fixture.h"

#define ENOSPC_ 28

struct looker {
    struct sim_watch watch;
    struct fixture *f;
    uint32_t syncs, fails_at, later;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    struct looker *k = container_of(w, struct looker, watch);
    const struct grower *g = k->f->store ? k->f->store->grower : NULL;
    if (op->verb != IO_SYNC || !g)
        return 0;
    k->syncs += op == &g->make_op || op == &g->zero_op;
    k->later += k->syncs > k->fails_at;
    return k->syncs == k->fails_at && (op == &g->make_op || op == &g->zero_op) ? ENOSPC_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

TEST(r0021, sync_without_space)
{
    for (uint32_t n = 1; n < 8; n++) {
        struct fixture f;
        struct looker k = { { look_starts, look_ends }, &f, .fails_at = n };
        fixture_open(&f, n);
        fixture_add(&f, 0);
        sim_watch(f.node, &k.watch);
        for (uint32_t i = 0; i < 30 && !f.store->poisoned; i++)
            fixture_append(&f, 0, (struct spec){ .bytes = 100000 });
        fixture_pass(&f, 3 * SEC_NS);
        EXPECT(f.store->poisoned);
        EXPECT_EQ(k.later, 0);
        fixture_close(&f);
    }
}
