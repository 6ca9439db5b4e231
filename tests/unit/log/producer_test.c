/* Goal: a batch that is sent again is recognised as long as its producer is known, through kills
 * and power cuts, and what a crash took is never called a duplicate. Method: single appends with a
 * producer in a small store that dies between them; limits made small; images looked at. */
#include "engine/log/producer.h"

#include <stdlib.h>

#include "engine/base/le.h"
#include "engine/log/producer_in.h"
#include "engine/log/repair.h"
#include "tests/unit/log/fixture.h"
#include "tests/unit/log/format_same.h"

static struct fixture f;

static struct spec by(int64_t producer, int16_t epoch, int32_t sequence, uint32_t count)
{
    return (struct spec){
        .produced = true, .producer = producer, .epoch = epoch, .sequence = sequence, .count = count
    };
}

/* What an append gave. */
struct gave {
    enum err err;
    bool duplicate;
    enum durability bought;
    uint64_t base_off;
    int64_t append_ms;
};

/* Sends and waits. What did not go into the log leaves the book again. */
static struct gave put_in(uint32_t book, struct spec spec)
{
    struct sent *s = fixture_send(&f, book, spec);
    EXPECT(fixture_until(&f, &s->done));
    struct gave g = { s->a.err, s->a.duplicate, s->a.bought, s->a.base_off, s->a.append_ms };
    if (g.err || g.duplicate) {
        f.books[book].count--;
        free(s->bytes);
        free(s);
    }
    return g;
}

static struct gave put(int64_t producer, int16_t epoch, int32_t sequence, uint32_t count)
{
    return put_in(0, by(producer, epoch, sequence, count));
}

static bool new_at(struct gave g, uint64_t base_off)
{
    return EXPECT_OK(g.err) && EXPECT(!g.duplicate) && EXPECT_EQ(g.base_off, base_off);
}

static bool known_at(struct gave g, uint64_t base_off)
{
    return EXPECT_OK(g.err) && EXPECT(g.duplicate) && EXPECT_EQ(g.base_off, base_off) &&
           EXPECT_EQ(g.bought, DURABILITY_SYNCED);
}

/* The window of a producer of book 0; n is 0 when it is not known. */
static struct producer_window window_of(int64_t id)
{
    struct producer_window w;
    for (uint32_t i = 0; producers_at(fixture_part(&f, 0), i, &w); i++)
        if (w.id == id)
            return w;
    return (struct producer_window){ 0 };
}

static void start(uint64_t seed)
{
    fixture_open(&f, seed);
    fixture_add(&f, 0);
}

static void hours_pass(int64_t hours)
{
    sim_clock_jump(f.node, hours * 3600 * 1000);
    fixture_pass(&f, 2 * MS_NS); /* time is read once a turn */
}

TEST(producer, the_last_five_are_known)
{
    start(900);
    for (int32_t i = 0; i < 7; i++)
        new_at(put(1, 0, 10 * i, 10), 10 * (uint64_t)i);
    for (int32_t i = 2; i < 7; i++)
        known_at(put(1, 0, 10 * i, 10), 10 * (uint64_t)i);
    EXPECT_ERR(put(1, 0, 10, 10).err, ERR_SEQUENCE);
    EXPECT_ERR(put(1, 0, 60, 9).err, ERR_SEQUENCE);
    EXPECT_ERR(put(1, 0, 71, 10).err, ERR_SEQUENCE);
    new_at(put(1, 0, 70, 1), 70);
    fixture_verify(&f, 0, 10000);
    fixture_close(&f);
}

TEST(producer, epochs_fence_and_begin_at_0)
{
    start(901);
    new_at(put(1, 3, 7, 1), 0); /* unknown: any sequence */
    EXPECT_ERR(put(1, 4, 8, 1).err, ERR_SEQUENCE);
    new_at(put(1, 4, 0, 1), 1);
    EXPECT_ERR(put(1, 3, 8, 1).err, ERR_FENCED);
    known_at(put(1, 4, 0, 1), 1);
    fixture_close(&f);
}

TEST(producer, sequences_wrap)
{
    start(902);
    new_at(put(1, 0, INT32_MAX - 1, 4), 0);
    new_at(put(1, 0, 2, 1), 4);
    fixture_again(&f, SIM_POWER);
    known_at(put(1, 0, INT32_MAX - 1, 4), 0);
    new_at(put(1, 0, 3, 1), 5);
    fixture_close(&f);
}

TEST(producer, a_resend_of_what_is_not_durable_yet_waits)
{
    /* Goal: no ack buys more than there is. Method: both in one turn, before any commit. */
    start(903);
    struct sent *first = fixture_send(&f, 0, by(1, 0, 0, 5));
    struct sent *again = fixture_send(&f, 0, by(1, 0, 0, 5));
    f.books[0].count--;
    EXPECT(fixture_until(&f, &again->done));
    EXPECT_ERR(again->a.err, ERR_BUSY);
    EXPECT(fixture_until(&f, &first->done));
    EXPECT_OK(first->a.err);
    struct gave g = put(1, 0, 0, 5);
    known_at(g, 0);
    EXPECT_EQ(g.append_ms, first->a.append_ms);
    free(again->bytes);
    free(again);
    fixture_close(&f);
}

/* Appends of two producers and a batch without one, inline and direct, then the end; resends. */
static void survive(uint64_t seed, enum sim_end end, bool checkpoint, bool more)
{
    start(seed);
    struct spec large = by(1, 0, 3, 2);
    large.bytes = 50000;
    struct gave a = put(1, 0, 0, 3);
    new_at(a, 0);
    new_at(put_in(0, large), 3);
    new_at(put(2, 5, 100, 1), 5);
    if (checkpoint)
        fixture_checkpoint(&f);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 100 }));
    if (more) {
        new_at(put(2, 5, 101, 1), 7);
        large.sequence = 5;
        new_at(put_in(0, large), 8);
    }
    fixture_again(&f, end);
    struct gave again = put(1, 0, 0, 3);
    known_at(again, 0);
    EXPECT_EQ(again.append_ms, a.append_ms);
    large.sequence = 3;
    known_at(put_in(0, large), 3);
    known_at(put(2, 5, 100, 1), 5);
    if (more)
        known_at(put(2, 5, 101, 1), 7);
    EXPECT_ERR(put(2, 4, 0, 1).err, ERR_FENCED);
    EXPECT_ERR(put(1, 0, more ? 8 : 6, 1).err, ERR_SEQUENCE);
    new_at(put(1, 0, more ? 7 : 5, 1), more ? 10 : 7);
    fixture_verify(&f, 0, 100000);
    fixture_close(&f);
}

TEST(producer, survives_each_end_from_journal_and_image)
{
    uint64_t seed = 910;
    for (enum sim_end end = SIM_KILL; end <= SIM_POWER; end++)
        for (uint32_t way = 0; way < 4; way++)
            survive(seed++, end, way & 1, way & 2);
}

TEST(producer, survives_a_clean_stop)
{
    start(925);
    new_at(put(1, 0, 0, 3), 0);
    fixture_stop_again(&f);
    EXPECT_EQ(f.store->report.entries, 0); /* the image has it all */
    known_at(put(1, 0, 0, 3), 0);
    EXPECT_EQ(part_info(fixture_part(&f, 0)).producers, 1);
    fixture_close(&f);
}

TEST(producer, what_a_crash_took_is_new)
{
    /* Goal: a batch that was taken into memory and lost may come again; the one after it may not.
     */
    start(926);
    new_at(put(1, 0, 0, 1), 0);
    struct spec lost = by(1, 0, 1, 1);
    lost.memory = true;
    (void)fixture_send(&f, 0, lost); /* in the tail, and known there: no turn comes any more */
    EXPECT_EQ(window_of(1).n, 1);
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(window_of(1).n, 1);
    EXPECT_EQ(part_info(fixture_part(&f, 0)).next_off, 1);
    EXPECT_ERR(put(1, 0, 2, 1).err, ERR_SEQUENCE);
    known_at(put(1, 0, 0, 1), 0);
    new_at(put(1, 0, 1, 1), 1);
    fixture_close(&f);
}

TEST(producer, many_in_one_entry_leave_the_last_five)
{
    /* Goal: what recovery finds is what was there, whatever one entry holds. Method: bursts of 1 to
     * 12 batches of three producers, an epoch that changes within one; windows before and after. */
    start(927);
    struct sent *s = NULL;
    int32_t next[3] = { INT32_MAX - 20, 0, 7 };
    int16_t epoch[3] = { 0 };
    for (uint32_t burst = 1; burst <= 12; burst++) {
        for (uint32_t i = 0; i < 3 * burst; i++) {
            uint32_t who = i * i % 3;
            if (burst == 9 && i == 14) {
                epoch[who]++;
                next[who] = 0;
            }
            s = fixture_send(&f, 0, by(who, epoch[who], next[who], 2));
            next[who] = (int32_t)(((uint32_t)next[who] + 2) & INT32_MAX);
        }
        EXPECT(fixture_until(&f, &s->done));
        fixture_settle(&f);
        struct producer_window was[3] = { window_of(0), window_of(1), window_of(2) };
        if (burst % 5 == 3)
            fixture_checkpoint(&f);
        fixture_again(&f, burst % 2 ? SIM_POWER : SIM_KILL);
        for (int64_t who = 0; who < 3; who++) {
            struct producer_window is = window_of(who);
            EXPECT(producer_window_same(&was[who], &is));
        }
    }
    fixture_verify(&f, 0, 100000);
    fixture_close(&f);
}

TEST(producer, a_dropped_partition_takes_its_producers_along)
{
    start(928);
    new_at(put(1, 0, 9, 1), 0);
    EXPECT_OK(fixture_drop(&f, 0));
    EXPECT_EQ(store_counts(f.store).producers, 0);
    f.books[0].count = 0;
    fixture_add(&f, 0);
    new_at(put(1, 0, 3, 1), 0);
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(store_counts(f.store).producers, 1);
    known_at(put(1, 0, 3, 1), 0);
    fixture_close(&f);
}

TEST(producer, a_trim_forgets_nobody)
{
    start(929);
    new_at(put(1, 0, 0, 1), 0);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 100 }));
    EXPECT_OK(fixture_trim(&f, 0, 1));
    fixture_checkpoint(&f);
    fixture_again(&f, SIM_POWER);
    known_at(put(1, 0, 0, 1), 0);
    fixture_close(&f);
}

TEST(producer, the_silent_expire)
{
    /* Goal: after 24 h without an append a producer is unknown, and a checkpoint frees it; one that
     * went on is known. Method: the wall clock jumps. */
    start(930);
    new_at(put(1, 0, 0, 1), 0);
    new_at(put(2, 0, 0, 1), 1);
    hours_pass(23);
    new_at(put(2, 0, 1, 1), 2);
    known_at(put(1, 0, 0, 1), 0); /* asking is no append */
    hours_pass(2);
    known_at(put(2, 0, 1, 1), 2);
    new_at(put(1, 0, 77, 1), 3);
    hours_pass(25);
    EXPECT_EQ(store_counts(f.store).producers, 2);
    fixture_checkpoint(&f);
    EXPECT_EQ(store_counts(f.store).producers, 0);
    EXPECT(!fixture_part(&f, 0)->producers);
    new_at(put(2, 0, 5, 1), 4);
    fixture_close(&f);
}

TEST(producer, the_silent_of_a_partition_go_first)
{
    /* Goal: at most 1,024 in a partition, the one that appended last stays. */
    start(931);
    uint64_t off = 0;
    for (int64_t i = 0; i < (int64_t)PRODUCERS_MAX; i++)
        new_at(put(i, 0, 0, 1), off++);
    new_at(put(0, 0, 1, 1), off++);
    new_at(put(5000, 0, 0, 1), off++);
    EXPECT_EQ(part_info(fixture_part(&f, 0)).producers, PRODUCERS_MAX);
    known_at(put(0, 0, 1, 1), PRODUCERS_MAX);
    EXPECT_EQ(window_of(1).n, 0);
    EXPECT_EQ(window_of(2).n, 1);
    fixture_close(&f);
}

TEST(producer, the_silent_of_a_store_go_first)
{
    /* Goal: at most opts.producers_max in a store, in order of time, whatever the partition; the
     * same when it opens with less room than it had. */
    fixture_init(&f, 932);
    f.opts.producers_max = 8;
    fixture_boot(&f);
    REQUIRE(fixture_create(&f) == ERR_OK && fixture_start(&f) == ERR_OK);
    for (uint32_t i = 0; i < 4; i++)
        fixture_add(&f, i);
    for (int32_t i = 0; i < 12; i++) {
        sim_clock_jump(f.node, 10);
        put_in(3 - (uint32_t)i % 4, by(i, 0, 0, 1));
    }
    EXPECT_EQ(store_counts(f.store).producers, 8);
    for (int32_t i = 0; i < 12; i++)
        EXPECT_EQ(producer_find(fixture_part(&f, 3 - (uint32_t)i % 4), i) != NULL, i >= 4);
    fixture_stop(&f);
    f.opts.producers_max = 3;
    REQUIRE(fixture_start(&f) == ERR_OK);
    for (int32_t i = 0; i < 12; i++)
        EXPECT_EQ(producer_find(fixture_part(&f, 3 - (uint32_t)i % 4), i) != NULL, i >= 9);
    fixture_close(&f);
}

TEST(producer, more_than_an_entry_takes_wait_for_the_next)
{
    /* Goal: a flood of producers on one partition never needs more rows than an entry has. */
    start(933);
    struct sent *s[300];
    for (int64_t i = 0; i < 300; i++)
        s[i] = fixture_send(&f, 0, by(i, 0, 0, 1));
    EXPECT(producers_rows(fixture_part(&f, 0)) <= PRODUCER_ROWS_MAX);
    EXPECT(!list_empty(&fixture_part(&f, 0)->parked));
    EXPECT(fixture_until(&f, &s[299]->done));
    for (uint32_t i = 0; i < 300; i++)
        EXPECT(s[i]->done && s[i]->a.err == ERR_OK && s[i]->a.base_off == i);
    EXPECT_EQ(producers_rows(fixture_part(&f, 0)), 0);
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(part_info(fixture_part(&f, 0)).producers, 300);
    fixture_close(&f);
}

/* ---- the image ---- */

TEST(producer, the_image_stays_within_its_bound)
{
    /* Goal: a producer takes 116 bytes of an image at most, a partition with some 8 more, one
     * without none; memory is counted and given back. */
    start(934);
    for (uint32_t i = 1; i < 20; i++)
        fixture_add(&f, i);
    EXPECT_EQ(store_counts(f.store).producer_bytes, 0);
    for (int32_t i = 0; i < 6; i++)
        for (uint32_t who = 0; who < 50; who++)
            put_in(who % 10, by(who, 0, i, 1));
    fixture_checkpoint(&f);
    struct store_counts c = store_counts(f.store);
    EXPECT_EQ(c.producers, 50);
    EXPECT(c.producer_bytes >= 50 * sizeof(struct producer));
    EXPECT(c.producer_bytes <= 50 * 400 + 10 * 256);
    struct buf section = { 0 };
    for (uint32_t i = 0; i < 20; i++)
        producers_capture(fixture_part(&f, i), &section);
    EXPECT_EQ(section.len, 50 * PRODUCER_BYTES_MAX + 10 * 8);
    EXPECT_EQ(PRODUCER_BYTES_MAX, 116);
    free(section.at);
    fixture_close(&f);
}

/* Loads `n` bytes as the section of a store with one partition of three offsets. */
static enum err load(const uint8_t *at, size_t n)
{
    producers_close(fixture_part(&f, 0));
    return producers_load(f.store, at, n);
}

TEST(producer, a_section_that_contradicts_the_tables_is_refused)
{
    uint8_t at[8 + 2 * PRODUCER_BYTES_MAX], bad[sizeof(at)];
    struct producer_window w = { .id = 7, .epoch = 1, .n = 2 };
    w.at[0] = (struct producer_batch){ 0, 1, 0, 5 };
    w.at[1] = (struct producer_batch){ 1, 2, 1, 6 };
    start(935);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .count = 3 }));
    uint32_t each = producer_bytes(&w), n = 8 + 2 * each;
    le32_put(at, 0);
    le32_put(at + 4, 2);
    producer_encode(&w, at + 8);
    w.id = 8;
    producer_encode(&w, at + 8 + each);
    EXPECT_OK(load(at, n));
    EXPECT_EQ(part_info(fixture_part(&f, 0)).producers, 2);
    EXPECT_OK(load(at, 0));
    for (uint32_t cut = 1; cut < n; cut++)
        EXPECT_ERR(load(at, cut), ERR_CORRUPT);
    static const struct {
        uint32_t at;
        uint8_t value;
    } lies[] = {
        { 0, 9 },           /* no such partition */
        { 4, 1 },           /* fewer than there are */
        { 8, 8 },           /* one producer twice */
        { 8 + 15, 0x80 },   /* a negative sequence */
        { 8 + 16 + 20, 2 }, /* beyond the log end */
        { 8 + 16 + 20, 0 }, /* over the batch before */
        { 8 + 16 + 16, 0 }, /* no records */
        { 8 + 10, 6 },      /* a window of six */
    };
    for (uint32_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        memcpy(bad, at, n);
        bad[lies[i].at] = lies[i].value;
        EXPECT_ERR(load(bad, n), ERR_CORRUPT);
    }
    fixture_close(&f);
}

TEST(producer, a_store_without_the_section_is_raised_first)
{
    /* Goal: a store of an older version says nothing of producers in its journal before an image
     * that an older version refuses is there. Method: as if the live image had no section. */
    start(936);
    fixture_settle(&f);
    f.store->producers_live = false;
    struct sent *plain = fixture_send(&f, 0, (struct spec){ .bytes = 100 });
    struct sent *by_one = fixture_send(&f, 0, by(1, 0, 0, 1));
    EXPECT(!list_empty(&fixture_part(&f, 0)->parked));
    EXPECT(fixture_until(&f, &plain->done));
    fixture_pass(&f, 20 * MS_NS);
    EXPECT(!by_one->done);
    f.store->want_checkpoint = f.store->want_image = true;
    EXPECT(fixture_until(&f, &by_one->done));
    EXPECT_OK(by_one->a.err);
    EXPECT(f.store->producers_live);
    fixture_again(&f, SIM_POWER);
    known_at(put(1, 0, 0, 1), 1);
    fixture_close(&f);
}

/* ---- accepted losses ---- */

TEST(producer, a_lost_batch_is_taken_again)
{
    /* Goal: repair forgets those whose batches it gives up, and no others. Method: a bit flips in
     * the journal, in the bytes of one producer's batch, with later entries behind it. */
    struct repair_report report;
    start(937);
    new_at(put(1, 0, 0, 1), 0);
    struct spec one = by(2, 0, 0, 1);
    one.bytes = 3000;
    new_at(put_in(0, one), 1);
    uint64_t entry = f.store->journal.head_pos - f.store->commit.entry.len;
    new_at(put(3, 0, 0, 1), 2);
    fixture_settle(&f);
    fixture_flip(&f, "journal", BLOCK_BYTES + entry % f.store->journal.ring + 2000);
    fixture_crash(&f, SIM_POWER);
    EXPECT_OK(repair_run(f.io, f.dir, &report, &f.why));
    EXPECT_EQ(report.parts, 1);
    REQUIRE(fixture_start(&f) == ERR_OK);
    EXPECT_EQ(part_info(fixture_part(&f, 0)).producers, 2);
    known_at(put(1, 0, 0, 1), 0);
    known_at(put(3, 0, 0, 1), 2);
    struct gave again = put_in(0, one);
    new_at(again, 3);
    fixture_close(&f);
}
