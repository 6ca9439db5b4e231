/* batch_time_test.c -- a batch's times are put right, and its CRC with them. */
#include "engine/base/batch.h"
#include "engine/base/le.h"
#include "engine/base/rng.h"
#include "tests/test.h"

static uint8_t at[70000], value[69000];

static struct bytes batch_of(size_t bytes)
{
    struct batch_builder b;
    struct batch_record r = { .time = 1700000000000, .value = { value, bytes } };
    batch_builder_open(&b, at, sizeof(at));
    EXPECT_OK(batch_builder_add(&b, &r));
    return batch_builder_done(&b);
}

TEST(batch_time, crc_fits_afterwards_whatever_the_size)
{
    /* Goal: the CRC is that of the changed bytes. Method: computed the long way, for many sizes. */
    struct rng rng;
    rng_seed(&rng, 7);
    for (uint32_t i = 0; i < 300; i++) {
        struct bytes b = batch_of(rng_below(&rng, sizeof(value)));
        int64_t time = (int64_t)rng_next(&rng);
        batch_time_set(at, i & 1, time);
        EXPECT(batch_crc_ok(b));
        EXPECT_EQ(be64_get(at + 35), time);
        EXPECT_EQ(at[22] & 8, i & 1 ? 8 : 0);
    }
}

TEST(batch_time, changes_nothing_else)
{
    static uint8_t was[70000];
    struct bytes b = batch_of(1000);
    memcpy(was, at, b.len);
    batch_time_set(at, true, 5);
    EXPECT_BYTES(at, was, 17);
    EXPECT_EQ(at[22], 8);
    EXPECT_BYTES(at + 23, was + 23, 12);
    EXPECT_BYTES(at + 43, was + 43, b.len - 43);
    batch_time_set(at, false, 1700000000000);
    EXPECT_BYTES(at, was, b.len); /* and back */
}

TEST(batch_time, damage_stays_damage)
{
    struct bytes b = batch_of(1000);
    at[500] ^= 1;
    batch_time_set(at, true, 5);
    EXPECT(!batch_crc_ok(b));
}
