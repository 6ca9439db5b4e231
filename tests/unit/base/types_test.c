/* types_test.c -- rounding, ids, byte order, and the text of a reason. */
#include "engine/base/le.h"
#include "engine/base/types.h"
#include "tests/test.h"

TEST(types, rounds_to_blocks)
{
    EXPECT_EQ(block_floor(0), 0);
    EXPECT_EQ(block_floor(4095), 0);
    EXPECT_EQ(block_floor(4096), 4096);
    EXPECT_EQ(block_ceil(0), 0);
    EXPECT_EQ(block_ceil(1), 4096);
    EXPECT_EQ(block_ceil(4096), 4096);
    EXPECT_EQ(block_ceil((1ull << 40) + 1), (1ull << 40) + 4096);
}

TEST(types, compares_ids)
{
    struct id16 zero = { { 0 } }, one = { { [15] = 1 } };
    EXPECT(id16_zero(zero) && !id16_zero(one));
    EXPECT(id16_equal(one, one) && !id16_equal(one, zero));
}

TEST(why, replaces_cuts_and_terminates)
{
    struct why why;
    char longer[1000];

    why_set(&why, "%s %d", "first", 1);
    EXPECT_STR(why.text, "first 1");
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    why_set(&why, "%s", longer);
    EXPECT_EQ(strlen(why.text), sizeof(why.text) - 1);
    why_set(&why, "%s", "");
    EXPECT_STR(why.text, "");
    why_set(NULL, "%s", "nobody asks");
}

TEST(le, stores_bytes_in_both_orders)
{
    // Goal: layouts do not depend on the host. Method: unaligned stores, compared as bytes.
    uint8_t p[9] = { 0 };

    le64_put(p + 1, 0x0102030405060708);
    EXPECT_BYTES(p, "\0\x08\x07\x06\x05\x04\x03\x02\x01", 9);
    EXPECT_EQ(le64_get(p + 1), 0x0102030405060708);
    be64_put(p + 1, 0x0102030405060708);
    EXPECT_BYTES(p, "\0\x01\x02\x03\x04\x05\x06\x07\x08", 9);
    EXPECT_EQ(be64_get(p + 1), 0x0102030405060708);
    EXPECT_EQ(be32_get(p + 1), 0x01020304);
    EXPECT_EQ(le32_get(p + 1), 0x04030201);
    EXPECT_EQ(be16_get(p + 1), 0x0102);
    EXPECT_EQ(le16_get(p + 1), 0x0201);
    le32_put(p, 0xfffefdfc);
    EXPECT_BYTES(p, "\xfc\xfd\xfe\xff", 4);
    be16_put(p, 0xfffe);
    EXPECT_BYTES(p, "\xff\xfe\xfe", 3);
}
