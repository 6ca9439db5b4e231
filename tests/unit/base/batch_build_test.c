/* batch_build_test.c -- what is built is accepted and says the same again; what does not fit leaves
 * no trace. */
#include "engine/base/batch.h"
#include "engine/base/le.h"
#include "tests/test.h"
#include "tests/unit/base/batch_sample.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLES 400

TEST(batch_build, round_trips_random_records)
{
    // Goal: build, verify and walk are inverse. Method: random records of 0 B to 1 MiB.
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < SAMPLES; i++) {
        struct sample s;
        struct batch_info info;
        int64_t max_time;
        struct why why = { "" };
        uint32_t count = 1 + (uint32_t)rng_log_uniform(&r, 300);
        sample_open(&s, &r, count, rng_log_uniform(&r, MIB(1) / count));
        if (!EXPECT_OK(batch_verify(s.batch, &info, &max_time, &why)))
            EXPECT_STR(why.text, "");
        EXPECT_EQ(info.record_count, count);
        EXPECT_EQ(info.bytes, s.batch.len);
        EXPECT_EQ(max_time, sample_max_time(&s));
        EXPECT_EQ(max_time, info.header_max_time);
        EXPECT(batch_crc_ok(s.batch));
        sample_expect(&s, s.batch, 0);
        sample_close(&s);
    }
}

TEST(batch_build, carries_a_record_of_a_mebibyte)
{
    struct rng r;
    struct sample s;
    struct batch_info info;
    int64_t max_time;

    rng_seed(&r, 2);
    do {
        sample_open(&s, &r, 1, MIB(1));
        if (s.records[0].value.len > MIB(1) / 2)
            break;
        sample_close(&s);
    } while (true);
    EXPECT_OK(batch_verify(s.batch, &info, &max_time, NULL));
    sample_expect(&s, s.batch, 0);
    sample_close(&s);
}

TEST(batch_build, stamps_outside_the_crc)
{
    struct rng r;
    struct sample s;
    struct batch_info info;
    int64_t max_time;

    rng_seed(&r, 3);
    sample_open(&s, &r, 5, 100);
    batch_stamp(s.memory, 0x123456789abcdef, 42);
    EXPECT_OK(batch_verify(s.batch, &info, &max_time, NULL));
    EXPECT_EQ(info.base_off, 0x123456789abcdef);
    EXPECT_EQ(info.leader_epoch, 42);
    sample_expect(&s, s.batch, 0x123456789abcdef);
    sample_close(&s);
}

TEST(batch_build, refuses_what_does_not_fit)
{
    // Goal: a record that does not fit changes nothing. Method: every capacity around the need;
    // the same batch afterwards.
    struct batch_record r = { .time = 5, .value = { (const uint8_t *)"0123456789", 10 } };
    struct batch_builder b;
    const size_t need = 1 + 1 + 1 + 1 + 1 + 1 + 10 + 1; /* length ... header count */

    for (size_t spare = 0; spare <= need; spare++) {
        size_t cap = BATCH_HEADER_BYTES + need + spare;
        uint8_t *at = malloc(cap);
        batch_builder_open(&b, at, cap);
        REQUIRE_OK(batch_builder_add(&b, &r));
        EXPECT_EQ(b.len, BATCH_HEADER_BYTES + need);
        EXPECT_ERR(batch_builder_add(&b, &r), spare == need ? ERR_OK : ERR_TOO_LARGE);
        EXPECT_EQ(b.count, spare == need ? 2 : 1);
        EXPECT_EQ(batch_builder_done(&b).len, BATCH_HEADER_BYTES + need * b.count);
        EXPECT(batch_crc_ok((struct bytes){ at, b.len }));
        free(at);
    }
}

TEST(batch_build, refuses_impossible_records)
{
    uint8_t at[256];
    struct batch_builder b;
    struct batch_header_kv nameless = { { NULL, 0 }, { at, 1 } };
    struct batch_record first = { .time = INT64_MIN }, late = { .time = 0 };
    struct batch_record bad = { .headers = &nameless, .header_count = 1 };
    struct batch_record huge = { .value = { at, (size_t)INT32_MAX + 1 } };

    batch_builder_open(&b, at, sizeof(at));
    EXPECT_ERR(batch_builder_add(&b, &bad), ERR_INVALID);
    EXPECT_ERR(batch_builder_add(&b, &huge), ERR_TOO_LARGE);
    huge.value.len = INT32_MAX;
    EXPECT_ERR(batch_builder_add(&b, &huge), ERR_TOO_LARGE);
    EXPECT(batch_record_bytes_max(&huge) > INT32_MAX);
    huge.value.len = SIZE_MAX;
    EXPECT_EQ(batch_record_bytes_max(&huge), SIZE_MAX);
    EXPECT_OK(batch_builder_add(&b, &first));
    EXPECT_ERR(batch_builder_add(&b, &late), ERR_INVALID);
    EXPECT_EQ(b.count, 1);
    EXPECT_EQ(b.len, BATCH_HEADER_BYTES + 7);
}

TEST(batch_build, continues_after_done)
{
    // Goal: done() is a view of the moment. Method: add, done, add, done.
    uint8_t at[256];
    struct batch_builder b;
    struct batch_info info;
    int64_t max_time;
    struct batch_record r = { .time = 1 };

    batch_builder_open(&b, at, sizeof(at));
    for (uint32_t n = 1; n <= 3; n++, r.time += 10) {
        REQUIRE_OK(batch_builder_add(&b, &r));
        EXPECT_OK(batch_verify(batch_builder_done(&b), &info, &max_time, NULL));
        EXPECT_EQ(info.record_count, n);
        EXPECT_EQ(max_time, r.time);
        EXPECT_EQ(info.base_time, 1);
    }
}
