/* batch_golden_test.c -- batches that another implementation wrote, see golden/batches.py. */
#include "engine/base/batch.h"
#include "tests/test.h"
#include "tests/unit/base/batch_sample.h"
#include "tests/unit/base/golden/batches.h"

#include <stdlib.h>
#include <string.h>

#define T       1700000000000
#define TEXT(s) { (const uint8_t *)(s), sizeof(s) - 1 }

static const struct batch_header_kv golden_headers[] = {
    { TEXT("empty"), TEXT("") },
    { TEXT("null"), { NULL, 0 } },
    { TEXT("file"), TEXT("/etc/motd") },
    { TEXT(""), TEXT("\x00\xff") },
};
static const struct batch_header_kv golden_same[] = {
    { TEXT("same"), TEXT("1") },
    { TEXT("same"), TEXT("2") },
};
static uint8_t golden_key[256], golden_value[1000]; /* golden_open() fills them */

static struct batch_record golden_records[] = {
    { .time = T, .key = TEXT("key"), .value = TEXT("value") },
    { .time = T - 5000, .value = TEXT("no key, and older than the first") },
    { .time = T + 86400000, .key = TEXT("no value") },
    { .time = T + 1,
      .key = TEXT(""),
      .value = TEXT(""),
      .headers = golden_headers,
      .header_count = 4 },
    { .time = T - (1ll << 40), .key = { golden_key, 256 }, .value = { golden_value, 1000 } },
    { .time = 0,
      .key = TEXT("Gr\xc3\xbc\xc3\x9f"
                  "e"),
      .value = TEXT("time zero"),
      .headers = golden_same,
      .header_count = 2 },
};
#define GOLDEN_COUNT    6u
#define GOLDEN_MAX_TIME (T + 86400000)

static struct sample golden_open(void)
{
    for (unsigned i = 0; i < sizeof(golden_key); i++)
        golden_key[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof(golden_value); i++)
        golden_value[i] = (uint8_t)(i * 7 % 251);
    return (struct sample){ .records = golden_records, .count = GOLDEN_COUNT };
}

static void golden_verify(const void *at, size_t len, struct batch_info *info)
{
    int64_t max_time = 0;
    struct why why = { "" };
    uint8_t *batch = bytes_copy(at, len);

    EXPECT_OK(batch_verify((struct bytes){ batch, len }, info, &max_time, &why));
    EXPECT_STR(why.text, "");
    EXPECT_EQ(info->bytes, len);
    EXPECT_EQ(info->record_count, GOLDEN_COUNT);
    EXPECT_EQ(info->last_off_delta, GOLDEN_COUNT - 1);
    EXPECT_EQ(info->base_time, T);
    EXPECT_EQ(info->header_max_time, GOLDEN_MAX_TIME);
    EXPECT_EQ(max_time, GOLDEN_MAX_TIME);
    free(batch);
}

TEST(batch_golden, reads_what_another_wrote)
{
    struct sample s = golden_open();
    struct batch_info info;
    struct bytes b = { golden_plain, sizeof(golden_plain) };

    golden_verify(golden_plain, sizeof(golden_plain), &info);
    EXPECT_EQ(info.attributes, 0);
    EXPECT_EQ(info.producer_id, BATCH_NO_PRODUCER);
    sample_expect(&s, b, 0);
}

TEST(batch_golden, reads_producer_and_transaction)
{
    struct sample s = golden_open();
    struct batch_info info;
    struct bytes b = { golden_producer, sizeof(golden_producer) };

    golden_verify(golden_producer, sizeof(golden_producer), &info);
    EXPECT_EQ(info.attributes, 0x10);
    EXPECT_EQ(info.producer_id, 4242424242);
    EXPECT_EQ(info.producer_epoch, 7);
    EXPECT_EQ(info.base_sequence, 2000000000);
    sample_expect(&s, b, 0);
}

TEST(batch_golden, writes_the_same_bytes)
{
    // Goal: our builder and the other one agree to the byte. Method: the same records; the leader
    // epoch, which a producer does not know, is stamped alike.
    struct sample s = golden_open();
    uint8_t at[4096];
    struct batch_builder b;

    batch_builder_open(&b, at, sizeof(at));
    for (uint32_t i = 0; i < s.count; i++)
        REQUIRE_OK(batch_builder_add(&b, &s.records[i]));
    struct bytes built = batch_builder_done(&b);
    batch_stamp(at, 0, 0);
    EXPECT_EQ(built.len, sizeof(golden_plain));
    EXPECT_BYTES(built.at, golden_plain, sizeof(golden_plain));
}

static void golden_compressed(const void *at, size_t len, unsigned codec)
{
    struct batch_info info;
    struct batch_walk w;

    golden_verify(at, len, &info);
    EXPECT_EQ(info.attributes, codec);
    EXPECT_ERR(batch_walk_open(&w, (struct bytes){ at, len }), ERR_UNSUPPORTED);
}

TEST(batch_golden, accepts_every_codec_unread)
{
    golden_compressed(golden_gzip, sizeof(golden_gzip), 1);
    golden_compressed(golden_snappy, sizeof(golden_snappy), 2);
    golden_compressed(golden_lz4, sizeof(golden_lz4), 3);
    golden_compressed(golden_zstd, sizeof(golden_zstd), 4);
}
