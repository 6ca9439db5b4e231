/* A stop waited for its last checkpoint, and a checkpoint that finds no room on the disk tries
 * again for ever: a broker on a full disk did not end when it was told to. Seed 1730 of the swarm.
 * Goal: the store stops at once, and the journal has what the checkpoint would have written.
 * Method: more partitions than there are slots, on a disk that takes nothing more. */
#include "tests/unit/log/fixture.h"

#define PARTS 17u

TEST(r0202, stop_without_space)
{
    struct fixture f;
    bool done = false;
    struct store_stop stop = { .done = fixture_stopped, .arg = &done };
    fixture_open(&f, 202);
    for (uint32_t i = 0; i < PARTS; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 500);
    }
    fixture_append(&f, 0, (struct spec){ .bytes = 300, .memory = true });
    sim_disk_limit(f.node, 1);
    uint64_t generation = f.store->generation;
    store_stop(f.store, &stop);
    for (uint64_t until = io_now_ns(f.io) + SEC_NS / 2; !done && io_now_ns(f.io) < until;)
        fixture_turn(&f);
    REQUIRE(done);
    EXPECT_ERR(stop.err, ERR_OK);
    EXPECT_EQ(f.store->generation, generation);
    EXPECT_EQ(io_inflight(f.io), 0);
    store_close(&f.store);
    sim_disk_limit(f.node, 0);
    fixture_crash(&f, SIM_POWER);
    REQUIRE(fixture_start(&f) == ERR_OK);
    for (uint32_t i = 0; i < PARTS; i++)
        fixture_verify(&f, i, 1 << 20);
    fixture_close(&f);
}
