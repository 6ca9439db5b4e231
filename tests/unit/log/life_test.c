/* Goal: what a store asks of its disk, call by call, and what it answers, stays exactly what it is.
 * Method: lives drawn by seeds (life.h) under different options; the lines go into a checksum
 * (lines.h). Who changes a row here has changed the order, the place, the size or the moment of an
 * I/O, or an answer: LINES_SHOW=1 before and after shows which. */
#include "tests/unit/log/life.h"

static void life_init(struct life *l, uint64_t seed)
{
    *l = (struct life){ .bytes_max = KIB(64) };
    fixture_init(&l->d.f, seed);
}

static void life_same(struct life *l, uint64_t seed, uint32_t count, const struct lines_row *row)
{
    life_open(l, seed);
    life_go(l, count);
    life_read_all(l);
    lines_same(&l->lines, row);
    life_close(l);
}

TEST(life, of_an_ordinary_store)
{
    static const struct lines_row row = { "ordinary", 0, 11284, 0x134bf592 };
    struct life l;
    life_init(&l, 1000);
    life_same(&l, 1, 1000, &row);
}

TEST(life, of_small_batches)
{
    // The journal has them all, and checkpoints bring them to the extents.
    static const struct lines_row row = { "small", 0, 9416, 0x5efac59a };
    struct life l;
    life_init(&l, 1001);
    l.bytes_max = 3000;
    life_same(&l, 2, 1000, &row);
}

TEST(life, of_a_store_with_little_memory)
{
    static const struct lines_row row = { "memory", 0, 11998, 0x34f3f94c };
    struct life l;
    life_init(&l, 1002);
    l.d.f.opts.tail_bytes = MIB(1);
    l.d.f.opts.direct_min = 3 * BLOCK_BYTES + 1;
    l.bytes_max = KIB(128);
    life_same(&l, 3, 1000, &row);
}

TEST(life, of_large_extents_with_many_tiles)
{
    static const struct lines_row row = { "tiles", 0, 10435, 0xe8911e0a };
    struct life l;
    life_init(&l, 1003);
    l.d.f.geometry.extent_max = MIB(2);
    l.d.f.opts.direct_min = BLOCK_BYTES;
    l.bytes_max = KIB(12);
    life_same(&l, 4, 1000, &row);
}

TEST(life, with_a_budget_for_reads)
{
    static const struct lines_row row = { "budget", 0, 11799, 0xd2df5456 };
    struct read_budget budget;
    struct life l;
    life_init(&l, 1004);
    read_budget_open(&budget, MIB(16));
    l.d.f.opts.reads = &budget;
    l.d.f.opts.verify_always = true;
    life_same(&l, 5, 1000, &row);
    EXPECT_EQ(budget.used, 0);
    read_budget_close(&budget);
}

TEST(life, of_a_store_with_little_space)
{
    static const struct lines_row row = { "space", 0, 12873, 0x025acb51 };
    struct life l;
    life_init(&l, 1008);
    l.d.f.opts.space_max = KIB(2500);
    life_same(&l, 9, 1000, &row);
}

TEST(life, with_more_producers_than_may_be)
{
    static const struct lines_row row = { "producers", 0, 9092, 0x4e8abf04 };
    struct life l;
    life_init(&l, 1009);
    l.d.f.opts.producers_max = 6;
    l.d.f.opts.producer_expiry_ms = 3000;
    l.bytes_max = 2000;
    life_same(&l, 10, 1000, &row);
}

TEST(life, with_rot)
{
    // What verify finds, what is served all the same, what a repair gives up, and a store that goes
    // on with its gaps and rots again.
    static const struct lines_row row = { "rot", 0, 55528, 0x50a56bfe };
    struct life l;
    life_init(&l, 1005);
    l.bytes_max = KIB(20);
    life_open(&l, 6);
    for (uint32_t n = 0; n < 60; n++) {
        life_go(&l, 15);
        life_rot(&l);
    }
    lines_same(&l.lines, &row);
    life_close(&l);
}

TEST(life, with_rot_among_many_tiles)
{
    static const struct lines_row row = { "rot of tiles", 0, 43755, 0xc6505a3b };
    struct life l;
    life_init(&l, 1006);
    l.d.f.geometry.extent_max = MIB(2);
    l.d.f.opts.direct_min = BLOCK_BYTES;
    l.bytes_max = KIB(12);
    life_open(&l, 7);
    for (uint32_t n = 0; n < 40; n++) {
        life_go(&l, 40);
        life_rot(&l);
    }
    lines_same(&l.lines, &row);
    life_close(&l);
}

TEST(life, with_unreadable_blocks)
{
    // Some reads of readers, look-ups and verify fail; a repair sees all that is there.
    static const struct lines_row row = { "unreadable", 0, 32352, 0x4594c1c8 };
    struct life l;
    life_init(&l, 1007);
    l.bytes_max = KIB(20);
    l.unreadable = 20;
    life_open(&l, 8);
    for (uint32_t n = 0; n < 30; n++) {
        life_go(&l, 30);
        life_rot(&l);
    }
    lines_same(&l.lines, &row);
    life_close(&l);
}
