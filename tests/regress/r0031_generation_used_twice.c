/* A crash cut an image short; the next opening wrote an image of the same generation over it, and a
 * crash cut that short, too. Pages of both verified, for a page is known by its generation and
 * number; the loader healed them into an image that never was, and the store did not open.
 * Goal: no generation is used twice. Method: three openings, each ended by a power cut while its
 * image is being written. Found by seed 8899. */
#include "tests/unit/log/fixture.h"

TEST(r0031, generation_used_twice)
{
    struct fixture f;
    uint64_t live, tried = 0;
    fixture_open(&f, 31);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 500);
    fixture_checkpoint(&f);
    live = f.store->generation;
    for (uint32_t i = 0; i < 3; i++) {
        fixture_fill(&f, 0, 1, 500);
        f.store->want_checkpoint = true;
        for (uint32_t n = 0; n < 10000 && !(f.store->ckpt && f.store->ckpt->state == CKPT_IMAGE);
             n++)
            fixture_turn(&f);
        REQUIRE(f.store->ckpt);
        uint64_t next = f.store->ckpt->build.head.generation;
        EXPECT(next > live && (next - live) % 2 == 1); /* not in the live one's region */
        EXPECT(next > tried);
        tried = next;
        fixture_again(&f, SIM_POWER);
        fixture_verify(&f, 0, 1 << 20);
        REQUIRE(f.store->generation == live || f.store->generation == next);
        live = f.store->generation;
    }
    fixture_checkpoint(&f);
    EXPECT(f.store->generation > tried);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}
