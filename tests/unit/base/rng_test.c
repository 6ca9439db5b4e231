/* rng_test.c -- a seed is a promise: fixed vectors, and ranges that are kept. */
#include "engine/base/rng.h"
#include "tests/test.h"

#include <string.h>

struct rng_vector {
    uint64_t seed;
    uint64_t next[4];
};

/* From a second implementation of splitmix64 and xoshiro256**. */
static const struct rng_vector rng_vectors[] = {
    { 0, { 0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c } },
    { 1, { 0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7 } },
    { UINT64_MAX,
      { 0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f } },
};

TEST(rng, repeats_published_numbers)
{
    for (unsigned v = 0; v < 3; v++) {
        struct rng r;
        rng_seed(&r, rng_vectors[v].seed);
        for (unsigned i = 0; i < 4; i++)
            EXPECT_EQ(rng_next(&r), rng_vectors[v].next[i]);
    }
}

TEST(rng, fills_in_byte_order)
{
    // Goal: bytes are the same on every machine, and a short fill is the start of a long one.
    struct rng r;
    uint8_t bytes[11], guard[12];

    rng_seed(&r, 0);
    rng_fill(&r, bytes, 11);
    EXPECT_BYTES(bytes, "\xb4\xf2\x75\xcb\x36\x5f\xec\x99\x2a\x45\x56", 11);
    memset(guard, 0xee, sizeof(guard));
    rng_seed(&r, 0);
    rng_fill(&r, guard, 3);
    EXPECT_BYTES(guard, "\xb4\xf2\x75\xee", 4);
    rng_fill(&r, guard, 0);
    EXPECT_BYTES(guard, "\xb4\xf2\x75\xee", 4);
}

TEST(rng, stays_below)
{
    // Goal: every value below n, all of them, none else. Method: count.
    struct rng r;
    unsigned count[7] = { 0 };

    rng_seed(&r, 7);
    for (int i = 0; i < 70000; i++) {
        uint64_t v = rng_below(&r, 7);
        REQUIRE(v < 7);
        count[v]++;
    }
    for (int v = 0; v < 7; v++)
        EXPECT(count[v] > 9500 && count[v] < 10500);
    EXPECT_EQ(rng_below(&r, 1), 0);
    for (int i = 0; i < 1000; i++)
        EXPECT(rng_below(&r, (1ull << 63) + 1) <= 1ull << 63);
}

TEST(rng, keeps_chances)
{
    struct rng r;
    unsigned hits = 0;

    rng_seed(&r, 8);
    for (int i = 0; i < 100000; i++)
        hits += rng_chance(&r, 3, 10);
    EXPECT(hits > 29300 && hits < 30700);
    for (int i = 0; i < 100; i++)
        EXPECT(!rng_chance(&r, 0, 10) && rng_chance(&r, 10, 10));
}

TEST(rng, draws_each_power_of_two_alike)
{
    // Goal: 0, 1, 2-3, 4-7, ... 512-1000 are equally likely. Method: count widths.
    struct rng r;
    unsigned count[11] = { 0 };

    rng_seed(&r, 9);
    for (int i = 0; i < 110000; i++) {
        uint64_t v = rng_log_uniform(&r, 1000);
        REQUIRE(v <= 1000);
        count[v ? 64 - __builtin_clzll(v) : 0]++;
    }
    for (int width = 0; width <= 10; width++)
        EXPECT(count[width] > 9500 && count[width] < 10500);
}

TEST(rng, log_uniform_reaches_its_ends)
{
    struct rng r;
    bool zero = false, most = false;

    rng_seed(&r, 10);
    EXPECT_EQ(rng_log_uniform(&r, 0), 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t v = rng_log_uniform(&r, 4);
        zero |= v == 0;
        most |= v == 4;
        EXPECT(v <= 4);
        EXPECT(rng_log_uniform(&r, 1) <= 1);
    }
    EXPECT(zero && most);
}
