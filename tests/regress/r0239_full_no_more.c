/* A volume was wanted, extents were given back while it was made, and the disk refused it: the
 * store was called full though it wanted no volume any more, and so for ever. Appends that only had
 * to wait for memory were refused; and since none waited, idle partitions kept the memory (seeds
 * 7019 and 12119 of the front). Goal: a store is full only as long as it wants what the disk
 * refuses. Method: what such a refusal leaves; no more room on the disk. */
#include "engine/log/grow.h"
#include "tests/unit/log/fixture.h"

TEST(r0239, full_no_more)
{
    struct fixture f;
    fixture_open(&f, 239);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 1000);
    fixture_settle(&f);
    sim_disk_limit(f.node, 1);
    f.store->full = true;
    fixture_pass(&f, 2 * SEC_NS);
    EXPECT(!f.store->full);
    fixture_fill(&f, 0, 3, 1000);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}
