/* A poisoned store said that it was stopped as soon as its commit rested, while zeroing, the
 * checkpoint or a read had I/O in flight: whoever closed it then freed what the kernel still used.
 * Goal: stopped means that nothing is in flight. Method: a checkpoint has many
 * slots to write, and each of these writes fails in turn; the store is stopped at once. */
#include "tests/unit/log/fixture.h"

#define EIO_ 5

struct looker {
    struct sim_watch watch;
    struct fixture *f;
    uint32_t writes, fails_at;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    struct looker *k = container_of(w, struct looker, watch);
    const struct store *s = k->f->store; /* NULL while it is opened */
    bool entry = s && op == &s->commit.write_op;
    return op->verb == IO_WRITE && !entry && ++k->writes == k->fails_at ? EIO_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

TEST(r0024, stop_of_poisoned_store)
{
    for (uint32_t n = 1; n < 12; n++) {
        struct fixture f;
        struct looker k = { { look_starts, look_ends }, &f, .fails_at = n };
        bool done = false;
        struct store_stop stop = { .done = fixture_stopped, .arg = &done };
        fixture_open(&f, n);
        for (uint32_t i = 0; i < 12; i++) {
            fixture_add(&f, i);
            fixture_fill(&f, i, 1, 300);
        }
        fixture_settle(&f);
        sim_watch(f.node, &k.watch);
        f.store->want_checkpoint = true;
        for (uint32_t i = 0; i < 100000 && !f.store->poisoned; i++)
            fixture_turn(&f);
        EXPECT(f.store->poisoned);
        store_stop(f.store, &stop);
        EXPECT(fixture_until(&f, &done));
        EXPECT_ERR(stop.err, ERR_POISONED);
        EXPECT_EQ(io_inflight(f.io), 0);
        fixture_close(&f);
    }
}
