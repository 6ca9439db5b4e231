/* Goal: one entry and one sync for everything that came meanwhile; each ack says exactly what it
 * bought; errors poison. Method: counts, watermarks and bytes before, between and after the steps
 * of single commits. */
#include <string.h>

#include "tests/memory.h"
#include "tests/unit/log/fixture.h"

#define EIO_ 5

static void open_quiet(struct fixture *f, uint64_t seed)
{
    fixture_init(f, seed);
    f->opts.seal_idle_ns = 1000 * SEC_NS;
    f->opts.zero_ahead = 4;
    fixture_boot(f);
    check(fixture_create(f) == ERR_OK);
    check(fixture_start(f) == ERR_OK);
    fixture_add(f, 2);
    fixture_fill(f, 2, 1, 130000); /* takes the slab that nobody had time to zero */
    fixture_settle(f);
    fixture_add(f, 0);
    fixture_add(f, 1);
    fixture_fill(f, 0, 1, 300);
    fixture_fill(f, 1, 1, 300);
    fixture_settle(f);
}

TEST(commit, takes_all_that_came_meanwhile_in_one_entry)
{
    struct fixture f;
    struct sent *s[20];
    open_quiet(&f, 500);
    struct store_counts before = store_counts(f.store);
    uint64_t syncs = sim_counts(f.sim).syncs;
    for (uint32_t i = 0; i < 20; i++)
        s[i] = fixture_send(&f, i % 2, (struct spec){ .bytes = 400 });
    EXPECT(!s[0]->done);
    for (uint32_t i = 0; i < 20; i++) {
        EXPECT(fixture_until(&f, &s[i]->done));
        EXPECT_OK(s[i]->a.err);
        EXPECT_EQ(s[i]->a.base_off, 1 + i / 2);
        EXPECT_EQ(s[i]->a.bought, DURABILITY_SYNCED);
        EXPECT(s[i]->a.append_ms > 1600000000000 && s[i]->a.append_ms <= io_wall_ms(f.io));
    }
    struct store_counts after = store_counts(f.store);
    EXPECT_EQ(after.entries - before.entries, 1);
    EXPECT_EQ(after.commits - before.commits, 1);
    EXPECT_EQ(after.entry_bytes - before.entry_bytes, 3 * BLOCK_BYTES); /* 8,000 and 2 rows */
    EXPECT_EQ(after.appends - before.appends, 20);
    EXPECT_EQ(after.append_bytes - before.append_bytes, 8000);
    EXPECT_EQ(after.journal_used - before.journal_used, 3 * BLOCK_BYTES);
    EXPECT_EQ(after.syncs, before.syncs); /* written with DSYNC */
    EXPECT_EQ(sim_counts(f.sim).syncs, syncs);
    struct part *p = fixture_part(&f, 0);
    EXPECT_EQ(p->synced_off, 11);
    EXPECT_EQ(p->written_off, 11);
    EXPECT_EQ(p->synced_pos, 4300);
    EXPECT_EQ(p->named_pos, 4300);
    fixture_close(&f);
}

TEST(commit, the_next_one_waits_for_the_last)
{
    struct fixture f;
    struct sent *s[3];
    open_quiet(&f, 501);
    uint64_t entries = f.store->counts.entries;
    s[0] = fixture_send(&f, 0, (struct spec){ .bytes = 400 });
    store_turn(f.store);
    EXPECT(commit_busy(f.store));
    EXPECT_EQ(f.store->counts.entries, entries + 1);
    s[1] = fixture_send(&f, 0, (struct spec){ .bytes = 400 });
    s[2] = fixture_send(&f, 1, (struct spec){ .bytes = 400 });
    store_turn(f.store);
    EXPECT_EQ(f.store->counts.entries, entries + 1);
    EXPECT(fixture_until(&f, &s[0]->done));
    EXPECT(!s[1]->done);
    EXPECT(fixture_until(&f, &s[1]->done) && fixture_until(&f, &s[2]->done));
    EXPECT_EQ(f.store->counts.entries, entries + 2);
    fixture_close(&f);
}

TEST(commit, with_direct_runs_syncs_once)
{
    struct fixture f;
    open_quiet(&f, 502);
    uint64_t before = f.store->counts.direct_bytes;
    struct sent *s = fixture_send(&f, 0, (struct spec){ .bytes = 60000 });
    struct sent *t = fixture_send(&f, 1, (struct spec){ .bytes = 400 });
    uint64_t syncs = f.store->counts.syncs, direct = f.store->counts.direct_bytes - before;
    EXPECT(direct >= block_floor(60000));
    EXPECT_EQ(f.store->direct_inflight, direct);
    store_turn(f.store);
    EXPECT_EQ(f.store->commit.dsync, false);
    EXPECT(fixture_until(&f, &s->done) && fixture_until(&f, &t->done));
    EXPECT_OK(s->a.err);
    bool covers = f.store->journal.on_device;
    EXPECT(f.store->counts.syncs == syncs + 1 || (!covers && f.store->counts.syncs > syncs));
    EXPECT_EQ(f.store->direct_inflight, 0);
    EXPECT_EQ(fixture_part(&f, 0)->flight_pos, fixture_part(&f, 0)->direct_end);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(commit, written_is_answered_before_the_sync_and_says_so)
{
    // Goal: a `written` append beside a direct run is answered when entry and runs are complete, a
    // `synced` one in the same entry only after the sync. Method: written space.
    struct fixture f;
    open_quiet(&f, 503);
    f.store->opts.direct_flight = MIB(8);
    struct part *p = fixture_part(&f, 0);
    struct sent *w =
        fixture_send(&f, 0, (struct spec){ .bytes = 20000, .want = DURABILITY_WRITTEN });
    struct sent *s = fixture_send(&f, 0, (struct spec){ .bytes = 20000 });
    struct sent *v = fixture_send(&f, 0, (struct spec){ .bytes = 300, .want = DURABILITY_WRITTEN });
    EXPECT(!volume_unwritten(f.store, p->extents[p->extent_count - 1]->vol,
                             p->extents[p->extent_count - 1]->unit));
    EXPECT(fixture_until(&f, &w->done));
    EXPECT_EQ(f.store->commit.state, COMMIT_SYNC);
    EXPECT_EQ(f.store->commit.raw, false);
    EXPECT_EQ(w->a.bought, DURABILITY_WRITTEN);
    EXPECT(!s->done);
    EXPECT_EQ(p->written_off, 4);
    EXPECT_EQ(p->synced_off, 1);
    store_turn(f.store);
    EXPECT(v->done); /* passes the synced one that still waits */
    EXPECT_EQ(v->a.bought, DURABILITY_WRITTEN);
    EXPECT(fixture_until(&f, &s->done));
    EXPECT_EQ(s->a.bought, DURABILITY_SYNCED);
    EXPECT_EQ(p->synced_off, 4);
    struct sent *m = fixture_send(&f, 0, (struct spec){ .bytes = 300, .memory = true });
    store_turn(f.store);
    EXPECT(m->done);
    EXPECT_EQ(m->a.bought, DURABILITY_MEMORY);
    EXPECT_EQ(m->a.base_off, 4);
    EXPECT_EQ(p->next_off, 5);
    EXPECT_EQ(p->synced_off, 4);
    fixture_settle(&f);
    EXPECT_EQ(p->synced_off, 5);
    fixture_close(&f);
}

TEST(commit, a_run_in_unwritten_space_is_synced_by_its_own_file)
{
    // Goal: `written` waits for that sync, and a kernel crash right after the ack loses nothing.
    // Method: no zeroed slab is left when the run is issued.
    for (uint32_t end = SIM_KILL; end <= SIM_POWER; end++) {
        struct fixture f;
        fixture_init(&f, 504 + end);
        fixture_boot(&f);
        REQUIRE_OK(fixture_create(&f));
        REQUIRE_OK(fixture_start(&f));
        fixture_add(&f, 0);
        while (f.store->vol_count == 0)
            fixture_turn(&f); /* made, not zeroed */
        struct sent *w =
            fixture_send(&f, 0, (struct spec){ .bytes = 60000, .want = DURABILITY_WRITTEN });
        store_turn(f.store);
        EXPECT_EQ(f.store->commit.raw, true);
        EXPECT(f.store->counts.runs_unwritten > 0);
        uint64_t syncs = f.store->counts.syncs;
        EXPECT(fixture_until(&f, &w->done));
        EXPECT_EQ(w->a.bought, DURABILITY_SYNCED); /* waited that long: it bought that much */
        EXPECT_EQ(f.store->counts.syncs, syncs + 2);
        fixture_again(&f, end);
        EXPECT_EQ(f.books[0].count, 1);
        fixture_verify(&f, 0, 1 << 20);
        fixture_close(&f);
    }
}

TEST(commit, an_idle_store_seals_once_and_rests)
{
    struct fixture f;
    fixture_open(&f, 508);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 300);
    fixture_settle(&f);
    fixture_pass(&f, SEC_NS);
    uint64_t entries = f.store->counts.entries;
    EXPECT_EQ(f.store->sealed, true);
    fixture_fill(&f, 0, 1, 300);
    uint64_t last_ns = f.store->last_commit_ns;
    store_turn(f.store); /* the turn that waited for those who were answered */
    EXPECT_EQ(f.store->counts.entries, entries + 1);
    EXPECT_EQ(f.store->sealed, false);
    EXPECT_EQ(store_due_ns(f.store), last_ns + 50 * MS_NS);
    fixture_pass(&f, 49 * MS_NS);
    EXPECT_EQ(f.store->counts.entries, entries + 1);
    fixture_pass(&f, 2 * MS_NS);
    EXPECT_EQ(f.store->counts.entries, entries + 2);
    EXPECT_EQ(f.store->commit.rows[0].kind, ROW_SEAL);
    EXPECT_EQ(f.store->commit.entry.rows, 1);
    fixture_pass(&f, 10 * SEC_NS);
    EXPECT_EQ(f.store->counts.entries, entries + 2);
    EXPECT_EQ(f.store->sealed, true);
    EXPECT_EQ(store_due_ns(f.store), UINT64_MAX);
    fixture_close(&f);
}

TEST(commit, small_appends_never_become_direct_runs)
{
    // Goal: bytes that an entry carries already do not make a run, however many wait for the
    // checkpoint; a large batch behind them does, and takes them along. Method: direct_min is 16
    // KiB; 30 appends of 1,000 bytes, then one of 30,000.
    struct fixture f;
    open_quiet(&f, 509);
    uint64_t before = f.store->counts.direct_bytes;
    fixture_fill(&f, 0, 30, 1000);
    EXPECT_EQ(f.store->counts.direct_bytes, before);
    EXPECT_EQ(fixture_part(&f, 0)->flight_pos, 0);
    fixture_fill(&f, 0, 1, 30000);
    EXPECT(f.store->counts.direct_bytes >= before + 57000);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(commit, errors_of_entry_run_and_sync_poison)
{
    // Goal: no ack, no retry, reads go on, an opening heals. Method: every I/O of one commit fails.
    for (uint32_t n = 0; n < 6; n++) {
        struct fixture f;
        open_quiet(&f, 510 + n);
        struct sent *old = f.books[0].at[0];
        EXPECT(old->done);
        struct sent *s = NULL, *t = NULL;
        if (n < 3) { /* entry alone; entry and runs */
            sim_fault(f.node, NULL, EIO_, 1);
            s = fixture_send(&f, 0, (struct spec){ .bytes = n ? 60000 : 300 });
        } else { /* the sync: after the writes have started */
            s = fixture_send(
                &f, 0, (struct spec){ .bytes = 60000, .want = n == 4 ? DURABILITY_WRITTEN : 0 });
            store_turn(f.store);
            sim_fault(f.node, NULL, EIO_, 1);
        }
        t = fixture_send(&f, 1, (struct spec){ .bytes = 300 });
        EXPECT(fixture_until(&f, &s->done) && fixture_until(&f, &t->done));
        EXPECT_EQ(sim_fault_hits(f.node), 1);
        EXPECT(store_poisoned(f.store, &f.why));
        EXPECT(strstr(f.why.text, "failed") && strstr(f.why.text, "5"));
        EXPECT_ERR(t->a.err, ERR_POISONED);
        if (n == 4)
            EXPECT(s->a.err == ERR_POISONED || s->a.bought == DURABILITY_WRITTEN);
        else
            EXPECT_ERR(s->a.err, ERR_POISONED);
        EXPECT_EQ(fixture_part(&f, 0)->synced_off, 1);
        fixture_pass(&f, SEC_NS); /* what was under way ends */
        uint64_t starts = sim_counts(f.sim).io_starts;
        fixture_pass(&f, SEC_NS);
        EXPECT_EQ(sim_counts(f.sim).io_starts, starts); /* nothing is retried */
        EXPECT_ERR(fixture_append(&f, 0, (struct spec){ .bytes = 300 }), ERR_POISONED);
        EXPECT_ERR(fixture_trim(&f, 0, 1), ERR_POISONED);
        fixture_verify_to(&f, 0, 1000, 1); /* what no sync covers stays unseen */
        fixture_again(&f, SIM_KILL);
        fixture_verify(&f, 0, 1 << 20);
        fixture_fill(&f, 0, 2, 500);
        fixture_verify(&f, 0, 1 << 20);
        fixture_close(&f);
    }
}

TEST(commit, an_entry_never_crosses_the_end_of_the_ring)
{
    struct store s = { .journal.ring = 100 * 4096, .id.geometry.entry_max = 16384 };
    EXPECT_EQ(journal_next_pos(&s, 0), 0);
    EXPECT_EQ(journal_next_pos(&s, 96 * 4096), 96 * 4096);
    EXPECT_EQ(journal_next_pos(&s, 97 * 4096), 100 * 4096);
    EXPECT_EQ(journal_next_pos(&s, 99 * 4096), 100 * 4096);
    EXPECT_EQ(journal_next_pos(&s, 100 * 4096), 100 * 4096);
    EXPECT_EQ(journal_next_pos(&s, 1096 * 4096), 1096 * 4096);
    EXPECT_EQ(journal_next_pos(&s, 1097 * 4096), 1100 * 4096);
    s.journal.head_pos = 77;
    s.journal.free_pos = 70;
    EXPECT_EQ(journal_used(&s), 7);
}

/* How many entries of one block find a place behind `pos`. */
static uint32_t blocks_behind(const struct store *s, uint64_t pos)
{
    uint32_t n = 0;
    for (;; n++) {
        pos = journal_next_pos(s, pos) + BLOCK_BYTES;
        if (pos > s->journal.free_pos + s->journal.ring)
            return n;
    }
}

TEST(commit, what_is_kept_behind_an_entry_is_enough_and_no_block_too_much)
{
    struct store s = { .journal.ring = 100 * 4096, .id.geometry.entry_max = 16384 };
    for (uint64_t free = 0; free < 197; free += free == 96 ? 4 : 1) /* where an entry can be */
        for (uint64_t keep = 1; keep < 60; keep++) {
            s.journal.free_pos = free * BLOCK_BYTES;
            uint64_t end = journal_end_max(&s, keep * BLOCK_BYTES);
            REQUIRE(end % BLOCK_BYTES == 0 && end >= s.journal.free_pos);
            REQUIRE(end <= s.journal.free_pos + s.journal.ring);
            EXPECT(blocks_behind(&s, end) >= keep);
            EXPECT(blocks_behind(&s, end + BLOCK_BYTES) < keep);
            for (uint64_t pos = end; pos > s.journal.free_pos && pos + 70 * BLOCK_BYTES > end;
                 pos -= BLOCK_BYTES)
                EXPECT(blocks_behind(&s, pos) >= keep);
        }
}

TEST(commit, laps_are_counted_and_the_chain_of_headers_holds)
{
    struct fixture f;
    open_quiet(&f, 520);
    f.store->opts.direct_min = UINT32_MAX;
    for (uint32_t i = 0; i < 60; i++) {
        fixture_fill(&f, 0, 1, 14000);
        EXPECT_EQ(f.store->journal.seq, f.store->commit.entry.seq + 1);
        EXPECT_EQ(f.store->journal.prev_crc, f.store->commit.entry.header_crc);
        EXPECT(journal_used(f.store) <= f.store->journal.ring);
        uint64_t in = f.store->commit.entry.ring_pos % f.store->journal.ring;
        EXPECT(in + f.geometry.entry_max <= f.store->journal.ring);
    }
    EXPECT_EQ(f.store->counts.laps, f.store->journal.head_pos / f.store->journal.ring);
    EXPECT(f.store->counts.laps >= 1);
    EXPECT(f.store->counts.checkpoints >= 3); /* started at half */
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}

TEST(commit, without_memory_for_its_entries_it_does_not_open)
{
    // Goal: each of the three pieces it takes is asked for; what it got is given back.
    if (!memory_watched())
        SKIP("a sanitizer has the heap");
    struct store s = { .id.geometry.entry_max = 64 << 10 };
    for (uint64_t nth = 1; nth <= 4; nth++) {
        memory_fail(nth);
        EXPECT_EQ(commit_open(&s), nth <= 3 ? ERR_NO_MEMORY : ERR_OK);
        commit_close(&s);
    }
}
