/* Goal: the space map never gives a place twice, prefers written slabs, and gives everything back.
 * Method: a store's volumes made by hand (two of four slabs), random takes and gives against a
 * plain map of bytes; then the same through claims, as recovery does. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

struct bench {
    struct store s;
    struct vol *v[2];
};

static void bench_open(struct bench *b)
{
    *b = (struct bench){ 0 };
    b->s.id.geometry =
        (struct geometry){ .extent_min = KIB(16), .extent_max = KIB(256), .slabs = 4 };
    for (uint32_t i = 0; i < 2; i++) {
        b->v[i] = vol_new(&b->s, 7 + i);
        b->v[i]->state = VOL_LIVE;
        vol_add(&b->s, b->v[i]);
    }
}

static void bench_close(struct bench *b)
{
    vol_remove(&b->s, b->v[0]);
    EXPECT(!volume_find(&b->s, 7));
    EXPECT(volume_find(&b->s, 8) == b->v[1]);
    vol_remove(&b->s, b->v[1]);
    EXPECT_EQ(b->s.vol_count, 0);
    free(b->s.vols);
}

struct piece_of {
    struct vol *v;
    uint32_t unit;
    uint8_t order;
};

static enum err take(struct bench *b, uint8_t order, struct piece_of *p)
{
    p->order = order;
    return volume_take(&b->s, 0, &p->order, &p->v, &p->unit);
}

TEST(volume, places_never_overlap_and_all_come_back)
{
    struct bench b;
    struct piece_of held[200];
    uint8_t used[2][64] = { { 0 } }; /* units of 16 KiB */
    uint32_t n = 0, fails = 0;
    struct rng r;
    bench_open(&b);
    rng_seed(&r, 5);
    for (uint32_t step = 0; step < 5000; step++) {
        uint8_t order = (uint8_t)rng_below(&r, 5);
        struct piece_of p;
        if (rng_chance(&r, 11, 20) && n < 200) {
            if (take(&b, order, &p) != ERR_OK) {
                fails++;
                continue;
            }
            EXPECT(p.order <= order);
            EXPECT_EQ(p.unit % (1u << p.order), 0);
            for (uint32_t u = 0; u < 1u << p.order; u++)
                EXPECT_EQ(used[p.v == b.v[1]][p.unit + u]++, 0);
            held[n++] = p;
        } else if (n) {
            uint32_t i = (uint32_t)rng_below(&r, n);
            p = held[i];
            held[i] = held[--n];
            b.s.full = true;
            volume_give(&b.s, p.v, p.unit, p.order);
            EXPECT_EQ(b.s.full, false);
            for (uint32_t u = 0; u < 1u << p.order; u++)
                used[p.v == b.v[1]][p.unit + u]--;
        }
    }
    EXPECT(fails > 0);
    while (n) {
        n--;
        volume_give(&b.s, held[n].v, held[n].unit, held[n].order);
    }
    for (uint32_t i = 0; i < 2; i++) {
        EXPECT_EQ(b.v[i]->free_slabs, 4);
        for (uint32_t j = 0; j < 4; j++) {
            EXPECT_EQ(b.v[i]->slabs[j].order, SLAB_FREE);
            EXPECT_EQ(b.v[i]->slabs[j].used, 0);
            EXPECT(!b.v[i]->slabs[j].map);
        }
    }
    bench_close(&b);
}

TEST(volume, small_extents_share_slabs_of_their_own)
{
    struct bench b;
    struct piece_of p;
    bench_open(&b);
    for (uint32_t i = 0; i < 16; i++) {
        EXPECT_OK(take(&b, 0, &p));
        EXPECT(p.v == b.v[0]);
        EXPECT_EQ(p.unit, i);
        EXPECT_EQ(p.order, 0);
    }
    EXPECT_EQ(b.v[0]->free_slabs, 3);
    EXPECT_OK(take(&b, 0, &p)); /* a second slab */
    EXPECT_EQ(p.unit, 16);
    EXPECT_OK(take(&b, 3, &p));
    EXPECT_EQ(p.unit, 32);
    EXPECT_OK(take(&b, 3, &p));
    EXPECT_EQ(p.unit, 40);
    EXPECT_EQ(b.v[0]->free_slabs, 1);
    EXPECT_OK(take(&b, 4, &p));
    EXPECT_EQ(p.unit, 48);
    EXPECT_EQ(b.v[0]->free_slabs, 0);
    bench_close(&b);
}

TEST(volume, written_slabs_come_first_and_zeroing_ones_not_at_all)
{
    struct bench b;
    struct piece_of p;
    bench_open(&b);
    b.v[1]->slabs[2].written = true;
    b.v[0]->slabs[0].zeroing = true;
    EXPECT_OK(take(&b, 4, &p));
    EXPECT(p.v == b.v[1]);
    EXPECT_EQ(p.unit, 32);
    EXPECT(!volume_unwritten(&b.s, p.v, p.unit));
    EXPECT(!volume_unwritten(&b.s, p.v, 47));
    EXPECT(volume_unwritten(&b.s, p.v, 31));
    EXPECT(volume_unwritten(&b.s, p.v, 48));
    EXPECT_OK(take(&b, 4, &p));
    EXPECT(p.v == b.v[0]); /* the first raw one that is not being zeroed */
    EXPECT_EQ(p.unit, 16);
    EXPECT(volume_unwritten(&b.s, p.v, p.unit));
    b.v[0]->state = VOL_RETIRING;
    EXPECT_OK(take(&b, 4, &p));
    EXPECT(p.v == b.v[1]);
    bench_close(&b);
}

TEST(volume, the_next_smaller_size_serves_when_slabs_are_out)
{
    struct bench b;
    struct piece_of p;
    bench_open(&b);
    EXPECT_OK(take(&b, 2, &p));
    for (uint32_t i = 0; i < 7; i++)
        EXPECT_OK(take(&b, 4, &p));
    EXPECT_OK(take(&b, 4, &p));
    EXPECT_EQ(p.order, 2);
    p.order = 4;
    EXPECT_ERR(volume_take(&b.s, 3, &p.order, &p.v, &p.unit), ERR_NO_SPACE); /* 2 is too small */
    EXPECT_ERR(take(&b, 1, &p), ERR_NO_SPACE);
    for (uint32_t i = 0; i < 2; i++)
        EXPECT_OK(take(&b, 3, &p));
    EXPECT_ERR(take(&b, 4, &p), ERR_NO_SPACE);
    bench_close(&b);
}

TEST(volume, claims_are_refused_where_they_overlap_or_do_not_fit)
{
    struct bench b;
    bench_open(&b);
    EXPECT(volume_claim(&b.s, b.v[0], 4, 2));
    EXPECT(!volume_claim(&b.s, b.v[0], 4, 2));  /* twice */
    EXPECT(!volume_claim(&b.s, b.v[0], 8, 1));  /* another size in the slab */
    EXPECT(!volume_claim(&b.s, b.v[0], 10, 2)); /* not aligned */
    EXPECT(volume_claim(&b.s, b.v[0], 12, 2));
    EXPECT(!volume_claim(&b.s, b.v[0], 64, 0)); /* beyond the last slab */
    EXPECT(volume_claim(&b.s, b.v[0], 63, 0));
    EXPECT(volume_claim(&b.s, b.v[0], 32, 4));
    EXPECT(!volume_claim(&b.s, b.v[1], 0, 5)); /* larger than a slab */
    EXPECT_EQ(b.v[0]->free_slabs, 1);
    EXPECT_EQ(b.v[1]->free_slabs, 4);
    volume_give(&b.s, b.v[0], 4, 2);
    EXPECT_EQ(b.v[0]->free_slabs, 1);
    volume_give(&b.s, b.v[0], 12, 2);
    EXPECT_EQ(b.v[0]->free_slabs, 2);
    bench_close(&b);
}

TEST(volume, row_tells_number_opening_and_written_slabs)
{
    struct bench b;
    struct vol_row row;
    bench_open(&b);
    b.v[1]->opening = 77;
    b.v[1]->slabs[0].written = b.v[1]->slabs[3].written = true;
    EXPECT(volume_row(b.v[1], &row));
    EXPECT_EQ(row.number, 8);
    EXPECT_EQ(row.slabs, 4);
    EXPECT_EQ(row.opening, 77);
    EXPECT_EQ(row.written, 9);
    b.v[1]->state = VOL_RETIRING;
    EXPECT(!volume_row(b.v[1], &row));
    b.v[1]->state = VOL_MAKING;
    EXPECT(!volume_row(b.v[1], &row));
    bench_close(&b);
}

TEST(volume, names_are_read_back_strictly)
{
    char name[32];
    uint32_t number = 0;
    vol_name(name, 12);
    EXPECT_STR(name, "vol-0012");
    EXPECT(vol_number(name, &number));
    EXPECT_EQ(number, 12);
    vol_name(name, 123456);
    EXPECT_STR(name, "vol-123456");
    EXPECT(vol_number(name, &number));
    EXPECT_EQ(number, 123456);
    EXPECT(!vol_number("vol-12", &number));
    EXPECT(!vol_number("vol-0012x", &number));
    EXPECT(!vol_number("vol.tmp", &number));
    EXPECT(!vol_number("journal", &number));
}
