/* content.c -- see content.h. */
#include "tests/sim/content.h"

#include "engine/base/batch_in.h"
#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/base/rng.h"
#include "tests/unit/net_kafka_front/pack.h"

#define POOL_BYTES   (4u << 20) /* more than twice the largest value */
#define SMALL_VALUE  200u       /* bytes of a record that is not the batch's largest, at most */
#define TIME_STEP    7
#define PACKED_MAX   KIB(256) /* bytes of a batch that may be compressed */
#define PACKED_EXTRA 1024u    /* what compression adds at most, beside an eighth */

static uint8_t pool[POOL_BYTES];

static void pool_fill(void)
{
    struct rng rng;
    if (pool[0] | pool[1] | pool[2] | pool[3])
        return;
    rng_seed(&rng, 1);
    rng_fill(&rng, pool, sizeof(pool));
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b << 32 ^ b) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static struct bytes record_value(const struct content *c, uint32_t i)
{
    uint64_t h = mix(c->number + 1, i + 1);
    uint64_t len = i == c->number % c->count ? c->value_bytes : h % (SMALL_VALUE + 1);
    len = min_u64(len, c->value_bytes);
    return (struct bytes){ pool + h % (POOL_BYTES - len), len };
}

static void record_key(const struct content *c, uint32_t i, uint64_t len,
                       uint8_t key[CONTENT_KEY_BYTES])
{
    le64_put(key, c->number);
    le32_put(key + 8, c->part);
    le32_put(key + 12, i);
    le64_put(key + 16, len);
}

uint64_t content_bytes_max(const struct content *c)
{
    uint64_t small = min_u64(c->value_bytes, SMALL_VALUE);
    uint64_t bytes =
        BATCH_HEADER_BYTES + c->value_bytes + (uint64_t)c->count * (small + CONTENT_RECORD_EXTRA);
    return c->codec ? bytes + bytes / 8 + PACKED_EXTRA : bytes;
}

int64_t content_time(const struct content *c, uint32_t i)
{
    return c->time_ms + (int64_t)(mix(c->number, i) % TIME_STEP) * (i > 0);
}

int64_t content_max_time(const struct content *c)
{
    int64_t max = INT64_MIN;
    for (uint32_t i = 0; i < c->count; i++)
        max = max_i64(max, content_time(c, i));
    return max;
}

static struct bytes plain_make(const struct content *c, void *at, uint64_t cap)
{
    struct batch_builder b;
    uint8_t key[CONTENT_KEY_BYTES];
    pool_fill();
    batch_builder_open(&b, at, cap);
    if (c->producer) {
        b.producer_id = c->producer;
        b.producer_epoch = c->producer_epoch;
        b.base_sequence = c->sequence;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        struct bytes value = record_value(c, i);
        record_key(c, i, value.len, key);
        enum err err = batch_builder_add(&b, &(struct batch_record){ .time = content_time(c, i),
                                                                     .key = { key, sizeof(key) },
                                                                     .value = value });
        check(err == ERR_OK);
    }
    return batch_builder_done(&b);
}

struct bytes content_make(const struct content *c, void *at, uint64_t cap)
{
    static uint8_t plain[PACKED_MAX];
    if (!c->codec)
        return plain_make(c, at, cap);
    bool framed = c->number & 1;
    return batch_pack(plain_make(c, plain, sizeof(plain)), c->codec, framed, at, cap);
}

/* ---- looking at what came back ---- */

/* Its records are not compressed; valid until the next call. */
static struct bytes readable(struct bytes batch)
{
    static uint8_t at[PACKED_MAX];
    struct batch_info info;
    if (batch_peek(batch, &info) != ERR_OK || !(info.attributes & PACK_CODEC))
        return batch;
    return batch_unpack(batch, at, sizeof(at));
}

struct bytes content_unstamped(const struct content *c, struct bytes batch, uint32_t sent_crc)
{
    static uint8_t at[PACKED_MAX];
    uint16_t attributes = be16_get(batch.at + BATCH_AT_ATTRIBUTES);
    if (!(attributes & BATCH_ATTR_APPEND_TIME))
        return batch;
    check(batch.len <= sizeof(at));
    if (!batch_crc_ok(batch))
        return (struct bytes){ NULL, 0 };
    memcpy(at, batch.at, batch.len);
    be16_put(at + BATCH_AT_ATTRIBUTES, attributes & (uint16_t)~BATCH_ATTR_APPEND_TIME);
    be64_put(at + BATCH_AT_MAX_TIME, (uint64_t)content_max_time(c));
    be32_put(at + BATCH_AT_CRC, sent_crc);
    return (struct bytes){ at, batch.len };
}

uint64_t content_number(struct bytes batch)
{
    struct batch_walk walk;
    struct batch_record record;
    enum err err;
    batch = readable(batch);
    if (!batch.at || batch_walk_open(&walk, batch) != ERR_OK ||
        !batch_walk_next(&walk, &record, &err) || record.key.len != CONTENT_KEY_BYTES)
        return UINT64_MAX;
    return le64_get(record.key.at);
}

uint64_t content_hash(struct bytes batch)
{
    uint64_t a = 0x243f6a8885a308d3ull, b = 0x13198a2e03707344ull;
    const uint8_t *at = batch.at + 16; /* from the magic on */
    uint64_t left = batch.len - 16;
    for (; left >= 16; at += 16, left -= 16) { /* two chains: twice as fast as one */
        a = (a ^ le64_get(at)) * 0x9e3779b97f4a7c15ull;
        b = (b ^ le64_get(at + 8)) * 0xc2b2ae3d27d4eb4full;
        a ^= a >> 32;
        b ^= b >> 29;
    }
    for (; left; at++, left--)
        a = (a ^ *at) * 0x100000001b3ull;
    return mix(a, b ^ batch.len);
}

bool content_same(const struct content *c, struct bytes batch)
{
    struct batch_walk walk;
    struct batch_record record;
    uint8_t key[CONTENT_KEY_BYTES];
    enum err err;
    uint32_t i = 0;
    batch = readable(batch);
    if (!batch.at || batch_walk_open(&walk, batch) != ERR_OK)
        return false;
    for (; batch_walk_next(&walk, &record, &err); i++) {
        struct bytes value = record_value(c, i);
        record_key(c, i, value.len, key);
        if (i >= c->count || (!walk.append_time && record.time != content_time(c, i)) ||
            record.key.len != sizeof(key) || memcmp(record.key.at, key, sizeof(key)) != 0 ||
            record.value.len != value.len ||
            (value.len && memcmp(record.value.at, value.at, value.len) != 0))
            return false;
    }
    return err == ERR_OK && i == c->count;
}
