/* unpack_test.c -- how much of compressed batches a shard looks into in one turn. */
#include <lz4frame.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static enum err near_err(struct unpack_desk *d, struct bytes batch, bool *near)
{
    struct unpack u = { .batch = batch, .find_ms = INT64_MAX };
    *near = unpack_near(d, &u);
    return u.err;
}

/* How many turns' worth of the same batch are done at once; 1000 at most. */
static uint32_t near_count(struct bytes batch)
{
    struct unpack_desk d = { 0 };
    uint32_t count = 0;
    bool near = true;
    while (near && count < 1000) {
        enum err err = near_err(&d, batch, &near);
        count += near && EXPECT_OK(err);
    }
    EXPECT(d.in <= UNPACK_TURN_SUM && d.out <= UNPACK_TURN_SUM);
    unpacker_close(&d.with);
    return count;
}

TEST(unpack, a_turn_has_its_measure)
{
    /* Goal: the batches of a turn are bounded together, by what comes out of them and by what goes
     * in, whatever each of them is. */
    for (int codec = 1; codec <= 4; codec++) {
        EXPECT_EQ(near_count(guest_packed(40, 1000, 0, codec, false)), 5);
        EXPECT_EQ(near_count(guest_packed(70, 1000, 0, codec, false)), 0);
        EXPECT_EQ(near_count(guest_packed(1, 10, 0, codec, false)), 1000);
    }
    EXPECT_EQ(near_count(guest_batch(100, 1000, 0)), 1000); /* not compressed: batch_verify()'s */
}

/* Members of nothing behind a gzip stream: bytes that go in, and none comes out. */
TEST(unpack, what_gives_nothing_costs_too)
{
    static uint8_t at[KIB(64)];
    static const uint8_t empty[20] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3 };
    struct bytes batch = guest_packed(1, 10, 0, 1, false);
    size_t len = batch.len;
    memcpy(at, batch.at, len);
    for (; len + sizeof(empty) <= KIB(60); len += sizeof(empty))
        memcpy(at + len, empty, sizeof(empty));
    batch = (struct bytes){ at, len };
    batch_mend(batch);
    EXPECT_EQ(near_count(batch), 4);
}

TEST(unpack, lz4_blocks_are_small_in_a_turn)
{
    /* Goal: lz4 unpacks a block whole before it gives a piece of it, so a frame that may have large
     * ones is for the helper, though little comes out. */
    static uint8_t at[KIB(4)];
    struct unpack_desk d = { 0 };
    struct bytes plain = guest_batch(1, 100, 0);
    LZ4F_preferences_t large = { .frameInfo.blockSizeID = LZ4F_max4MB, .autoFlush = 1 };
    bool near;
    struct bytes small = guest_packed(1, 100, 0, 3, false);
    EXPECT_OK(near_err(&d, small, &near));
    EXPECT(near);
    memcpy(at, small.at, BATCH_HEADER_BYTES);
    LZ4F_cctx *c;
    check(!LZ4F_isError(LZ4F_createCompressionContext(&c, LZ4F_VERSION)));
    size_t len = BATCH_HEADER_BYTES;
    len += LZ4F_compressBegin(c, at + len, sizeof(at) - len, &large);
    len += LZ4F_compressUpdate(c, at + len, sizeof(at) - len, plain.at + BATCH_HEADER_BYTES,
                               plain.len - BATCH_HEADER_BYTES, NULL);
    len += LZ4F_compressEnd(c, at + len, sizeof(at) - len, NULL);
    LZ4F_freeCompressionContext(c);
    struct bytes batch = { at, len };
    batch_mend(batch);
    (void)near_err(&d, batch, &near);
    EXPECT(!near);
    struct unpack u = { .batch = batch, .bytes_max = UNPACK_BYTES_MAX, .find_ms = INT64_MAX };
    unpack_run(&d.with, &u);
    EXPECT_OK(u.err);
    unpacker_close(&d.with);
}

TEST(unpack, ends_for_who_has_gone)
{
    /* Goal: nothing is unpacked for a connection that has ended meanwhile. */
    atomic_bool gone = true;
    struct unpacker *with = NULL;
    for (int codec = 1; codec <= 4; codec++) {
        struct unpack u = { .batch = guest_packed(1000, 1000, 0, codec, codec == 2),
                            .bytes_max = UNPACK_BYTES_MAX,
                            .find_ms = INT64_MAX,
                            .gone = &gone };
        unpack_run(&with, &u);
        EXPECT_ERR(u.err, ERR_CLOSED);
        EXPECT_EQ(u.bytes, 0);
    }
    unpacker_close(&with);
}
