/* Goal: memory for reads is given up to the last byte that a client may have, in turn, and comes
 * back whole. Method: reads without a partition: those that are tried again end at once. */
#include "tests/unit/log/fixture.h"

#define MAX KIB(1024)

struct bench {
    struct read_budget b;
    struct store s;
    struct read r[16];
};

static void bench_open(struct bench *x, uint64_t max)
{
    memset(x, 0, sizeof(*x));
    read_budget_open(&x->b, max);
    x->s.opts.reads = &x->b;
    list_init(&x->s.read_dones);
    for (uint32_t i = 0; i < 16; i++)
        x->r[i].store = &x->s;
}

static bool take(struct bench *x, uint32_t i, uint64_t client, uint64_t bytes)
{
    x->r[i].client = client;
    return budget_take(&x->r[i], bytes);
}

static void give(struct bench *x, uint32_t i)
{
    budget_give(&x->r[i]);
}

static void bench_close(struct bench *x)
{
    for (uint32_t i = 0; i < 16; i++)
        give(x, i);
    EXPECT_EQ(x->b.used, 0);
    EXPECT_EQ(x->b.clients.count, 0); /* nobody holds, nobody waits */
    EXPECT(list_empty(&x->b.ring));
    read_budget_close(&x->b);
}

TEST(budget, without_a_limit_nothing_is_counted)
{
    struct bench x;
    bench_open(&x, 0);
    EXPECT(take(&x, 0, 1, MAX));
    EXPECT(take(&x, 1, 1, UINT64_MAX / 2));
    EXPECT_EQ(x.b.used, 0);
    EXPECT_EQ(x.r[0].charged, 0);
    x.s.opts.reads = NULL;
    EXPECT(take(&x, 2, 1, MAX));
    budget_wake(NULL);
    bench_close(&x);
}

/* After client 1 took `used`, client `client` may have `most` and no byte more. */
static void up_to(uint64_t used, uint64_t client, uint64_t most)
{
    for (uint32_t more = 0; more < 2; more++) {
        struct bench x;
        bench_open(&x, MAX);
        EXPECT(take(&x, 0, 1, used));
        EXPECT_EQ(take(&x, 1, client, most + more), !more);
        EXPECT_EQ(x.b.used, used + (more ? 0 : most));
        EXPECT_EQ(x.r[1].charged, more ? 0 : most);
        EXPECT_EQ(x.r[1].wants, more ? most + 1 : 0);
        give(&x, 0);
        budget_wake(&x.b);
        EXPECT_EQ(list_empty(&x.s.read_dones), !more);
        if (more)
            EXPECT_ERR(x.r[1].err, ERR_NOT_FOUND);
        bench_close(&x);
    }
}

TEST(budget, who_holds_nothing_may_have_all_of_it_in_small_reads)
{
    up_to(MAX - KIB(128), 2, KIB(128));
    up_to(MAX - 1000, 2, 1000);
}

TEST(budget, or_three_quarters_with_a_large_one)
{
    up_to(MAX / 2, 2, MAX / 4);
    up_to(MAX / 4 * 3 - KIB(128), 2, KIB(128)); /* a small one would pass, one byte more is large */
    up_to(KIB(1), 2, MAX / 4 * 3 - KIB(1));
}

TEST(budget, and_half_when_it_holds_some)
{
    up_to(1000, 1, MAX / 2 - 1000);
    up_to(MAX / 2 - 1000, 1, 1000);
}

TEST(budget, the_only_read_may_have_any_size)
{
    struct bench x;
    bench_open(&x, MAX);
    EXPECT(take(&x, 0, 1, 5 * MAX));
    EXPECT_EQ(x.b.used, 5 * MAX);
    EXPECT(!take(&x, 1, 2, 1));
    give(&x, 0);
    EXPECT_EQ(x.b.used, 0);
    budget_wake(&x.b);
    EXPECT_ERR(x.r[1].err, ERR_NOT_FOUND);
    bench_close(&x);
}

/* Which reads ended since the last call, in order, as digits. */
static uint64_t ended(struct bench *x)
{
    uint64_t digits = 0;
    for (struct node *n; (n = list_pop(&x->s.read_dones));)
        digits = digits * 10 + (uint64_t)(container_of(n, struct read, node) - x->r);
    return digits;
}

TEST(budget, clients_take_turns_and_their_own_reads_keep_their_order)
{
    struct bench x;
    bench_open(&x, MAX);
    EXPECT(take(&x, 1, 9, MAX));
    EXPECT(!take(&x, 2, 5, 10));
    EXPECT(!take(&x, 3, 5, 10));
    EXPECT(!take(&x, 4, 6, 10));
    EXPECT(!take(&x, 5, 5, 10));
    EXPECT(!take(&x, 6, 7, 10));
    budget_wake(&x.b); /* nothing was given */
    EXPECT_EQ(ended(&x), 0);
    give(&x, 1);
    budget_wake(&x.b);
    EXPECT_EQ(ended(&x), 24635);
    budget_wake(&x.b);
    EXPECT_EQ(ended(&x), 0);
    bench_close(&x);
}

TEST(budget, who_comes_later_does_not_pass_its_own_older_reads)
{
    struct bench x;
    bench_open(&x, MAX);
    EXPECT(take(&x, 1, 9, MAX / 2));
    EXPECT(!take(&x, 2, 5, MAX / 2)); /* a large one: three quarters */
    EXPECT(!take(&x, 3, 5, 10));      /* there is room, but the older one comes first */
    EXPECT(take(&x, 4, 6, 10));
    give(&x, 1);
    budget_wake(&x.b);
    EXPECT_EQ(ended(&x), 23);
    bench_close(&x);
}

TEST(budget, one_that_does_not_fit_yet_keeps_its_place_while_others_go)
{
    struct bench x;
    bench_open(&x, MAX);
    EXPECT(take(&x, 1, 9, MAX / 8 * 7));
    EXPECT(take(&x, 8, 8, MAX / 8));
    EXPECT(!take(&x, 2, 5, MAX / 4));
    EXPECT(!take(&x, 3, 6, KIB(128) + 1));
    give(&x, 8);
    budget_wake(&x.b); /* an eighth is free, and it is kept from large reads */
    EXPECT_EQ(ended(&x), 0);
    EXPECT(take(&x, 8, 8, 1000)); /* not from a small one */
    give(&x, 1);
    budget_wake(&x.b);
    EXPECT_EQ(ended(&x), 23);
    bench_close(&x);
}

TEST(budget, closes_with_clients_that_still_hold)
{
    struct bench x;
    bench_open(&x, MAX);
    EXPECT(take(&x, 0, 1, 10));
    EXPECT(take(&x, 1, 2, 10));
    EXPECT_EQ(x.b.clients.count, 2);
    read_budget_close(&x.b);
}
