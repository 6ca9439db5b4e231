/* A few bytes of snappy could claim that 512 MiB come out of them: they were taken at their word,
 * and where there was not so much memory the broker ended. A good batch of zstd, which may look
 * back 128 MiB, was told to be damaged there, and its producer dropped it. Goal: a claim that
 * cannot be true is damage, and is seen at once; what finds no memory is to be sent again. Method:
 * a crafted block, and batches that need much where the process may have little more than it has.
 */
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "net/kafka/batch_check.h"
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define LITTLE MIB(1)
#define LARGE  MIB(40) /* what comes out of the snappy batch, and less than zstd wants */

static struct rlimit before;
static void **kept; /* one begins with where the one before it is */

/* What earlier tests gave back, and an allocator has not: nothing so large is left of it. */
static void kept_take(void)
{
    for (void **more; (more = malloc(LARGE)); kept = more)
        *more = kept;
}

static void kept_give(void)
{
    while (kept) {
        void **one = kept;
        kept = *one;
        free(one);
    }
}

static void limit_set(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    check(f && fscanf(f, "%llu", &pages) == 1);
    fclose(f);
    check(getrlimit(RLIMIT_AS, &before) == 0);
    struct rlimit now = before;
    now.rlim_cur = pages * (uint64_t)sysconf(_SC_PAGESIZE) + LITTLE;
    check(setrlimit(RLIMIT_AS, &now) == 0);
    kept_take();
}

static void limit_lift(void)
{
    check(setrlimit(RLIMIT_AS, &before) == 0);
    kept_give();
}

/* What a producer is told of it; `near`: it is not for a helper. */
static enum kafka_error checked(struct bytes batch, bool *near)
{
    struct unpack_desk d = { 0 };
    struct batch_check b = {
        .records = batch, .version = 8, .before_max_ms = INT64_MAX, .after_max_ms = INT64_MAX
    };
    *near = batch_check(&b, &d);
    if (!*near) {
        batch_check_far(&b, UNPACK_BYTES_MAX, NULL);
        batch_check_end(&b);
    }
    unpacker_close(&d.with);
    return b.error;
}

static enum kafka_error checked_short(struct bytes batch)
{
    bool near;
    limit_set();
    enum kafka_error error = checked(batch, &near);
    limit_lift();
    EXPECT(!near);
    return error;
}

/* Its header, its records being something else. */
static struct bytes batch_of(struct bytes head, int codec, const uint8_t *records, size_t len)
{
    static uint8_t at[KIB(4)];
    check(BATCH_HEADER_BYTES + len <= sizeof(at));
    memcpy(at, head.at, BATCH_HEADER_BYTES);
    memcpy(at + BATCH_HEADER_BYTES, records, len);
    be16_put(at + 21, (uint16_t)codec);
    struct bytes batch = { at, BATCH_HEADER_BYTES + len };
    batch_mend(batch);
    return batch;
}

TEST(r0226, a_claim_of_snappy)
{
    /* 256 MiB, and a literal of one byte; the same in Java's frame. */
    static const uint8_t block[] = { 0x80, 0x80, 0x80, 0x80, 0x01, 0x00, 'x' };
    static uint8_t framed[20 + sizeof(block)] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };
    struct bytes head = guest_batch(1, 100, 0);
    bool near;
    framed[11] = framed[15] = 1;
    be32_put(framed + 16, sizeof(block));
    memcpy(framed + 20, block, sizeof(block));
    EXPECT_EQ(checked(batch_of(head, PACK_SNAPPY, block, sizeof(block)), &near),
              KAFKA_INVALID_RECORD);
    EXPECT(near);
    EXPECT_EQ(checked(batch_of(head, PACK_SNAPPY, framed, sizeof(framed)), &near),
              KAFKA_INVALID_RECORD);
    EXPECT(near);
}

/* One record of zeros. */
static struct bytes large_batch(uint8_t *at, size_t cap)
{
    uint8_t *value = calloc(1, LARGE);
    struct batch_record r = { .value = { value, LARGE } };
    struct batch_builder b;
    batch_builder_open(&b, at, cap);
    check(value && batch_builder_add(&b, &r) == ERR_OK);
    free(value);
    return batch_builder_done(&b);
}

TEST(r0226, snappy_without_memory)
{
#ifdef SHARDLOG_SANITIZED
    SKIP("a sanitizer ends where there is no memory");
#endif
    bool near;
    size_t cap = 2 * LARGE; /* snappy wants more than it needs */
    uint8_t *plain = malloc(cap), *at = malloc(cap);
    check(plain && at);
    struct bytes batch = batch_pack(large_batch(plain, cap), PACK_SNAPPY, false, at, cap);
    EXPECT_EQ(checked(batch, &near), KAFKA_NONE); /* as much as ever comes out of it */
    EXPECT_EQ(checked_short(batch), KAFKA_REQUEST_TIMED_OUT);
    free(plain);
    free(at);
}

TEST(r0226, zstd_without_memory)
{
#ifdef SHARDLOG_SANITIZED
    SKIP("a sanitizer ends where there is no memory");
#endif
    /* A frame that may look back 128 MiB, and one block that is not compressed. */
    static uint8_t frame[KIB(1)] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3 };
    struct bytes plain = guest_batch(1, 100, 0);
    size_t len = plain.len - BATCH_HEADER_BYTES;
    bool near;
    le16_put(frame + 6, (uint16_t)(len << 3 | 1));
    memcpy(frame + 9, plain.at + BATCH_HEADER_BYTES, len);
    struct bytes batch = batch_of(plain, PACK_ZSTD, frame, 9 + len);
    EXPECT_EQ(checked(batch, &near), KAFKA_NONE);
    EXPECT_EQ(checked_short(batch), KAFKA_REQUEST_TIMED_OUT);
}

TEST(r0226, lz4_without_memory)
{
#ifdef SHARDLOG_SANITIZED
    SKIP("a sanitizer ends where there is no memory");
#endif
    /* Blocks of up to 4 MiB, though there is one of a few bytes. */
    static uint8_t frame[KIB(2)];
    LZ4F_preferences_t large = { .frameInfo.blockSizeID = LZ4F_max4MB };
    struct bytes plain = guest_batch(1, 100, 0);
    LZ4F_cctx *c;
    bool near;
    check(!LZ4F_isError(LZ4F_createCompressionContext(&c, LZ4F_VERSION)));
    size_t len = LZ4F_compressBegin(c, frame, sizeof(frame), &large);
    len += LZ4F_compressUpdate(c, frame + len, sizeof(frame) - len, plain.at + BATCH_HEADER_BYTES,
                               plain.len - BATCH_HEADER_BYTES, NULL);
    len += LZ4F_compressEnd(c, frame + len, sizeof(frame) - len, NULL);
    LZ4F_freeCompressionContext(c);
    struct bytes batch = batch_of(plain, PACK_LZ4, frame, len);
    enum kafka_error error = checked_short(batch); /* or an allocator had kept so much */
    EXPECT(error == KAFKA_REQUEST_TIMED_OUT || error == KAFKA_NONE);
    EXPECT_EQ(checked(batch, &near), KAFKA_NONE);
}
