/* Goal: repair heals or gives up exactly what is damaged, once for each kind, and afterwards verify
 * is content, everything else is there by content, and the store goes on. Method: as verify_test.c.
 */
#include "tests/unit/log/damage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/check.h"

TEST(repair, a_whole_store_is_left_alone)
{
    struct damage d;
    damage_open(&d, 420);
    struct repair_report r = damage_repair(&d);
    EXPECT_EQ(r.identities + r.image_pages + r.index_blocks + r.tiles + r.slots + r.parts, 0);
    for (uint32_t i = 0; i < DAMAGE_BOOKS; i++)
        damage_left(&d, i, 0);
    damage_close(&d);
}

TEST(repair, identity_blocks_are_rebuilt_from_another_file)
{
    static const char *const names[] = { "journal", "image", "tails", "" };
    for (uint32_t i = 0; i < 4; i++) {
        struct damage d;
        damage_open(&d, 421 + i);
        damage_flip(&d, names[i][0] ? names[i] : d.vol, 33);
        struct repair_report r = damage_repair(&d);
        EXPECT_EQ(r.identities, 1);
        for (uint32_t b = 0; b < DAMAGE_BOOKS; b++)
            damage_left(&d, b, 0);
        damage_close(&d);
    }
}

TEST(repair, image_pages_are_written_again_from_their_copy)
{
    struct damage d;
    damage_open(&d, 430);
    damage_flip(&d, "image", image_copy_pos(d.capacity, d.generation, 0) + 30);
    damage_flip(&d, "image", image_copy_pos(d.capacity, d.generation, 1) + BLOCK_BYTES + 30);
    struct repair_report r = damage_repair(&d);
    EXPECT_EQ(r.image_pages, 2);
    EXPECT_EQ(store_report(d.f.store)->healed, 0);
    for (uint32_t b = 0; b < DAMAGE_BOOKS; b++)
        damage_left(&d, b, 0);
    damage_close(&d);
}

TEST(repair, either_copy_of_the_image_heals_the_other)
{
    // Goal: pages behind the head too, in the newest generation and in the one before, whichever
    // copy they are of.
    for (uint32_t n = 0; n < 4; n++) {
        struct damage d;
        damage_open(&d, 470 + n);
        uint64_t at = image_copy_pos(d.capacity, d.generation - n / 2, n % 2);
        damage_flip(&d, "image", at + BLOCK_BYTES + 30);
        damage_flip(&d, "image", at + 2 * BLOCK_BYTES + 30);
        struct repair_report r;
        EXPECT_OK(repair_heal(d.f.io, d.f.dir, &r, &d.f.why));
        EXPECT_EQ(r.image_pages, 2);
        damage_look(&d);
        EXPECT_EQ(d.find_count, 0);
        damage_close(&d);
    }
}

/* An image's two copies as a write of it leaves them that ends between them: copy `newer` is the
 * live image's, the other one two generations old. */
static void copies_of_two_generations(struct damage *d, uint32_t newer)
{
    struct fixture *f = &d->f;
    REQUIRE_OK(fixture_start(f));
    uint64_t old = f->store->generation, bytes = f->store->image_capacity;
    uint8_t *copy = malloc(bytes);
    check(copy);
    sim_file_read(f->node, FIXTURE_DIR, "image", image_copy_pos(bytes, old, !newer), copy, bytes);
    while (f->store->generation < old + 2)
        fixture_checkpoint(f);
    fixture_stop(f);
    REQUIRE_OK(fixture_start(f));
    d->generation = f->store->generation;
    if ((d->generation & 1) != (old & 1)) {
        fixture_checkpoint(f);
        d->generation = f->store->generation;
    }
    fixture_crash(f, SIM_POWER);
    f->hurt = true;
    sim_file_write(f->node, FIXTURE_DIR, "image", image_copy_pos(bytes, old, !newer), copy, bytes);
    free(copy);
}

TEST(repair, copies_of_two_generations_become_the_newer_one)
{
    // Goal: whichever copy the newer one is, and only where all of it verifies. Method: a page of
    // it, the last one too, is damaged or none.
    for (uint32_t n = 0; n < 6; n++) {
        struct damage d;
        struct repair_report r;
        uint8_t page[BLOCK_BYTES];
        struct image_head head;
        damage_open(&d, 500 + n);
        copies_of_two_generations(&d, n % 2);
        uint64_t at = image_copy_pos(d.capacity, d.generation, n % 2);
        sim_file_read(d.f.node, FIXTURE_DIR, "image", at, page, sizeof(page));
        REQUIRE_OK(image_head_decode(page, &head));
        EXPECT_EQ(head.generation, d.generation);
        if (n / 2)
            damage_flip(&d, "image", at + (n / 2 == 1 ? 1 : head.pages - 1) * BLOCK_BYTES + 30);
        EXPECT_OK(repair_heal(d.f.io, d.f.dir, &r, &d.f.why));
        EXPECT_EQ(r.image_pages, n / 2 ? 0 : head.pages);
        damage_close(&d);
    }
}

TEST(repair, an_index_block_is_rebuilt_from_the_batches)
{
    struct damage d;
    damage_open(&d, 431);
    damage_flip(&d, d.vol, d.index_at + 100);
    struct repair_report r = damage_repair(&d);
    EXPECT_EQ(r.index_blocks, 1);
    EXPECT_EQ(r.tiles, 0);
    for (uint32_t b = 0; b < DAMAGE_BOOKS; b++)
        damage_left(&d, b, 0);
    damage_close(&d);
}

TEST(repair, a_tile_becomes_a_gap)
{
    struct damage d;
    damage_open(&d, 432);
    struct book *b = &d.f.books[1];
    uint32_t lost = 0;
    for (uint32_t i = 0; i < b->count; i++) { /* batches that begin in it, or reach into it */
        uint64_t off = b->at[i]->a.base_off;
        lost += off + 1 >= d.tile_from_off && off < d.tile_to_off;
    }
    damage_flip(&d, d.vol, d.tile_at + 100);
    struct repair_report r = damage_repair(&d);
    EXPECT_EQ(r.tiles, 1);
    struct got g;
    fixture_read(&d.f, &g, 1, d.tile_from_off, 100);
    EXPECT_OK(g.r.err);
    EXPECT(g.r.next_off >= d.tile_to_off);
    read_give(&g.r);
    struct part *p = fixture_part(&d.f, 1);
    EXPECT(!p->damaged);
    EXPECT(lost >= 1);
    damage_left(&d, 0, 0);
    damage_left(&d, 2, 0);
    damage_close(&d);
}

TEST(repair, a_slot_is_given_up)
{
    struct damage d;
    damage_open(&d, 433);
    damage_flip(&d, "tails", d.slot_at + 3);
    struct repair_report r = damage_repair(&d);
    EXPECT_EQ(r.slots + r.parts >= 1, true);
    EXPECT(!fixture_part(&d.f, 1)->damaged);
    damage_left(&d, 0, 0);
    damage_left(&d, 2, 0);
    struct got g;
    fixture_read(&d.f, &g, 1, 0, 100);
    EXPECT_OK(g.r.err);
    read_give(&g.r);
    EXPECT_OK(fixture_append(&d.f, 1, (struct spec){ .bytes = 500 }));
    damage_close(&d);
}

TEST(repair, a_lost_slot_takes_the_batches_that_reach_into_it)
{
    // Goal: what lies before the lost block is served, what reaches into it is not, and what is
    // appended afterwards is found behind it. Method: tiles of whole blocks, a batch across the
    // end of the last one, and one that begins in the slot.
    for (uint32_t tiles = 1; tiles < 4; tiles++) {
        struct damage d = { 0 };
        struct fixture *f = &d.f;
        struct repair_report r;
        fixture_open(f, 480 + tiles);
        fixture_add(f, 0);
        for (uint32_t i = 0; i < tiles; i++) {
            fixture_fill(f, 0, 4, 1000);
            fixture_checkpoint(f);
        }
        fixture_fill(f, 0, 1, 1000);
        fixture_checkpoint(f);
        fixture_stop_again(f);
        struct part *p = fixture_part(f, 0);
        REQUIRE(p->tail_state == TAIL_OUT);
        uint32_t whole = (uint32_t)(block_floor(p->head_pos) / 1000), had = f->books[0].count;
        uint64_t at = BLOCK_BYTES + ((uint64_t)p->slot * 2 + p->slot_side) * BLOCK_BYTES;
        fixture_stop(f);
        fixture_flip(f, "tails", at + 3);
        EXPECT_OK(repair_run(f->io, f->dir, &r, &f->why));
        EXPECT_EQ(r.slots, 1);
        EXPECT_EQ(r.parts, 1);
        REQUIRE_OK(fixture_start(f));
        EXPECT_EQ(damage_lost(&d, 0), had - whole);
        p = fixture_part(f, 0);
        for (uint64_t off = 0; off < p->next_off; off++) {
            struct got g;
            struct batch_info info;
            fixture_read(f, &g, 0, off, 100);
            EXPECT_OK(g.r.err);
            if (EXPECT_OK(batch_peek(g.r.batches, &info)))
                EXPECT_EQ(info.base_off, off < whole ? off : p->next_off - 1);
            read_give(&g.r);
        }
        fixture_close(f);
    }
}

TEST(repair, a_piece_is_given_up)
{
    struct damage d;
    damage_open(&d, 434);
    damage_flip(&d, "journal", d.entries[2] + ENTRY_HEADER_BYTES + ROW_BYTES + 50);
    struct repair_report r = damage_repair(&d);
    EXPECT_EQ(r.parts, 1);
    damage_left(&d, 2, 1); /* the second of four batches */
    damage_left(&d, 1, 0);
    damage_left(&d, 0, 0);
    damage_close(&d);
}

TEST(repair, an_entry_is_passed_over)
{
    // Entries: 0 adds partition 2, 1 to 3 are its batches, 4 and 5 of partition 0, 6 and 7 of 1.
    for (uint32_t n = 0; n < 2; n++) {
        struct damage d;
        damage_open(&d, 435 + n);
        damage_flip(&d, "journal", d.entries[4] + (n ? 9 : ENTRY_HEADER_BYTES + 9));
        damage_repair(&d);
        EXPECT(!fixture_part(&d.f, 0)->damaged);
        damage_left(&d, 0, 1);
        damage_left(&d, 1, 0);
        damage_left(&d, 2, 0);
        damage_close(&d);
    }
}

TEST(repair, several_damages_at_once)
{
    struct damage d;
    damage_open(&d, 440);
    damage_flip(&d, "tails", 33);
    damage_flip(&d, "image", image_copy_pos(d.capacity, d.generation, 0) + 30);
    damage_flip(&d, d.vol, d.index_at + 100);
    damage_flip(&d, d.vol, d.tile_at + 100);
    damage_flip(&d, "journal", d.entries[2] + ENTRY_HEADER_BYTES + ROW_BYTES + 50);
    struct repair_report r = damage_repair(&d);
    EXPECT_EQ(r.identities, 1);
    EXPECT_EQ(r.image_pages, 1);
    EXPECT_EQ(r.index_blocks, 1);
    damage_left(&d, 2, 1);
    damage_left(&d, 0, 0);
    damage_close(&d);
}

TEST(repair, heal_alone_loses_nothing)
{
    struct damage d;
    struct repair_report r;
    damage_open(&d, 441);
    damage_flip(&d, "tails", 33);
    damage_flip(&d, d.vol, d.tile_at + 100);
    EXPECT_OK(repair_heal(d.f.io, d.f.dir, &r, &d.f.why));
    EXPECT_EQ(r.identities, 1);
    EXPECT_EQ(r.tiles, 0);
    damage_look(&d);
    EXPECT_EQ(d.counts.finds[FIND_HEALABLE], 0);
    EXPECT_EQ(d.counts.finds[FIND_DAMAGE], 1);
    EXPECT(damage_find(&d, FOUND_TILE));
    damage_close(&d);
}

TEST(repair, a_store_in_use_is_refused)
{
    struct fixture f;
    struct repair_report r;
    fixture_open(&f, 442);
    fixture_add(&f, 0);
    EXPECT(repair_run(f.io, f.dir, &r, &f.why) != ERR_OK);
    fixture_fill(&f, 0, 2, 500);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1000);
    fixture_close(&f);
}

/* A sealed extent with more than one block of index; its number in the partition. */
static uint32_t fill_index_blocks(struct fixture *f)
{
    struct part *p = fixture_add(f, 0);
    for (uint32_t n = 0; n < 2000; n++) {
        for (uint32_t i = 0; i < p->extent_count; i++)
            if (p->extents[i]->sealed && p->extents[i]->tile_count > TILES_PER_BLOCK)
                return i;
        fixture_fill(f, 0, 1, 8292); /* a tile each: direct_min is one block */
    }
    EXPECT(false);
    return 0;
}

TEST(repair, neighbouring_index_blocks_are_rebuilt_together)
{
    // Goal: one pass over the batches serves all of them. Method: the first alone, the second
    // alone, both.
    for (uint32_t bad = 1; bad < 4; bad++) {
        struct damage d = { 0 };
        struct fixture *f = &d.f;
        struct repair_report report;
        char vol[32];
        fixture_init(f, 450 + bad);
        f->geometry.extent_max = MIB(2);
        f->opts.direct_min = BLOCK_BYTES;
        fixture_boot(f);
        REQUIRE_OK(fixture_create(f));
        REQUIRE_OK(fixture_start(f));
        uint32_t number = fill_index_blocks(f);
        const struct extent *e = fixture_part(f, 0)->extents[number];
        uint64_t at = vol_place(&f->geometry, e->unit) + extent_data_bytes(&f->geometry, e->order);
        snprintf(vol, sizeof(vol), "vol-%04u", e->vol->number);
        fixture_stop(f);
        for (uint32_t b = 0; b < 2; b++)
            if (bad >> b & 1)
                fixture_flip(f, vol, at + b * BLOCK_BYTES + 50);
        REQUIRE_OK(repair_run(f->io, f->dir, &report, &f->why));
        EXPECT_EQ(report.index_blocks, bad == 3 ? 2 : 1);
        EXPECT_EQ(report.tiles, 0);
        damage_look(&d);
        EXPECT(damage_none(&d));
        REQUIRE_OK(fixture_start(f));
        fixture_verify(f, 0, 1 << 20);
        fixture_close(f);
    }
}

/* Batches of `bytes`, about a block, behind one of `first`, until one reaches from the last tile of
 * a full index block into what no tile describes. */
static void fill_to_straddler(struct fixture *f, uint32_t first, uint32_t bytes)
{
    struct part *p = fixture_add(f, 0);
    for (uint32_t n = 0; n < 1000; n++) {
        const struct extent *e = part_open_extent(p);
        if (e && e->tile_count == TILES_PER_BLOCK && p->head_pos > p->flight_pos)
            return;
        uint32_t next = p->head_pos % BLOCK_BYTES ? bytes : first;
        fixture_append(f, 0, (struct spec){ .bytes = next, .time = 1000 + n });
    }
    EXPECT(false);
}

static void straddler_is_rebuilt(uint64_t seed, uint32_t first, uint32_t bytes)
{
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    struct repair_report report;
    char vol[32];
    fixture_init(f, seed);
    f->geometry.extent_max = MIB(1);
    f->opts.direct_min = BLOCK_BYTES;
    fixture_boot(f);
    REQUIRE_OK(fixture_create(f));
    REQUIRE_OK(fixture_start(f));
    fill_to_straddler(f, first, bytes);
    const struct extent *e = part_open_extent(fixture_part(f, 0));
    uint64_t at = vol_place(&f->geometry, e->unit) + extent_data_bytes(&f->geometry, e->order);
    snprintf(vol, sizeof(vol), "vol-%04u", e->vol->number);
    fixture_stop(f);
    fixture_flip(f, vol, at + 50);
    REQUIRE_OK(repair_run(f->io, f->dir, &report, &f->why));
    EXPECT_EQ(report.index_blocks, 1);
    EXPECT_EQ(report.tiles, 0);
    EXPECT_EQ(report.parts, 0);
    damage_look(&d);
    EXPECT(damage_none(&d));
    REQUIRE_OK(fixture_start(f));
    fixture_verify(f, 0, 1 << 20);
    fixture_close(f);
}

TEST(repair, a_batch_that_ends_in_the_slot_is_rebuilt_too)
{
    /* Goal: the last batch of an index block is believed by its checksum, also where its end is the
     * end of the partition and lies in the slot; and it has its time. */
    straddler_is_rebuilt(455, 4100, 4100);
}

TEST(repair, a_batch_whose_header_alone_is_on_disk_is_rebuilt_too)
{
    // Goal: just a header before the end of the tiles is enough to know the batch by.
    straddler_is_rebuilt(456, BLOCK_BYTES - BATCH_HEADER_BYTES, BLOCK_BYTES);
}

TEST(repair, a_lost_slot_behind_a_full_block_of_index)
{
    // Goal: it is the last tile's first batch from which on the partition is damaged, though most
    // tiles are in index blocks on disk; and repair says so in the tile.
    struct damage d = { 0 };
    struct fixture *f = &d.f;
    struct repair_report report;
    fixture_init(f, 490);
    f->geometry.extent_min = f->geometry.extent_max = MIB(2);
    f->opts.direct_min = BLOCK_BYTES;
    f->opts.seal_idle_ns = 1000 * SEC_NS;
    fixture_boot(f);
    REQUIRE_OK(fixture_create(f));
    REQUIRE_OK(fixture_start(f));
    struct part *p = fixture_add(f, 0);
    while (!p->extent_count || p->extents[0]->tile_count < TILES_PER_BLOCK + 5)
        fixture_fill(f, 0, 1, 5000);
    fixture_fill(f, 0, 1, 300);
    fixture_checkpoint(f);
    fixture_stop_again(f);
    p = fixture_part(f, 0);
    const struct extent *e = p->extents[0];
    REQUIRE(p->tail_state == TAIL_OUT && e->tile_from == TILES_PER_BLOCK && !e->sealed);
    uint64_t off = 0, at = BLOCK_BYTES + ((uint64_t)p->slot * 2 + p->slot_side) * BLOCK_BYTES;
    for (uint32_t i = 0; i < e->tile_count - e->tile_from; i++)
        off = e->tiles[i].batch_at == NO_BATCH ? off : e->tiles[i].base_off;
    struct got g;
    fixture_flip(f, "tails", at + 3);
    fixture_read(f, &g, 0, p->next_off - 1, 100);
    EXPECT_ERR(g.r.err, ERR_DAMAGED);
    EXPECT_EQ(p->damaged_off, off);
    fixture_verify_to(f, 0, 1 << 20, off);
    fixture_crash(f, SIM_POWER);
    EXPECT_OK(repair_run(f->io, f->dir, &report, &f->why));
    EXPECT_EQ(report.slots, 1);
    REQUIRE_OK(fixture_start(f));
    e = fixture_part(f, 0)->extents[0];
    EXPECT(e->tiles[e->tile_count - 1 - e->tile_from].flags & TILE_CUT ||
           e->tiles[e->tile_count - 2 - e->tile_from].flags & TILE_CUT);
    EXPECT_EQ(damage_lost(&d, 0), 2);
    fixture_close(f);
}
