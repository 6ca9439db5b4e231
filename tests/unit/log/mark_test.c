/* Goal: marks say which batches begin where, whatever was pushed and dropped before. Method: rings
 * by hand, compared with plain arithmetic: batch i begins at 100 i + 7 and has offsets 10 i..10 i +
 * 9 (or fewer: gaps). */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

static uint64_t pos_of(uint64_t i)
{
    return 100 * i + 7;
}

static void push(struct part *p, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        mark_push(p, (struct mark){ pos_of(i), 10 * i, 10 * i + 10 - i % 2, (int64_t)(i % 7) });
}

TEST(mark, ring_grows_and_turns_without_losing_any)
{
    struct part p = { 0 };
    uint64_t from = 0, to = 0;
    for (uint32_t round = 0; round < 40; round++) {
        push(&p, to, to + 5);
        to += 5;
        from += 2;
        marks_drop(&p, pos_of(from));
        EXPECT_EQ(p.mark_count, to - from);
        for (uint32_t i = 0; i < p.mark_count; i++) {
            EXPECT_EQ(mark_at(&p, i)->pos, pos_of(from + i));
            EXPECT_EQ(mark_at(&p, i)->off, 10 * (from + i));
        }
        EXPECT_EQ(p.mark_prev_end, 10 * from - (from - 1) % 2);
    }
    EXPECT_EQ(p.mark_cap, 128);
    free(p.marks);
}

TEST(mark, a_large_ring_is_given_back_when_empty_a_small_one_kept)
{
    struct part p = { 0 };
    push(&p, 0, 64);
    EXPECT_EQ(p.mark_cap, 64);
    marks_drop(&p, pos_of(64));
    EXPECT_EQ(p.mark_cap, 64);
    EXPECT_EQ(p.mark_count, 0);
    push(&p, 64, 129);
    EXPECT_EQ(p.mark_cap, 128);
    marks_drop(&p, pos_of(128));
    EXPECT_EQ(p.mark_count, 1);
    EXPECT_EQ(p.mark_cap, 128);
    marks_drop(&p, pos_of(128) + 1);
    EXPECT_EQ(p.mark_count, 0);
    EXPECT_EQ(p.mark_cap, 0);
    EXPECT(!p.marks);
    EXPECT_EQ(p.mark_prev_end, 1290);
    push(&p, 129, 130);
    EXPECT_EQ(mark_at(&p, 0)->pos, pos_of(129));
    free(p.marks);
}

TEST(mark, find_gives_the_first_at_or_after)
{
    struct part p = { 0 };
    EXPECT_EQ(mark_find(&p, 0), 0);
    push(&p, 3, 20);
    EXPECT_EQ(mark_find(&p, 0), 0);
    for (uint32_t i = 3; i < 20; i++) {
        EXPECT_EQ(mark_find(&p, pos_of(i) - 1), i - 3);
        EXPECT_EQ(mark_find(&p, pos_of(i)), i - 3);
        EXPECT_EQ(mark_find(&p, pos_of(i) + 1), i - 2);
    }
    free(p.marks);
}

TEST(mark, span_tells_first_batch_offsets_and_largest_time)
{
    struct part p = { 0 };
    push(&p, 0, 20);
    struct mark_span s = mark_span(&p, pos_of(4) - 2, pos_of(9)); /* batches 4..8 */
    EXPECT_EQ(s.batch_at, 2);
    EXPECT_EQ(s.base_off, 40);
    EXPECT_EQ(s.next_off, 90);
    EXPECT_EQ(s.max_time, 6);
    s = mark_span(&p, pos_of(7), pos_of(7) + 1);
    EXPECT_EQ(s.batch_at, 0);
    EXPECT_EQ(s.base_off, 70);
    EXPECT_EQ(s.next_off, 79);
    EXPECT_EQ(s.max_time, 0);
    s = mark_span(&p, pos_of(7) + 1, pos_of(8)); /* inside batch 7: none begins */
    EXPECT_EQ(s.batch_at, NO_BATCH);
    EXPECT_EQ(s.base_off, 79);
    EXPECT_EQ(s.next_off, 79);
    EXPECT_EQ(s.max_time, INT64_MIN);
    marks_drop(&p, pos_of(6));
    s = mark_span(&p, pos_of(5) + 1, pos_of(6)); /* what was dropped is remembered by its end */
    EXPECT_EQ(s.batch_at, NO_BATCH);
    EXPECT_EQ(s.next_off, 59);
    EXPECT_EQ(s.base_off, 59);
    s = mark_span(&p, pos_of(30), pos_of(31));
    EXPECT_EQ(s.batch_at, NO_BATCH);
    EXPECT_EQ(s.next_off, 199);
    free(p.marks);
}

TEST(mark, walk_finds_every_batch_and_steps_over_padding)
{
    // Goal: marks rebuilt from bytes equal those made while appending. Method: a partition with a
    // sealed extent in its tail; its marks are copied, forgotten and walked again.
    struct fixture f;
    fixture_open(&f, 1);
    f.bent = true;
    f.opts.direct_min = KIB(64);
    struct part *p = fixture_add(&f, 0);
    for (uint32_t i = 0; i < 7; i++)
        EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 700 + 13 * i, .time = 50 + i }));
    EXPECT_OK(fixture_seal(&f, 0));
    for (uint32_t i = 0; i < 4; i++)
        EXPECT_OK(fixture_append(
            &f, 0, (struct spec){ .bytes = 900, .count = 3, .gap = true, .at_off = 100 + 10 * i }));
    REQUIRE(p->mark_count == 11);
    struct mark kept[11];
    for (uint32_t i = 0; i < 11; i++)
        kept[i] = *mark_at(p, i);
    EXPECT_EQ(kept[7].pos % BLOCK_BYTES, 0);
    EXPECT_EQ(kept[7].off, 100);
    p->mark_count = 0;
    EXPECT_OK(marks_walk(p, kept[0].pos, p->head_pos, INT64_MAX));
    EXPECT_EQ(p->mark_count, 11);
    for (uint32_t i = 0; i < p->mark_count; i++) {
        EXPECT_EQ(mark_at(p, i)->pos, kept[i].pos);
        EXPECT_EQ(mark_at(p, i)->off, kept[i].off);
        EXPECT_EQ(mark_at(p, i)->end_off, kept[i].end_off);
        EXPECT_EQ(mark_at(p, i)->max_time, i < 7 ? 56 : 1000); /* the extent's */
    }
    p->mark_count = 0;
    EXPECT_OK(marks_walk(p, kept[2].pos, kept[3].pos, 7));
    EXPECT_EQ(p->mark_count, 1);
    EXPECT_EQ(mark_at(p, 0)->max_time, 7);
    p->mark_count = 0;
    EXPECT_ERR(marks_walk(p, kept[2].pos + 1, kept[5].pos, 7), ERR_CORRUPT);
    p->mark_count = 0;
    EXPECT_ERR(marks_walk(p, kept[2].pos, kept[3].pos - 1, 7), ERR_CORRUPT); /* half a batch */
    p->mark_count = 0;
    EXPECT_ERR(marks_walk(p, kept[2].pos, kept[3].pos + 60, 7), ERR_CORRUPT); /* half a header */
    fixture_close(&f);
}

TEST(mark, walk_believes_no_offset_beyond_the_largest)
{
    // Goal: the end of a batch is an offset too. Method: a batch of 10 offsets whose first one is
    // changed in the tail.
    static const struct {
        uint64_t off;
        enum err err;
    } rows[] = { { 5, ERR_OK },
                 { OFF_MAX - 10, ERR_OK },
                 { OFF_MAX - 9, ERR_CORRUPT },
                 { OFF_MAX, ERR_CORRUPT },
                 { 4, ERR_CORRUPT } }; /* below the mark before it */
    struct fixture f;
    fixture_open(&f, 3);
    f.bent = true;
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 300);
    EXPECT_OK(fixture_append(&f, 0,
                             (struct spec){ .bytes = 300, .count = 10, .gap = true, .at_off = 5 }));
    uint8_t *at;
    REQUIRE(tail_find(p, 300, &at) == 300);
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        batch_stamp(at, rows[i].off, 1);
        p->mark_count = 0;
        mark_push(p, (struct mark){ 0, 0, 5, 1 });
        EXPECT_ERR(marks_walk(p, 300, 600, 1), rows[i].err);
        EXPECT_EQ(p->mark_count, rows[i].err ? 1 : 2);
    }
    fixture_close(&f);
}
