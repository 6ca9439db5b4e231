/* batch_sample.c -- random batches for tests. */
#include "tests/unit/base/batch_sample.h"

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLE_TIME 1700000000000

uint8_t *bytes_copy(const void *at, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    check(copy);
    if (len)
        memcpy(copy, at, len);
    return copy;
}

void batch_reseal(uint8_t *batch, size_t len)
{
    be32_put(batch + 17, crc32c(0, batch + BATCH_CRC_FROM, len - BATCH_CRC_FROM));
}

/* A view of up to `max` bytes of noise, empty and null included. */
static struct bytes sample_blob(const struct sample *s, struct rng *r, uint64_t max)
{
    if (rng_chance(r, 1, 8))
        return (struct bytes){ NULL, 0 };
    uint64_t len = rng_log_uniform(r, max);
    return (struct bytes){ s->noise + rng_below(r, max - len + 1), len };
}

static void sample_headers(struct sample *s, struct rng *r, uint32_t i)
{
    struct batch_header_kv *h = s->headers + (size_t)i * SAMPLE_HEADERS_MAX;

    s->records[i].headers = h;
    s->records[i].header_count =
        rng_chance(r, 1, 2) ? 0 : (uint32_t)rng_below(r, SAMPLE_HEADERS_MAX + 1);
    for (uint32_t k = 0; k < s->records[i].header_count; k++) {
        h[k].key = (struct bytes){ s->noise, rng_log_uniform(r, 20) };
        h[k].value = sample_blob(s, r, 20);
    }
}

static int64_t sample_time(struct rng *r)
{
    int64_t away = (int64_t)rng_log_uniform(r, (uint64_t)1 << 62);
    return rng_chance(r, 1, 3) ? SAMPLE_TIME - away : SAMPLE_TIME + away / 2;
}

static void sample_build(struct sample *s)
{
    struct batch_builder b;
    size_t cap = BATCH_HEADER_BYTES;

    for (uint32_t i = 0; i < s->count; i++)
        cap += batch_record_bytes_max(&s->records[i]);
    uint8_t *space = malloc(cap);
    check(space);
    batch_builder_open(&b, space, cap);
    for (uint32_t i = 0; i < s->count; i++)
        EXPECT_OK(batch_builder_add(&b, &s->records[i]));
    struct bytes built = batch_builder_done(&b);
    EXPECT(built.len <= cap && built.len + 15ull * s->count >= cap);
    s->memory = bytes_copy(built.at, built.len);
    s->batch = (struct bytes){ s->memory, built.len };
    free(space);
}

void sample_open(struct sample *s, struct rng *r, uint32_t count, uint64_t blob_max)
{
    uint64_t noise_bytes = max_u64(blob_max, 32);

    *s = (struct sample){
        .records = calloc(count, sizeof(*s->records)),
        .headers = calloc((size_t)count * SAMPLE_HEADERS_MAX, sizeof(*s->headers)),
        .count = count,
        .noise = malloc(noise_bytes),
    };
    check(s->records && s->headers && s->noise);
    rng_fill(r, s->noise, noise_bytes);
    for (uint32_t i = 0; i < count; i++) {
        s->records[i].time = sample_time(r);
        s->records[i].key = sample_blob(s, r, min_u64(blob_max, 64));
        s->records[i].value = sample_blob(s, r, blob_max);
        sample_headers(s, r, i);
    }
    sample_build(s);
}

void sample_close(struct sample *s)
{
    free(s->records);
    free(s->headers);
    free(s->noise);
    free(s->memory);
    *s = (struct sample){ 0 };
}

int64_t sample_max_time(const struct sample *s)
{
    int64_t max = INT64_MIN;
    for (uint32_t i = 0; i < s->count; i++)
        max = max_i64(max, s->records[i].time);
    return max;
}

static void blob_expect(struct bytes got, struct bytes want)
{
    EXPECT_EQ(got.at == NULL, want.at == NULL);
    if (EXPECT_EQ(got.len, want.len) && want.len)
        EXPECT_BYTES(got.at, want.at, want.len);
}

static void record_expect(const struct batch_record *got, const struct batch_record *want)
{
    struct bytes raw = got->headers_raw;
    uint32_t left = got->header_count, seen = 0;
    struct batch_header_kv h;

    EXPECT_EQ(got->time, want->time);
    blob_expect(got->key, want->key);
    blob_expect(got->value, want->value);
    EXPECT_EQ(got->header_count, want->header_count);
    for (; batch_header_next(&raw, &left, &h) && seen < want->header_count; seen++) {
        blob_expect(h.key, want->headers[seen].key);
        blob_expect(h.value, want->headers[seen].value);
    }
    EXPECT_EQ(seen, want->header_count);
    EXPECT_EQ(raw.len, 0);
}

void sample_expect(const struct sample *s, struct bytes batch, uint64_t base_off)
{
    struct batch_walk w;
    struct batch_record got;
    uint32_t seen = 0;
    enum err err = ERR_OK;

    if (!EXPECT_OK(batch_walk_open(&w, batch)))
        return;
    for (; seen < s->count && batch_walk_next(&w, &got, &err); seen++) {
        EXPECT_EQ(got.off, base_off + seen);
        record_expect(&got, &s->records[seen]);
    }
    EXPECT_EQ(seen, s->count);
    EXPECT(!batch_walk_next(&w, &got, &err));
    EXPECT_OK(err);
}
