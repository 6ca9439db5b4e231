/* Memory of reads that came back behind the stores' part of a turn, as a front gives it, woke
 * nobody until something else happened on that shard: nothing was due. Goal: a turn is due while
 * somebody waits for what came back. Method: two reads, memory for one, and it is given back
 * between turns. */
#include "tests/unit/log/fixture.h"

static void read_done(struct read *r)
{
    *(bool *)r->arg = true;
}

TEST(r0154, memory_of_reads_comes_late)
{
    struct fixture f;
    struct read_budget budget;
    bool done[2] = { false, false };
    struct read r[2];
    read_budget_open(&budget, KIB(10));
    fixture_init(&f, 154);
    fixture_boot(&f);
    f.opts.reads = &budget;
    REQUIRE_OK(fixture_create(&f));
    REQUIRE_OK(fixture_start(&f));
    REQUIRE(fixture_add(&f, 0));
    fixture_fill(&f, 0, 1, 3000);
    for (uint32_t i = 0; i < 2; i++) {
        r[i] =
            (struct read){ .done = read_done, .arg = &done[i], .bytes_max = KIB(8), .client = i };
        part_read(fixture_part(&f, 0), &r[i]);
    }
    EXPECT(fixture_until(&f, &done[0]));
    fixture_settle(&f);
    fixture_pass(&f, SEC_NS);
    EXPECT(!done[1]);
    EXPECT(store_due_ns(f.store) > io_now_ns(f.io));
    read_give(&r[0]);
    EXPECT(store_due_ns(f.store) <= io_now_ns(f.io));
    store_turn(f.store);
    store_turn(f.store);
    EXPECT(done[1]);
    read_give(&r[1]);
    EXPECT_EQ(budget.used, 0);
    fixture_close(&f);
    read_budget_close(&budget);
}
