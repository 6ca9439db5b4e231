/* What stands for lost bytes in a tail is cut to 64 KiB, and all gap batches of one loss have the
 * offsets of it; the walk over the tail demanded that offsets rise from batch to batch. A store
 * that had lost more than 64 KiB of a partition at once was refused, by its openings and by repair,
 * for ever.
 * Goal: the loss is that partition's alone, and repair accepts it; an index block over the gap
 * batches is rebuilt without losing more. Method: the entry that named a large batch is lost
 * amid the tail, and then the large piece of an entry; the header of one, the bytes of the other.
 */
#include <stdio.h>

#include "tests/unit/log/damage.h"

enum { LOSER = 0, OTHER = 1 };

#define LARGE 110000u

static uint64_t entry_next(struct fixture *f)
{
    fixture_settle(f);
    return BLOCK_BYTES + journal_next_pos(f->store, f->store->journal.head_pos) %
                             (f->geometry.journal_bytes - BLOCK_BYTES);
}

/* Small, large, small; the large one's entry is damaged at `at`. */
static void large_one_lost(struct fixture *f, uint64_t at)
{
    fixture_fill(f, LOSER, 1, 500);
    uint64_t entry = entry_next(f);
    fixture_fill(f, LOSER, 1, LARGE);
    fixture_fill(f, LOSER, 1, 500);
    fixture_settle(f);
    fixture_crash(f, SIM_POWER);
    fixture_flip(f, "journal", entry + at);
}

static void parts_add(struct fixture *f)
{
    fixture_add(f, LOSER);
    fixture_add(f, OTHER);
    fixture_fill(f, OTHER, 1, 500);
}

TEST(r0206, long_entry_lost_in_the_tail)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    fixture_open(f, 206);
    parts_add(f);
    fixture_fill(f, LOSER, 2, LARGE); /* the second one's extent has room for a third */
    fixture_checkpoint(f);
    large_one_lost(f, 9);
    EXPECT_EQ(damage_repair(&d).parts, 1);
    damage_left(&d, LOSER, 1);
    damage_left(&d, OTHER, 0);
    fixture_stop_again(f);
    damage_left(&d, LOSER, 1);
    f->hurt = true;
    damage_close(&d);
}

/* Entries that carry large batches themselves. */
static void wide_entries_open(struct fixture *f, uint64_t seed)
{
    fixture_init(f, seed);
    f->geometry.entry_max = KIB(512);
    f->geometry.journal_bytes = BLOCK_BYTES + MIB(8);
    f->geometry.extent_min = f->geometry.extent_max = MIB(2);
    f->opts.direct_min = KIB(128);
    f->opts.tail_bytes = MIB(16);
    fixture_make(f);
    parts_add(f);
}

static void long_piece_lost(struct fixture *f)
{
    large_one_lost(f, ENTRY_HEADER_BYTES + ROW_BYTES + LARGE / 2);
    REQUIRE_OK(fixture_start(f));
    EXPECT_EQ(fixture_part(f, LOSER)->damaged_off, 1);
    fixture_verify_to(f, LOSER, 1 << 20, 1);
    fixture_verify(f, OTHER, 1 << 20);
    fixture_crash(f, SIM_POWER);
}

TEST(r0206, long_piece_lost_in_the_tail)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    wide_entries_open(f, 207);
    long_piece_lost(f);
    EXPECT_EQ(damage_repair(&d).parts, 1);
    damage_left(&d, LOSER, 1);
    damage_left(&d, OTHER, 0);
    f->hurt = true;
    damage_close(&d);
}

TEST(r0206, index_block_over_gap_batches)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    wide_entries_open(f, 208);
    long_piece_lost(f);
    EXPECT_EQ(damage_repair(&d).parts, 1);
    struct part *p = fixture_part(f, LOSER);
    while (!p->extents[0]->tile_from)
        fixture_fill(f, LOSER, 1, 40000);
    const struct extent *e = p->extents[0];
    char vol[32];
    uint64_t at = vol_place(&f->geometry, e->unit) + extent_data_bytes(&f->geometry, e->order);
    snprintf(vol, sizeof(vol), "vol-%04u", e->vol->number);
    fixture_stop(f);
    fixture_flip(f, vol, at + 50);
    struct repair_report report = damage_repair(&d);
    EXPECT_EQ(report.index_blocks, 1);
    EXPECT_EQ(report.tiles, 0);
    damage_left(&d, LOSER, 1);
    f->hurt = true;
    damage_close(&d);
}
