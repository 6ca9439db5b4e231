/* fails.c -- one failing case for each kind of check, and one skipped. */
#include "tests/test.h"

#include <shardlog/err.h>

TEST(fails, truth)
{
    EXPECT(1 > 2);
}

TEST(fails, equal)
{
    EXPECT_EQ(1, 2);
}

TEST(fails, equal_beyond_32_bits)
{
    EXPECT_EQ(1, 1 + (1ull << 32));
}

TEST(fails, not_equal)
{
    EXPECT_NE(7, 7);
}

TEST(fails, string)
{
    EXPECT_STR("a", NULL);
}

TEST(fails, error)
{
    EXPECT_ERR(SL_ERR_IO, SL_ERR_OK);
}

TEST(fails, ok)
{
    EXPECT_OK(SL_ERR_IO);
}

TEST(fails, bytes)
{
    EXPECT_BYTES("abc", "abd", 3);
}

TEST(fails, require_ends_the_case)
{
    REQUIRE(test_dir() == NULL);
    test_skip("not reached");
}

TEST(fails, skipped)
{
    SKIP("on purpose");
}
