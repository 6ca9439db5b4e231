/* Goal: a read gives exactly the batches that were appended, from every offset, whatever holds them
 * (tail, extents, slot), and never more than it may. Method: partitions whose bytes are placed on
 * purpose, read back by content through many values of bytes_max. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

static const uint32_t budgets[] = { 0,    1,     199,   200,    201,       4096,
                                    5000, 16384, 65536, 300000, UINT32_MAX };

static void verify_all(struct fixture *f, uint32_t book)
{
    for (uint32_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
        fixture_verify(f, book, budgets[i]);
}

/* From every offset of the book, also those inside batches and gaps: the first batch returned is
 * the one with the offset, or the next one. */
static void verify_each_offset(struct fixture *f, uint32_t book, uint32_t bytes_max)
{
    struct book *b = &f->books[book];
    struct part *p = fixture_part(f, book);
    uint32_t i = 0;
    for (uint64_t off = p->start_off; off <= p->next_off; off++) {
        while (i < b->count && b->at[i]->a.end_off <= off)
            i++;
        struct got g;
        struct batch_info info;
        fixture_read(f, &g, book, off, bytes_max);
        EXPECT_OK(g.r.err);
        if (i == b->count) {
            EXPECT_EQ(g.r.batches.len, 0);
            EXPECT_EQ(g.r.next_off, off);
            continue;
        }
        bool whole = g.r.batches.len >= b->at[i]->a.batch.len;
        EXPECT(whole);
        EXPECT_OK(whole ? batch_peek(g.r.batches, &info) : ERR_CORRUPT);
        EXPECT_EQ(info.base_off, b->at[i]->a.base_off);
        read_give(&g.r);
        read_give(&g.r); /* again is fine */
    }
}

TEST(read, from_memory)
{
    struct fixture f;
    fixture_open(&f, 2);
    fixture_add(&f, 0);
    struct got g;
    fixture_read(&f, &g, 0, 0, 1000);
    EXPECT_OK(g.r.err);
    EXPECT_EQ(g.r.batches.len, 0);
    EXPECT_EQ(g.r.next_off, 0);
    fixture_fill(&f, 0, 60, 200);
    verify_all(&f, 0);
    verify_each_offset(&f, 0, 450);
    EXPECT(f.store->counts.reads_hot > 60);
    EXPECT_EQ(f.store->counts.reads_cold, 0);
    fixture_close(&f);
}

TEST(read, bytes_max_is_a_bound_but_for_the_first_batch)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 3);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 10, 1000);
    static const struct {
        uint32_t max, len;
    } rows[] = { { 0, 1000 },    { 999, 1000 },  { 1000, 1000 },  { 1999, 1000 },
                 { 2000, 2000 }, { 2001, 2000 }, { 10000, 9000 }, { UINT32_MAX, 9000 } };
    for (uint32_t n = 0; n < 2; n++) {
        for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            fixture_read(&f, &g, 0, 1, rows[i].max);
            EXPECT_OK(g.r.err);
            EXPECT_EQ(g.r.batches.len, rows[i].len);
            EXPECT_EQ(g.r.next_off, 1 + rows[i].len / 1000);
            read_give(&g.r);
        }
        fixture_checkpoint(&f); /* the second time from the disk and the tail together */
        fixture_stop_again(&f);
    }
    fixture_close(&f);
}

TEST(read, from_disk_tail_and_slot_alike)
{
    // Goal: the same answer wherever the bytes are. Method: one partition, read before and after a
    // checkpoint, after more appends, after an orderly stop (slot) and after a crash (journal).
    struct fixture f;
    fixture_open(&f, 4);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 90, 333);
    verify_all(&f, 0);
    fixture_checkpoint(&f);
    verify_all(&f, 0);
    fixture_fill(&f, 0, 50, 457);
    verify_all(&f, 0);
    verify_each_offset(&f, 0, 5000);
    fixture_again(&f, SIM_POWER);
    verify_all(&f, 0);
    fixture_stop_again(&f);
    struct part *p = fixture_part(&f, 0);
    EXPECT_EQ(p->tail_state, TAIL_OUT);
    verify_each_offset(&f, 0, 700);
    EXPECT_EQ(p->tail_state, TAIL_IN);
    verify_all(&f, 0);
    EXPECT(f.store->counts.reads_cold > 0);
    fixture_close(&f);
}

TEST(read, a_small_partition_that_is_in_its_slot_only)
{
    struct fixture f;
    fixture_open(&f, 5);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 500);
    fixture_stop_again(&f);
    struct part *p = fixture_part(&f, 0);
    EXPECT_EQ(p->tail_state, TAIL_OUT);
    EXPECT_EQ(p->extents[0]->tile_count, 0);
    verify_all(&f, 0);
    EXPECT_EQ(p->tail_state, TAIL_IN);
    fixture_fill(&f, 0, 3, 500);
    verify_all(&f, 0);
    fixture_close(&f);
}

TEST(read, batches_larger_than_a_tile)
{
    // Goal: a batch that spans tiles comes whole. Method: batches of 60 KiB to 128 KiB between
    // small ones, direct and behind, from disk.
    static const uint32_t sizes[] = { 200,   131072, 200,   65536,  65535,
                                      65537, 4096,   61440, 130000, 275 };
    struct fixture f;
    fixture_open(&f, 6);
    fixture_add(&f, 0);
    for (uint32_t n = 0; n < 3; n++)
        for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = sizes[i], .count = 1 + i }));
    verify_all(&f, 0);
    fixture_stop_again(&f);
    verify_all(&f, 0);
    verify_each_offset(&f, 0, 100);
    EXPECT(f.store->counts.reads_cold > 0);
    fixture_close(&f);
}

TEST(read, gaps_between_batches_tiles_and_extents)
{
    // Goal: an offset in a gap leads to the next batch. Method: gaps inside a block, at a tile's
    // edge, over several tiles, at an extent's first batch and inside a sealed one; read from
    // memory and from disk.
    struct fixture f;
    fixture_open(&f, 7);
    fixture_add(&f, 0);
    uint64_t off = 0;
    for (uint32_t i = 0; i < 120; i++) {
        off += i % 3 == 0 ? 4 : 0;
        off += i % 40 == 0 ? 25 : 0;
        struct spec spec = {
            .bytes = i % 10 == 9 ? 30000 : 900, .count = 2, .gap = true, .at_off = off
        };
        EXPECT_OK(fixture_append(&f, 0, spec));
        off += 2;
        if (i % 25 == 24)
            EXPECT_OK(fixture_seal(&f, 0));
    }
    EXPECT_EQ(fixture_part(&f, 0)->next_off, off);
    verify_all(&f, 0);
    verify_each_offset(&f, 0, 2000);
    fixture_checkpoint(&f);
    verify_each_offset(&f, 0, 2000);
    fixture_stop_again(&f);
    verify_all(&f, 0);
    verify_each_offset(&f, 0, 2000);
    verify_each_offset(&f, 0, 200000);
    fixture_close(&f);
}

TEST(read, a_gap_at_the_end_of_the_tiles)
{
    // Goal: an offset between the last batch on disk and the first one in the tail finds the
    // latter, however large that is.
    struct fixture f;
    fixture_open(&f, 8);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 4, 1024); /* exactly one block */
    fixture_checkpoint(&f);
    EXPECT_EQ(fixture_part(&f, 0)->flight_pos, 4096);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 9000, .gap = true, .at_off = 50 }));
    verify_each_offset(&f, 0, 0);
    verify_each_offset(&f, 0, 500);
    verify_all(&f, 0);
    fixture_close(&f);
}

TEST(read, range_is_start_to_end)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 9);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 10, 300);
    EXPECT_OK(fixture_trim(&f, 0, 4));
    fixture_read(&f, &g, 0, 3, 1000);
    EXPECT_ERR(g.r.err, ERR_OFFSET_RANGE);
    fixture_read(&f, &g, 0, 11, 1000);
    EXPECT_ERR(g.r.err, ERR_OFFSET_RANGE);
    fixture_read(&f, &g, 0, 10, 1000);
    EXPECT_OK(g.r.err);
    EXPECT_EQ(g.r.batches.len, 0);
    EXPECT_EQ(g.r.next_off, 10);
    fixture_read(&f, &g, 0, 4, 1000);
    EXPECT_OK(g.r.err);
    EXPECT_EQ(g.r.batches.len, 900);
    read_give(&g.r);
    fixture_verify(&f, 0, 700);
    fixture_close(&f);
}

TEST(read, a_trim_inside_a_batch_still_gives_the_batch)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 10);
    fixture_add(&f, 0);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 900, .count = 10 }));
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 900, .count = 10 }));
    EXPECT_OK(fixture_trim(&f, 0, 5));
    fixture_read(&f, &g, 0, 5, 100);
    EXPECT_EQ(g.r.batches.len, 900);
    EXPECT_EQ(g.r.next_off, 10);
    read_give(&g.r);
    fixture_read(&f, &g, 0, 12, 100);
    EXPECT_EQ(g.r.batches.len, 900);
    EXPECT_EQ(g.r.next_off, 20);
    read_give(&g.r);
    fixture_close(&f);
}

TEST(read, shows_what_the_durability_allows)
{
    // Goal: synced topics show synced records, written ones completed ones, memory ones all.
    // Method: an append is in the tail, its commit not started; watermarks are moved by hand.
    struct fixture f;
    struct got g;
    fixture_open(&f, 11);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 300);
    struct sent *s = fixture_send(&f, 0, (struct spec){ .bytes = 300 });
    EXPECT_EQ(part_info(p).visible_off, 1);
    EXPECT_EQ(part_info(p).next_off, 2);
    part_durability_set(p, DURABILITY_WRITTEN);
    EXPECT_EQ(part_info(p).visible_off, 1);
    part_durability_set(p, DURABILITY_MEMORY);
    EXPECT_EQ(part_info(p).visible_off, 2);
    part_durability_set(p, DURABILITY_SYNCED);
    fixture_read(&f, &g, 0, 1, 1000); /* may be answered before the sync */
    EXPECT_OK(g.r.err);
    read_give(&g.r);
    EXPECT(fixture_until(&f, &s->done));
    fixture_read(&f, &g, 0, 1, 1000);
    EXPECT_EQ(g.r.batches.len, 300);
    read_give(&g.r);
    p->synced_off = 1;
    fixture_read(&f, &g, 0, 1, 1000);
    EXPECT_EQ(g.r.batches.len, 0);
    EXPECT_EQ(g.r.next_off, 1);
    fixture_read(&f, &g, 0, 0, 1000);
    EXPECT_EQ(g.r.batches.len, 300);
    read_give(&g.r);
    p->synced_off = 2;
    fixture_close(&f);
}

TEST(read, stops_inside_no_batch_that_is_not_visible_whole)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 12);
    struct part *p = fixture_add(&f, 0);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 900, .count = 10 }));
    for (uint64_t off = 0; off <= 10; off++) {
        p->synced_off = off;
        fixture_read(&f, &g, 0, 0, 1000);
        EXPECT_EQ(g.r.batches.len, off == 10 ? 900 : 0);
        read_give(&g.r);
    }
    fixture_close(&f);
}

TEST(read, a_damaged_tile_is_reported_and_what_is_before_it_served)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 13);
    struct part *p = fixture_add(&f, 0);
    for (uint32_t i = 0; i < 4; i++) { /* four tiles of 16 KiB */
        fixture_fill(&f, 0, 16, 1024);
        fixture_checkpoint(&f);
    }
    struct extent *e = p->extents[p->extent_count - 1];
    EXPECT(e->tile_count >= 2);
    uint32_t last = e->tile_count - 1;
    uint64_t bad = e->base_pos + e->tiles[last].at;
    uint64_t bad_off = e->tiles[last].base_off, end = p->next_off;
    fixture_flip(&f, e->vol->name, extent_place(e, bad) + 5000);
    fixture_stop_again(&f);
    fixture_read(&f, &g, 0, bad_off, 100);
    EXPECT_ERR(g.r.err, ERR_CORRUPT);
    EXPECT_EQ(g.r.bad_pos, bad);
    EXPECT(!g.r.buf);
    fixture_read(&f, &g, 0, bad_off - 1, 1 << 20); /* the last good one alone */
    EXPECT_OK(g.r.err);
    EXPECT_EQ(g.r.batches.len, 1024);
    EXPECT_EQ(g.r.next_off, bad_off);
    read_give(&g.r);
    fixture_verify_to(&f, 0, 3000, bad_off);
    fixture_verify_to(&f, 0, 1 << 20, bad_off);
    EXPECT_EQ(end, 64);
    fixture_close(&f);
}

TEST(read, a_damaged_slot_stops_its_batches_only)
{
    // Goal: what lies before the lost block is served with any bytes_max, what reaches into it is
    // DAMAGED, and nothing waits for ever.
    struct fixture f;
    struct got g;
    fixture_open(&f, 14);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 10, 1000); /* batches 8 and 9 reach into the third block */
    fixture_checkpoint(&f);
    fixture_stop_again(&f);
    struct part *p = fixture_part(&f, 0);
    fixture_flip(&f, "tails",
                 BLOCK_BYTES + ((uint64_t)p->slot * 2 + p->slot_side) * BLOCK_BYTES + 9);
    fixture_read(&f, &g, 0, 9, 1000);
    EXPECT_ERR(g.r.err, ERR_DAMAGED);
    EXPECT(p->damaged);
    EXPECT(p->damaged_off <= 8);
    EXPECT_ERR(fixture_append(&f, 0, (struct spec){ .bytes = 200 }), ERR_DAMAGED);
    fixture_verify_to(&f, 0, 1000, p->damaged_off);
    fixture_verify_to(&f, 0, 1 << 20, p->damaged_off);
    fixture_again(&f, SIM_POWER);
    p = fixture_part(&f, 0);
    fixture_read(&f, &g, 0, 9, 1000);
    EXPECT_ERR(g.r.err, ERR_DAMAGED);
    fixture_verify_to(&f, 0, 1 << 20, p->damaged_off);
    fixture_close(&f);
}

TEST(read, a_damaged_slot_after_a_tile_leaves_the_tile_readable)
{
    struct fixture f;
    fixture_open(&f, 15);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 3; i++) {
        fixture_fill(&f, 0, 7, 550);
        fixture_checkpoint(&f);
    }
    fixture_stop_again(&f);
    struct part *p = fixture_part(&f, 0);
    struct extent *e = p->extents[0];
    REQUIRE(e->tile_count >= 2 && p->extent_count == 1);
    uint64_t off = e->tiles[e->tile_count - 1].base_off;
    fixture_flip(&f, "tails", BLOCK_BYTES + ((uint64_t)p->slot * 2 + p->slot_side) * BLOCK_BYTES);
    struct got g;
    fixture_read(&f, &g, 0, 20, 1000);
    EXPECT_ERR(g.r.err, ERR_DAMAGED);
    EXPECT_EQ(p->damaged_off, off);
    fixture_verify_to(&f, 0, 1 << 20, off);
    fixture_close(&f);
}

TEST(read, a_partition_dropped_meanwhile_ends_its_reads)
{
    struct fixture f;
    fixture_open(&f, 16);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 50, 1000);
    fixture_stop_again(&f);
    struct got g = { 0 };
    for (uint32_t tail = 0; tail < 2; tail++) {
        struct got cold = { 0 };
        fixture_read(&f, &g, 0, tail ? 49 : 0, 100);
        EXPECT_OK(g.r.err);
        cold.r = (struct read){ .done = g.r.done, .off = tail ? 49 : 0, .bytes_max = 100 };
        read_give(&g.r);
        if (tail)
            fixture_stop_again(&f);
        part_read(fixture_part(&f, 0), &cold.r);
        EXPECT_OK(fixture_drop(&f, 0));
        EXPECT(fixture_until(&f, &cold.done));
        EXPECT_ERR(cold.r.err, ERR_NOT_FOUND);
        EXPECT(!cold.r.buf);
        fixture_settle(&f);
        EXPECT_EQ(f.store->dying.head.next == &f.store->dying.head, true);
        fixture_add(&f, 0);
        fixture_fill(&f, 0, 50, 1000);
        fixture_stop_again(&f);
    }
    fixture_close(&f);
}

TEST(read, an_error_of_the_disk_is_passed_on)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 17);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 30, 1000);
    fixture_stop_again(&f);
    sim_fault(f.node, NULL, 5, 1);
    fixture_read(&f, &g, 0, 0, 100);
    EXPECT_ERR(g.r.err, ERR_IO);
    fixture_read(&f, &g, 0, 0, 100);
    EXPECT_OK(g.r.err);
    read_give(&g.r);
    EXPECT(!store_poisoned(f.store, NULL));
    fixture_close(&f);
}

TEST(read, a_gap_at_the_end_of_a_sealed_extent_leads_to_the_next_one)
{
    // Goal: what an operator gave up at an extent's end is passed over, while the partition's tail
    // is in memory. Method: the last tile of the first extent is made a gap by hand.
    struct fixture f;
    struct got g;
    struct batch_info first;
    fixture_open(&f, 330);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 12, 30000);
    fixture_again(&f, SIM_POWER);
    p = fixture_part(&f, 0);
    fixture_read(&f, &g, 0, 0, 1000); /* brings its index in */
    EXPECT_OK(g.r.err);
    read_give(&g.r);
    fixture_fill(&f, 0, 1, 300);
    EXPECT_EQ(p->tail_state, TAIL_IN);
    struct extent *e = p->extents[0];
    REQUIRE(e->sealed && p->extent_count > 2 && e->tile_from == 0 && e->tile_count > 0);
    struct tile *last = &e->tiles[e->tile_count - 1];
    last->flags |= TILE_GAP;
    fixture_read(&f, &g, 0, p->extents[1]->base_off - 1, 1000);
    EXPECT_OK(g.r.err);
    REQUIRE_OK(batch_peek(g.r.batches, &first));
    EXPECT_EQ(first.base_off, p->extents[1]->base_off);
    read_give(&g.r);
    last->flags = 0;
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(read, a_gap_between_tiles)
{
    // Goal: an offset behind the last batch of one tile finds the first one of the next, also over
    // tiles that no batch begins in. Method: tiles of a block, gaps between them, a batch over
    // many.
    struct fixture f;
    fixture_open(&f, 331);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 12; i++) {
        struct spec spec = {
            .bytes = i == 5 ? 70000 : 2048, .count = 2, .gap = true, .at_off = i * 7
        };
        EXPECT_OK(fixture_append(&f, 0, spec));
        spec = (struct spec){ .bytes = 2048, .gap = true, .at_off = i * 7 + 3 };
        EXPECT_OK(fixture_append(&f, 0, spec));
        fixture_checkpoint(&f);
    }
    fixture_stop_again(&f);
    verify_each_offset(&f, 0, 100);
    verify_each_offset(&f, 0, 3000);
    verify_all(&f, 0);
    fixture_close(&f);
}
