/* Goal: what is lent out of a tail is what was appended, and stays so while it is held, whatever
 * the tail does meanwhile; and what is held is bounded. Method: reads that are kept over appends,
 * checkpoints and drops, compared byte for byte. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

#define LARGE_FROM 52u /* batches of 5,000 bytes: the first one of an extent of 256 KiB is near */

static void read_done(struct read *r)
{
    (void)r;
}

static void lend(struct fixture *f, struct got *g, uint32_t book, uint64_t off, uint32_t bytes_max)
{
    f->lends = true;
    fixture_read(f, g, book, off, bytes_max);
    f->lends = false;
    EXPECT_OK(g->r.err);
}

/* The pieces equal the copy that the fixture made when they were lent. */
static bool unchanged(const struct read *r)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < r->lent.count; i++) {
        if (memcmp((const uint8_t *)r->buf + at, r->lent.pieces[i].at, r->lent.pieces[i].len) != 0)
            return false;
        at += r->lent.pieces[i].len;
    }
    return at == r->batches.len;
}

TEST(lend, large_answers_out_of_memory_are_not_copied)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 1);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 100, 5000);
    lend(&f, &g, 0, LARGE_FROM, 150000);
    EXPECT_EQ(g.r.batches.len, 150000);
    EXPECT(g.r.lent.count > 0);
    EXPECT_EQ(f.store->counts.lent_bytes, 150000);
    EXPECT(unchanged(&g.r));
    read_give(&g.r);
    EXPECT_EQ(g.r.lent.count, 0);
    lend(&f, &g, 0, LARGE_FROM, 5000); /* too little: copied */
    EXPECT_EQ(g.r.lent.count, 0);
    read_give(&g.r);
    fixture_verify(&f, 0, UINT32_MAX);
    fixture_close(&f);
}

TEST(lend, only_what_readers_may_see)
{
    struct fixture f;
    struct got g;
    fixture_open(&f, 2);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, LARGE_FROM + 20, 5000);
    fixture_send(&f, 0, (struct spec){ .bytes = 5000 });
    EXPECT_EQ(part_info(fixture_part(&f, 0)).visible_off, LARGE_FROM + 20);
    g = (struct got){
        .r = { .done = read_done, .off = LARGE_FROM, .bytes_max = MIB(1), .lends = true }
    };
    part_read(fixture_part(&f, 0), &g.r);
    EXPECT_EQ(g.r.batches.len, 20 * 5000);
    EXPECT_EQ(g.r.next_off, LARGE_FROM + 20);
    EXPECT(g.r.lent.count > 0);
    fixture_settle(&f);
    read_give(&g.r);
    fixture_close(&f);
}

TEST(lend, held_memory_does_not_change_when_the_tail_gives_it_up)
{
    // Goal: a slow reader's bytes stay. Method: a budget that later appends use up many times over.
    struct fixture f;
    struct got g;
    fixture_open(&f, 3);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, LARGE_FROM + 20, 5000);
    lend(&f, &g, 0, LARGE_FROM, 100000);
    EXPECT(g.r.lent.count > 0);
    fixture_fill(&f, 0, 400, 20000);
    fixture_checkpoint(&f);
    EXPECT(!list_empty(&f.store->chunks_lent));
    EXPECT(unchanged(&g.r));
    EXPECT_OK(fixture_drop(&f, 0));
    fixture_settle(&f);
    EXPECT(unchanged(&g.r));
    read_give(&g.r);
    EXPECT_EQ(f.store->tail_lent, 0);
    EXPECT(list_empty(&f.store->chunks_lent));
    fixture_close(&f);
}

TEST(lend, what_is_held_is_bounded)
{
    // Goal: beyond an eighth of the tail's budget, answers are copied. Method: many that are kept.
    enum { MANY = 60 };
    static struct got g[MANY];
    struct fixture f;
    fixture_open(&f, 4);
    fixture_add(&f, 0);
    uint64_t most = f.store->opts.tail_bytes / 8 + CHUNK_BYTES_MAX * 2, lent = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        fixture_fill(&f, 0, 20, 5000);
        lend(&f, &g[i], 0, i * 20, 100000);
        lent += g[i].r.lent.count > 0;
        EXPECT(f.store->tail_lent <= most);
    }
    EXPECT(lent > 0 && lent < MANY);
    for (uint32_t i = 0; i < MANY; i++)
        read_give(&g[i].r);
    EXPECT_EQ(f.store->tail_lent, 0);
    fixture_verify(&f, 0, UINT32_MAX);
    fixture_close(&f);
}
