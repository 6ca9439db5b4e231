/* Goal: an append is refused exactly beyond each limit, and large ones go out in runs as long and
 * as many as the bounds let them. Method: values just below, at and just above each limit; a store
 * whose disk does not answer, so that what is issued stays in flight. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

static enum err refusal(struct fixture *f, uint32_t bytes, uint32_t count, uint64_t at_off)
{
    struct sent *s = fixture_send(
        f, 0, (struct spec){ .bytes = bytes, .count = count, .gap = true, .at_off = at_off });
    EXPECT(fixture_until(f, &s->done));
    enum err err = s->a.err;
    if (err) {
        f->books[0].count--;
        free(s->bytes);
        free(s);
    }
    return err;
}

TEST(append, is_refused_just_beyond_each_limit)
{
    struct fixture f;
    fixture_open(&f, 940);
    struct part *p = fixture_add(&f, 0);
    uint32_t max = f.geometry.batch_max;
    EXPECT_OK(refusal(&f, max, 1, 0));
    EXPECT_ERR(refusal(&f, max + 1, 1, 1), ERR_TOO_LARGE);
    EXPECT_OK(refusal(&f, 200, 5, 10));
    EXPECT_ERR(refusal(&f, 200, 1, 14), ERR_OFFSET_RANGE); /* taken */
    EXPECT_OK(refusal(&f, 200, 1, 15));
    EXPECT_ERR(refusal(&f, 200, 1, OFF_MAX - 1), ERR_OFFSET_RANGE);
    EXPECT_ERR(refusal(&f, 200, 2, OFF_MAX - 2), ERR_OFFSET_RANGE);
    EXPECT_OK(refusal(&f, 200, 2, OFF_MAX - 3));
    EXPECT_EQ(p->next_off, OFF_MAX - 1);
    fixture_close(&f);
}

TEST(append, is_refused_when_it_is_no_batch)
{
    struct fixture f;
    uint8_t bytes[BATCH_HEADER_BYTES + 10] = { [11] = BATCH_HEADER_BYTES - 12, [16] = 2 };
    fixture_open(&f, 941);
    struct part *p = fixture_add(&f, 0);
    fixture_settle(&f);
    f.bent = true; /* by bytes that nobody checked */
    static const struct {
        uint32_t len, count;
        enum err err;
    } rows[] = { { BATCH_HEADER_BYTES - 1, 1, ERR_BAD_BATCH },
                 { BATCH_HEADER_BYTES, 0, ERR_BAD_BATCH },
                 { BATCH_HEADER_BYTES + 1, 1, ERR_BAD_BATCH }, /* a byte behind it */
                 { BATCH_HEADER_BYTES, 1, ERR_OK } };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct append a = { .batch = { bytes, rows[i].len }, .count = rows[i].count };
        part_append(p, &a);
        EXPECT_ERR(a.err, rows[i].err);
        EXPECT_EQ(p->next_off, rows[i].err ? 0 : 1);
        node_unlink(&a.node);
    }
    fixture_close(&f);
}

TEST(append, is_refused_before_positions_end)
{
    struct fixture f;
    fixture_open(&f, 942);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 300);
    f.bent = true;
    struct append a = { .batch = { f.books[0].at[0]->bytes, 300 }, .count = 1 };
    p->head_pos = POS_MAX - 2ull * EXTENT_MAX_HIGHEST + 1;
    part_append(p, &a);
    EXPECT_ERR(a.err, ERR_LIMIT);
    node_unlink(&a.node);
    p->head_pos = 300;
    fixture_close(&f);
}

/* Large extents, a wide bound on bytes in flight; partitions 0 and 1 have space already. */
static void open_wide(struct fixture *f, uint64_t seed, uint64_t flight)
{
    fixture_init(f, seed);
    f->geometry.extent_min = f->geometry.extent_max = MIB(2);
    f->opts.direct_flight = flight;
    f->opts.tail_bytes = MIB(8);
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        fixture_add(f, i);
        fixture_fill(f, i, 1, 4096);
    }
    fixture_settle(f);
    fixture_checkpoint(f);
}

/* As if so many bytes were in flight, besides those that are. */
static void pretend(struct fixture *f, uint64_t busy)
{
    static uint64_t before;
    f->store->direct_inflight += busy - before;
    before = busy;
}

TEST(append, a_run_waits_to_become_long_while_the_disk_is_busy)
{
    // Goal: 256 KiB at once, unless less than a sixteenth of what may be is in flight.
    struct fixture f;
    open_wide(&f, 943, MIB(8));
    struct part *p = fixture_part(&f, 0);
    uint64_t from = p->flight_pos;
    pretend(&f, KIB(512) - 1);
    fixture_send(&f, 0, (struct spec){ .bytes = 65536 });
    EXPECT_EQ(p->flight_pos, from + 65536);
    from = p->flight_pos;
    pretend(&f, KIB(512));
    fixture_send(&f, 0, (struct spec){ .bytes = 131072 });
    EXPECT_EQ(p->flight_pos, from);
    fixture_send(&f, 0, (struct spec){ .bytes = 131071 });
    EXPECT_EQ(p->flight_pos, from); /* a byte is missing */
    fixture_send(&f, 0, (struct spec){ .bytes = 70 });
    EXPECT_EQ(p->flight_pos, from + KIB(256)); /* just long enough */
    pretend(&f, 0);
    fixture_settle(&f);
    fixture_close(&f);
}

TEST(append, what_is_in_flight_stays_within_its_bound)
{
    // Goal: whole batches as the bound lets them, one that ends just there among them; what is
    // larger goes alone. Method: the bound is 256 KiB; three batches wait, of 96 KiB each.
    static const struct {
        uint64_t busy, goes;
    } rows[] = { { KIB(256), 0 },
                 { KIB(160) + 1, 0 },
                 { KIB(160), KIB(96) },
                 { KIB(64) + 1, KIB(96) },
                 { KIB(64), KIB(192) } };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        open_wide(&f, 960 + i, KIB(256));
        f.store->commit.small = false;
        struct part *p = fixture_part(&f, 0);
        uint64_t from = p->flight_pos;
        pretend(&f, MIB(1));
        for (uint32_t n = 0; n < 3; n++)
            fixture_send(&f, 0, (struct spec){ .bytes = KIB(96) });
        EXPECT_EQ(p->flight_pos, from);
        pretend(&f, rows[i].busy);
        part_direct(p);
        EXPECT_EQ(p->flight_pos, from + rows[i].goes);
        EXPECT_EQ(p->direct_end, rows[i].goes ? p->flight_pos : 0);
        EXPECT(node_linked(&p->direct_node));
        pretend(&f, 0);
        fixture_settle(&f);
        EXPECT_EQ(p->flight_pos, p->head_pos);
        fixture_close(&f);
    }
}

TEST(append, a_quarter_of_the_bound_beside_small_appends)
{
    // Goal: and what no sync has covered yet counts too, unless a sync is slow anyway.
    static const struct {
        uint64_t unsynced, sync_ns, goes;
        bool small;
    } rows[] = { { KIB(64), MS_NS - 1, KIB(64), true },
                 { KIB(64) + 1, MS_NS - 1, 0, true },
                 { KIB(64) + 1, MS_NS, KIB(64), true },
                 { KIB(64) + 1, MS_NS - 1, KIB(64), false } };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        open_wide(&f, 970 + i, KIB(512));
        struct part *p = fixture_part(&f, 0);
        uint64_t from = p->flight_pos;
        f.store->commit.small = rows[i].small;
        f.store->commit.sync_ns = rows[i].sync_ns;
        f.store->direct_unsynced = rows[i].unsynced;
        pretend(&f, 1);
        fixture_send(&f, 0, (struct spec){ .bytes = 65536 });
        EXPECT_EQ(p->flight_pos, from + rows[i].goes);
        EXPECT_EQ(f.store->direct_unsynced, rows[i].unsynced + rows[i].goes);
        pretend(&f, 0);
        fixture_settle(&f);
        fixture_close(&f);
    }
}

TEST(append, only_whole_blocks_from_direct_min_on_go_out)
{
    struct fixture f;
    open_wide(&f, 944, MIB(1));
    struct part *p = fixture_part(&f, 0);
    uint64_t from = p->flight_pos;
    EXPECT_EQ(from % BLOCK_BYTES, 0);
    EXPECT_EQ(from, p->head_pos);
    fixture_send(&f, 0, (struct spec){ .bytes = 16383 }); /* direct_min is 16 KiB */
    EXPECT_EQ(p->flight_pos, from);
    fixture_settle(&f);
    EXPECT_EQ(p->flight_pos, from); /* it went into the journal, and stays there */
    fixture_send(&f, 1, (struct spec){ .bytes = 16384 });
    EXPECT_EQ(fixture_part(&f, 1)->flight_pos, fixture_part(&f, 1)->head_pos);
    fixture_settle(&f);
    fixture_close(&f);
}

TEST(append, a_partition_that_is_dropped_waits_for_no_run)
{
    // Goal: it leaves the list of those that wait for the bound on bytes in flight.
    struct fixture f;
    open_wide(&f, 945, KIB(128));
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t n = 0; n < 8; n++)
            fixture_send(&f, i, (struct spec){ .bytes = 131072 });
    EXPECT(node_linked(&fixture_part(&f, 0)->direct_node));
    EXPECT(node_linked(&fixture_part(&f, 1)->direct_node));
    EXPECT_OK(fixture_drop(&f, 1));
    fixture_settle(&f);
    EXPECT(list_empty(&f.store->direct_wait));
    for (uint32_t n = 0; n < f.books[0].count; n++)
        EXPECT(f.books[0].at[n]->done && !f.books[0].at[n]->a.err);
    fixture_close(&f);
}
