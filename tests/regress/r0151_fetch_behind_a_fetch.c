/* A fetch that had its batches kept their memory until the fetches before it on its connection were
 * answered. When one of those waited for memory, both waited for ever, and kept it from everybody
 * else. Goal: both are answered. Method: the first one waits for records while the second one takes
 * most of the memory there is; then the first one has some to read. */
#include "tests/regress/hold.h"

TEST(r0151, fetch_behind_a_fetch)
{
    struct guest reader;
    hold_open(151, 1);
    guest_open(&reader);
    hold_fill(0, 1);
    hold_ask(&reader, hold_partition(0, 0), HOLD_WAIT_MS); /* nothing is there yet */
    hold_ask(&reader, hold_partition(0, 1), 0);
    node_pass(&inn.node, 10 * MS_NS);
    hold_fill(0, 0);
    EXPECT(hold_told(&reader) >= HOLD_BYTES);
    (void)hold_told(&reader); /* it may have given back what it had ... */
    hold_ask(&reader, hold_partition(0, 1), 0);
    EXPECT(hold_told(&reader) >= HOLD_BYTES); /* ... and is asked again */
    guest_close(&reader);
    hold_close();
}
