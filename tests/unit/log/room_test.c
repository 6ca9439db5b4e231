/* Goal: no extent gets more tiles than its index holds, and it takes its data all the same. Method:
 * extents that dripped nearly full of tiles, then a burst between two checkpoints; bursts and
 * crashes at random beside the limit; what is asked for, counted by hand. */
#include "engine/base/batch.h"
#include "tests/unit/log/fixture.h"

#define EXTENT MIB(2)
#define CAP    (EXTENT / KIB(512) * TILES_PER_BLOCK)

/* Extents of 2 MiB, and so much ring that no checkpoint comes but the test's. */
static struct part *room_open(struct fixture *f, uint64_t seed, uint32_t direct_min)
{
    fixture_init(f, seed);
    f->geometry.extent_min = f->geometry.extent_max = EXTENT;
    f->geometry.entry_max = KIB(128);
    f->geometry.journal_bytes = BLOCK_BYTES + MIB(32);
    f->opts.tail_bytes = MIB(8);
    f->opts.direct_min = direct_min;
    f->opts.seal_idle_ns = 1000 * SEC_NS;
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    return fixture_add(f, 0);
}

static bool tiles_within(const struct part *p)
{
    for (uint32_t i = 0; i < p->extent_count; i++)
        if (!EXPECT(p->extents[i]->tile_count <= CAP))
            return false;
    return true;
}

/* One block and one tile a time. */
static void drip(struct fixture *f, uint32_t tiles)
{
    for (uint32_t i = 0; i < tiles; i++) {
        fixture_fill(f, 0, 1, BLOCK_BYTES);
        fixture_checkpoint(f);
    }
}

TEST(room, a_burst_after_drips_stays_within_the_index)
{
    // Goal: r0112, by hand: 684 KiB in steps of 256 KiB, with chunks of 4 KiB and more.
    struct fixture f;
    struct part *p = room_open(&f, 1130, KIB(32));
    drip(&f, CAP - 14);
    REQUIRE(p->extent_count == 1 && p->extents[0]->tile_count == CAP - 14);
    fixture_fill(&f, 0, 700, KIB(1));
    fixture_checkpoint(&f);
    EXPECT(tiles_within(p));
    fixture_again(&f, SIM_POWER);
    p = fixture_part(&f, 0);
    EXPECT(tiles_within(p));
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

/* How many tiles must be free for `len` bytes more. */
static uint32_t room_asked(struct part *p, uint64_t len)
{
    struct extent *e = part_open_extent(p);
    uint32_t count = e->tile_count, room = 0;
    while (room <= CAP && (e->tile_count = CAP - room, !extent_takes(p, e, len)))
        room++;
    e->tile_count = count;
    return room;
}

TEST(room, asks_for_every_cut)
{
    struct fixture f;
    struct part *p = room_open(&f, 1133, KIB(32));
    fixture_fill(&f, 0, 700, KIB(1));
    /* 11 of 64 KiB; 6 chunks begin in them (8, 24, 56, 120, 248, 504 KiB); named_pos and head; 2
     * steps and one; after a crash 2 chunks, 2 steps, 3 */
    EXPECT_EQ(room_asked(p, 1000), 11 + 6 + 2 + 3 + 7);
    fixture_checkpoint(&f);
    EXPECT_EQ(room_asked(p, 1000), 1); /* of one block */
    EXPECT_EQ(room_asked(p, 9000), 3);
    fixture_fill(&f, 0, 1, 100000);        /* directly */
    EXPECT_EQ(room_asked(p, 1000), 1 + 3); /* an opening may find the image alone */
    EXPECT(extent_takes_cut(p, p->head_pos - 90000));
    p->extents[0]->tile_count += extent_tile_room(f.store, p->extents[0]);
    EXPECT(!extent_takes_cut(p, p->head_pos - 90000));
    f.bent = true;
    fixture_close(&f);
}

TEST(room, takes_an_extent_of_data_in_one_burst)
{
    struct fixture f;
    struct part *p = room_open(&f, 1131, KIB(32));
    uint32_t most = extent_data_bytes(&f.geometry, 0) / KIB(1);
    for (uint32_t i = 0; i < most; i++)
        fixture_fill(&f, 0, 1, KIB(1));
    EXPECT_EQ(p->extent_count, 1); /* to its last byte */
    fixture_checkpoint(&f);
    EXPECT(p->extents[0]->tile_count < CAP / 4);
    fixture_fill(&f, 0, 1, KIB(1));
    EXPECT_EQ(p->extent_count, 2);
    fixture_close(&f);
}

TEST(room, takes_a_tile_of_each_block_to_the_last_one)
{
    struct fixture f;
    struct part *p = room_open(&f, 1132, KIB(32));
    drip(&f, CAP);
    EXPECT_EQ(p->extent_count, 1);
    EXPECT_EQ(p->extents[0]->tile_count, CAP);
    drip(&f, 1);
    EXPECT_EQ(p->extent_count, 2);
    fixture_close(&f);
}

/* A burst until the next extent begins: small batches, that entries carry, and now and then one
 * that goes out directly, with little room in flight. */
static void burst(struct fixture *f, struct rng *r)
{
    struct part *p = fixture_part(f, 0);
    uint64_t most = p->head_pos + MIB(1);
    uint32_t small = 500 + (uint32_t)rng_below(r, 2000), often = 20 + (uint32_t)rng_below(r, 2000);
    f->store->opts.direct_flight = KIB(16) << rng_below(r, 5);
    while (part_open_extent(p) == p->extents[0] && p->head_pos < most) {
        bool large = rng_below(r, often) == 0;
        struct sent *s = fixture_send(f, 0, (struct spec){ .bytes = large ? 70000 : small });
        if (rng_below(r, 10))
            EXPECT(fixture_until(f, &s->done));
        f->store->want_checkpoint |= rng_below(r, often) == 0;
    }
}

TEST(room, holds_at_random)
{
    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct fixture f;
        struct rng r;
        rng_seed(&r, seed);
        struct part *p = room_open(&f, 1150 + seed, KIB(16) << rng_below(&r, 2));
        drip(&f, CAP - 6 - (uint32_t)rng_below(&r, 30));
        fixture_fill(&f, 0, 1, BLOCK_BYTES + (uint32_t)rng_below(&r, BLOCK_BYTES));
        burst(&f, &r);
        f.store->want_checkpoint = true; /* a part of it goes out, and no image tells of it */
        for (uint64_t k = rng_below(&r, 60); k > 0; k--)
            fixture_turn(&f);
        EXPECT(tiles_within(p));
        fixture_again(&f, rng_below(&r, 2) ? SIM_POWER : SIM_KILL);
        burst(&f, &r);
        fixture_checkpoint(&f);
        EXPECT(tiles_within(fixture_part(&f, 0)));
        fixture_close(&f);
    }
}
