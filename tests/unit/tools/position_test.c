/* position_test.c -- places in words. What they are in a partition, tests/net/cli.sh and group.sh
 * ask a node. */
#include "tools/position.h"

#include "tests/test.h"

TEST(position, words)
{
    struct position p;
    EXPECT(position_read("earliest", &p) && p.kind == POSITION_EARLIEST);
    EXPECT(position_read("latest", &p) && p.kind == POSITION_LATEST);
    EXPECT(position_read("0", &p) && p.kind == POSITION_OFFSET && p.offset == 0);
    EXPECT(position_read("18446744073709551615", &p) && p.offset == UINT64_MAX);
    EXPECT(position_read("@1700000000123", &p) && p.kind == POSITION_TIME);
    EXPECT_EQ(p.time_ms, 1700000000123);
    EXPECT(position_read("@2023-11-14T22:13:20Z", &p) && p.kind == POSITION_TIME);
    EXPECT_EQ(p.time_ms, 1700000000000);
    EXPECT(position_read("@-5", &p) && p.time_ms == -5);
}

TEST(position, what_is_none)
{
    static const char *const words[] = {
        "",
        "noon",
        "-1",
        "1x",
        "99999999999999999999",
        "@",
        "@noon",
        "@2023-11-14",
        "@2023-11-14T22:13:20Zx",
        "Earliest",
    };
    struct position p;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        EXPECT(!position_read(words[i], &p));
}
