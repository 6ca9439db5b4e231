/* Goal: what is in a cache of the kernel when its write completes is not taken for more: `written`
 * waits for the sync, and the sync of the journal covers no such volume. Method: O_DIRECT hidden,
 * for everything or for volumes alone; then the machine ends right after an ack. */
#include <stdlib.h>

#include "engine/io/io_in.h"
#include "tests/unit/log/fixture.h"

#define SEEDS 20

static void unmask(const char *before)
{
    if (before)
        setenv("SHARDLOG_MASK", before, 1);
    else
        unsetenv("SHARDLOG_MASK");
}

/* How many of SEEDS stores lose an append of `bytes` that was acked as `want`. */
static uint32_t acked_lost(uint32_t bytes, enum durability want, enum sim_end end, bool volumes)
{
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fixture f;
        fixture_init(&f, 1700 + seed);
        f.opts.zero_ahead = 4;
        fixture_boot(&f);
        check(fixture_create(&f) == ERR_OK);
        check(fixture_start(&f) == ERR_OK);
        bool journal = f.store->journal.on_device;
        f.io->direct_hidden |= volumes; /* the journal is open */
        fixture_add(&f, 1);
        fixture_fill(&f, 1, 1, 130000); /* takes the slab that nobody had time to zero */
        fixture_settle(&f);
        fixture_add(&f, 0);
        fixture_fill(&f, 0, 1, 300);
        fixture_settle(&f);
        for (uint32_t i = 0; i < f.store->vol_count; i++)
            EXPECT(!f.store->vols[i]->on_device);
        EXPECT(!journal || volumes);
        struct sent *s = fixture_send(&f, 0, (struct spec){ .bytes = bytes, .want = want });
        EXPECT(fixture_until(&f, &s->done));
        EXPECT_OK(s->a.err);
        EXPECT_EQ(s->a.bought, DURABILITY_SYNCED); /* waited that long: it bought that much */
        EXPECT_EQ(f.store->commit.raw, false);
        uint64_t end_off = s->a.end_off;
        fixture_again(&f, end);
        lost += fixture_part(&f, 0)->next_off < end_off;
        fixture_verify(&f, 0, 1 << 20);
        fixture_close(&f);
    }
    return lost;
}

TEST(cached, written_waits_for_the_sync_where_nothing_is_direct)
{
    // Goal: r0118: `written` survives a kernel crash, in the journal (300) and as a run (60,000).
    // Method: without DSYNC as well, so that both have a sync to wait for.
    const char *before = getenv("SHARDLOG_MASK");
    setenv("SHARDLOG_MASK", "direct,dsync", 1);
    for (uint32_t bytes = 300; bytes <= 60000; bytes += 59700) {
        EXPECT_EQ(acked_lost(bytes, DURABILITY_WRITTEN, SIM_KILL, false), 0);
        EXPECT_EQ(acked_lost(bytes, DURABILITY_WRITTEN, SIM_KERNEL, false), 0);
        EXPECT_EQ(acked_lost(bytes, DURABILITY_SYNCED, SIM_POWER, false), 0);
    }
    unmask(before);
}

TEST(cached, each_volume_is_asked_how_it_is_written)
{
    // Goal: r0119: the journal is direct, its volumes are not.
    EXPECT_EQ(acked_lost(60000, DURABILITY_WRITTEN, SIM_KERNEL, true), 0);
    EXPECT_EQ(acked_lost(60000, DURABILITY_SYNCED, SIM_POWER, true), 0);
}

TEST(cached, an_image_names_no_run_that_only_a_cache_has)
{
    // Goal: r0119, for what a checkpoint writes behind and for index blocks.
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fixture f;
        fixture_init(&f, 1750 + seed);
        f.opts.zero_ahead = 4;
        fixture_boot(&f);
        REQUIRE_OK(fixture_create(&f));
        REQUIRE_OK(fixture_start(&f));
        f.io->direct_hidden = true;
        fixture_add(&f, 0);
        fixture_settle(&f);
        fixture_fill(&f, 0, 60, 3000);
        fixture_checkpoint(&f);
        f.io->direct_hidden = false;
        fixture_again(&f, SIM_POWER);
        EXPECT_EQ(f.books[0].count, 60);
        fixture_verify(&f, 0, 1 << 20);
        fixture_close(&f);
    }
}
