/* Goal: the tail holds exactly the newest bytes, within its budget, and gives them back by content.
 * Method: a store and a partition made by hand, without any I/O; bytes are a function of pos. */
#include "tests/unit/log/fixture.h"

#include <stdlib.h>

#include "engine/base/crc32c.h"

struct bench {
    struct store s;
    struct part p, q;
};

static void part_init(struct part *p, struct store *s)
{
    *p = (struct part){ .store = s };
    list_init(&p->chunks);
}

static void bench_open(struct bench *b, uint64_t budget)
{
    *b = (struct bench){ .s.opts.tail_bytes = budget };
    list_init(&b->s.clean);
    for (uint32_t i = 0; i < CHUNK_ORDERS; i++)
        list_init(&b->s.chunk_pool[i]);
    list_init(&b->s.chunks_lent);
    check(arena_open(&b->s.arena, budget) == ERR_OK);
    part_init(&b->p, &b->s);
    part_init(&b->q, &b->s);
}

static void bench_close(struct bench *b)
{
    tail_drop(&b->p);
    tail_drop(&b->q);
    EXPECT_EQ(b->s.tail_used, 0);
    EXPECT(list_empty(&b->s.clean));
    tail_pool_close(&b->s);
}

static uint8_t byte_at(uint64_t pos)
{
    return (uint8_t)(pos * 131 + (pos >> 8) * 7 + 1);
}

static void put(struct part *p, uint64_t len)
{
    uint8_t *bytes = malloc(len);
    for (uint64_t i = 0; i < len; i++)
        bytes[i] = byte_at(p->head_pos + i);
    EXPECT(tail_room(p, len));
    tail_put(p, bytes, len, NULL);
    free(bytes);
}

static bool holds(const struct part *p, uint64_t pos, uint64_t len)
{
    uint8_t *bytes = malloc(len + 1);
    bytes[len] = 0xa5;
    bool same = tail_copy(p, pos, bytes, len) && bytes[len] == 0xa5;
    for (uint64_t i = 0; same && i < len; i++)
        same = bytes[i] == byte_at(pos + i);
    free(bytes);
    return same;
}

static uint32_t chunk_caps(const struct part *p, uint32_t *caps, uint32_t max)
{
    uint32_t n = 0;
    for (struct node *c = p->chunks.head.next; c != &p->chunks.head && n < max; c = c->next)
        caps[n++] = container_of(c, struct chunk, node)->cap;
    return n;
}

TEST(tail, gives_back_what_was_put_across_chunks)
{
    // Goal: every byte, at every alignment of put and copy. Method: puts of odd lengths, copies of
    // all kinds of ranges.
    struct bench b;
    bench_open(&b, MIB(4));
    for (uint64_t len = 1; len < 9000; len = len * 2 + 1)
        put(&b.p, len);
    uint64_t head = b.p.head_pos;
    EXPECT(holds(&b.p, 0, head));
    for (uint64_t pos = 0; pos < head; pos += 97)
        EXPECT(holds(&b.p, pos, min_u64(head - pos, 5000)));
    EXPECT(!holds(&b.p, 0, head + 1));
    EXPECT(holds(&b.p, head, 0));
    bench_close(&b);
}

TEST(tail, checksums_of_whole_blocks_are_known_without_reading_them)
{
    // Goal: a run's checksum equals that of its bytes, however they came in. Method: small and
    // large puts, pads, and bytes put in place by hand.
    struct bench b;
    bench_open(&b, MIB(4));
    for (uint32_t i = 0; i < 200; i++)
        put(&b.p, 1 + i * 37 % 9000);
    tail_pad(&b.p);
    put(&b.p, 100);
    tail_pad(&b.p);
    for (uint64_t pos = 0; pos < b.p.head_pos; pos += BLOCK_BYTES) {
        uint8_t *at;
        uint64_t len = block_floor(tail_find(&b.p, pos, &at));
        for (uint64_t n = BLOCK_BYTES; n <= len; n *= 2)
            EXPECT_EQ(tail_crc(&b.p, 7, pos, n), crc32c(7, at, n));
    }
    uint8_t *at;
    EXPECT(tail_find(&b.p, 3 * BLOCK_BYTES, &at) > 0);
    at[5] ^= 1;
    tail_sum(&b.p, 3 * BLOCK_BYTES);
    EXPECT_EQ(tail_crc(&b.p, 0, 3 * BLOCK_BYTES, BLOCK_BYTES), crc32c(0, at, BLOCK_BYTES));
    bench_close(&b);
}

TEST(tail, chunks_double_and_fit_what_is_needed)
{
    struct bench b;
    uint32_t caps[16];
    bench_open(&b, MIB(4));
    for (uint32_t i = 0; i < 75; i++)
        put(&b.p, 3000); /* 225,000 bytes: 4, 8, 16, 32, 64 and 128 KiB */
    EXPECT_EQ(chunk_caps(&b.p, caps, 16), 6);
    for (uint32_t i = 0; i < 6; i++)
        EXPECT_EQ(caps[i], 4096u << i);
    put(&b.q, 100);
    put(&b.q, 200000); /* needs 196,004 beyond the first 4 KiB */
    EXPECT_EQ(chunk_caps(&b.q, caps, 16), 2);
    EXPECT_EQ(caps[0], 4096);
    EXPECT_EQ(caps[1], 262144);
    EXPECT_EQ(b.s.tail_used, 63 * 4096 + 4096 + 262144);
    EXPECT(holds(&b.q, 0, 200100));
    bench_close(&b);
}

TEST(tail, a_batch_larger_than_a_chunk_takes_several)
{
    struct bench b;
    uint32_t caps[16];
    bench_open(&b, MIB(4));
    put(&b.p, MIB(1) + 1);
    EXPECT_EQ(chunk_caps(&b.p, caps, 16), 5);
    for (uint32_t i = 0; i < 4; i++)
        EXPECT_EQ(caps[i], 262144);
    EXPECT_EQ(caps[4], 262144); /* one byte: the size that follows, not twice the last one */
    EXPECT(holds(&b.p, 0, MIB(1) + 1));
    bench_close(&b);
}

TEST(tail, find_says_how_much_is_contiguous)
{
    struct bench b;
    uint8_t *at;
    bench_open(&b, MIB(4));
    put(&b.p, 4096);
    put(&b.p, 100); /* a second chunk of 8 KiB */
    EXPECT_EQ(tail_find(&b.p, 0, &at), 4096);
    EXPECT_EQ(tail_find(&b.p, 4095, &at), 1);
    EXPECT_EQ(*at, byte_at(4095));
    EXPECT_EQ(tail_find(&b.p, 4096, &at), 100); /* up to the head, not to the chunk's end */
    EXPECT_EQ(*at, byte_at(4096));
    EXPECT_EQ(tail_find(&b.p, 4195, &at), 1);
    EXPECT_EQ(tail_find(&b.p, 4196, &at), 0);
    EXPECT_EQ(tail_find(&b.p, 9000, &at), 0);
    bench_close(&b);
}

TEST(tail, pad_goes_to_the_next_block_with_zeros)
{
    struct bench b;
    uint8_t block[BLOCK_BYTES];
    bench_open(&b, MIB(1));
    EXPECT(tail_room(&b.p, BLOCK_BYTES));
    memset(container_of(b.p.chunks.head.next, struct chunk, node)->at, 0x77, BLOCK_BYTES);
    put(&b.p, 1000);
    tail_pad(&b.p);
    EXPECT_EQ(b.p.head_pos, BLOCK_BYTES);
    EXPECT(holds(&b.p, 0, 1000));
    EXPECT(tail_copy(&b.p, 1000, block, BLOCK_BYTES - 1000));
    for (uint32_t i = 0; i < BLOCK_BYTES - 1000; i++)
        EXPECT_EQ(block[i], 0);
    tail_pad(&b.p); /* at a block's start: nothing */
    EXPECT_EQ(b.p.head_pos, BLOCK_BYTES);
    bench_close(&b);
}

TEST(tail, clean_chunks_are_those_wholly_on_disk)
{
    struct bench b;
    bench_open(&b, MIB(1));
    for (uint32_t i = 0; i < 7; i++)
        put(&b.p, 4096);   /* 4 KiB, 8 KiB, 16 KiB, full */
    b.p.named_pos = 28672; /* on disk and named: both are asked */
    b.p.disk_pos = 4095;
    tail_clean(&b.p);
    EXPECT(list_empty(&b.s.clean));
    b.p.disk_pos = b.p.named_pos = 12288;
    tail_clean(&b.p);
    tail_clean(&b.p); /* again is fine */
    uint32_t n = 0;
    list_each (&b.s.clean, node)
        EXPECT_EQ(container_of(node, struct chunk, clean)->pos, n++ * 4096);
    EXPECT_EQ(n, 2);
    EXPECT_EQ(tail_floor(&b.p), 0); /* clean is not gone */
    EXPECT(holds(&b.p, 0, 28672));
    bench_close(&b);
}

TEST(tail, the_budget_evicts_the_oldest_clean_chunks_only)
{
    // Goal: room is made from bytes that are on disk, and from no others. Method: a budget of
    // 28 KiB, full.
    struct bench b;
    bench_open(&b, 28672);
    for (uint32_t i = 0; i < 7; i++)
        put(&b.p, 4096);
    EXPECT_EQ(b.s.tail_used, 28672);
    EXPECT(!tail_room(&b.q, 1));
    EXPECT(!tail_room(&b.p, 1));
    EXPECT_EQ(b.s.tail_used, 28672);
    b.p.disk_pos = b.p.named_pos = 4096;
    tail_clean(&b.p);
    EXPECT(tail_room(&b.q, 4096));
    EXPECT_EQ(b.s.tail_used, 28672);
    EXPECT_EQ(tail_floor(&b.p), 4096);
    EXPECT(!holds(&b.p, 4095, 1));
    EXPECT(holds(&b.p, 4096, 24576));
    EXPECT(!tail_room(&b.q, 4097));
    b.p.disk_pos = b.p.named_pos = 28672;
    tail_clean(&b.p);
    EXPECT(tail_room(&b.q, 4097)); /* an 8 KiB chunk for one 8 KiB chunk */
    EXPECT_EQ(tail_floor(&b.p), 12288);
    bench_close(&b);
}

TEST(tail, an_empty_tail_begins_at_its_head)
{
    struct bench b;
    bench_open(&b, MIB(1));
    b.p.head_pos = 81920;
    EXPECT_EQ(tail_floor(&b.p), 81920);
    put(&b.p, 10);
    EXPECT_EQ(tail_floor(&b.p), 81920);
    EXPECT(holds(&b.p, 81920, 10));
    uint8_t *at;
    EXPECT_EQ(tail_find(&b.p, 81919, &at), 0);
    tail_drop(&b.p);
    EXPECT_EQ(tail_floor(&b.p), 81930);
    bench_close(&b);
}

TEST(tail, room_takes_the_head_chunk_back_from_the_clean_ones)
{
    // Goal: the chunk that is written next cannot be evicted meanwhile. Method: it is clean, room
    // is asked for within it, then another partition needs all the memory there is.
    struct bench b;
    bench_open(&b, 12288);
    put(&b.p, 4096);
    put(&b.p, 4096); /* the second chunk has 8 KiB */
    b.p.disk_pos = b.p.named_pos = 12288;
    tail_clean(&b.p);
    EXPECT(tail_room(&b.p, 4096));
    EXPECT(tail_room(&b.q, 4096)); /* takes the first chunk's place */
    EXPECT(!tail_room(&b.q, 4097));
    EXPECT(holds(&b.p, 4096, 4096));
    bench_close(&b);
}

TEST(tail, room_that_is_refused_leaves_the_chunk_evictable)
{
    // Goal: two partitions that both need more memory than there is do not block each other for
    // ever. Method: both hold one clean chunk, each asks in turn.
    struct bench b;
    bench_open(&b, 8192);
    put(&b.p, 4096);
    put(&b.q, 4096);
    b.p.disk_pos = b.q.disk_pos = 4096;
    b.p.named_pos = b.q.named_pos = 4096;
    tail_clean(&b.p);
    tail_clean(&b.q);
    EXPECT(!tail_room(&b.p, 8192)); /* even with q's chunk gone: its own is kept meanwhile */
    EXPECT(tail_room(&b.q, 8192));
    EXPECT(list_empty(&b.p.chunks));
    bench_close(&b);
}

TEST(tail, reserve_goes_beyond_the_budget_and_zeroes)
{
    struct bench b;
    uint8_t byte;
    bench_open(&b, 4096);
    b.p.head_pos = 50000;
    EXPECT_OK(tail_reserve(&b.p, 45000, 5000));
    EXPECT_EQ(b.p.head_pos, 50000);
    EXPECT_EQ(tail_floor(&b.p), 40960);
    EXPECT_EQ(b.s.tail_used, 16384);
    for (uint64_t pos = 40960; pos < 50000; pos++)
        EXPECT(tail_copy(&b.p, pos, &byte, 1) && byte == 0);
    bench_close(&b);
}

TEST(tail, a_clean_chunk_makes_way_when_the_arena_is_in_pieces)
{
    // Goal: memory within the budget comes from the arena, up to its last byte. Method: one grain
    // of 256 KiB, full; two blocks that are no neighbours come free, two together are wanted.
    static const uint32_t blocks[] = { 1, 1, 1, 1, 4, 8, 16, 32 };
    struct bench b;
    struct part parts[8];
    bench_open(&b, KIB(256));
    for (uint32_t i = 0; i < 8; i++) {
        part_init(&parts[i], &b.s);
        put(&parts[i], blocks[i] * BLOCK_BYTES);
    }
    EXPECT_EQ(b.s.tail_used, KIB(256));
    tail_drop(&parts[0]);
    tail_drop(&parts[2]);
    parts[7].disk_pos = parts[7].named_pos = parts[7].head_pos;
    tail_clean(&parts[7]);
    put(&b.p, 2 * BLOCK_BYTES);
    const struct chunk *c = container_of(b.p.chunks.head.next, struct chunk, node);
    EXPECT(arena_owns(&b.s.arena, c->at));
    EXPECT(list_empty(&parts[7].chunks));
    EXPECT_EQ(b.s.tail_used, KIB(128));
    for (uint32_t i = 0; i < 8; i++)
        tail_drop(&parts[i]);
    bench_close(&b);
}

/* The size of the chunk behind one of 128 KiB, with `more` bytes beside it in use of 1 MiB, put
 * there `step` by `step`. */
static uint32_t chunk_behind(uint64_t more, uint64_t step, bool clean)
{
    struct bench b;
    uint32_t caps[2] = { 0, 0 };
    bench_open(&b, MIB(1));
    put(&b.p, KIB(128));
    for (uint64_t len = 0; more; more -= len) {
        len = min_u64(more, step);
        put(&b.q, len);
    }
    if (clean) {
        b.q.named_pos = b.q.disk_pos = b.q.head_pos;
        tail_clean(&b.q);
    }
    put(&b.p, 1);
    EXPECT_EQ(chunk_caps(&b.p, caps, 2), 2);
    EXPECT_EQ(caps[0], KIB(128));
    bench_close(&b);
    return caps[1];
}

TEST(tail, chunks_stay_small_while_memory_is_short)
{
    // Goal: beyond a quarter of the budget, unless something could be evicted. Method: chunks of q
    // double from 4 KiB on: 4 and 8 and 16 and 32 and 64 make 124.
    EXPECT_EQ(chunk_behind(0, 1, false), KIB(256));
    EXPECT_EQ(chunk_behind(KIB(124), KIB(4), false), KIB(256));   /* 252 KiB */
    EXPECT_EQ(chunk_behind(KIB(128), KIB(4), false), KIB(64));    /* and 128 more */
    EXPECT_EQ(chunk_behind(KIB(128), KIB(128), false), KIB(256)); /* a quarter, in all */
    EXPECT_EQ(chunk_behind(KIB(128), KIB(4), true), KIB(256));
}

TEST(tail, who_waits_behind_another_keeps_nothing_for_what_is_to_come)
{
    // Goal: one of those that wait gets all that comes free. Method: q finds less than it wants
    // while p waits, and while nobody does.
    struct bench b;
    bench_open(&b, MIB(1));
    put(&b.q, KIB(64));
    uint64_t used = b.s.tail_used;
    list_init(&b.s.parked);
    list_push(&b.s.parked, &b.p.parked_node);
    EXPECT(!tail_room(&b.q, MIB(1)));
    EXPECT_EQ(b.s.tail_used, used);
    EXPECT(!tail_room(&b.p, MIB(1)));
    EXPECT(b.s.tail_used > used);
    tail_drop(&b.p);
    node_unlink(&b.p.parked_node);
    EXPECT(!tail_room(&b.q, MIB(1)));
    EXPECT(b.s.tail_used > used);
    EXPECT(holds(&b.q, 0, KIB(64)));
    bench_close(&b);
}

/* How much of 1 MiB an ordinary partition gets. */
static uint64_t share_of_others(struct bench *b, bool metadata)
{
    bench_open(b, MIB(1));
    b->s.spare.wanted = metadata;
    b->q.topic.b[0] = 1;
    while (tail_room(&b->q, KIB(64)))
        put(&b->q, KIB(64));
    return b->s.tail_used;
}

TEST(tail, metadata_has_a_share_that_nobody_else_takes)
{
    // Goal: beside a store's metadata 128 KiB are left for it, no more and no less.
    struct bench b;
    EXPECT_EQ(share_of_others(&b, false), MIB(1));
    bench_close(&b);
    EXPECT_EQ(share_of_others(&b, true), MIB(1) - KIB(128));
    for (int i = 0; i < 2; i++)
        put(&b.p, KIB(64));
    EXPECT_EQ(b.s.tail_used, MIB(1));
    EXPECT(!tail_room(&b.p, KIB(4)));
    bench_close(&b);
}
