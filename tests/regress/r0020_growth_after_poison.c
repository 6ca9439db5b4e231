/* Making, zeroing and removing volumes, and writing the image, went on in a store that was poisoned
 * meanwhile: they synced files after a sync had failed, and believed them.
 * Goal: only reads start in a poisoned store. Method: each entry of a store that grows fails in
 * turn; a watch looks at every start. */
#include "tests/unit/log/fixture.h"

#define EIO_ 5

struct looker {
    struct sim_watch watch;
    struct fixture *f;
    uint32_t entries, fails_at, late;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    struct looker *k = container_of(w, struct looker, watch);
    struct store *s = k->f->store;
    if (s && s->poisoned)
        k->late += op->verb != IO_READ;
    return s && op == &s->commit.write_op && ++k->entries == k->fails_at ? EIO_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

TEST(r0020, growth_after_poison)
{
    for (uint32_t n = 1; n < 20; n++) {
        struct fixture f;
        struct looker k = { { look_starts, look_ends }, &f, .fails_at = n };
        fixture_open(&f, n);
        fixture_add(&f, 0);
        sim_watch(f.node, &k.watch);
        for (uint32_t i = 0; i < 20 && !f.store->poisoned; i++)
            fixture_append(&f, 0, (struct spec){ .bytes = 100000 });
        fixture_pass(&f, SEC_NS);
        EXPECT(f.store->poisoned);
        EXPECT_EQ(k.late, 0);
        fixture_close(&f);
    }
}
