/* batch_build.c -- writes a batch, as Kafka's own producer would.
 *
 * Records go behind the space of the header as they are added; done() fills the header in. Lengths
 * are computed before the first byte is written, so a record that does not fit leaves no trace.
 */
#include "engine/base/batch.h"
#include "engine/base/batch_in.h"
#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"

#define BATCH_BYTES_MAX   ((size_t)BATCH_LENGTH_FROM + INT32_MAX) /* the length field's reach */
#define VARINT_BYTES_MAX  5u
#define VARLONG_BYTES_MAX 10u

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static size_t varint_bytes(int64_t v)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(zigzag(v) | 1);
    return (bits + 6) / 7;
}

static uint8_t *varint_put(uint8_t *p, int64_t value)
{
    uint64_t v = zigzag(value);

    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static bool bytes_fit(struct bytes b)
{
    return !b.at || b.len <= INT32_MAX;
}

static uint64_t bytes_size(struct bytes b)
{
    return b.at ? varint_bytes((int64_t)b.len) + b.len : 1;
}

static uint8_t *bytes_put(uint8_t *p, struct bytes b)
{
    if (!b.at)
        return varint_put(p, -1);
    p = varint_put(p, (int64_t)b.len);
    if (b.len)
        memcpy(p, b.at, b.len);
    return p + b.len;
}

/* Every length can be written. So the sums below stay under 2^31 headers times 2^33. */
static bool record_lengths_fit(const struct batch_record *r)
{
    if (!bytes_fit(r->key) || !bytes_fit(r->value) || r->header_count > INT32_MAX)
        return false;
    for (uint32_t i = 0; i < r->header_count; i++)
        if (!bytes_fit(r->headers[i].key) || !bytes_fit(r->headers[i].value))
            return false;
    return true;
}

/* Bytes of attributes, key, value and headers: all of a record that its place does not change. */
static uint64_t record_fixed_bytes(const struct batch_record *r)
{
    uint64_t sum = 1 + bytes_size(r->key) + bytes_size(r->value) + varint_bytes(r->header_count);

    for (uint32_t i = 0; i < r->header_count; i++)
        sum += bytes_size(r->headers[i].key) + bytes_size(r->headers[i].value);
    return sum;
}

static bool record_headers_named(const struct batch_record *r)
{
    for (uint32_t i = 0; i < r->header_count; i++)
        if (!r->headers[i].key.at)
            return false;
    return true;
}

static uint8_t *record_put(uint8_t *p, const struct batch_record *r, uint64_t body,
                           int64_t time_delta, uint32_t off_delta)
{
    p = varint_put(p, (int64_t)body);
    *p++ = 0;
    p = varint_put(p, time_delta);
    p = varint_put(p, off_delta);
    p = bytes_put(p, r->key);
    p = bytes_put(p, r->value);
    p = varint_put(p, r->header_count);
    for (uint32_t i = 0; i < r->header_count; i++) {
        p = bytes_put(p, r->headers[i].key);
        p = bytes_put(p, r->headers[i].value);
    }
    return p;
}

void batch_builder_open(struct batch_builder *b, void *at, size_t cap)
{
    check(cap >= BATCH_HEADER_BYTES);
    *b = (struct batch_builder){
        .at = at,
        .cap = min_u64(cap, BATCH_BYTES_MAX),
        .len = BATCH_HEADER_BYTES,
        .producer_id = BATCH_NO_PRODUCER,
        .producer_epoch = -1,
        .base_sequence = -1,
    };
}

enum err batch_builder_add(struct batch_builder *b, const struct batch_record *r)
{
    int64_t time_delta = 0;

    if (!record_headers_named(r))
        return ERR_INVALID;
    if (b->count && __builtin_sub_overflow(r->time, b->base_time, &time_delta))
        return ERR_INVALID;
    if (b->count == INT32_MAX || !record_lengths_fit(r))
        return ERR_TOO_LARGE;

    uint64_t body = record_fixed_bytes(r) + varint_bytes(time_delta) + varint_bytes(b->count);
    if (body > INT32_MAX || varint_bytes((int64_t)body) + body > b->cap - b->len)
        return ERR_TOO_LARGE;

    uint8_t *end = record_put(b->at + b->len, r, body, time_delta, b->count);
    check(end == b->at + b->len + varint_bytes((int64_t)body) + body);
    b->base_time = b->count ? b->base_time : r->time;
    b->max_time = b->count ? max_i64(b->max_time, r->time) : r->time;
    b->len = (size_t)(end - b->at);
    b->count++;
    return ERR_OK;
}

struct bytes batch_builder_done(struct batch_builder *b)
{
    uint8_t *p = b->at;

    check(b->count >= 1);
    batch_stamp(p, 0, UINT32_MAX); /* leader epoch -1: not known to a producer */
    be32_put(p + BATCH_AT_LENGTH, (uint32_t)(b->len - BATCH_LENGTH_FROM));
    p[BATCH_AT_MAGIC] = BATCH_MAGIC;
    be16_put(p + BATCH_AT_ATTRIBUTES, 0);
    be32_put(p + BATCH_AT_LAST_OFF_DELTA, b->count - 1);
    be64_put(p + BATCH_AT_BASE_TIME, (uint64_t)b->base_time);
    be64_put(p + BATCH_AT_MAX_TIME, (uint64_t)b->max_time);
    be64_put(p + BATCH_AT_PRODUCER_ID, (uint64_t)b->producer_id);
    be16_put(p + BATCH_AT_PRODUCER_EPOCH, (uint16_t)b->producer_epoch);
    be32_put(p + BATCH_AT_BASE_SEQUENCE, (uint32_t)b->base_sequence);
    be32_put(p + BATCH_AT_RECORD_COUNT, b->count);
    be32_put(p + BATCH_AT_CRC, crc32c(0, p + BATCH_CRC_FROM, b->len - BATCH_CRC_FROM));
    return (struct bytes){ p, b->len };
}

size_t batch_record_bytes_max(const struct batch_record *r)
{
    if (!record_lengths_fit(r))
        return SIZE_MAX;
    uint64_t body = record_fixed_bytes(r) + VARLONG_BYTES_MAX + VARINT_BYTES_MAX;
    return varint_bytes((int64_t)body) + body;
}
