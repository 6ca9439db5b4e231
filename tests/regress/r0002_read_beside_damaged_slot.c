/* An idle partition's slot was damaged: a read of the data before it, whose bytes_max reached into
 * the lost block, loaded the slot again and again and never ended.
 * Goal: it gives what is before the damage. Method: ten batches in three blocks, the last block in
 * a slot with one bit flipped. */
#include "tests/unit/log/fixture.h"

TEST(r0002, read_beside_damaged_slot)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 2);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 5, 1000);
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 5, 1000);
    fixture_stop_again(&f);
    struct part *p = fixture_part(&f, 0);
    uint64_t slot = (uint64_t)p->slot * 2 + p->slot_side;
    fixture_flip(&f, "tails", BLOCK_BYTES + slot * BLOCK_BYTES);
    fixture_read(&f, &g, 0, 9, 100);
    EXPECT_ERR(g.r.err, ERR_DAMAGED);
    fixture_read(&f, &g, 0, 0, 1 << 20);
    EXPECT_OK(g.r.err);
    EXPECT_EQ(g.r.next_off, p->damaged_off);
    EXPECT(p->damaged_off >= 4);
    read_give(&g.r);
    fixture_close(&f);
}
