/* A repair ends with a stop of the store, whose image keeps what was decided. On a full disk that
 * stop waited for ever, and once it did not, it left the image out and the repair said OK.
 * Goal: NO_SPACE, and another repair when there is room does it. Method: more partitions than there
 * are slots, on a disk that takes nothing more. */
#include "engine/log/repair.h"
#include "tests/unit/log/fixture.h"

#define PARTS 17u

TEST(r0204, repair_without_space)
{
    struct fixture f;
    struct repair_report report;
    fixture_open(&f, 204);
    for (uint32_t i = 0; i < PARTS; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 500);
    }
    uint64_t generation = f.store->generation;
    fixture_crash(&f, SIM_KILL);
    sim_disk_limit(f.node, 1);
    EXPECT_ERR(repair_run(f.io, f.dir, &report, &f.why), ERR_NO_SPACE);
    EXPECT(strstr(f.why.text, "no room for the image"));
    sim_disk_limit(f.node, 0);
    EXPECT_OK(repair_run(f.io, f.dir, &report, &f.why));
    REQUIRE_OK(fixture_start(&f));
    EXPECT(f.store->generation > generation);
    for (uint32_t i = 0; i < PARTS; i++)
        fixture_verify(&f, i, 1 << 20);
    fixture_close(&f);
}
