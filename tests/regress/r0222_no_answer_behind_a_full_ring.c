/* A checkpoint waited for space, and data had filled its part of the ring. Appends were placed in
 * memory, where no entry could take them: two thirds of 1,500 had no answer.
 * Goal: each is acknowledged or gets NO_SPACE, but for the few that were placed when the ring
 * became full; reads go on; and with space all goes on, those few as well. Method: a checkpoint
 * that waits for a larger image, or for slots; appends until long after the ring is full. */
#include "tests/unit/log/fixture.h"

#define APPENDS 1500u
#define FEW     20u /* of 1,000 bytes, since data waits when less than 16 KiB are left */

static void starve(struct fixture *f, bool image)
{
    fixture_add(f, 0);
    fixture_fill(f, 0, 90, 30000); /* extents enough for what comes */
    fixture_checkpoint(f);
    fixture_trim(f, 0, 89);
    fixture_settle(f);
    fixture_checkpoint(f);
    fixture_settle(f);
    fixture_add(f, 1);        /* wants a slot */
    f->bent = f->hurt = true; /* and not all that was sent is there */
    if (image)
        f->store->image_capacity = BLOCK_BYTES;
    else
        f->store->slot_count = f->store->slot_next;
    sim_disk_limit(f->node, 1);
    fixture_fill(f, 1, 1, 500);
    f->store->want_checkpoint = true;
    fixture_pass(f, SEC_NS / 2);
    REQUIRE(checkpoint_starved(f->store));
}

static void appends(bool image, uint64_t seed)
{
    struct fixture f;
    static struct sent *sent[APPENDS];
    uint32_t refused = 0, waiting = 0;
    fixture_open(&f, seed);
    starve(&f, image);
    for (uint32_t i = 0; i < APPENDS; i++) {
        sent[i] = fixture_send(&f, i % 2, (struct spec){ .bytes = 1000 });
        fixture_pass(&f, 3 * MS_NS); /* it tries again meanwhile, a few times */
    }
    fixture_pass(&f, SEC_NS);
    for (uint32_t i = 0; i < APPENDS; i++) {
        EXPECT(!sent[i]->done || !sent[i]->a.err || sent[i]->a.err == ERR_NO_SPACE);
        refused += sent[i]->done && sent[i]->a.err;
        waiting += !sent[i]->done;
    }
    EXPECT(waiting <= FEW);
    EXPECT(refused > APPENDS / 2);
    struct got g;
    fixture_read(&f, &g, 0, 89, 1000);
    EXPECT(!g.r.err && g.r.batches.len);
    read_give(&g.r);
    sim_disk_limit(f.node, 0);
    fixture_pass(&f, 2 * SEC_NS);
    for (uint32_t i = 0; i < APPENDS; i++)
        EXPECT(sent[i]->done);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 1000 }));
    fixture_close(&f);
}

TEST(r0222, no_answer_behind_a_full_ring)
{
    appends(true, 2220);
    appends(false, 2221);
}
