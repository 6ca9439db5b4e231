/* A stop looked whether a partition was dirty; one whose bytes wait to go out directly is not. They
 * waited for room in a small ring, the last checkpoint made it and left the ring empty, and in that
 * very turn the store said that it was stopped: what was queued had no answer and was gone. Seed
 * 16138 of the swarm. Goal: stopped means that every append that was taken is answered, and kept.
 * Method: the moment is made by hand: the ring is empty, and as much as may be in flight keeps a
 * large batch back. */
#include "tests/unit/log/fixture.h"

TEST(r0205, stop_amid_direct_runs)
{
    struct fixture f;
    bool done = false;
    struct store_stop stop = { .done = fixture_stopped, .arg = &done };
    fixture_open(&f, 205);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 1, 300);
    fixture_checkpoint(&f);
    fixture_settle(&f);
    struct store *s = f.store;
    EXPECT_EQ(journal_used(s), 0);
    s->direct_inflight = s->opts.direct_flight;
    struct sent *sent = fixture_send(&f, 0, (struct spec){ .bytes = 60000 });
    for (uint32_t i = 0; i < 100 && list_empty(&s->direct_wait); i++)
        fixture_turn(&f); /* its tail may have been put to rest */
    EXPECT(!list_empty(&s->direct_wait));
    store_stop(s, &stop);
    for (uint32_t i = 0; i < 50; i++)
        fixture_turn(&f);
    EXPECT(!done);
    s->direct_inflight = 0;
    EXPECT(fixture_until(&f, &done));
    EXPECT_OK(stop.err);
    EXPECT(sent->done);
    fixture_crash(&f, SIM_KILL);
    REQUIRE_OK(fixture_start(&f));
    fixture_verify(&f, 0, 1 << 20);
    fixture_close(&f);
}
