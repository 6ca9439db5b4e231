/* A checkpoint that waited for tail slots on a full disk did not take those of partitions that were
 * dropped meanwhile: deleting topics did not help, and the ring filled up.
 * Goal: it ends with them, while the disk is as full as before, and a crash at any moment finds
 * every partition as it was. Method: one partition more than there are slots, then drops; the
 * machine ends at each of the I/Os that follow. */
#include "engine/base/check.h"
#include "tests/unit/log/fixture.h"

#define PARTS   17u
#define DROPPED 5u

static void starve(struct fixture *f, uint64_t seed)
{
    fixture_open(f, seed);
    for (uint32_t i = 0; i < PARTS - 1; i++) {
        fixture_add(f, i);
        fixture_fill(f, i, 1, 500);
    }
    fixture_checkpoint(f);
    for (uint32_t i = 0; i < PARTS; i++) {
        fixture_add(f, i);
        fixture_fill(f, i, 1, 300);
    }
    sim_disk_limit(f->node, 1);
    f->store->want_checkpoint = true;
    fixture_pass(f, SEC_NS / 2);
    REQUIRE(f->store->ckpt && checkpoint_starved(f->store));
    EXPECT_EQ(f->store->ckpt->count, PARTS - 1); /* those that are dropped as well */
}

TEST(r0221, slots_of_dropped)
{
    struct fixture f;
    starve(&f, 221);
    uint64_t generation = f.store->generation;
    for (uint32_t i = 0; i < DROPPED; i++)
        EXPECT_OK(fixture_drop(&f, i));
    fixture_pass(&f, SEC_NS);
    EXPECT(f.store->generation > generation && !f.store->ckpt);
    EXPECT_EQ(f.store->slot_count, PARTS - 1);
    for (uint32_t i = 0; i < DROPPED; i++) { /* in the slots of others */
        fixture_add(&f, PARTS + i);
        fixture_fill(&f, PARTS + i, 1, 400);
    }
    f.store->want_checkpoint = true;
    fixture_pass(&f, SEC_NS);
    fixture_again(&f, SIM_POWER);
    for (uint32_t i = DROPPED; i < PARTS + DROPPED; i++)
        fixture_verify(&f, i, 1000);
    sim_disk_limit(f.node, 0);
    fixture_close(&f);
}

static void dropped(struct part_request *r)
{
    either(r->err == ERR_OK); /* the machine may have ended before */
}

TEST(r0221, crash_while_slots_change_hands)
{
    for (uint32_t k = 0; k < 90; k++) {
        struct fixture f;
        struct part_request drops[DROPPED];
        starve(&f, 22100 + k);
        f.hurt = true; /* its books have what was dropped */
        sim_crash_at_io(f.node, 1 + k / 3, k % 3);
        for (uint32_t i = 0; i < DROPPED; i++) {
            drops[i] = (struct part_request){ .done = dropped };
            part_drop(fixture_part(&f, i), &drops[i]);
        }
        for (uint32_t i = 0; i < 400 && fixture_turn(&f); i++)
            ;
        sim_disk_limit(f.node, 0);
        fixture_again(&f, SIM_POWER);
        for (uint32_t i = 0; i < PARTS; i++)
            if (i >= DROPPED || fixture_part(&f, i))
                fixture_verify(&f, i, 1000);
        fixture_close(&f);
    }
}
