/* Goal: an extent is found by position, ends where its batches end, and dies only when its last row
 * is durable and nothing pins it. Method: partitions and extents made by hand. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

struct bench {
    struct store s;
    struct part p;
    struct vol *v;
};

static void bench_open(struct bench *b)
{
    *b = (struct bench){ .p.store = &b->s };
    b->s.id.geometry =
        (struct geometry){ .extent_min = KIB(16), .extent_max = KIB(256), .slabs = 4 };
    list_init(&b->s.dying);
    b->v = vol_new(&b->s, 1);
    b->v->state = VOL_LIVE;
    vol_add(&b->s, b->v);
}

/* Five extents of 12 KiB of data each: [0, 12 KiB), [12 KiB, 24 KiB) ... with ten offsets each. */
static void bench_fill(struct bench *b)
{
    for (uint32_t i = 0; i < 5; i++) {
        struct extent *e;
        struct vol *v;
        uint32_t unit;
        uint8_t order = 0;
        check(volume_take(&b->s, 0, &order, &v, &unit) == ERR_OK);
        e = extent_new(&b->p, v, unit, order);
        e->id = i + 1;
        e->base_pos = i * 12288ull;
        e->base_off = i * 10;
        e->named = true;
        e->sealed = i < 4;
        e->data_bytes = i < 4 ? 12000 : 0;
    }
    b->p.head_pos = 4 * 12288 + 5000;
}

static void bench_close(struct bench *b)
{
    for (uint32_t i = 0; i < b->p.extent_count; i++)
        extent_drop(b->p.extents[i], 0);
    extents_reap(&b->s, UINT64_MAX);
    EXPECT(list_empty(&b->s.dying));
    EXPECT_EQ(b->v->free_slabs, 4);
    free(b->p.extents);
    vol_remove(&b->s, b->v);
    free(b->s.vols);
}

TEST(extent, is_found_by_position)
{
    struct bench b;
    bench_open(&b);
    EXPECT(!part_extent_of(&b.p, 0));
    EXPECT(!part_open_extent(&b.p));
    bench_fill(&b);
    for (uint32_t i = 0; i < 5; i++) {
        EXPECT(part_extent_of(&b.p, i * 12288) == b.p.extents[i]);
        EXPECT(part_extent_of(&b.p, i * 12288 + 12287) == b.p.extents[i]);
        EXPECT_EQ(extent_data_end(&b.p, b.p.extents[i]), i * 12288 + (i < 4 ? 12000 : 5000));
        EXPECT_EQ(extent_place(b.p.extents[i], i * 12288 + 4096),
                  VOL_HEAD_BYTES + i * KIB(16) + 4096);
    }
    EXPECT(part_extent_of(&b.p, 1ull << 40) == b.p.extents[4]);
    EXPECT(part_open_extent(&b.p) == b.p.extents[4]);
    b.p.extents[4]->sealed = true;
    EXPECT(!part_open_extent(&b.p));
    b.p.extents[0]->base_pos = 4096;
    EXPECT(!part_extent_of(&b.p, 4095));
    bench_close(&b);
}

TEST(extent, trim_drops_those_wholly_below_and_keeps_the_last)
{
    static const struct {
        uint64_t off;
        uint32_t left;
    } rows[] = { { 0, 5 }, { 9, 5 }, { 10, 4 }, { 19, 4 }, { 20, 3 }, { 40, 1 }, { 1000, 1 } };
    struct bench b;
    bench_open(&b);
    bench_fill(&b);
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        extents_trim(&b.p, rows[i].off, 3);
        EXPECT_EQ(b.p.extent_count, rows[i].left);
        EXPECT_EQ(b.p.extents[rows[i].left - 1]->id, 5);
        EXPECT_EQ(b.p.extents[0]->id, 6 - rows[i].left);
    }
    bench_close(&b);
}

TEST(extent, trim_stops_before_a_successor_that_no_entry_names)
{
    struct bench b;
    bench_open(&b);
    bench_fill(&b);
    b.p.extents[3]->named = false;
    extents_trim(&b.p, 1000, 3);
    EXPECT_EQ(b.p.extent_count, 3);
    EXPECT_EQ(b.p.extents[0]->id, 3);
    bench_close(&b);
}

TEST(extent, space_is_free_when_durable_and_unpinned)
{
    struct bench b;
    bench_open(&b);
    bench_fill(&b);
    struct extent *e = b.p.extents[0];
    e->pins = 2;
    extents_trim(&b.p, 20, 7); /* extents 1 and 2, by entry 7 */
    EXPECT(!e->part && e->dying);
    EXPECT_EQ(b.v->slabs[0].used, 5);
    extents_reap(&b.s, 6);
    EXPECT_EQ(b.v->slabs[0].used, 5);
    extents_reap(&b.s, 7);
    EXPECT_EQ(b.v->slabs[0].used, 4); /* the second; the first is pinned */
    EXPECT_EQ(b.s.counts.extents_freed, 1);
    extent_unpin(e);
    extents_reap(&b.s, 7);
    EXPECT_EQ(b.v->slabs[0].used, 4);
    extent_unpin(e);
    extents_reap(&b.s, 7);
    EXPECT_EQ(b.v->slabs[0].used, 3);
    EXPECT_EQ(b.s.counts.extents_freed, 2);
    bench_close(&b);
}

TEST(extent, space_is_free_without_another_entry_when_the_last_pin_goes)
{
    struct fixture f;
    fixture_open_still(&f, 1);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 30, 5000);
    fixture_settle(&f);
    struct part *p = fixture_part(&f, 0);
    struct extent *e = p->extents[0];
    EXPECT(p->extent_count > 1);
    e->pins++;
    EXPECT_OK(fixture_trim(&f, 0, p->extents[1]->base_off));
    EXPECT(e->dying);
    e->free_seq = f.store->synced_seq; /* as late as it may be */
    uint64_t commits = f.store->counts.commits, freed = f.store->counts.extents_freed;
    store_turn(f.store);
    EXPECT_EQ(f.store->counts.extents_freed, freed);
    extent_unpin(e);
    store_turn(f.store);
    EXPECT_EQ(f.store->counts.extents_freed, freed + 1);
    EXPECT_EQ(f.store->counts.commits, commits);
    fixture_close(&f);
}

TEST(extent, runs_named_last_keep_the_space_for_one_more_entry)
{
    struct bench b;
    bench_open(&b);
    bench_fill(&b);
    b.p.extents[0]->named_seq = 7;
    extents_trim(&b.p, 10, 7);
    extents_reap(&b.s, 7);
    EXPECT_EQ(b.v->slabs[0].used, 5);
    extents_reap(&b.s, 8);
    EXPECT_EQ(b.v->slabs[0].used, 4);
    bench_close(&b);
}

TEST(extent, tiles_follow_one_another)
{
    struct bench b;
    bench_open(&b);
    bench_fill(&b);
    struct extent *e = b.p.extents[4];
    EXPECT_EQ(extent_tile_room(&b.s, e), TILES_PER_BLOCK);
    for (uint32_t i = 0; i < 20; i++)
        extent_tile_add(e, &(struct tile){ .at = i * 4096, .len = 4096, .base_off = 40 + i });
    EXPECT_EQ(e->tile_count, 20);
    EXPECT_EQ(extent_tile_room(&b.s, e), TILES_PER_BLOCK - 20);
    for (uint32_t i = 0; i < 20; i++) {
        EXPECT_EQ(e->tiles[i].at, i * 4096);
        EXPECT_EQ(e->tiles[i].base_off, 40 + i);
    }
    bench_close(&b);
}
