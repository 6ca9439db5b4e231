/* Goal: what a partition says of itself is exact, its changes are idempotent, and an answered
 * change survives every end. Method: add, drop, trim and seal in the simulator, read back after
 * crashes. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

TEST(part, add_finds_what_is_there)
{
    struct fixture f;
    fixture_open(&f, 30);
    struct part *p = fixture_add(&f, 3);
    EXPECT(p && p == fixture_part(&f, 3));
    EXPECT_EQ(fixture_add(&f, 3) == p, true);
    EXPECT_EQ(store_part_count(f.store), 1);
    EXPECT_EQ(store_part_at(f.store, 0) == p, true);
    EXPECT(!store_part_at(f.store, 1));
    EXPECT(!fixture_part(&f, 4));
    struct part_state_info i = part_info(p);
    EXPECT(id16_equal(i.topic, fixture_topic(3)));
    EXPECT_EQ(i.index, 3);
    EXPECT_EQ(i.number, 0);
    EXPECT_EQ(i.start_off + i.visible_off + i.next_off + i.synced_off + i.bytes + i.disk_bytes, 0);
    EXPECT_EQ(i.extents, 0);
    EXPECT_EQ(i.max_time, INT64_MIN);
    EXPECT_EQ(i.damaged, false);
    fixture_again(&f, SIM_POWER);
    EXPECT(fixture_part(&f, 3));
    EXPECT_EQ(fixture_add(&f, 3) == fixture_part(&f, 3), true);
    EXPECT_EQ(store_part_count(f.store), 1);
    fixture_close(&f);
}

struct waited {
    struct part_request r;
    bool done;
};

static void request_done(struct part_request *r)
{
    container_of(r, struct waited, r)->done = true;
}

TEST(part, two_adds_before_the_first_is_durable)
{
    struct fixture f;
    struct waited a = { .r.done = request_done }, b = { .r.done = request_done };
    fixture_open(&f, 31);
    part_add(f.store, &a.r, fixture_topic(0), 0);
    part_add(f.store, &b.r, fixture_topic(0), 0);
    EXPECT_EQ(a.r.part == b.r.part, true);
    EXPECT(!a.done && !b.done);
    EXPECT(fixture_until(&f, &a.done) && fixture_until(&f, &b.done));
    EXPECT_OK(a.r.err);
    EXPECT_OK(b.r.err);
    EXPECT(a.r.part == fixture_part(&f, 0));
    EXPECT_EQ(store_part_count(f.store), 1);
    fixture_again(&f, SIM_POWER);
    EXPECT(fixture_part(&f, 0));
    fixture_close(&f);
}

TEST(part, drop_ends_everything_and_the_number_is_used_again)
{
    struct fixture f;
    fixture_open(&f, 32);
    fixture_add(&f, 0);
    struct part *q = fixture_add(&f, 1);
    fixture_fill(&f, 0, 20, 3000);
    fixture_fill(&f, 1, 5, 1000);
    fixture_settle(&f);
    uint64_t freed = f.store->counts.extents_freed;
    uint32_t had = fixture_part(&f, 0)->extent_count;
    struct sent *s = fixture_send(&f, 0, (struct spec){ .bytes = 500 });
    struct waited add = { .r.done = request_done }, trim = { .r.done = request_done };
    struct waited drop = { .r.done = request_done }, again = { .r.done = request_done };
    struct part *p = fixture_part(&f, 0);
    part_trim(p, &trim.r, 3);
    part_drop(p, &drop.r);
    EXPECT(!fixture_part(&f, 0));
    EXPECT(!store_part_at(f.store, 0));
    part_drop(p, &again.r);
    part_add(f.store, &add.r, fixture_topic(0), 0);
    struct got g = { .r = { .off = 0 } };
    EXPECT(fixture_until(&f, &drop.done) && fixture_until(&f, &trim.done));
    EXPECT(fixture_until(&f, &again.done) && fixture_until(&f, &add.done));
    EXPECT(fixture_until(&f, &s->done));
    EXPECT_OK(drop.r.err);
    EXPECT_ERR(trim.r.err, ERR_NOT_FOUND);
    EXPECT_ERR(again.r.err, ERR_NOT_FOUND);
    EXPECT_ERR(add.r.err, ERR_NOT_FOUND); /* it is still going: ask again */
    EXPECT_ERR(s->a.err, ERR_NOT_FOUND);
    EXPECT(!drop.r.part && !trim.r.part);
    (void)g;
    fixture_settle(&f);
    EXPECT_EQ(f.store->counts.extents_freed, freed + had);
    EXPECT_EQ(store_part_count(f.store), 2);
    p = fixture_add(&f, 2);
    EXPECT_EQ(p->number, 0);
    EXPECT_EQ(store_part_count(f.store), 2);
    fixture_fill(&f, 2, 3, 700);
    for (uint32_t i = 0; i < 2; i++) {
        fixture_again(&f, SIM_POWER);
        EXPECT(!fixture_part(&f, 0));
        fixture_verify(&f, 2, 1000);
        fixture_verify(&f, 1, 1000);
        EXPECT_EQ(fixture_part(&f, 2)->number, 0);
        fixture_checkpoint(&f);
    }
    either(q);
    fixture_close(&f);
}

TEST(part, an_answered_drop_stays_dropped_and_its_space_comes_back)
{
    struct fixture f;
    fixture_open(&f, 33);
    fixture_add(&f, 0);
    fixture_add(&f, 1);
    for (uint32_t i = 0; i < 3; i++) {
        fixture_fill(&f, 1, 8, 60000);
        EXPECT_OK(fixture_drop(&f, 1));
        fixture_again(&f, i == 0 ? SIM_POWER : i == 1 ? SIM_KERNEL : SIM_KILL);
        EXPECT(!fixture_part(&f, 1));
        EXPECT(fixture_part(&f, 0));
        fixture_settle(&f);
        fixture_add(&f, 1);
    }
    struct store_counts c = store_counts(f.store);
    EXPECT_EQ(c.space_free_bytes, f.store->vol_count * 4 * KIB(256));
    fixture_close(&f);
}

TEST(part, trim_moves_the_start_and_frees_whole_extents)
{
    struct fixture f;
    fixture_open(&f, 34);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 30, 5000); /* extents of 16, 32, 64 and 128 KiB */
    uint32_t had = p->extent_count;
    REQUIRE(had >= 4);
    uint64_t second = p->extents[1]->base_off, third = p->extents[2]->base_off;
    EXPECT_OK(fixture_trim(&f, 0, second - 1));
    EXPECT_EQ(p->extent_count, had);
    EXPECT_EQ(part_info(p).start_off, second - 1);
    EXPECT_OK(fixture_trim(&f, 0, second));
    EXPECT_EQ(p->extent_count, had - 1);
    EXPECT_OK(fixture_trim(&f, 0, 1)); /* lower: nothing */
    EXPECT_EQ(part_info(p).start_off, second);
    EXPECT_ERR(fixture_trim(&f, 0, 31), ERR_OFFSET_RANGE);
    fixture_verify(&f, 0, 20000);
    fixture_again(&f, SIM_POWER);
    p = fixture_part(&f, 0);
    EXPECT_EQ(part_info(p).start_off, second);
    EXPECT_EQ(p->extent_count, had - 1);
    fixture_verify(&f, 0, 20000);
    EXPECT_OK(fixture_trim(&f, 0, third + 1));
    fixture_checkpoint(&f);
    fixture_again(&f, SIM_POWER);
    p = fixture_part(&f, 0);
    EXPECT_EQ(part_info(p).start_off, third + 1);
    EXPECT_EQ(p->extent_count, had - 2);
    fixture_verify(&f, 0, 20000);
    EXPECT_OK(fixture_trim(&f, 0, 30)); /* everything: the last extent stays */
    EXPECT_EQ(p->extent_count, 1);
    EXPECT_EQ(part_info(p).start_off, 30);
    EXPECT_EQ(part_info(p).visible_off, 30);
    fixture_fill(&f, 0, 2, 5000);
    fixture_again(&f, SIM_KERNEL);
    fixture_verify(&f, 0, 20000);
    fixture_close(&f);
}

TEST(part, a_trim_of_bytes_not_named_yet_follows_them)
{
    // Goal: the log start on disk never lies beyond the log end. Method: trim to the end right
    // after appends, end the machine before each of the next I/Os.
    for (uint64_t k = 1; k < 12; k++) {
        struct fixture f;
        struct waited trim = { .r.done = request_done };
        fixture_open(&f, 300 + k);
        fixture_add(&f, 0);
        fixture_fill(&f, 0, 3, 800);
        sim_crash_at_io(f.node, k, SIM_POWER);
        for (uint32_t i = 0; i < 6; i++)
            fixture_send(&f, 0, (struct spec){ .bytes = 9000 });
        part_trim(fixture_part(&f, 0), &trim.r, 9);
        EXPECT_EQ(part_info(fixture_part(&f, 0)).start_off, 9); /* readers see it at once */
        fixture_until(&f, &trim.done);
        fixture_again(&f, SIM_POWER);
        struct part *p = fixture_part(&f, 0);
        EXPECT(p->start_off <= p->next_off);
        if (trim.done && trim.r.err == ERR_OK)
            EXPECT_EQ(p->start_off, 9);
        fixture_verify(&f, 0, 20000);
        fixture_fill(&f, 0, 2, 800);
        fixture_again(&f, SIM_POWER);
        fixture_verify(&f, 0, 20000);
        fixture_close(&f);
    }
}

TEST(part, seal_closes_the_open_extent)
{
    struct fixture f;
    struct part_extent_info e;
    fixture_open(&f, 35);
    struct part *p = fixture_add(&f, 0);
    EXPECT_OK(fixture_seal(&f, 0)); /* nothing to close */
    EXPECT(!part_extent_at(p, 0, &e));
    fixture_fill(&f, 0, 3, 700);
    EXPECT(part_extent_at(p, 0, &e));
    EXPECT_EQ(e.sealed, false);
    EXPECT_OK(fixture_seal(&f, 0));
    EXPECT(part_extent_at(p, 0, &e));
    EXPECT_EQ(e.sealed, true);
    EXPECT_EQ(e.base_off, 0);
    EXPECT_EQ(e.end_off, 3);
    EXPECT_EQ(e.bytes, 2100);
    EXPECT_EQ(e.max_time, 1000);
    EXPECT(e.max_append > 1600000000000);
    EXPECT_EQ(p->head_pos, BLOCK_BYTES);
    EXPECT_OK(fixture_seal(&f, 0)); /* again: nothing */
    EXPECT_EQ(p->head_pos, BLOCK_BYTES);
    EXPECT(!part_extent_at(p, 1, &e));
    for (uint32_t i = 0; i < 3; i++) {
        fixture_again(&f, i == 1 ? SIM_KILL : SIM_POWER);
        p = fixture_part(&f, 0);
        EXPECT(part_extent_at(p, 0, &e));
        EXPECT_EQ(e.sealed, true);
        EXPECT_EQ(e.bytes, 2100);
        EXPECT_EQ(p->extent_count, i + 1);
        fixture_verify(&f, 0, 1000);
        fixture_fill(&f, 0, 1, 700);
        fixture_verify(&f, 0, 1000);
        EXPECT(part_extent_at(p, i + 1, &e));
        EXPECT_EQ(e.sealed, false);
        EXPECT_EQ(e.base_off, 3 + i);
        EXPECT_EQ(e.end_off, 4 + i);
        fixture_checkpoint(&f);
        while (fixture_seal(&f, 0) == ERR_BUSY)
            fixture_settle(&f);
    }
    EXPECT_EQ(part_info(fixture_part(&f, 0)).bytes, 2100 + 3 * 700);
    fixture_close(&f);
}

TEST(part, seal_of_an_idle_partition_brings_its_tail_back_first)
{
    struct fixture f;
    fixture_open(&f, 36);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 700);
    fixture_stop_again(&f);
    EXPECT_EQ(fixture_part(&f, 0)->tail_state, TAIL_OUT);
    EXPECT_ERR(fixture_seal(&f, 0), ERR_BUSY);
    fixture_settle(&f);
    EXPECT_OK(fixture_seal(&f, 0));
    EXPECT(fixture_part(&f, 0)->extents[0]->sealed);
    fixture_stop_again(&f);
    EXPECT(fixture_part(&f, 0)->extents[0]->sealed);
    fixture_verify(&f, 0, 1000);
    fixture_close(&f);
}

TEST(part, seal_of_an_idle_partition_whose_slot_begins_no_batch)
{
    /* Goal: the last tile says which offset follows it, also where its bytes came from a slot that
     * holds nothing but the end of a batch. */
    struct fixture f;
    fixture_open(&f, 45);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 700);
    fixture_fill(&f, 0, 1, 10000);
    fixture_stop_again(&f);
    EXPECT_EQ(fixture_part(&f, 0)->slot_batch_at, NO_SLOT_BATCH);
    EXPECT_ERR(fixture_seal(&f, 0), ERR_BUSY);
    fixture_settle(&f);
    EXPECT_EQ(mark_span(fixture_part(&f, 0), 12100 / BLOCK_BYTES * BLOCK_BYTES, 12100).base_off, 4);
    EXPECT_OK(fixture_seal(&f, 0));
    fixture_fill(&f, 0, 2, 700);
    fixture_stop_again(&f);
    fixture_verify(&f, 0, 1000);
    fixture_close(&f);
}

TEST(part, info_counts_bytes_and_space)
{
    struct fixture f;
    fixture_open(&f, 37);
    struct part *p = fixture_add(&f, 0);
    for (uint32_t i = 0; i < 10; i++)
        EXPECT_OK(
            fixture_append(&f, 0, (struct spec){ .bytes = 3000, .time = 100 - i, .count = 2 }));
    struct part_state_info i = part_info(p);
    EXPECT_EQ(i.bytes, 30000);
    EXPECT_EQ(i.next_off, 20);
    EXPECT_EQ(i.synced_off, 20);
    EXPECT_EQ(i.visible_off, 20);
    EXPECT_EQ(i.extents, 2); /* 4 batches in 12 KiB, 6 in 28 KiB */
    EXPECT_EQ(i.disk_bytes, KIB(16) + KIB(32));
    EXPECT_EQ(i.max_time, 100);
    struct part_extent_info e;
    EXPECT(part_extent_at(p, 0, &e));
    EXPECT_EQ(e.end_off, 8);
    EXPECT_EQ(e.bytes, 12000);
    EXPECT(part_extent_at(p, 1, &e));
    EXPECT_EQ(e.base_off, 8);
    EXPECT_EQ(e.end_off, 20);
    EXPECT_EQ(e.bytes, 18000);
    EXPECT_EQ(e.max_time, 96);
    EXPECT(!part_extent_at(p, 2, &e));
    fixture_stop_again(&f);
    struct part_state_info j = part_info(fixture_part(&f, 0));
    EXPECT_EQ(j.bytes, i.bytes);
    EXPECT_EQ(j.max_time, i.max_time);
    EXPECT_EQ(j.disk_bytes, i.disk_bytes);
    fixture_close(&f);
}

TEST(part, leader_epochs_rise_with_openings_that_append)
{
    struct fixture f;
    const struct part_epoch *rows;
    fixture_open(&f, 38);
    uint32_t first = store_epoch(f.store);
    struct part *p = fixture_add(&f, 0);
    EXPECT_EQ(part_epochs(p, &rows), 0);
    fixture_fill(&f, 0, 2, 300);
    fixture_again(&f, SIM_POWER); /* an opening without an append: no row */
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(part_info(fixture_part(&f, 0)).leader_epoch, first);
    fixture_fill(&f, 0, 2, 300);
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 1, 300);
    fixture_stop_again(&f);
    fixture_fill(&f, 0, 1, 300);
    fixture_again(&f, SIM_KILL);
    p = fixture_part(&f, 0);
    EXPECT_EQ(part_epochs(p, &rows), 3);
    EXPECT_EQ(rows[0].epoch, first);
    EXPECT_EQ(rows[0].start_off, 0);
    EXPECT_EQ(rows[1].epoch, first + 2);
    EXPECT_EQ(rows[1].start_off, 2);
    EXPECT_EQ(rows[2].epoch, first + 3);
    EXPECT_EQ(rows[2].start_off, 5);
    EXPECT_EQ(store_epoch(f.store), first + 4);
    struct got g;
    struct batch_info info;
    fixture_read(&f, &g, 0, 3, 10);
    EXPECT_OK(batch_peek(g.r.batches, &info));
    EXPECT_EQ(info.leader_epoch, first + 2);
    read_give(&g.r);
    fixture_close(&f);
}

TEST(part, a_read_only_store_takes_no_changes)
{
    struct fixture f;
    struct waited w = { .r.done = request_done };
    fixture_open(&f, 39);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 4, 900);
    fixture_stop(&f);
    uint64_t writes = sim_counts(f.sim).writes;
    f.opts.read_only = true;
    REQUIRE_OK(fixture_start(&f));
    part_add(f.store, &w.r, fixture_topic(1), 1);
    EXPECT(fixture_until(&f, &w.done));
    EXPECT_ERR(w.r.err, ERR_CLOSED);
    EXPECT_ERR(fixture_append(&f, 0, (struct spec){ .bytes = 300 }), ERR_CLOSED);
    EXPECT_ERR(fixture_trim(&f, 0, 1), ERR_CLOSED);
    EXPECT_ERR(fixture_seal(&f, 0), ERR_CLOSED);
    fixture_verify(&f, 0, 1000);
    fixture_pass(&f, SEC_NS);
    EXPECT_EQ(sim_counts(f.sim).writes, writes);
    fixture_close(&f);
}

TEST(part, many_of_them_through_slots_numbers_and_images)
{
    // Goal: tables that grow (numbers, slots, image file) keep every partition apart. Method: forty
    // partitions of different content, three rounds, with drops between.
    struct fixture f;
    fixture_open(&f, 40);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < BOOKS; i++) {
            if (!fixture_part(&f, i))
                fixture_add(&f, i);
            fixture_fill(&f, i, 2, 150 + 37 * i + round);
        }
        fixture_checkpoint(&f);
        for (uint32_t i = round; i < BOOKS; i += 7)
            EXPECT_OK(fixture_drop(&f, i));
        if (round == 1)
            fixture_stop_again(&f);
        else
            fixture_again(&f, SIM_POWER);
        for (uint32_t i = 0; i < BOOKS; i++)
            if (fixture_part(&f, i))
                fixture_verify(&f, i, 3000);
    }
    fixture_close(&f);
}

TEST(part, a_trim_over_extents_that_only_the_journal_knows)
{
    // Goal: after an opening, too, no frontier lies below the first extent that is left. Method:
    // small appends over several extents, none of which a checkpoint has seen.
    struct fixture f;
    fixture_init(&f, 950);
    f.opts.direct_min = UINT32_MAX;
    fixture_make(&f);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 45, 900);
    REQUIRE(p->extent_count >= 3 && f.store->counts.checkpoints == 0);
    uint64_t off = p->extents[1]->base_off;
    EXPECT_OK(fixture_trim(&f, 0, off));
    for (uint32_t i = 0; i < 2; i++) {
        fixture_again(&f, SIM_POWER);
        p = fixture_part(&f, 0);
        EXPECT_EQ(p->start_off, off);
        EXPECT_EQ(p->extents[0]->base_off, off);
        EXPECT_EQ(p->flight_pos, p->extents[0]->base_pos);
        fixture_verify(&f, 0, 1 << 20);
        fixture_fill(&f, 0, 2, 900);
    }
    fixture_checkpoint(&f);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(part, one_more_than_the_tails_file_has_slots_for)
{
    // Goal: the file grows before a slot beyond its end is handed out.
    struct fixture f;
    fixture_open(&f, 951);
    uint32_t first = f.store->slot_count;
    REQUIRE(first < BOOKS);
    for (uint32_t i = 0; i <= first; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 300);
    }
    fixture_checkpoint(&f);
    EXPECT_EQ(f.store->slot_next, first + 1);
    EXPECT(f.store->slot_count > first);
    EXPECT(sim_file_bytes(f.node, FIXTURE_DIR, "tails") >=
           BLOCK_BYTES + 2ull * f.store->slot_count * BLOCK_BYTES);
    fixture_close(&f);
}

static void nothing(struct part_request *r)
{
    (void)r;
}

static void got_nothing(struct read *r)
{
    (void)r;
}

static void nothing_found(struct time_find *find)
{
    (void)find;
}

TEST(part, goes_before_reads_that_are_finished_are_answered)
{
    // Goal: r0174. A read has found its bytes and a look-up its batch; the drop is named before
    // they are answered: neither looks at the partition again.
    struct fixture f;
    struct got g = { .r = { .off = 0, .bytes_max = 1 << 20 } };
    fixture_open(&f, 1290);
    struct part *p = fixture_add(&f, 0);
    fixture_add(&f, 1);
    fixture_fill(&f, 0, 3, 500);
    fixture_settle(&f);
    struct time_find find = { .time_ms = 5, .done = nothing_found };
    struct part_request drop = { .done = nothing };
    g.r.done = got_nothing;
    part_read(p, &g.r);
    part_time_find(p, &find);
    part_drop(p, &drop);
    EXPECT(g.r.part == p);
    commit_turn(f.store);
    EXPECT(fixture_part(&f, 0) == NULL);
    EXPECT(!g.r.part);
    fixture_settle(&f);
    EXPECT_OK(g.r.err);
    EXPECT_EQ(find.err, ERR_NOT_FOUND);
    read_give(&g.r);
    fixture_close(&f);
}
