/* Goal: entries say what happened, row by row, in the order that replay needs, within their budget.
 * Method: the rows of single commits, read from the store after them; a ring that no checkpoint can
 * free. */
#include "engine/base/check.h"
#include "tests/unit/log/fixture.h"

static void open_quiet(struct fixture *f, uint64_t seed)
{
    fixture_open_still(f, seed);
    fixture_settle(f);
}

static bool rows_are(const struct fixture *f, const enum row_kind *kinds, uint32_t n)
{
    const struct commit *c = &f->store->commit;
    bool same = c->entry.rows == n;
    for (uint32_t i = 0; same && i < n; i++)
        same = c->rows[i].kind == kinds[i];
    return same;
}

TEST(naming, the_first_append_says_epoch_extent_and_bytes)
{
    static const enum row_kind first[] = { ROW_EPOCH, ROW_EXTENT, ROW_INLINE };
    static const enum row_kind second[] = { ROW_INLINE };
    struct fixture f;
    open_quiet(&f, 530);
    struct part *p = fixture_add(&f, 0);
    EXPECT_EQ(f.store->commit.rows[0].kind, ROW_ADD);
    EXPECT_EQ(f.store->commit.rows[0].index, 0);
    EXPECT(id16_equal(f.store->commit.rows[0].topic, fixture_topic(0)));
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 500, .count = 3, .time = 77 }));
    EXPECT(rows_are(&f, first, 3));
    const struct row *r = f.store->commit.rows;
    EXPECT_EQ(r[0].epoch, f.store->epoch);
    EXPECT_EQ(r[0].base_off, 0);
    EXPECT_EQ(r[1].pos, 0);
    EXPECT_EQ(r[1].base_off, 0);
    EXPECT_EQ(r[1].len, 0);
    EXPECT_EQ(r[1].extent, p->extents[0]->id);
    EXPECT_EQ(r[1].vol, p->extents[0]->vol->number);
    EXPECT_EQ(r[1].unit, p->extents[0]->unit);
    EXPECT_EQ(r[1].order, p->extents[0]->order);
    EXPECT_EQ(r[2].pos, 0);
    EXPECT_EQ(r[2].len, 500);
    EXPECT_EQ(r[2].batch_at, 0);
    EXPECT_EQ(r[2].base_off, 0);
    EXPECT_EQ(r[2].next_off, 3);
    EXPECT_EQ(r[2].max_time, 77);
    EXPECT_EQ(r[2].part, p->number);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 600, .time = 50 }));
    EXPECT(rows_are(&f, second, 1));
    EXPECT_EQ(r[0].pos, 500);
    EXPECT_EQ(r[0].base_off, 3);
    EXPECT_EQ(r[0].next_off, 4);
    fixture_close(&f);
}

TEST(naming, a_roll_seals_the_extent_before)
{
    static const enum row_kind rows[] = { ROW_INLINE, ROW_EXTENT, ROW_INLINE };
    struct fixture f;
    struct sent *s[4];
    open_quiet(&f, 531);
    f.store->opts.direct_min = UINT32_MAX;
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 2, 3500); /* 7,000 of 12,288 */
    for (uint32_t i = 0; i < 4; i++)
        s[i] = fixture_send(&f, 0, (struct spec){ .bytes = 3500 });
    EXPECT(fixture_until(&f, &s[3]->done));
    EXPECT(rows_are(&f, rows, 3));
    const struct row *r = f.store->commit.rows;
    EXPECT_EQ(r[0].pos, 7000);
    EXPECT_EQ(r[0].len, 3500);
    EXPECT_EQ(r[1].pos, 12288);
    EXPECT_EQ(r[1].len, 10500);
    EXPECT_EQ(r[1].base_off, 3);
    EXPECT_EQ(r[1].order, 1);
    EXPECT_EQ(r[2].pos, 12288);
    EXPECT_EQ(r[2].len, 10500);
    EXPECT_EQ(r[2].base_off, 3);
    EXPECT_EQ(r[2].next_off, 6);
    EXPECT(p->extents[0]->close_named && p->extents[1]->named);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 10000);
    fixture_close(&f);
}

TEST(naming, direct_rows_follow_one_another_then_the_rest_inline)
{
    struct fixture f;
    open_quiet(&f, 532);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 2, 1000);
    EXPECT_OK(fixture_append(&f, 0, (struct spec){ .bytes = 100000 }));
    const struct commit *c = &f.store->commit;
    uint64_t pos = 0, end_off = 0;
    uint32_t direct = 0, i = 0;
    for (; i < c->entry.rows; i++) {
        const struct row *r = &c->rows[i];
        if (r->kind == ROW_EXTENT)
            pos = r->pos;
        if (r->kind != ROW_DIRECT)
            continue;
        direct++;
        EXPECT_EQ(r->pos, pos);
        EXPECT_EQ(r->len % BLOCK_BYTES, 0);
        EXPECT(r->len <= TILE_RUN_MAX);
        EXPECT(r->next_off >= end_off);
        end_off = r->next_off;
        pos += r->len;
    }
    EXPECT(direct >= 3);
    EXPECT_EQ(pos, p->direct_end);
    const struct row *last = &c->rows[c->entry.rows - 1];
    EXPECT_EQ(last->kind, ROW_INLINE);
    EXPECT_EQ(last->pos, p->direct_end);
    EXPECT_EQ(last->pos + last->len, p->head_pos);
    EXPECT_EQ(last->batch_at, NO_BATCH);
    EXPECT_EQ(last->base_off, 3);
    EXPECT_EQ(p->tiled_pos, p->direct_end);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(naming, what_a_checkpoint_wrote_behind_comes_along_with_the_run_after_it)
{
    // Goal: recovery finds no hole before a direct run (A8), although the image that would have
    // named the blocks before it never came.
    struct fixture f;
    open_quiet(&f, 533);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 10, 1000);
    f.store->want_checkpoint = true;
    for (uint32_t i = 0; i < 100 && p->flight_pos == 0; i++)
        store_turn(f.store); /* written behind, not synced, no image */
    EXPECT_EQ(p->flight_pos, 8192);
    struct sent *s = fixture_send(&f, 0, (struct spec){ .bytes = 60000 });
    EXPECT(fixture_until(&f, &s->done));
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(naming, trims_and_closes_come_after_the_bytes_they_speak_of)
{
    struct fixture f;
    open_quiet(&f, 534);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 4, 900);
    EXPECT_OK(fixture_trim(&f, 0, 3));
    EXPECT_EQ(f.store->commit.entry.rows, 1);
    EXPECT_EQ(f.store->commit.rows[0].kind, ROW_TRIM);
    EXPECT_EQ(f.store->commit.rows[0].base_off, 3);
    EXPECT_OK(fixture_seal(&f, 0));
    EXPECT_EQ(f.store->commit.entry.rows, 1);
    EXPECT_EQ(f.store->commit.rows[0].kind, ROW_CLOSE);
    EXPECT_EQ(f.store->commit.rows[0].pos, 4096);
    EXPECT_EQ(f.store->commit.rows[0].len, 3600);
    EXPECT_OK(fixture_seal(&f, 0));
    fixture_close(&f);
}

TEST(naming, an_entry_keeps_its_budget_and_everybody_gets_a_turn)
{
    // Goal: more than an entry holds goes out in several; a partition with much to say does not
    // keep another one out. Method: 20 appends of 15,000 bytes to one, then one to each of ten
    // others.
    struct fixture f;
    struct sent *s[30];
    open_quiet(&f, 535);
    f.store->opts.direct_min = UINT32_MAX; /* all inline */
    for (uint32_t i = 0; i < 11; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 100);
    }
    fixture_settle(&f); /* space for the next extents is there */
    uint64_t entries = f.store->counts.entries;
    for (uint32_t i = 0; i < 20; i++)
        s[i] = fixture_send(&f, 0, (struct spec){ .bytes = 15000 });
    for (uint32_t i = 20; i < 30; i++)
        s[i] = fixture_send(&f, i - 19, (struct spec){ .bytes = 300 });
    EXPECT(fixture_until(&f, &s[29]->done));
    EXPECT(f.store->counts.entries - entries <= 3);
    EXPECT(!s[19]->done);
    for (uint32_t i = 0; i < 30; i++) {
        EXPECT(fixture_until(&f, &s[i]->done));
        EXPECT_OK(s[i]->a.err);
        EXPECT(f.store->commit.entry.len <= f.geometry.entry_max);
    }
    EXPECT(f.store->counts.entries - entries >= 6);
    fixture_again(&f, SIM_POWER);
    for (uint32_t i = 0; i < 11; i++)
        fixture_verify(&f, i, 1 << 20);
    fixture_close(&f);
}

TEST(naming, many_rows_go_out_over_several_entries)
{
    struct fixture f;
    static struct part_request requests[1500];
    open_quiet(&f, 536);
    uint32_t done = 0;
    for (uint32_t i = 0; i < 1500; i++) {
        requests[i] = (struct part_request){ .done = NULL };
        part_add(f.store, &requests[i], fixture_topic(99), i);
        node_unlink(&requests[i].node); /* collected below: no callback is needed */
        list_push(&f.store->requests, &requests[i].node);
    }
    uint64_t entries = f.store->counts.entries;
    for (uint32_t i = 0; i < 20000 && !list_empty(&f.store->requests); i++) {
        struct node *n;
        while ((n = list_pop(&f.store->request_dones)))
            done++;
        commit_turn(f.store);
        io_turn(f.io, 0);
        sim_step(f.sim, sim_now_ns(f.sim) + 1000);
    }
    EXPECT_EQ(f.store->counts.entries - entries, 2); /* 1,022 rows fit in 64 KiB */
    EXPECT(done >= 1022);
    fixture_crash(&f, SIM_KILL);
    REQUIRE_OK(fixture_start(&f));
    EXPECT(store_part_count(f.store) >= 1022);
    fixture_close(&f);
}

TEST(naming, data_stops_at_seven_eighths_and_rows_that_free_space_do_not)
{
    // Goal: with no checkpoint to free the ring, appends are refused (B11), and drops and trims
    // still go through (B3). Method: the tails file cannot grow, so checkpoints wait; then it can.
    struct fixture f;
    open_quiet(&f, 537);
    for (uint32_t i = 0; i < 30; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 300);
    }
    fixture_slots_refused(&f);
    const struct spec spec = { .bytes = 9000 };
    enum err err = ERR_OK;
    uint64_t ring = f.store->journal.ring;
    for (uint32_t i = 0; i < 200 && !err; i++) {
        err = fixture_append(&f, 0, spec);
        fixture_pass(&f, 20 * MS_NS);
    }
    EXPECT_ERR(err, ERR_NO_SPACE);
    EXPECT(f.store->ckpt);
    uint64_t end = ring - 2ull * f.geometry.entry_max - 7 * BLOCK_BYTES; /* wrap, rows, openings */
    EXPECT(journal_used(f.store) <= end && end < ring / 8 * 7);
    EXPECT(journal_used(f.store) > end - 4 * BLOCK_BYTES);
    uint64_t entries = f.store->counts.entries, hits = sim_fault_hits(f.node);
    fixture_pass(&f, 5 * SEC_NS);
    EXPECT(sim_fault_hits(f.node) - hits <= 6); /* it asks once a second */
    for (uint32_t i = 20; i < 30; i++)
        EXPECT_OK(fixture_drop(&f, i));
    EXPECT(f.store->counts.entries > entries);
    EXPECT_ERR(fixture_append(&f, 0, spec), ERR_NO_SPACE);
    sim_fault_clear(f.node);
    fixture_pass(&f, 2 * SEC_NS);
    EXPECT_OK(fixture_append(&f, 0, spec));
    fixture_settle(&f);
    fixture_verify(&f, 0, 1 << 20);
    fixture_again(&f, SIM_POWER);
    for (uint32_t i = 0; i < 20; i++)
        fixture_verify(&f, i, 1 << 20);
    for (uint32_t i = 20; i < 30; i++)
        EXPECT(!fixture_part(&f, i));
    fixture_close(&f);
}

TEST(naming, an_entry_begins_where_two_blocks_are_left)
{
    // Goal: rows use the ring up to what openings need, data leaves an eighth, or one entry more; a
    // block less than two is none. Method: the free end moved by hand.
    struct fixture f;
    open_quiet(&f, 545);
    fixture_add(&f, 0);
    fixture_settle(&f);
    f.bent = true;
    struct store *s = f.store;
    uint64_t pos = journal_next_pos(s, s->journal.head_pos) + s->journal.ring;
    s->journal.head_pos = pos;
    uint64_t openings = 8 * BLOCK_BYTES; /* a sixteenth of 512 KiB */
    s->journal.free_pos = pos + openings + BLOCK_BYTES - s->journal.ring;
    EXPECT(!naming_build(s, pos, true));
    EXPECT(s->want_checkpoint);
    s->want_checkpoint = false;
    s->journal.free_pos += BLOCK_BYTES;
    EXPECT(naming_build(s, pos, true));
    EXPECT(!s->want_checkpoint);
    EXPECT_EQ(s->commit.row_count, 1);
    EXPECT_EQ(s->commit.rows[0].kind, ROW_SEAL);
    uint64_t reserve = openings + s->id.geometry.entry_max; /* more than an eighth of 512 KiB */
    s->journal.free_pos = pos + reserve + 4 * BLOCK_BYTES - s->journal.ring;
    EXPECT(naming_has_room(s));
    s->journal.free_pos -= BLOCK_BYTES;
    EXPECT(!naming_has_room(s));
    fixture_close(&f);
}

TEST(naming, data_leaves_an_eighth_of_a_large_ring_to_the_byte)
{
    // Goal: an entry of data ends where the reserve begins, and not a byte behind it. Method: the
    // free end moved by hand; one batch that needs four blocks and a byte.
    struct fixture f;
    fixture_init(&f, 1133);
    f.geometry.journal_bytes = BLOCK_BYTES + MIB(4);
    f.geometry.extent_min = f.geometry.extent_max; /* no roll */
    fixture_make(&f);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 500);
    fixture_settle(&f);
    f.bent = true;
    struct store *s = f.store;
    s->opts.direct_min = UINT32_MAX;
    uint32_t rows = 4; /* kept for it: EXTENT, CLOSE, and an INLINE to spare */
    uint32_t bytes = 4 * BLOCK_BYTES - ENTRY_HEADER_BYTES - rows * ROW_BYTES + 1;
    (void)fixture_send(&f, 0, (struct spec){ .bytes = bytes });
    uint64_t ring = s->journal.ring, pos = ring + ring / 2;
    s->journal.head_pos = pos;
    s->journal.free_pos = pos + 4 * BLOCK_BYTES + ring / 8 - ring;
    EXPECT(!naming_build(s, pos, false));
    s->journal.free_pos++;
    EXPECT(naming_build(s, pos, false));
    EXPECT_EQ(s->commit.row_count, 1);
    EXPECT_EQ(s->commit.rows[0].kind, ROW_INLINE);
    EXPECT_EQ(s->commit.rows[0].len, bytes);
    fixture_close(&f);
}

/* What the ring has left for data before its reserve. */
static void data_room_set(struct store *s, uint64_t bytes)
{
    uint64_t reserve = s->journal.ring / 16 + s->id.geometry.entry_max; /* of 512 KiB */
    s->journal.free_pos = s->journal.head_pos + bytes + reserve - s->journal.ring;
    check(s->journal.free_pos % s->journal.ring >= reserve); /* far from the wrap */
}

static void nothing(struct part_request *r)
{
    (void)r;
}

TEST(naming, a_partition_with_nothing_to_say_is_named_later)
{
    // Goal: r0196. A seal asks for a row that cannot come yet, and no entry is built: the
    // partition is taken up again when there is room.
    struct fixture f;
    open_quiet(&f, 560);
    struct store *s = f.store;
    s->opts.direct_min = UINT32_MAX;
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 30, 20000); /* one lap at least, and extents that hold more */
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 1, 500);
    fixture_settle(&f);
    f.bent = true;
    uint64_t free_pos = s->journal.free_pos;
    data_room_set(s, 17000);
    struct sent *sent = fixture_send(&f, 0, (struct spec){ .bytes = 20000 });
    struct part_request seal = { .done = nothing };
    part_seal(p, &seal);
    for (uint32_t i = 0; i < 20; i++)
        commit_turn(s);
    EXPECT(!sent->done && list_empty(&s->commit.parts));
    s->journal.free_pos = free_pos;
    EXPECT(fixture_until(&f, &sent->done));
    fixture_settle(&f);
    EXPECT(p->extents[p->extent_count - 1]->close_named);
    fixture_close(&f);
}

TEST(naming, more_direct_runs_than_an_entry_has_rows)
{
    // Goal: r0197. While a sync takes its time, runs go out; entries say of them what they have
    // rows for, and the rest follows.
    enum { BATCHES = 400 };
    struct fixture f;
    struct sent *s[BATCHES];
    fixture_init(&f, 561);
    f.geometry.entry_max = ENTRY_MAX_LOWEST;
    f.opts.tail_bytes = 64 << 20;
    f.opts.direct_flight = 64 << 20;
    f.geometry.extent_min = f.geometry.extent_max = 2 << 20;
    fixture_make(&f);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 500);
    fixture_settle(&f);
    for (uint32_t i = 0; i < BATCHES; i++)
        s[i] = fixture_send(&f, 0, (struct spec){ .bytes = 20000 });
    EXPECT(p->flight_pos > p->named_pos + 300 * 20000ull);
    EXPECT(fixture_until(&f, &s[BATCHES - 1]->done));
    for (uint32_t i = 0; i < BATCHES; i++)
        EXPECT_OK(s[i]->a.err);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(naming, what_was_said_takes_no_room_in_an_entry)
{
    // Goal: extents whose rows are all in the journal are not reckoned with again, or a partition
    // that has more of them than an entry has rows for would never be named again. Method: a small
    // entry, and a direct run in an extent of its own each time.
    struct fixture f;
    fixture_init(&f, 1131);
    f.geometry.entry_max = KIB(16);
    f.geometry.extent_max = KIB(64);
    f.geometry.batch_max = KIB(32);
    fixture_make(&f);
    fixture_add(&f, 0);
    uint32_t rows = (KIB(16) - ENTRY_HEADER_BYTES) / ROW_BYTES;
    for (uint32_t i = 0; i < rows; i++) {
        REQUIRE_OK(fixture_append(&f, 0, (struct spec){ .bytes = 20000 }));
        EXPECT_OK(fixture_seal(&f, 0));
    }
    EXPECT(fixture_part(&f, 0)->extent_count >= rows);
    fixture_verify(&f, 0, 200000);
    fixture_close(&f);
}

TEST(naming, a_turn_is_a_mebibyte_of_inline_bytes_to_the_last_one)
{
    // Goal: a batch that ends exactly where a partition's share of an entry ends is in it. Method:
    // batches of 64 KiB, more than a mebibyte of them before the first commit.
    struct fixture f;
    struct sent *s = NULL;
    fixture_init(&f, 1132);
    f.geometry.journal_bytes = MIB(64);
    f.geometry.entry_max = MIB(6); /* direct_min is a quarter of it at most */
    f.geometry.extent_min = f.geometry.extent_max = MIB(4);
    f.opts.tail_bytes = MIB(32);
    f.opts.direct_min = UINT32_MAX;
    fixture_make(&f);
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 500);
    fixture_settle(&f);
    uint64_t from = p->named_pos;
    for (uint32_t i = 0; i < 18; i++)
        s = fixture_send(&f, 0, (struct spec){ .bytes = KIB(64) });
    while (p->named_pos == from)
        fixture_turn(&f);
    EXPECT_EQ(p->named_pos, from + MIB(1));
    EXPECT(fixture_until(&f, &s->done));
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}
