/* Goal: each letter of recovery.h's table, with the crash or the damage that produces it, ends as
 * the table says. Method: a store with a few entries after a checkpoint; the machine ends; bytes of
 * the journal or of a run are damaged behind its back; the store is opened and read by content. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>
#include <string.h>

struct ring { /* what is needed to find entries when the store is closed */
    struct identity id;
    uint64_t bytes, cut;
};

static struct ring ring_of(const struct fixture *f)
{
    return (struct ring){ f->store->id, f->store->journal.ring, f->store->journal.free_pos };
}

static uint64_t ring_place(const struct ring *r, uint64_t pos)
{
    return BLOCK_BYTES + pos % r->bytes;
}

static bool entry_at(struct fixture *f, const struct ring *r, uint64_t pos, struct entry *e)
{
    uint8_t head[ENTRY_HEADER_BYTES];
    sim_file_read(f->node, FIXTURE_DIR, "journal", ring_place(r, pos), head, sizeof(head));
    return entry_decode(head, r->id.key, r->id.store, pos, r->id.geometry.entry_max, e) == ERR_OK;
}

/* The n-th entry from the cut on; it must be there. */
static struct entry entry_nth(struct fixture *f, const struct ring *r, uint32_t n)
{
    struct entry e = { 0 };
    uint64_t pos = r->cut;
    for (uint32_t i = 0; i <= n; i++) {
        check(entry_at(f, r, pos, &e));
        pos = e.ring_pos + e.len;
    }
    return e;
}

/* Row i of an entry, and where its inline bytes begin in it. */
static struct row row_of(struct fixture *f, const struct ring *r, const struct entry *e, uint32_t i,
                         uint64_t *bytes_at)
{
    struct row row = { 0 };
    uint64_t at = ENTRY_HEADER_BYTES + (uint64_t)e->rows * ROW_BYTES;
    for (uint32_t n = 0; n <= i; n++) {
        uint8_t raw[ROW_BYTES];
        uint64_t in = ENTRY_HEADER_BYTES + (uint64_t)n * ROW_BYTES;
        sim_file_read(f->node, FIXTURE_DIR, "journal", ring_place(r, e->ring_pos + in), raw,
                      sizeof(raw));
        check(row_decode(raw, &row) == ERR_OK);
        if (n < i && row.kind == ROW_INLINE)
            at += row.len;
    }
    *bytes_at = at;
    return row;
}

static void flip_in(struct fixture *f, const struct ring *r, const struct entry *e, uint64_t at)
{
    fixture_flip(f, "journal", ring_place(r, e->ring_pos + at));
}

/* Brings the partial blocks back to memory, so that an append does not wait for one. */
static void tails_in(struct fixture *f)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct got g;
        fixture_read(f, &g, i, fixture_part(f, i)->next_off - 1, 100);
        EXPECT_OK(g.r.err);
        read_give(&g.r);
        EXPECT_EQ(fixture_part(f, i)->tail_state, TAIL_IN);
    }
}

/* Two partitions, a checkpoint, nothing in the ring after it. */
static void begin(struct fixture *f, uint64_t seed)
{
    fixture_open_still(f, seed);
    fixture_add(f, 0);
    fixture_add(f, 1);
    fixture_fill(f, 0, 3, 500);
    fixture_fill(f, 1, 3, 500);
    fixture_checkpoint(f);
    EXPECT_EQ(journal_used(f->store), 0);
    tails_in(f);
}

/* One append to both, in one entry. */
static void both(struct fixture *f, uint32_t bytes)
{
    struct sent *a = fixture_send(f, 0, (struct spec){ .bytes = bytes });
    struct sent *b = fixture_send(f, 1, (struct spec){ .bytes = bytes });
    EXPECT(fixture_until(f, &a->done));
    EXPECT(fixture_until(f, &b->done));
    EXPECT_OK(a->a.err);
    EXPECT_OK(b->a.err);
}

static void book_pop(struct fixture *f, uint32_t book)
{
    struct book *b = &f->books[book];
    b->count--;
    free(b->at[b->count]->bytes);
    free(b->at[b->count]);
}

static void ended(struct fixture *f, char verdict, uint64_t entries)
{
    EXPECT_EQ(store_report(f->store)->verdict, verdict);
    EXPECT_EQ(store_report(f->store)->entries, entries);
    fixture_verify(f, 0, 4000);
    fixture_verify(f, 1, 4000);
    /* and the store goes on from there */
    fixture_fill(f, 0, 2, 700);
    fixture_fill(f, 1, 2, 700);
    fixture_again(f, SIM_POWER);
    fixture_verify(f, 0, 4000);
    fixture_verify(f, 1, 4000);
}

TEST(recovery, a_entries_with_a_successor_are_replayed)
{
    struct fixture f;
    begin(&f, 101);
    uint64_t seq = f.store->journal.seq, opening = f.store->opening;
    uint32_t epoch = f.store->epoch;
    for (uint32_t i = 0; i < 5; i++)
        both(&f, 300 + i);
    EXPECT_EQ(f.store->journal.seq, seq + 5);
    uint64_t head = f.store->journal.head_pos;
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(store_report(f.store)->cut_pos, head);
    EXPECT_EQ(store_report(f.store)->entry_bytes, 5 * BLOCK_BYTES);
    EXPECT_EQ(f.store->journal.head_pos, head + BLOCK_BYTES); /* OPEN is written */
    EXPECT_EQ(f.store->journal.seq, seq + 6);
    EXPECT_EQ(f.store->synced_seq, seq + 5);
    EXPECT_EQ(store_opening(f.store), opening + 1);
    EXPECT_EQ(store_epoch(f.store), epoch + 1);
    ended(&f, 'I', 5);
    fixture_close(&f);
}

TEST(recovery, b_nothing_valid_is_the_end)
{
    // Crash: none (an orderly stop), or power during the write of the only entry.
    struct fixture f;
    begin(&f, 102);
    fixture_stop_again(&f);
    ended(&f, 'B', 0);
    fixture_checkpoint(&f);
    tails_in(&f);
    struct ring r = ring_of(&f);
    both(&f, 300);
    fixture_crash(&f, SIM_POWER);
    struct entry e = entry_nth(&f, &r, 0);
    flip_in(&f, &r, &e, 60); /* as if the header's sector had not landed */
    REQUIRE_OK(fixture_start(&f));
    book_pop(&f, 0);
    book_pop(&f, 1);
    ended(&f, 'B', 0);
    fixture_close(&f);
}

TEST(recovery, b_each_header_byte_counts)
{
    // Goal: no byte of a header may change unnoticed. Method: flip one bit of each in turn.
    struct fixture f;
    begin(&f, 103);
    struct ring r = ring_of(&f);
    both(&f, 300);
    f.opts.read_only = true;
    fixture_crash(&f, SIM_POWER);
    struct entry e = entry_nth(&f, &r, 0);
    for (uint32_t at = 0; at < ENTRY_HEADER_BYTES; at++) {
        flip_in(&f, &r, &e, at);
        REQUIRE_OK(fixture_start(&f));
        EXPECT_EQ(store_report(f.store)->verdict, 'B');
        EXPECT_EQ(fixture_part(&f, 0)->next_off, 3);
        store_close(&f.store);
        flip_in(&f, &r, &e, at);
    }
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(store_report(f.store)->verdict, 'I');
    EXPECT_EQ(fixture_part(&f, 0)->next_off, 4);
    fixture_close(&f);
}

static void refused(struct fixture *f, char letter)
{
    char words[32] = "recovery case ?";
    words[14] = letter;
    EXPECT_ERR(fixture_start(f), ERR_DAMAGED);
    EXPECT(!f->store);
    EXPECT(strstr(f->why.text, words));
}

TEST(recovery, c_a_lost_header_before_a_valid_entry_is_refused)
{
    // Damage: bit rot in any acknowledged entry's header but the last one's.
    struct fixture f;
    begin(&f, 104);
    struct ring r = ring_of(&f);
    for (uint32_t i = 0; i < 4; i++)
        both(&f, 300);
    fixture_crash(&f, SIM_POWER);
    for (uint32_t n = 0; n < 3; n++) {
        struct entry e = entry_nth(&f, &r, n);
        flip_in(&f, &r, &e, 9 + n);
        refused(&f, 'C');
        flip_in(&f, &r, &e, 9 + n);
    }
    REQUIRE_OK(fixture_start(&f));
    ended(&f, 'I', 4);
    fixture_close(&f);
}

TEST(recovery, c_a_forged_header_in_a_payload_is_no_successor)
{
    // Goal: bytes that a producer chooses prove nothing. Method: the last entry's payload holds the
    // header of an entry of another store at the right place; that entry is torn: it is cut (B).
    struct fixture f;
    begin(&f, 105);
    struct ring r = ring_of(&f);
    both(&f, 6000);
    fixture_crash(&f, SIM_POWER);
    struct entry e = entry_nth(&f, &r, 0);
    struct entry forged = e;
    uint8_t block[BLOCK_BYTES] = { 0 };
    uint8_t key[16] = "another's key";
    forged.ring_pos = e.ring_pos + BLOCK_BYTES;
    forged.seq = e.seq + 1;
    forged.rows = 0;
    forged.inline_bytes = 0;
    forged.len = BLOCK_BYTES;
    entry_encode(&forged, key, block);
    sim_file_write(f.node, FIXTURE_DIR, "journal", ring_place(&r, forged.ring_pos), block,
                   sizeof(block));
    flip_in(&f, &r, &e, 60);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(store_report(f.store)->verdict, 'B');
    fixture_close(&f);
}

TEST(recovery, d_torn_rows_of_the_last_entry_are_cut)
{
    // Crash: power inside the entry's write, the header's sector landed and a row's did not.
    struct fixture f;
    begin(&f, 106);
    struct ring r = ring_of(&f);
    both(&f, 300);
    both(&f, 300);
    fixture_crash(&f, SIM_POWER);
    struct entry e = entry_nth(&f, &r, 1);
    flip_in(&f, &r, &e, ENTRY_HEADER_BYTES + ROW_BYTES + 3);
    REQUIRE_OK(fixture_start(&f));
    book_pop(&f, 0);
    book_pop(&f, 1);
    ended(&f, 'D', 1);
    fixture_close(&f);
}

TEST(recovery, e_damaged_rows_before_a_valid_entry_are_refused)
{
    struct fixture f;
    begin(&f, 107);
    struct ring r = ring_of(&f);
    for (uint32_t i = 0; i < 3; i++)
        both(&f, 300);
    fixture_crash(&f, SIM_POWER);
    struct entry e = entry_nth(&f, &r, 0);
    flip_in(&f, &r, &e, ENTRY_HEADER_BYTES + 3);
    refused(&f, 'E');
    flip_in(&f, &r, &e, ENTRY_HEADER_BYTES + 3);
    REQUIRE_OK(fixture_start(&f));
    ended(&f, 'I', 3);
    fixture_close(&f);
}

TEST(recovery, f_a_torn_piece_of_the_last_entry_cuts_it_whole)
{
    // Crash: power inside the entry's write, header and rows landed and inline bytes did not.
    struct fixture f;
    begin(&f, 108);
    struct ring r = ring_of(&f);
    both(&f, 300);
    both(&f, 5000);
    fixture_crash(&f, SIM_POWER);
    struct entry e = entry_nth(&f, &r, 1);
    flip_in(&f, &r, &e, e.len - BLOCK_BYTES);
    REQUIRE_OK(fixture_start(&f));
    book_pop(&f, 0);
    book_pop(&f, 1);
    ended(&f, 'F', 1);
    fixture_close(&f);
}

TEST(recovery, g_a_damaged_piece_before_a_valid_entry_stops_its_partition)
{
    // Damage: bit rot in acknowledged inline bytes of partition 0. What lies before them is served,
    // partition 1 notices nothing, and it stays so over checkpoints and openings.
    struct fixture f;
    begin(&f, 109);
    struct ring r = ring_of(&f);
    for (uint32_t i = 0; i < 6; i++)
        both(&f, 300 + i);
    fixture_crash(&f, SIM_POWER);
    struct entry e = entry_nth(&f, &r, 3);
    uint64_t at;
    struct row row = row_of(&f, &r, &e, 0, &at);
    EXPECT_EQ(row.kind, ROW_INLINE);
    EXPECT_EQ(row.part, 0);
    EXPECT_EQ(row.base_off, 6);
    flip_in(&f, &r, &e, at + 100);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(store_report(f.store)->entries, 6);
    EXPECT_EQ(store_report(f.store)->parts_damaged, 1);
    for (uint32_t round = 0; round < 3; round++) {
        struct part *p = fixture_part(&f, 0);
        struct got g;
        EXPECT(p->damaged);
        EXPECT_EQ(p->damaged_off, 6);
        fixture_read(&f, &g, 0, 6, 1000);
        EXPECT_ERR(g.r.err, ERR_DAMAGED);
        fixture_read(&f, &g, 0, 5, 1000);
        EXPECT_OK(g.r.err);
        EXPECT_EQ(g.r.next_off, 6);
        read_give(&g.r);
        fixture_verify_to(&f, 0, 1000, 6);
        fixture_verify_to(&f, 0, 1 << 20, 6);
        EXPECT_ERR(fixture_append(&f, 0, (struct spec){ .bytes = 100 }), ERR_DAMAGED);
        EXPECT(!fixture_part(&f, 1)->damaged);
        fixture_verify(&f, 1, 1000);
        fixture_fill(&f, 1, 1, 400);
        if (round == 0)
            fixture_again(&f, SIM_POWER);
        else
            fixture_stop_again(&f);
    }
    fixture_close(&f);
}

static const char *run_file(struct fixture *f, const struct ring *r, const struct row *row,
                            uint64_t *place)
{
    static char name[32];
    struct part *p = store_part_at(f->store, row->part);
    struct extent *e = part_extent_of(p, row->pos);
    *place = extent_place(e, row->pos);
    memcpy(name, e->vol->name, sizeof(name));
    (void)r;
    return name;
}

TEST(recovery, h_a_missing_direct_run_drops_the_last_entry_whole)
{
    // Crash: power after the entry's write and before one of its runs. Method: each tile of the run
    // in turn, one byte of it.
    struct fixture f;
    for (uint32_t n = 0; n < 2; n++) {
        begin(&f, 110 + n);
        struct ring r = ring_of(&f);
        both(&f, 300);
        struct sent *a = fixture_send(&f, 0, (struct spec){ .bytes = 110000 });
        struct sent *b = fixture_send(&f, 1, (struct spec){ .bytes = 300 });
        EXPECT(fixture_until(&f, &a->done) && fixture_until(&f, &b->done));
        struct entry e = entry_nth(&f, &r, 1);
        uint64_t bytes, place;
        uint32_t i = 0, direct = 0;
        for (; i < e.rows; i++)
            if (row_of(&f, &r, &e, i, &bytes).kind == ROW_DIRECT && direct++ == n)
                break;
        REQUIRE(i < e.rows);
        struct row row = row_of(&f, &r, &e, i, &bytes);
        const char *name = run_file(&f, &r, &row, &place);
        fixture_crash(&f, SIM_POWER);
        fixture_flip(&f, name, place + row.len - 1);
        REQUIRE_OK(fixture_start(&f));
        book_pop(&f, 0);
        book_pop(&f, 1);
        ended(&f, 'H', 1);
        fixture_close(&f);
    }
}

TEST(recovery, i_a_last_entry_whose_runs_verify_is_kept)
{
    struct fixture f;
    begin(&f, 112);
    both(&f, 300);
    struct sent *a = fixture_send(&f, 0, (struct spec){ .bytes = 110000 });
    struct sent *b = fixture_send(&f, 1, (struct spec){ .bytes = 300 });
    EXPECT(fixture_until(&f, &a->done) && fixture_until(&f, &b->done));
    fixture_again(&f, SIM_POWER);
    ended(&f, 'I', 2);
    fixture_close(&f);
}

TEST(recovery, runs_before_the_last_entry_are_not_read)
{
    // Goal: a damaged run of an older entry is found at read, not taken for a torn tail.
    struct fixture f;
    begin(&f, 113);
    struct ring r = ring_of(&f);
    struct sent *a = fixture_send(&f, 0, (struct spec){ .bytes = 110000 });
    EXPECT(fixture_until(&f, &a->done));
    struct entry e = entry_nth(&f, &r, 0);
    uint64_t bytes, place;
    uint32_t i = 0;
    struct row row = row_of(&f, &r, &e, i, &bytes);
    while (row.kind != ROW_DIRECT || row.base_off != 3)
        row = row_of(&f, &r, &e, ++i, &bytes);
    const char *name = run_file(&f, &r, &row, &place);
    both(&f, 300);
    fixture_crash(&f, SIM_POWER);
    fixture_flip(&f, name, place + row.len - 1);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(store_report(f.store)->verdict, 'I');
    EXPECT_EQ(store_report(f.store)->entries, 2);
    struct got g;
    fixture_read(&f, &g, 0, 3, 100);
    EXPECT_ERR(g.r.err, ERR_CORRUPT);
    EXPECT_EQ(g.r.bad_pos, row.pos);
    fixture_verify(&f, 1, 1000);
    fixture_close(&f);
}

TEST(recovery, over_the_end_of_the_ring)
{
    // Goal: entries after a wrap, and after the wrapped cut of an image, are found. Method: many
    // laps; at every entry of a lap the machine ends and the store is opened again.
    struct fixture f;
    begin(&f, 114);
    for (uint32_t lap = 0; lap < 3; lap++) {
        for (uint32_t i = 0; i < 12; i++) {
            both(&f, 15000);
            both(&f, 200);
        }
        for (uint32_t i = 0; i < 15; i++) {
            both(&f, 7000);
            fixture_again(&f, i % 2 ? SIM_POWER : SIM_KILL);
            fixture_verify(&f, 0, 1 << 20);
        }
    }
    EXPECT(f.store->journal.head_pos / f.store->journal.ring >= 3);
    fixture_verify(&f, 1, 1 << 20);
    fixture_close(&f);
}

TEST(recovery, the_older_image_serves_while_the_ring_still_holds_what_came_since)
{
    struct fixture f;
    begin(&f, 115);
    both(&f, 3000);
    fixture_checkpoint(&f);
    both(&f, 3000);
    uint64_t generation = f.store->generation, capacity = f.store->image_capacity;
    fixture_crash(&f, SIM_POWER);
    for (uint32_t copy = 0; copy < 2; copy++) /* the newest, in both copies */
        fixture_flip(&f, "image", image_copy_pos(capacity, generation, copy) + BLOCK_BYTES + 5);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(f.store->generation, generation - 1);
    fixture_verify(&f, 0, 1000);
    fixture_verify(&f, 1, 1000);
    EXPECT(store_report(f.store)->entries >= 2);
    fixture_close(&f);
}

TEST(recovery, the_older_image_is_refused_when_the_ring_has_gone_on)
{
    struct fixture f;
    begin(&f, 116);
    uint64_t ring = f.store->journal.ring, older = 0, newer = 0;
    for (uint32_t i = 0; i < 200; i++) { /* until the older image's cut is overwritten */
        if (f.store->journal.free_pos != newer) {
            older = newer;
            newer = f.store->journal.free_pos;
        }
        if (older && f.store->journal.head_pos >= older + ring + BLOCK_BYTES &&
            (!f.store->ckpt || f.store->ckpt->state < CKPT_IMAGE))
            break;
        both(&f, 5000);
    }
    uint64_t generation = f.store->generation, capacity = f.store->image_capacity;
    fixture_crash(&f, SIM_POWER);
    for (uint32_t copy = 0; copy < 2; copy++)
        fixture_flip(&f, "image", image_copy_pos(capacity, generation, copy) + 5);
    refused(&f, 'C');
    for (uint32_t copy = 0; copy < 2; copy++) /* and none at all */
        fixture_flip(&f, "image", image_copy_pos(capacity, generation - 1, copy) + 5);
    EXPECT_ERR(fixture_start(&f), ERR_CORRUPT);
    EXPECT(strstr(f.why.text, "no image"));
    fixture_close(&f);
}

TEST(recovery, image_pages_heal_from_their_copy)
{
    struct fixture f;
    begin(&f, 117);
    uint64_t generation = f.store->generation, capacity = f.store->image_capacity;
    fixture_crash(&f, SIM_POWER);
    fixture_flip(&f, "image", image_copy_pos(capacity, generation, 0) + 5);
    fixture_flip(&f, "image", image_copy_pos(capacity, generation, 1) + BLOCK_BYTES + 5);
    fixture_flip(&f, "image", image_copy_pos(capacity, generation, 0) + 2 * BLOCK_BYTES + 5);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(f.store->generation, generation);
    EXPECT_EQ(store_report(f.store)->healed, 3);
    ended(&f, 'B', 0);
    fixture_close(&f);
}

extern const struct io_site *const __start_io_sites[], *const __stop_io_sites[];

static const struct io_site *image_read_site(void)
{
    for (const struct io_site *const *s = __start_io_sites; s < __stop_io_sites; s++)
        if (strstr((*s)->file, "log/image.c") && (*s)->verb == IO_READ)
            return *s;
    return NULL;
}

TEST(recovery, an_unreadable_copy_of_the_image_is_a_bad_copy)
{
    // Goal: a disk error on one copy's first page is no reason to refuse.
    struct fixture f;
    begin(&f, 118);
    fixture_stop(&f);
    REQUIRE(image_read_site());
    sim_fault(f.node, image_read_site(), 5, 1);
    REQUIRE_OK(fixture_start(&f));
    EXPECT_EQ(sim_fault_hits(f.node), 1);
    ended(&f, 'B', 0);
    fixture_stop(&f);
    sim_fault_clear(f.node);
    sim_fault(f.node, image_read_site(), 5, 0);
    EXPECT_ERR(fixture_start(&f), ERR_IO);
    fixture_close(&f);
}

/* A workload with every kind of row, as far as the machine lets it; what was acknowledged is in the
 * books. */
static void work(struct fixture *f)
{
    struct sent *sent[6];
    for (uint32_t round = 0; round < 2 && !sim_dead(f->node); round++) {
        for (uint32_t i = 0; i < 6; i++) {
            struct spec spec = { .bytes = i == 4 ? 40000 : 900 + i,
                                 .want = i % 3 ? DURABILITY_SYNCED : DURABILITY_WRITTEN };
            sent[i] = fixture_send(f, i % 2, spec);
        }
        for (uint32_t i = 0; i < 6; i++)
            if (!fixture_until(f, &sent[i]->done))
                return;
        f->store->want_checkpoint = true;
        for (uint32_t i = 0; i < 40 && fixture_turn(f); i++)
            ;
    }
}

TEST(recovery, after_power_fails_before_any_write)
{
    // Goal: nothing acknowledged is lost, wherever the machine ends. Method: the same work, cut
    // before its 1st, 2nd, 3rd ... I/O, by each kind of end; then a second end in recovery.
    for (uint64_t k = 1; k < 200; k++) {
        struct fixture f;
        fixture_open(&f, 200 + k);
        fixture_add(&f, 0);
        fixture_add(&f, 1);
        sim_crash_at_io(f.node, k, k % 3);
        work(&f);
        bool ran_out = !sim_dead(f.node);
        fixture_crash(&f, k % 3 == SIM_KILL ? SIM_POWER : k % 3);
        sim_crash_at_io(f.node, 1 + k % 23, SIM_POWER);
        if (fixture_start(&f) != ERR_OK) {
            fixture_crash(&f, SIM_POWER);
            REQUIRE_OK(fixture_start(&f));
        }
        fixture_again(&f, SIM_POWER);
        for (uint32_t i = 0; i < 2; i++) {
            if (fixture_part(&f, i))
                fixture_verify(&f, i, 100000);
            else
                EXPECT_EQ(f.books[i].count, 0);
        }
        fixture_close(&f);
        if (ran_out)
            break;
    }
}
