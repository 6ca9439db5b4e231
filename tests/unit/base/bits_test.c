/* bits_test.c -- each bit is itself, up to the last one. */
#include "engine/base/bits.h"

#include "tests/test.h"

TEST(bits, each_is_itself)
{
    for (uint32_t n = 1; n <= 130; n++) {
        uint64_t *bits = bits_open(n);
        for (uint32_t i = 0; i < n; i++)
            EXPECT(!bits_get(bits, i));
        for (uint32_t i = 0; i < n; i += 3)
            bits_set(bits, i);
        for (uint32_t i = 0; i < n; i++)
            EXPECT_EQ(bits_get(bits, i), i % 3 == 0);
        for (uint32_t i = 0; i < n; i += 2)
            bits_clear(bits, i);
        for (uint32_t i = 0; i < n; i++)
            EXPECT_EQ(bits_get(bits, i), i % 3 == 0 && i % 2 == 1);
        free(bits);
    }
}
