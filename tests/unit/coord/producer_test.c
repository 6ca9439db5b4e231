/* producer_test.c -- new, again, too early, too late. */
#include "engine/coord/producer.h"

#include "tests/test.h"

static struct producers ps;

static enum producer_verdict claim(int64_t id, int16_t epoch, int32_t sequence, uint32_t count,
                                   uint64_t *base_off)
{
    struct producer_claim c = { id, epoch, sequence, count };
    struct producer_batch b = { 0 };
    enum producer_verdict v = producer_claim(&ps, &c, &b);
    if (base_off)
        *base_off = b.base_off;
    return v;
}

static void settle(int64_t id, int16_t epoch, int32_t sequence, uint32_t count, bool ok,
                   uint64_t base_off)
{
    struct producer_claim c = { id, epoch, sequence, count };
    producer_settle(&ps, &c, ok, base_off, 0);
}

static void append(int64_t id, int16_t epoch, int32_t sequence, uint32_t count, uint64_t base_off)
{
    EXPECT_EQ(claim(id, epoch, sequence, count, NULL), PRODUCER_NEW);
    settle(id, epoch, sequence, count, true, base_off);
}

TEST(producer, the_last_five_are_known)
{
    /* Goal: a resend of any of the last five says where it is; older ones are not guessed. */
    uint64_t off;
    producers_open(&ps);
    for (int32_t i = 0; i < 7; i++)
        append(1, 0, 10 * i, 10, 100 + (uint64_t)i);
    for (int32_t i = 2; i < 7; i++) {
        EXPECT_EQ(claim(1, 0, 10 * i, 10, &off), PRODUCER_DUPLICATE);
        EXPECT_EQ(off, 100 + i);
    }
    EXPECT_EQ(claim(1, 0, 10, 10, NULL), PRODUCER_SEQUENCE);
    EXPECT_EQ(claim(1, 0, 60, 9, NULL), PRODUCER_SEQUENCE);
    EXPECT_EQ(claim(1, 0, 71, 10, NULL), PRODUCER_SEQUENCE);
    append(1, 0, 70, 1, 0);
    producers_close(&ps);
}

TEST(producer, pending_is_neither_new_nor_done)
{
    /* Goal: a resend while the append is under way is not appended and not acknowledged. */
    producers_open(&ps);
    EXPECT_EQ(claim(1, 0, 0, 5, NULL), PRODUCER_NEW);
    EXPECT_EQ(claim(1, 0, 0, 5, NULL), PRODUCER_PENDING);
    settle(1, 0, 0, 5, true, 42);
    EXPECT_EQ(claim(1, 0, 0, 5, NULL), PRODUCER_DUPLICATE);
    producers_close(&ps);
}

TEST(producer, a_failed_batch_may_come_again)
{
    /* Goal: what is not in the log is never called a duplicate. Method: fail the newest one, then
     * one with a successor. */
    producers_open(&ps);
    append(1, 0, 0, 5, 0);
    EXPECT_EQ(claim(1, 0, 5, 5, NULL), PRODUCER_NEW);
    settle(1, 0, 5, 5, false, 0);
    EXPECT_EQ(claim(1, 0, 10, 5, NULL), PRODUCER_SEQUENCE);
    EXPECT_EQ(claim(1, 0, 5, 5, NULL), PRODUCER_NEW);
    EXPECT_EQ(claim(1, 0, 10, 5, NULL), PRODUCER_NEW);
    settle(1, 0, 5, 5, false, 0);
    settle(1, 0, 10, 5, true, 9);
    EXPECT_EQ(claim(1, 0, 5, 5, NULL), PRODUCER_SEQUENCE);
    EXPECT_EQ(claim(1, 0, 10, 5, NULL), PRODUCER_DUPLICATE);
    producers_close(&ps);
}

TEST(producer, epochs_fence)
{
    /* Goal: a newer epoch starts at 0 and shuts the older one out, also late answers of it. */
    producers_open(&ps);
    EXPECT_EQ(claim(1, 3, 7, 1, NULL), PRODUCER_NEW);
    EXPECT_EQ(claim(1, 4, 8, 1, NULL), PRODUCER_SEQUENCE);
    EXPECT_EQ(claim(1, 4, 0, 1, NULL), PRODUCER_NEW);
    settle(1, 3, 7, 1, true, 1);
    EXPECT_EQ(claim(1, 4, 0, 1, NULL), PRODUCER_PENDING);
    EXPECT_EQ(claim(1, 3, 8, 1, NULL), PRODUCER_FENCED);
    producers_close(&ps);
}

TEST(producer, sequences_wrap)
{
    /* Goal: after INT32_MAX comes 0. Method: a batch over the edge, its successor, a resend. */
    uint64_t off;
    producers_open(&ps);
    append(1, 0, INT32_MAX - 1, 4, 50);
    append(1, 0, 2, 1, 54);
    EXPECT_EQ(claim(1, 0, INT32_MAX - 1, 4, &off), PRODUCER_DUPLICATE);
    EXPECT_EQ(off, 50);
    producers_close(&ps);
}

TEST(producer, the_silent_are_forgotten_first)
{
    /* Goal: memory is bounded, and nobody with an append under way is forgotten. Method: fill up,
     * keep number 0 busy and number 1 talking, then as many again. */
    producers_open(&ps);
    EXPECT_EQ(claim(0, 0, 0, 1, NULL), PRODUCER_NEW);
    for (int64_t i = 1; i < (int64_t)PRODUCERS_MAX; i++)
        append(i, 0, 0, 1, (uint64_t)i);
    append(1, 0, 1, 1, 7777);
    for (int64_t i = 0; i < (int64_t)PRODUCERS_MAX - 2; i++)
        append(100000 + i, 0, 0, 1, 0);
    EXPECT(ps.count <= PRODUCERS_MAX);
    EXPECT_EQ(claim(0, 0, 0, 1, NULL), PRODUCER_PENDING);
    EXPECT_EQ(claim(1, 0, 1, 1, NULL), PRODUCER_DUPLICATE);
    EXPECT_EQ(claim(2, 0, 0, 1, NULL), PRODUCER_NEW);
    producers_close(&ps);
}
