/* Goal: making a store is all or nothing. Method: the machine ends before each I/O of store_create,
 * by each kind of end; then the directory is either a whole store or is made again. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

TEST(store_create, makes_what_was_asked_for)
{
    struct fixture f;
    fixture_init(&f, 60);
    fixture_boot(&f);
    struct store_create c = {
        .store = { "a store's own id" }, .cluster = { "cluster" }, .node = 7, .geometry = f.geometry
    };
    REQUIRE_OK(store_create(f.io, f.dir, &c, &f.why));
    REQUIRE_OK(fixture_start(&f));
    const struct identity *id = store_identity(f.store);
    EXPECT(id16_equal(id->store, c.store));
    EXPECT(id16_equal(id->cluster, c.cluster));
    EXPECT_EQ(id->node, 7);
    EXPECT_EQ(memcmp(&id->geometry, &f.geometry, sizeof(f.geometry)), 0);
    EXPECT_EQ(store_opening(f.store), 1);
    EXPECT_EQ(store_epoch(f.store), 1);
    EXPECT_EQ(sim_file_bytes(f.node, FIXTURE_DIR, "journal"), f.geometry.journal_bytes);
    EXPECT_EQ(sim_file_bytes(f.node, FIXTURE_DIR, "new.tmp"), 0);
    uint64_t image = sim_file_bytes(f.node, FIXTURE_DIR, "image"), at = 0;
    EXPECT_EQ(image, BLOCK_BYTES + 4 * f.store->image_capacity);
    EXPECT_EQ(sim_file_bytes(f.node, FIXTURE_DIR, "tails"),
              BLOCK_BYTES + 2ull * f.store->slot_count * BLOCK_BYTES);
    uint8_t block[BLOCK_BYTES], zeros[BLOCK_BYTES] = { 0 };
    for (at = image_copy_pos(f.store->image_capacity, 2, 0); at < image; at += BLOCK_BYTES) {
        sim_file_read(f.node, FIXTURE_DIR, "image", at, block, sizeof(block));
        EXPECT_BYTES(block, zeros, sizeof(block)); /* no second generation yet */
    }
    EXPECT_ERR(fixture_create(&f), ERR_EXISTS);
    fixture_close(&f);
}

TEST(store_create, ids_and_keys_are_random_and_defaults_valid)
{
    struct fixture f;
    struct identity first;
    struct why why;
    struct geometry g = geometry_default();
    EXPECT_OK(geometry_check(&g, &why));
    for (uint32_t i = 0; i < 2; i++) {
        fixture_open(&f, 61 + i);
        EXPECT(!id16_zero(f.store->id.store));
        if (i)
            EXPECT(!id16_equal(f.store->id.store, first.store) &&
                   memcmp(f.store->id.key, first.key, 16) != 0);
        first = f.store->id;
        fixture_close(&f);
    }
}

TEST(store_create, refuses_a_wrong_geometry_before_it_writes)
{
    struct fixture f;
    fixture_init(&f, 62);
    fixture_boot(&f);
    f.geometry.extent_min = 5000;
    EXPECT_ERR(fixture_create(&f), ERR_INVALID);
    EXPECT_EQ(sim_counts(f.sim).writes, 0);
    fixture_close(&f);
}

TEST(store_create, an_end_before_any_io_leaves_no_half_store)
{
    for (uint32_t end = SIM_KILL; end <= SIM_POWER; end++) {
        for (uint64_t k = 1;; k++) {
            struct fixture f;
            fixture_init(&f, 1000 * end + k);
            fixture_boot(&f);
            sim_crash_at_io(f.node, k, end);
            bool made = fixture_create(&f) == ERR_OK;
            fixture_crash(&f, end);
            enum err err = fixture_create(&f);
            EXPECT(err == ERR_OK || err == ERR_EXISTS);
            if (made)
                EXPECT_ERR(err, ERR_EXISTS);
            REQUIRE_OK(fixture_start(&f));
            fixture_add(&f, 0);
            fixture_fill(&f, 0, 2, 500);
            fixture_again(&f, SIM_POWER);
            fixture_verify(&f, 0, 1000);
            fixture_close(&f);
            if (made)
                break;
        }
    }
}

TEST(store_create, errors_are_passed_on_and_it_can_be_tried_again)
{
    for (uint64_t k = 0; k < 40; k++) {
        struct fixture f;
        fixture_init(&f, 5000 + k);
        fixture_boot(&f);
        sim_disk_limit(f.node, KIB(16) * k + 4096);
        enum err err = fixture_create(&f);
        EXPECT(err == ERR_OK || err == ERR_NO_SPACE);
        sim_disk_limit(f.node, 0);
        if (err)
            EXPECT_OK(fixture_create(&f));
        REQUIRE_OK(fixture_start(&f));
        fixture_close(&f);
    }
}

TEST(store_create, a_store_that_lost_its_journal_is_not_made_anew)
{
    // Goal: a missing journal is a loss to repair, not an empty directory. Method: a store with a
    // volume file; the journal is deleted; creating is refused and nothing was overwritten.
    struct fixture f;
    fixture_open(&f, 63);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 500);
    fixture_stop(&f);
    uint8_t before[BLOCK_BYTES], after[BLOCK_BYTES];
    sim_file_read(f.node, FIXTURE_DIR, "image", 2 * BLOCK_BYTES, before, sizeof(before));
    sim_file_delete(f.node, FIXTURE_DIR, "journal");
    EXPECT_ERR(fixture_start(&f), ERR_NOT_FOUND);
    EXPECT_ERR(fixture_create(&f), ERR_EXISTS);
    sim_file_read(f.node, FIXTURE_DIR, "image", 2 * BLOCK_BYTES, after, sizeof(after));
    EXPECT_BYTES(before, after, sizeof(before));
    fixture_close(&f);
}
