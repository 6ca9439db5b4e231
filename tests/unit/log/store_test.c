/* Goal: what callers leave open gets the values that store.h promises, and figures add up. Method:
 * a store opened with nothing set, and with less than there may be. */
#include <stdlib.h>

#include "tests/unit/log/fixture.h"

TEST(store, options_have_defaults_and_least_values)
{
    struct fixture f;
    fixture_init(&f, 980);
    fixture_boot(&f);
    REQUIRE_OK(fixture_create(&f));
    f.opts = (struct store_opts){ 0 };
    REQUIRE_OK(fixture_start(&f));
    const struct store_opts *o = &f.store->opts;
    EXPECT_EQ(o->tail_bytes, MIB(512));
    EXPECT_EQ(o->direct_min, KIB(16)); /* a quarter of an entry, which is less than 32 KiB */
    EXPECT_EQ(o->direct_flight, MIB(2));
    EXPECT_EQ(o->lock_wait_ns, 10 * SEC_NS);
    EXPECT_EQ(o->seal_idle_ns, 50 * MS_NS);
    EXPECT_EQ(o->zero_ahead, 2);
    fixture_stop(&f);
    f.opts = (struct store_opts){ .tail_bytes = 4 * f.geometry.batch_max - 1,
                                  .direct_min = KIB(16) - 1,
                                  .direct_flight = 1,
                                  .lock_wait_ns = 2,
                                  .seal_idle_ns = 3,
                                  .zero_ahead = 1 };
    REQUIRE_OK(fixture_start(&f));
    o = &f.store->opts;
    EXPECT_EQ(o->tail_bytes, 4 * f.geometry.batch_max);
    EXPECT_EQ(o->direct_min, KIB(16) - 1);
    EXPECT_EQ(o->direct_flight, 1);
    EXPECT_EQ(o->lock_wait_ns, 2);
    EXPECT_EQ(o->seal_idle_ns, 3);
    EXPECT_EQ(o->zero_ahead, 1);
    fixture_close(&f);
}

TEST(store, direct_min_is_32_KiB_where_entries_allow_it)
{
    struct fixture f;
    fixture_init(&f, 981);
    f.geometry.entry_max = KIB(256);
    f.geometry.journal_bytes = BLOCK_BYTES + MIB(2);
    f.opts.direct_min = 0;
    fixture_boot(&f);
    REQUIRE_OK(fixture_create(&f));
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(f.store->opts.direct_min, KIB(32));
    fixture_close(&f);
}

TEST(store, counts_are_those_of_what_is_there)
{
    struct fixture f;
    fixture_open(&f, 982);
    struct part *p = fixture_add(&f, 0);
    for (uint32_t i = 0; i < 8; i++)
        fixture_fill(&f, 0, 1, i % 2 ? 100000 : 700);
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 2, 900);
    fixture_settle(&f);
    struct store_counts c = store_counts(f.store);
    uint64_t taken = 0;
    for (uint32_t i = 0; i < f.store->vol_count; i++)
        taken += (uint64_t)(4 - f.store->vols[i]->free_slabs) * f.geometry.extent_max;
    EXPECT_EQ(c.space_bytes, f.store->vol_count * vol_bytes(&f.geometry));
    EXPECT_EQ(c.space_free_bytes, f.store->vol_count * MIB(1) - taken);
    EXPECT_EQ(c.tail_bytes, f.store->tail_used);
    EXPECT_EQ(c.journal_used, journal_used(f.store));
    EXPECT_EQ(c.extents_used, p->extent_count);
    EXPECT_EQ(c.extents_freed, 0);
    EXPECT_EQ(c.appends, 10);
    EXPECT_EQ(c.append_bytes, 4 * 100700 + 1800);
    EXPECT_EQ(c.direct_bytes + c.behind_bytes, p->flight_pos);
    EXPECT_EQ(c.slot_bytes, c.slot_flips * BLOCK_BYTES);
    EXPECT(c.slot_flips > 0 && c.checkpoints > 0 && c.image_bytes > 0);
    EXPECT_EQ(c.commits, c.entries);
    EXPECT_OK(fixture_drop(&f, 0));
    fixture_settle(&f);
    EXPECT_EQ(store_counts(f.store).extents_freed, c.extents_used);
    EXPECT_EQ(store_counts(f.store).space_free_bytes,
              f.store->vol_count * 4ull * f.geometry.extent_max);
    fixture_close(&f);
}

TEST(store, report_tells_what_an_opening_found)
{
    struct fixture f;
    fixture_open(&f, 983);
    EXPECT_EQ(store_report(f.store)->parts, 0);
    for (uint32_t i = 0; i < 3; i++)
        fixture_add(&f, i);
    fixture_fill(&f, 0, 2, 500);
    EXPECT_OK(fixture_drop(&f, 1));
    uint64_t entries = f.store->journal.seq - 1, bytes = journal_used(f.store);
    fixture_again(&f, SIM_POWER);
    const struct store_report *r = store_report(f.store);
    EXPECT_EQ(r->parts, 2);
    EXPECT_EQ(r->parts_damaged, 0);
    EXPECT_EQ(r->entries, entries);
    EXPECT_EQ(r->entry_bytes, bytes);
    EXPECT_EQ(r->healed, 0);
    EXPECT(r->open_ns > 0 && r->open_ns < SEC_NS);
    fixture_close(&f);
}

static void counted(struct append *a)
{
    ++*(uint32_t *)a->arg;
}

TEST(store, answers_so_many_in_a_turn)
{
    // Goal: a turn answers 256 at its beginning and 256 at its end, of large ones 16.
    struct fixture f;
    struct rng r;
    enum { SMALL = 700, LARGE = 40 };
    uint8_t *small = malloc(SMALL * 264), *large = malloc(17000 + 64);
    struct append *a = calloc(SMALL + LARGE, sizeof(*a));
    uint32_t done[2] = { 0, 0 };
    fixture_open(&f, 984);
    struct part *p = fixture_add(&f, 0);
    fixture_settle(&f);
    rng_seed(&r, 1);
    f.hurt = true; /* no book has these */
    struct bytes one = fixture_batch(small, (struct spec){ .bytes = 200, .count = 1 }, &r);
    struct bytes big = fixture_batch(large, (struct spec){ .bytes = 17000, .count = 1 }, &r);
    for (uint32_t i = 0; i < SMALL + LARGE; i++) {
        a[i] = (struct append){ .done = counted,
                                .arg = &done[i >= SMALL],
                                .batch = i < SMALL ? one : big,
                                .count = 1,
                                .want = DURABILITY_MEMORY };
        part_append(p, &a[i]);
    }
    EXPECT_EQ(done[0] + done[1], 0); /* never inside the call */
    store_turn(f.store);
    EXPECT_EQ(done[0], 512);
    EXPECT_EQ(store_due_ns(f.store), io_now_ns(f.io));
    store_turn(f.store);
    EXPECT_EQ(done[0], SMALL);
    for (uint32_t i = 0; i < 1000 && done[1] < LARGE; i++) {
        uint32_t before = done[1];
        fixture_turn(&f);
        EXPECT(done[1] - before <= 16);
    }
    EXPECT_EQ(done[1], LARGE);
    fixture_settle(&f);
    fixture_close(&f);
    free(a);
    free(small);
    free(large);
}
