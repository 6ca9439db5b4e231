/* Goal: the first record at or after a time, by offset, is found exactly. Method: times that rise,
 * fall and repeat, one record a batch and many, compared with a plain search of the book. */
#include "tests/unit/log/fixture.h"

static int64_t want(struct fixture *f, uint32_t book, int64_t time)
{
    struct book *b = &f->books[book];
    uint64_t start = fixture_part(f, book)->start_off;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct append *a = &b->at[i]->a;
        if (a->max_time >= time && a->end_off > start)
            return (int64_t)(a->base_off > start ? a->base_off : start);
    }
    return -ERR_NOT_FOUND;
}

static void all_times(struct fixture *f, uint32_t book, int64_t from, int64_t to)
{
    for (int64_t t = from; t <= to; t++)
        EXPECT_EQ(fixture_find(f, book, t), want(f, book, t));
}

TEST(time_find, in_memory_on_disk_in_slots_and_after_trims)
{
    struct fixture f;
    fixture_open(&f, 20);
    fixture_add(&f, 0);
    EXPECT_EQ(fixture_find(&f, 0, 5), -ERR_NOT_FOUND);
    static const int64_t times[] = { 10, 12, 12, 7, 15, 9, 30, 28, 5, 31 };
    for (uint32_t i = 0; i < 60; i++) {
        int64_t time = times[i % 10] + i / 10 * 2;
        struct spec spec = { .bytes = i % 7 ? 1100 : 20000, .time = time, .count = 1 + i % 3 };
        EXPECT_OK(fixture_append(&f, 0, spec));
    }
    all_times(&f, 0, 1, 45);
    fixture_checkpoint(&f);
    all_times(&f, 0, 1, 45);
    EXPECT(fixture_part(&f, 0)->extent_count > 2);
    fixture_stop_again(&f);
    all_times(&f, 0, 1, 45);
    for (uint64_t off = 3; off < fixture_part(&f, 0)->next_off; off += 17) {
        EXPECT_OK(fixture_trim(&f, 0, off));
        all_times(&f, 0, 1, 45);
    }
    EXPECT_OK(fixture_trim(&f, 0, fixture_part(&f, 0)->next_off));
    EXPECT_EQ(fixture_find(&f, 0, 1), -ERR_NOT_FOUND);
    fixture_close(&f);
}

TEST(time_find, the_record_not_the_batch)
{
    // Goal: inside a batch the record decides. Method: one batch whose records have times 10, 50
    // and 20, built by hand.
    struct fixture f;
    uint8_t at[1000];
    struct batch_builder b;
    fixture_open(&f, 21);
    f.hurt = true; /* by batches that are not in the book */
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 100);
    batch_builder_open(&b, at, sizeof(at));
    static const int64_t times[] = { 2010, 2050, 2020 };
    for (uint32_t i = 0; i < 3; i++)
        EXPECT_OK(batch_builder_add(&b, &(struct batch_record){ .time = times[i] }));
    struct sent *s = fixture_send(&f, 0, (struct spec){ .count = 3 });
    EXPECT(fixture_until(&f, &s->done));
    struct sent by_hand = { .a = s->a };
    by_hand.a.batch = batch_builder_done(&b);
    by_hand.a.max_time = 2050;
    part_append(fixture_part(&f, 0), &by_hand.a);
    EXPECT(fixture_until(&f, &by_hand.done));
    EXPECT_EQ(by_hand.a.base_off, 4);
    static const struct {
        int64_t time, off;
    } rows[] = { { 1, 0 },
                 { 1000, 0 },
                 { 1001, 4 },
                 { 2010, 4 },
                 { 2011, 5 },
                 { 2050, 5 },
                 { 2051, -ERR_NOT_FOUND } };
    for (uint32_t n = 0; n < 2; n++) {
        for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            EXPECT_EQ(fixture_find(&f, 0, rows[i].time), rows[i].off);
        fixture_stop_again(&f);
    }
    fixture_close(&f);
}

TEST(time_find, gaps_in_offsets_do_not_hide_a_time)
{
    struct fixture f;
    fixture_open(&f, 22);
    fixture_add(&f, 0);
    for (uint32_t i = 0; i < 40; i++) {
        struct spec spec = { .bytes = 3000, .time = 100 + i, .gap = true, .at_off = 10 * i + 5 };
        EXPECT_OK(fixture_append(&f, 0, spec));
        if (i % 16 == 3)
            fixture_checkpoint(&f);
    }
    all_times(&f, 0, 95, 142);
    fixture_stop_again(&f);
    all_times(&f, 0, 95, 142);
    fixture_close(&f);
}

TEST(time_find, a_compressed_batch_answers_with_its_first_offset)
{
    struct fixture f;
    fixture_open(&f, 23);
    f.hurt = true; /* by batches that are not in the book */
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 2, 100);
    struct sent *s = fixture_send(&f, 0, (struct spec){ .bytes = 300, .count = 4, .time = 7000 });
    EXPECT(fixture_until(&f, &s->done));
    struct sent by_hand = { .a = s->a };
    s->bytes[22] = 1; /* gzip: nothing here looks inside */
    part_append(fixture_part(&f, 0), &by_hand.a);
    EXPECT(fixture_until(&f, &by_hand.done));
    EXPECT_OK(fixture_trim(&f, 0, 6)); /* the batch as it was, and no more */
    EXPECT_EQ(fixture_find(&f, 0, 4000), 6);
    EXPECT_EQ(fixture_find(&f, 0, 7000), 6);
    EXPECT_EQ(fixture_find(&f, 0, 7001), -ERR_NOT_FOUND);
    s->bytes[22] = 0;
    fixture_close(&f);
}

TEST(time_find, damage_and_disk_errors_are_passed_on)
{
    struct fixture f;
    fixture_open(&f, 24);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 30, 1000);
    fixture_stop_again(&f);
    sim_fault(f.node, NULL, 5, 1);
    EXPECT_EQ(fixture_find(&f, 0, 1), -ERR_IO);
    EXPECT_EQ(fixture_find(&f, 0, 1), 0);
    struct extent *e = fixture_part(&f, 0)->extents[0];
    fixture_flip(&f, e->vol->name, extent_place(e, e->base_pos));
    EXPECT_EQ(fixture_find(&f, 0, 1), -ERR_CORRUPT);
    fixture_close(&f);
}

TEST(time_find, a_partition_dropped_meanwhile_is_not_found)
{
    struct fixture f;
    fixture_open(&f, 25);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 30, 1000);
    EXPECT_OK(fixture_drop(&f, 0));
    fixture_add(&f, 0);
    EXPECT_EQ(fixture_find(&f, 0, 1), -ERR_NOT_FOUND);
    fixture_close(&f);
}
