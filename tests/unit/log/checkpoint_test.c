/* Goal: a checkpoint begins when half the ring is used, when somebody wants it, or when an idle
 * store has something to put to rest; and never otherwise. Method: the journal's positions moved by
 * hand around each limit. */
#include "tests/unit/log/fixture.h"

/* A sealed store at rest with nothing in the ring. */
static void open_resting(struct fixture *f, uint64_t seed)
{
    fixture_open(f, seed);
    fixture_add(f, 0);
    fixture_fill(f, 0, 2, 500);
    fixture_checkpoint(f);
    fixture_pass(f, SEC_NS);
    fixture_settle(f);
    EXPECT(f->store->sealed && !f->store->want_checkpoint && !f->store->ckpt);
}

static void used_set(struct fixture *f, uint64_t bytes)
{
    f->store->journal.free_pos = f->store->journal.head_pos - bytes;
}

TEST(checkpoint, begins_at_half_the_ring)
{
    struct fixture f;
    open_resting(&f, 930);
    f.bent = true;
    struct store *s = f.store;
    s->journal.head_pos += s->journal.ring;
    s->last_commit_ns = io_now_ns(f.io);
    used_set(&f, s->journal.ring / 2 - BLOCK_BYTES);
    EXPECT(!checkpoint_due(s));
    used_set(&f, s->journal.ring / 2);
    EXPECT(checkpoint_due(s));
    EXPECT_EQ(checkpoint_due_ns(s), io_now_ns(f.io));
    used_set(&f, 0);
    EXPECT(!checkpoint_due(s));
    s->want_checkpoint = true;
    EXPECT(checkpoint_due(s));
    fixture_close(&f);
}

TEST(checkpoint, puts_an_idle_store_to_rest_when_it_is_worth_it)
{
    struct fixture f;
    open_resting(&f, 931);
    f.bent = true;
    struct store *s = f.store;
    uint64_t worth = s->journal.ring / 256, now_ns = io_now_ns(f.io);
    s->journal.head_pos += s->journal.ring;
    s->last_commit_ns = now_ns - 2 * SEC_NS;
    used_set(&f, worth - 1);
    EXPECT(!checkpoint_due(s));
    EXPECT_EQ(checkpoint_due_ns(s), UINT64_MAX);
    used_set(&f, worth);
    EXPECT(checkpoint_due(s));
    s->last_commit_ns = now_ns - 2 * SEC_NS + 1;
    EXPECT(!checkpoint_due(s));
    EXPECT_EQ(checkpoint_due_ns(s), now_ns + 1);
    s->last_commit_ns = now_ns - 2 * SEC_NS;
    s->sealed = false; /* its last entry is not vouched for yet */
    EXPECT(!checkpoint_due(s));
    s->sealed = true;
    list_push(&s->dirty, &fixture_part(&f, 0)->dirty_node); /* not idle */
    EXPECT(!checkpoint_due(s));
    node_unlink(&fixture_part(&f, 0)->dirty_node);
    EXPECT(checkpoint_due(s));
    fixture_close(&f);
}

TEST(checkpoint, wants_whoever_it_has_not_captured)
{
    // Goal: only while it captures, and only those that were there when it began.
    struct fixture f;
    open_resting(&f, 932);
    for (uint32_t i = 1; i < 4; i++)
        fixture_add(&f, i);
    fixture_settle(&f);
    f.bent = true;
    uint64_t captured = 2; /* partition 1 */
    struct checkpoint k = { .state = CKPT_CAPTURE, .parts = 3, .captured = &captured };
    f.store->ckpt = &k;
    for (uint32_t i = 0; i < 4; i++) {
        struct part *p = fixture_part(&f, i);
        bool wanted = i == 0 || i == 2;
        k.state = CKPT_CAPTURE;
        EXPECT_EQ(checkpoint_wants(p), wanted);
        p->direct_end = p->image_head;
        EXPECT(!checkpoint_now_or_never(p));
        p->direct_end = p->image_head + 1;
        EXPECT_EQ(checkpoint_now_or_never(p), wanted);
        for (k.state = CKPT_FLUSH; k.state <= CKPT_IMAGE; k.state++)
            EXPECT(!checkpoint_wants(p));
    }
    f.store->ckpt = NULL;
    EXPECT(!checkpoint_wants(fixture_part(&f, 0)));
    fixture_close(&f);
}

TEST(checkpoint, one_that_has_nothing_new_does_not_begin)
{
    // Goal: an orderly stop of a store that rests writes no image.
    struct fixture f;
    open_resting(&f, 933);
    fixture_checkpoint(&f);
    uint64_t generation = f.store->generation;
    EXPECT_EQ(journal_used(f.store), 0);
    fixture_stop_again(&f);
    EXPECT_EQ(f.store->generation, generation);
    fixture_fill(&f, 0, 1, 500);
    fixture_stop_again(&f);
    EXPECT(f.store->generation > generation);
    fixture_close(&f);
}

/* Whether a checkpoint that captures, with so much in flight, would start more right now. */
static bool goes_on(struct fixture *f, uint64_t run_bytes, uint32_t blocks)
{
    struct checkpoint k = { .state = CKPT_CAPTURE, .run_bytes = run_bytes, .blocks_due = blocks };
    f->store->ckpt = &k;
    uint64_t due_ns = checkpoint_due_ns(f->store);
    f->store->ckpt = NULL;
    EXPECT(due_ns == UINT64_MAX || due_ns == io_now_ns(f->io));
    return due_ns != UINT64_MAX;
}

static void flight_limit(struct fixture *f, uint64_t bytes)
{
    EXPECT(goes_on(f, bytes - 1, 0));
    EXPECT(!goes_on(f, bytes, 0));
    EXPECT(goes_on(f, 0, (uint32_t)(bytes / BLOCK_BYTES) - 1));
    EXPECT(!goes_on(f, 0, (uint32_t)(bytes / BLOCK_BYTES)));
    EXPECT(goes_on(f, bytes - BLOCK_BYTES - 1, 1));
    EXPECT(!goes_on(f, bytes - BLOCK_BYTES, 1));
}

TEST(checkpoint, writes_little_at_a_time_unless_there_is_haste)
{
    struct fixture f;
    open_resting(&f, 934);
    f.bent = true;
    struct store *s = f.store;
    uint64_t now_ns = io_now_ns(f.io);
    struct store_stop stop = { 0 };
    s->journal.head_pos += s->journal.ring;
    used_set(&f, s->journal.ring / 4 * 3 - 1);
    s->last_commit_ns = now_ns - 5 * MS_NS + 1; /* somebody may be disturbed */
    flight_limit(&f, KIB(512));
    s->last_commit_ns = now_ns - 5 * MS_NS; /* nobody */
    flight_limit(&f, MIB(8));
    s->commit.state = COMMIT_WRITE; /* but this one */
    flight_limit(&f, KIB(512));
    used_set(&f, s->journal.ring / 4 * 3); /* the ring waits for it */
    flight_limit(&f, MIB(8));
    used_set(&f, 0);
    flight_limit(&f, KIB(512));
    list_push(&s->parked, &fixture_part(&f, 0)->parked_node);
    flight_limit(&f, MIB(8));
    node_unlink(&fixture_part(&f, 0)->parked_node);
    flight_limit(&f, KIB(512));
    s->stop = &stop;
    flight_limit(&f, MIB(8));
    s->stop = NULL;
    s->commit.state = COMMIT_IDLE;
    fixture_close(&f);
}

TEST(checkpoint, says_when_it_goes_on)
{
    // Goal: at once while it has something to look at; at a time while it waits for space; never
    // while something has to complete.
    struct fixture f;
    open_resting(&f, 935);
    f.bent = true;
    struct store *s = f.store;
    uint64_t now_ns = io_now_ns(f.io);
    struct checkpoint k = { .state = CKPT_CAPTURE };
    s->ckpt = &k;
    EXPECT_EQ(checkpoint_due_ns(s), now_ns);
    k.growing = true;
    EXPECT_EQ(checkpoint_due_ns(s), UINT64_MAX);
    k.growing = false;
    k.stalled = true;
    EXPECT_EQ(checkpoint_due_ns(s), UINT64_MAX);
    k.stalled = false;
    k.grow_retry_ns = now_ns; /* over */
    EXPECT_EQ(checkpoint_due_ns(s), now_ns);
    k.grow_retry_ns = now_ns + 1;
    EXPECT_EQ(checkpoint_due_ns(s), now_ns + 1);
    k.retry_ns = now_ns + 9;
    EXPECT_EQ(checkpoint_due_ns(s), now_ns + 9);
    k.grow_retry_ns = 0;
    EXPECT_EQ(checkpoint_due_ns(s), now_ns + 9);
    k.retry_ns = 0;
    for (k.state = CKPT_FLUSH; k.state <= CKPT_IMAGE; k.state++)
        EXPECT_EQ(checkpoint_due_ns(s), UINT64_MAX);
    s->ckpt = NULL;
    fixture_close(&f);
}

TEST(checkpoint, a_stop_waits_for_what_is_queued)
{
    struct fixture f;
    open_resting(&f, 936);
    f.bent = true;
    struct store *s = f.store;
    struct store_stop stop = { 0 };
    struct node request = { 0 };
    s->last_commit_ns = io_now_ns(f.io);
    used_set(&f, BLOCK_BYTES);
    EXPECT(!checkpoint_due(s));
    s->stop = &stop;
    EXPECT(checkpoint_due(s));
    s->commit.state = COMMIT_SYNC;
    EXPECT(!checkpoint_due(s));
    s->commit.state = COMMIT_IDLE;
    list_push(&s->dirty, &fixture_part(&f, 0)->dirty_node);
    EXPECT(!checkpoint_due(s));
    node_unlink(&fixture_part(&f, 0)->dirty_node);
    list_push(&s->requests, &request);
    EXPECT(!checkpoint_due(s));
    node_unlink(&request);
    EXPECT(checkpoint_due(s));
    s->stop = NULL;
    fixture_close(&f);
}

TEST(checkpoint, waits_for_the_slots_it_asked_for)
{
    // Goal: r0198. Whoever needed the new slots may be gone before the file has them: the
    // checkpoint does not end, and give its memory back, while the file grows.
    struct fixture f;
    open_resting(&f, 936);
    fixture_fill(&f, 0, 3, 500);
    struct store *s = f.store;
    uint64_t generation = s->generation;
    s->want_checkpoint = true;
    for (uint32_t i = 0; i < 1000 && !s->ckpt; i++)
        fixture_turn(&f);
    REQUIRE(s->ckpt && !s->ckpt->growing);
    s->ckpt->growing = true;
    fixture_pass(&f, SEC_NS);
    REQUIRE(s->ckpt);
    EXPECT_EQ(s->ckpt->state, CKPT_FLUSH);
    s->ckpt->growing = false;
    fixture_pass(&f, SEC_NS);
    EXPECT(!s->ckpt && s->generation > generation);
    fixture_close(&f);
}
