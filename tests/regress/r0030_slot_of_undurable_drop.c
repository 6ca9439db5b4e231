/* The slot of a dropped partition was given to another one as soon as the DROP row was in an entry:
 * a checkpoint wrote over it while that entry was still under way. After a power cut the entry was
 * not there, the partition was back, and its newest block was gone.
 * Goal: the slot is free when the drop is durable, and not before. Method: the free slots at each
 * turn between the drop and its answer; a crash in between brings back all that was acknowledged.
 * Found by seed 4085. */
#include "tests/unit/log/fixture.h"

static bool dropped;

static void drop_done(struct part_request *r)
{
    EXPECT_OK(r->err);
    dropped = true;
}

TEST(r0030, slot_of_undurable_drop)
{
    for (uint32_t crash = 0; crash < 2; crash++) {
        struct fixture f;
        struct part_request r = { .done = drop_done };
        fixture_open(&f, 30 + crash);
        fixture_add(&f, 0);
        fixture_add(&f, 1);
        fixture_fill(&f, 0, 1, 500);
        fixture_checkpoint(&f);
        EXPECT(fixture_part(&f, 0)->slot != NO_SLOT);
        fixture_fill(&f, 1, 1, 500); /* wants a slot */
        dropped = false;
        part_drop(fixture_part(&f, 0), &r);
        store_turn(f.store); /* the entry is on its way */
        EXPECT(!fixture_part(&f, 0) && !dropped);
        EXPECT_EQ(f.store->free_slot_count, 0);
        if (crash) {
            fixture_again(&f, SIM_POWER);
            if (fixture_part(&f, 0))
                fixture_verify(&f, 0, 1 << 20);
        } else {
            EXPECT(fixture_until(&f, &dropped));
            EXPECT_EQ(f.store->free_slot_count, 1);
            fixture_checkpoint(&f);
            EXPECT_EQ(f.store->free_slot_count, 0); /* now it is the other one's */
        }
        fixture_verify(&f, 1, 1 << 20);
        fixture_close(&f);
    }
}
