/* The image had outgrown its file, and one of the three writes into the larger one found no space
 * while the others were in flight: their descriptor was closed under them, and the last one to
 * complete went on with a step that was not next. The file was there already, and that poisoned.
 * Goal: the checkpoint waits for space and then succeeds. Method: each of the writes fails once. */
#include "tests/unit/log/fixture.h"

#define ENOSPC_ 28
#define MANY    700u

struct looker {
    struct sim_watch watch;
    struct fixture *f;
    uint32_t writes, fails_at;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    struct looker *k = container_of(w, struct looker, watch);
    const struct checkpoint *c = k->f->store ? k->f->store->ckpt : NULL;
    bool larger = c && c->grow_file && op->verb == IO_WRITE &&
                  (op == &c->file_op || op == &c->copy_op || op == &c->grow_op);
    k->writes += larger;
    return larger && k->writes == k->fails_at ? ENOSPC_ : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    (void)w, (void)op, (void)sys;
}

static void added(struct part_request *r)
{
    ++*(uint32_t *)r->arg;
}

TEST(r0022, image_without_space)
{
    for (uint32_t n = 1; n <= 3; n++) {
        struct fixture f;
        struct part_request adds[MANY];
        struct looker k = { { look_starts, look_ends }, &f, .fails_at = n };
        uint32_t done = 0;
        fixture_open(&f, n);
        sim_watch(f.node, &k.watch);
        for (uint32_t i = 0; i < MANY; i++) {
            adds[i] = (struct part_request){ .done = added, .arg = &done };
            part_add(f.store, &adds[i], fixture_topic(0), i);
        }
        uint64_t capacity = f.store->image_capacity;
        f.store->want_checkpoint = true;
        fixture_pass(&f, 5 * SEC_NS);
        EXPECT_EQ(done, MANY);
        EXPECT(k.writes >= 6);
        EXPECT(!f.store->poisoned);
        EXPECT_EQ(f.store->image_capacity, 2 * capacity);
        fixture_again(&f, SIM_POWER);
        EXPECT_EQ(f.store->part_map.count, MANY);
        fixture_close(&f);
    }
}
