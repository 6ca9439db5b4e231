/* Goal: bytes that are lost become gap batches that can be walked, as few as fit, and never a rest
 * too short for one. Method: tails by hand, filled with gaps of every size around the limits. */
#include "engine/log/gap.h"

#include "tests/unit/log/fixture.h"

struct bench {
    struct store s;
    struct part p;
};

static void bench_open(struct bench *b, uint64_t bytes)
{
    *b = (struct bench){ .s.opts.tail_bytes = MIB(2), .p.store = &b->s };
    list_init(&b->s.clean);
    for (uint32_t i = 0; i < CHUNK_ORDERS; i++)
        list_init(&b->s.chunk_pool[i]);
    check(arena_open(&b->s.arena, MIB(2)) == ERR_OK);
    list_init(&b->p.chunks);
    check(tail_reserve(&b->p, 0, bytes) == ERR_OK);
    b->p.head_pos = bytes;
}

static void bench_close(struct bench *b)
{
    tail_drop(&b->p);
    tail_pool_close(&b->s);
}

/* The gap batches of [pos, end); 0 when they do not fill it exactly. */
static uint32_t gaps(const struct part *p, uint64_t pos, uint64_t end, uint64_t off,
                     uint64_t to_off)
{
    uint32_t n = 0;
    while (pos < end) {
        uint8_t head[BATCH_HEADER_BYTES];
        struct batch_info info;
        if (!tail_copy(p, pos, head, sizeof(head)) ||
            batch_peek((struct bytes){ head, UINT32_MAX }, &info) != ERR_OK || !batch_is_gap(&info))
            return 0;
        EXPECT(info.bytes <= GAP_BATCH_MAX);
        EXPECT_EQ(info.base_off, off);
        EXPECT_EQ(info.base_off + info.last_off_delta + 1, to_off > off ? to_off : off + 1);
        pos += info.bytes;
        n++;
    }
    return pos == end ? n : 0;
}

TEST(gap, batches_fill_the_lost_bytes_exactly)
{
    static const struct {
        uint32_t bytes, batches;
    } rows[] = { { BATCH_HEADER_BYTES, 1 },
                 { 4096, 1 },
                 { GAP_BATCH_MAX - 1, 1 },
                 { GAP_BATCH_MAX, 1 },
                 { GAP_BATCH_MAX + 1, 2 },
                 { GAP_BATCH_MAX + BATCH_HEADER_BYTES - 1, 2 },
                 { GAP_BATCH_MAX + BATCH_HEADER_BYTES, 2 },
                 { 2 * GAP_BATCH_MAX, 2 },
                 { 2 * GAP_BATCH_MAX + 1, 3 } };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench b;
        uint64_t end = 100 + rows[i].bytes;
        bench_open(&b, end + 50);
        EXPECT_OK(gap_in_tail(&b.p, 100, end, 7, 12));
        EXPECT_EQ(gaps(&b.p, 100, end, 7, 12), rows[i].batches);
        EXPECT_OK(gap_in_tail(&b.p, 100, end, 7, 7)); /* nobody knows of an offset in it */
        EXPECT_EQ(gaps(&b.p, 100, end, 7, 7), rows[i].batches);
        uint8_t around[50];
        EXPECT(tail_copy(&b.p, end, around, sizeof(around)));
        for (uint32_t n = 0; n < sizeof(around); n++)
            EXPECT_EQ(around[n], 0);
        bench_close(&b);
    }
}

TEST(gap, too_few_bytes_for_a_batch_are_no_gap)
{
    struct bench b;
    bench_open(&b, 4096);
    EXPECT_ERR(gap_in_tail(&b.p, 10, 10 + BATCH_HEADER_BYTES - 1, 0, 1), ERR_CORRUPT);
    EXPECT_OK(gap_in_tail(&b.p, 10, 10 + BATCH_HEADER_BYTES, 0, 1));
    bench_close(&b);
}

TEST(gap, a_partition_is_damaged_from_the_first_loss_on)
{
    struct part p = { 0 };
    gap_damaged(&p, 50);
    EXPECT(p.damaged);
    EXPECT_EQ(p.damaged_off, 50);
    gap_damaged(&p, 60);
    EXPECT_EQ(p.damaged_off, 50);
    gap_damaged(&p, 40);
    EXPECT_EQ(p.damaged_off, 40);
}
