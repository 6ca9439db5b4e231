/* copy_test.c -- copy_past() copies what it was asked to, and nothing beside it. */
#include "engine/base/copy.h"
#include "engine/base/rng.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_BYTES  10000u
#define GUARD_BYTES 64u

TEST(copy, moves_every_byte_at_every_alignment)
{
    // Goal: no seam at the lines. Method: each of 64 x 64 alignments with another length, among
    // them 0 and less than a line; what lies around stays as it was.
    struct rng r;
    uint8_t *from = aligned_alloc(64, 16384), *to = aligned_alloc(64, 16384),
            *want = aligned_alloc(64, 16384);
    rng_seed(&r, 1);
    rng_fill(&r, from, 16384);
    for (size_t i = 0; i < 64u * 64u; i++) {
        size_t at = GUARD_BYTES + i % 64, in = i / 64;
        size_t len = i % 3 ? rng_log_uniform(&r, ROOM_BYTES) : rng_below(&r, 130);
        memset(to, 0x5a, 16384);
        memset(want, 0x5a, 16384);
        memcpy(want + at, from + in, len);
        copy_past(to + at, from + in, len);
        copy_past_end();
        EXPECT_BYTES(to, want, 16384);
    }
    free(from);
    free(to);
    free(want);
}
