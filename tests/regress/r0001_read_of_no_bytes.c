/* A read from disk with bytes_max 0 planned no tile, found no batch, and planned again for ever.
 * Goal: it gives one batch, as from memory. Method: one partition, read from its extent. */
#include "tests/unit/log/fixture.h"

TEST(r0001, read_of_no_bytes)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 1);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 8, 1024);
    fixture_stop_again(&f);
    for (uint32_t bytes_max = 0; bytes_max < 63; bytes_max += 31) {
        fixture_read(&f, &g, 0, 0, bytes_max);
        EXPECT_OK(g.r.err);
        EXPECT_EQ(g.r.batches.len, 1024);
        read_give(&g.r);
    }
    fixture_close(&f);
}
