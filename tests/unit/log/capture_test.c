/* Goal: each partition with a partial block has a pair of slots of its own, and the file grows by
 * steps that are known. Method: partial blocks of more partitions than there are pairs; figures set
 * by hand. */
#include "engine/base/bits.h"
#include "tests/unit/log/fixture.h"

static uint64_t tails_bytes(const struct fixture *f)
{
    return sim_file_bytes(f->node, FIXTURE_DIR, "tails");
}

TEST(capture, slots_are_handed_out_one_by_one)
{
    struct fixture f;
    fixture_open(&f, 1120);
    EXPECT_EQ(f.store->slot_count, 16);
    for (uint32_t i = 0; i < 16; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 500);
    }
    fixture_checkpoint(&f);
    EXPECT_EQ(f.store->slot_next, 16);
    EXPECT_EQ(f.store->slot_count, 16); /* just enough */
    EXPECT_EQ(tails_bytes(&f), slot_place(16, 0));
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(fixture_part(&f, 15)->slot, 15); /* the last one that the file has */
    EXPECT_EQ(f.store->slot_next, 16);
    fixture_verify(&f, 15, 1000);
    fixture_add(&f, 16);
    fixture_fill(&f, 16, 1, 500);
    fixture_checkpoint(&f);
    EXPECT_EQ(f.store->slot_next, 17);
    EXPECT_EQ(f.store->slot_count, 48);
    EXPECT_EQ(tails_bytes(&f), slot_place(48, 0));
    for (uint32_t i = 0; i < 17; i++)
        EXPECT_EQ(fixture_part(&f, i)->slot, i);
    EXPECT_OK(fixture_drop(&f, 3));
    fixture_settle(&f);
    EXPECT_EQ(f.store->free_slot_count, 1);
    fixture_add(&f, 17);
    fixture_fill(&f, 17, 1, 500);
    fixture_checkpoint(&f);
    EXPECT_EQ(fixture_part(&f, 17)->slot, 3); /* free ones first */
    EXPECT_EQ(f.store->slot_next, 17);
    fixture_again(&f, SIM_POWER);
    EXPECT_EQ(f.store->slot_count, 48);
    EXPECT_EQ(f.store->slot_next, 17);
    EXPECT_EQ(f.store->free_slot_count, 0);
    fixture_close(&f);
}

TEST(capture, many_slots_grow_by_half)
{
    static const uint32_t rows[][2] = {
        { 63, 95 }, { 64, 96 }, { 65, 97 }, { 66, 99 }, { 90, 135 }
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        fixture_open(&f, 1121 + i);
        fixture_add(&f, 0);
        fixture_fill(&f, 0, 1, 500);
        f.bent = true; /* the pairs before it belong to nobody */
        f.store->slot_count = f.store->slot_next = rows[i][0];
        fixture_checkpoint(&f);
        EXPECT_EQ(f.store->slot_count, rows[i][1]);
        EXPECT_EQ(f.store->slot_next, rows[i][0] + 1);
        EXPECT_EQ(tails_bytes(&f), slot_place(rows[i][1], 0));
        fixture_close(&f);
    }
}

TEST(capture, without_space_for_slots_it_asks_once_a_second)
{
    struct fixture f;
    fixture_open(&f, 1126);
    for (uint32_t i = 0; i < 17; i++) {
        fixture_add(&f, i);
        fixture_fill(&f, i, 1, 500);
    }
    fixture_pass(&f, SEC_NS);
    fixture_settle(&f);
    struct store *s = f.store;
    uint64_t generation = s->generation;
    sim_disk_limit(f.node, 1);
    s->want_checkpoint = true;
    for (uint32_t i = 0; i < 10000 && !(s->ckpt && s->ckpt->grow_retry_ns); i++)
        fixture_turn(&f);
    REQUIRE(s->ckpt);
    EXPECT_EQ(s->ckpt->grow_retry_ns, io_now_ns(f.io) + SEC_NS);
    EXPECT_EQ(checkpoint_due_ns(s), s->ckpt->grow_retry_ns);
    EXPECT_EQ(s->ckpt->count, 16);
    EXPECT(s->full && !s->ckpt->growing);
    uint64_t retry_ns = s->ckpt->grow_retry_ns, starts = sim_counts(f.sim).io_starts;
    fixture_pass(&f, retry_ns - io_now_ns(f.io) - MS_NS);
    uint64_t writes = sim_counts(f.sim).io_starts; /* slots of the others may have been left */
    EXPECT(writes - starts < 20);
    fixture_pass(&f, 2 * MS_NS);
    EXPECT_EQ(sim_counts(f.sim).io_starts, writes + 1);
    EXPECT(s->ckpt->grow_retry_ns >= retry_ns + SEC_NS);
    EXPECT_EQ(s->generation, generation);
    sim_disk_limit(f.node, 0);
    fixture_pass(&f, 2 * SEC_NS);
    EXPECT(s->generation > generation);
    EXPECT_EQ(s->slot_count, 48);
    EXPECT(!s->full);
    fixture_close(&f);
}

/* A direct run that no entry has said to be there: nobody waits for it. */
static bool run_unsaid(const struct part *p)
{
    bool unsaid = false;
    list_each (&p->runs, n) {
        const struct run *r = container_of(n, const struct run, node);
        unsaid |= !r->behind && r->pos >= p->tiled_pos;
    }
    return unsaid;
}

TEST(capture, a_run_of_bytes_that_entries_carried_waits_for_its_own_entry)
{
    // Goal: r0110, by hand: the image names no run in flight that no entry has waited for.
    struct fixture f;
    fixture_open_still(&f, 1127);
    struct store *s = f.store;
    struct part *p = fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 60000); /* its extents grow */
    fixture_checkpoint(&f);
    fixture_fill(&f, 0, 10, 3000); /* entries carry them; no block of them is on its way */
    EXPECT(p->named_pos >= p->flight_pos + 28000);
    s->commit.sync_ns = MS_NS;     /* no reason to take care */
    s->opts.direct_flight = 28000; /* of the next batch nothing fits, of these six blocks do */
    struct sent *sent = fixture_send(&f, 0, (struct spec){ .bytes = 20000 });
    s->want_checkpoint = true;
    bool seen = run_unsaid(p) && p->flight_pos <= p->named_pos;
    bool captured = false;
    for (uint32_t i = 0; i < 1000 && !captured; i++) {
        fixture_turn(&f);
        captured = s->ckpt && s->ckpt->captured && bits_get(s->ckpt->captured, p->number);
        EXPECT(!captured || !run_unsaid(p));
    }
    EXPECT(seen);
    EXPECT(captured);
    EXPECT(fixture_until(&f, &sent->done));
    fixture_checkpoint(&f);
    fixture_again(&f, SIM_POWER);
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}
