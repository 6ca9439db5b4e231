/* Goal: every read is answered once, from a turn and never inside the call, and what an answer
 * begins waits for the next one. Method: reads whose answer is there at once. */
#include "tests/unit/log/fixture.h"

TEST(answer, to_a_read_after_the_stop_is_closed)
{
    struct fixture f;
    bool stopped = false;
    struct store_stop stop = { .done = fixture_stopped, .arg = &stopped };
    struct got g;
    fixture_open(&f, 18);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 3, 1000);
    store_stop(f.store, &stop);
    EXPECT(fixture_until(&f, &stopped));
    fixture_read(&f, &g, 0, 0, 1 << 20);
    EXPECT_ERR(g.r.err, ERR_CLOSED);
    EXPECT_EQ(g.r.batches.len, 0);
    fixture_close(&f);
}

struct chain { /* reads of which each is begun by the answer to the one before */
    struct read r;
    struct part *p;
    uint32_t answers, left;
};

static void chain_go_on(struct read *r)
{
    struct chain *c = container_of(r, struct chain, r);
    c->answers++;
    if (c->left) {
        c->left--;
        *r = (struct read){ .done = chain_go_on, .off = r->off, .bytes_max = 100 };
        part_read(c->p, r);
    }
}

TEST(answer, begins_what_is_answered_later)
{
    struct fixture f;
    fixture_open_still(&f, 19);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 1000);
    struct chain c = { .p = fixture_part(&f, 0), .left = 20 };
    c.r = (struct read){ .done = chain_go_on, .off = 1000, .bytes_max = 100 };
    part_read(c.p, &c.r); /* no such offset: the answer is there at once */
    for (uint32_t turns = 1; c.left; turns++) {
        store_turn(f.store);
        EXPECT(c.answers <= 2 * turns); /* a turn answers twice */
        EXPECT(turns <= 21);
    }
    fixture_settle(&f);
    EXPECT_EQ(c.answers, 21);
    EXPECT_ERR(c.r.err, ERR_OFFSET_RANGE);
    fixture_close(&f);
}
