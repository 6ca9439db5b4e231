/* Goal: a lookup by offset or time lands in the right tile, also with gaps, large batches, and
 * tiles that are only in index blocks on disk. Method: tiles by hand against a plain search; then
 * an extent with more than one index block, read after its tiles were forgotten, and with its block
 * damaged. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

/* An extent of 512 KiB in no partition. */
static struct store bare = { .id.geometry = { .extent_min = KIB(512), .extent_max = KIB(512) } };
static struct vol bare_vol = { .store = &bare };

/* Tiles of one block; base_off -1: no batch begins in it. */
static void tiles_make(struct extent *e, const int *offs, uint32_t n)
{
    uint64_t next = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool any = offs[i] >= 0;
        next = any ? (uint64_t)offs[i] + 3 : next;
        extent_tile_add(e, &(struct tile){ .at = i * 4096,
                                           .len = 4096,
                                           .batch_at = any ? 5 : NO_BATCH,
                                           .base_off = any ? (uint64_t)offs[i] : next,
                                           .next_off = next,
                                           .max_time = any ? offs[i] % 17 : INT64_MIN });
    }
}

TEST(index, finds_the_last_tile_with_a_batch_at_or_before)
{
    static const int offs[] = { 10, 13, -1, -1, 16, 30, -1, 33, 90 };
    struct extent e = { .vol = &bare_vol };
    uint32_t i;
    tiles_make(&e, offs, 9);
    EXPECT(!index_find(&e, 0, &i));
    EXPECT(!index_find(&e, 9, &i));
    for (uint32_t off = 10; off < 100; off++) {
        uint32_t want = 0;
        for (uint32_t t = 0; t < 9; t++)
            if (offs[t] >= 0 && (uint32_t)offs[t] <= off)
                want = t;
        EXPECT(index_find(&e, off, &i));
        EXPECT_EQ(i, want);
    }
    for (int64_t time = -2; time < 20; time++) {
        uint32_t want = 0;
        while (want < 9 && (offs[want] < 0 || offs[want] % 17 < time))
            want++;
        bool found = index_find_time(&e, time, &i);
        EXPECT_EQ(found, want < 9);
        EXPECT(!found || i == want);
    }
    free(e.tiles);
}

TEST(index, of_an_extent_without_tiles_is_empty)
{
    struct extent e = { 0 };
    uint32_t i;
    EXPECT(!index_find(&e, 5, &i));
    EXPECT(!index_find_time(&e, 5, &i));
}

/* Tiles of one block fill an extent of 1 MiB: more than one index block holds. */
static struct extent *many_tiles(struct fixture *f)
{
    f->geometry.extent_min = f->geometry.extent_max = MIB(1);
    f->geometry.batch_max = KIB(64);
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    struct part *p = fixture_add(f, 0);
    while (p->extent_count < 2) {
        EXPECT_OK(fixture_append(f, 0, (struct spec){ .bytes = 4096, .time = 1000 + p->next_off }));
        fixture_checkpoint(f);
    }
    EXPECT(p->extents[0]->tile_count > 2 * TILES_PER_BLOCK - 6);
    EXPECT(p->extents[0]->tile_count <= 2 * TILES_PER_BLOCK);
    return p->extents[0];
}

TEST(index, blocks_on_disk_come_back_when_they_are_needed)
{
    struct fixture f;
    fixture_init(&f, 50);
    struct extent *e = many_tiles(&f);
    EXPECT_EQ(e->sealed, true);
    EXPECT_EQ(e->index_blocks, (e->tile_count + TILES_PER_BLOCK - 1) / TILES_PER_BLOCK);
    EXPECT_EQ(e->tile_from, e->tile_count); /* forgotten */
    EXPECT(!e->tiles);
    uint64_t base = e->base_off;
    fixture_verify(&f, 0, 10000);
    EXPECT_EQ(e->tile_from, 0);
    EXPECT_EQ(fixture_find(&f, 0, 1000 + base + 90), base + 90);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 4096 }));
    fixture_checkpoint(&f);
    EXPECT_EQ(e->tile_from, e->tile_count); /* forgotten again */
    fixture_verify(&f, 0, 10000);
    fixture_again(&f, SIM_POWER);
    e = fixture_part(&f, 0)->extents[0];
    EXPECT_EQ(e->tile_from, e->tile_count);
    for (uint64_t off = base; off < base + 120; off += 7) {
        struct got g;
        fixture_read(&f, &g, 0, off, 100);
        EXPECT_OK(g.r.err);
        EXPECT_EQ(g.r.next_off, off + 1);
        read_give(&g.r);
    }
    fixture_verify(&f, 0, 200000);
    fixture_close(&f);
}

TEST(index, a_damaged_block_is_reported_not_used)
{
    struct fixture f;
    struct got g;
    fixture_init(&f, 51);
    struct extent *e = many_tiles(&f);
    uint64_t place = vol_place(&f.geometry, e->unit) + extent_data_bytes(&f.geometry, e->order);
    uint64_t base = e->base_off;
    for (uint32_t block = 0; block < 2; block++) {
        fixture_flip(&f, e->vol->name, place + block * BLOCK_BYTES + 77);
        fixture_read(&f, &g, 0, base + 100, 100);
        EXPECT_ERR(g.r.err, ERR_CORRUPT);
        EXPECT_EQ(fixture_find(&f, 0, 1000 + base + 90), -ERR_CORRUPT);
        fixture_flip(&f, e->vol->name, place + block * BLOCK_BYTES + 77);
    }
    sim_fault(f.node, NULL, 5, 1);
    fixture_read(&f, &g, 0, base + 100, 100);
    EXPECT_ERR(g.r.err, ERR_IO);
    fixture_verify(&f, 0, 10000);
    fixture_close(&f);
}

TEST(index, two_reads_that_need_the_same_blocks)
{
    struct fixture f;
    struct got a, b;
    fixture_init(&f, 52);
    struct extent *e = many_tiles(&f);
    uint64_t base = e->base_off;
    fixture_read(&f, &a, 0, 0, 100);
    read_give(&a.r);
    a = (struct got){ .r = { .done = a.r.done, .off = base + 3, .bytes_max = 100 } };
    b = (struct got){ .r = { .done = a.r.done, .off = base + 110, .bytes_max = 100 } };
    part_read(fixture_part(&f, 0), &a.r);
    part_read(fixture_part(&f, 0), &b.r);
    EXPECT(fixture_until(&f, &a.done) && fixture_until(&f, &b.done));
    EXPECT_OK(a.r.err);
    EXPECT_OK(b.r.err);
    EXPECT_EQ(a.r.next_off, base + 4);
    EXPECT_EQ(b.r.next_off, base + 111);
    EXPECT_EQ(e->pins, 0);
    read_give(&a.r);
    read_give(&b.r);
    fixture_close(&f);
}
