/* The same on a connection that had gone: what was behind the fetch that waited for memory was
 * freed in its order only, so neither ended, and the node did not stop. Goal: all of it is freed
 * soon. Method: as r0151, and the client leaves. */
#include "tests/regress/hold.h"

TEST(r0152, fetch_of_one_that_has_gone)
{
    struct guest reader;
    hold_open(152, 1);
    guest_open(&reader);
    hold_fill(0, 1);
    hold_ask(&reader, hold_partition(0, 0), HOLD_WAIT_MS);
    hold_ask(&reader, hold_partition(0, 1), 0);
    node_pass(&inn.node, 10 * MS_NS);
    hold_fill(0, 0);
    guest_close(&reader);
    node_pass(&inn.node, SEC_NS);
    EXPECT_EQ(inn_figure(METRIC_REQUESTS), 0);
    hold_close();
}
