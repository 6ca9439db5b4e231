/* Two connections: each had batches in memory of one shard behind a fetch that waited for memory of
 * the other shard, which the other connection held in the same way. Goal: all are answered. Method:
 * first fetches wait for records, second ones take memory of the shard that the other's first one
 * needs. */
#include "tests/regress/hold.h"

TEST(r0153, fetches_behind_each_other)
{
    struct guest a, b;
    hold_open(153, 2);
    guest_open(&a);
    guest_open(&b);
    hold_fill(0, 1);
    hold_fill(1, 1);
    hold_ask(&a, hold_partition(0, 0), HOLD_WAIT_MS);
    hold_ask(&a, hold_partition(1, 1), 0);
    hold_ask(&b, hold_partition(1, 0), HOLD_WAIT_MS);
    hold_ask(&b, hold_partition(0, 1), 0);
    node_pass(&inn.node, 10 * MS_NS);
    hold_fill(0, 0);
    hold_fill(1, 0);
    EXPECT(hold_told(&a) >= HOLD_BYTES);
    EXPECT(hold_told(&b) >= HOLD_BYTES);
    (void)hold_told(&a);
    (void)hold_told(&b);
    guest_close(&a);
    guest_close(&b);
    hold_close();
}
