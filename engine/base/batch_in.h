/* batch_in.h -- takes one record apart; shared by batch.c, which judges, and batch_walk.c, which
 * delivers.
 *
 * Everything here trusts nothing: a cursor never passes its end, a length is compared with the
 * bytes that are left before it is used, and a record must be exactly as long as it says.
 *
 * Varints are zigzag base-128, least significant group first, at most 5 bytes for 32 bits and 10
 * for 64; bits beyond the width are refused, padding groups are not (Kafka takes them too).
 */
#ifndef BASE_BATCH_IN_H
#define BASE_BATCH_IN_H

#include "engine/base/batch.h"
#include "engine/base/le.h"

enum {
    BATCH_AT_BASE_OFF = 0,
    BATCH_AT_LENGTH = 8,
    BATCH_AT_LEADER_EPOCH = 12,
    BATCH_AT_MAGIC = 16,
    BATCH_AT_CRC = 17,
    BATCH_AT_ATTRIBUTES = 21,
    BATCH_AT_LAST_OFF_DELTA = 23,
    BATCH_AT_BASE_TIME = 27,
    BATCH_AT_MAX_TIME = 35,
    BATCH_AT_PRODUCER_ID = 43,
    BATCH_AT_PRODUCER_EPOCH = 51,
    BATCH_AT_BASE_SEQUENCE = 53,
    BATCH_AT_RECORD_COUNT = 57,
};
static_assert(BATCH_AT_RECORD_COUNT + 4 == BATCH_HEADER_BYTES, "the header ends with its count");
static_assert(BATCH_AT_ATTRIBUTES == BATCH_CRC_FROM, "the CRC covers all that follows it");

#define BATCH_MAGIC            2
#define BATCH_LENGTH_FROM      12u /* first byte that the length counts */
#define BATCH_ATTR_CODEC       0x07u
#define BATCH_ATTR_APPEND_TIME 0x08u /* every record has the header's maximum time */
#define BATCH_CODEC_MAX        4u    /* none, gzip, snappy, lz4, zstd */

struct cursor {
    const uint8_t *at, *end;
};

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* A number and where it ended; `end` is NULL when there was none. Two registers: nothing in the hot
 * path has its address taken, which halves the time of a walk. */
struct varint {
    const uint8_t *end;
    uint64_t value;
};

/* A varint of at most `width` bits at `at`, of any length; rare, so out of the way. */
struct varint varint_long(const uint8_t *at, const uint8_t *end, unsigned width)
    __attribute__((cold));

/* One and two bytes are nearly all there are: one load decides. A last lone byte is a record's
 * header count. */
static inline bool cursor_varint(struct cursor *c, unsigned width, uint64_t *out)
{
    const uint8_t *p = c->at;
    size_t left = cursor_left(c);
    uint32_t pair = left >= 2 ? le16_get(p) : left == 1 ? 0x8000u | *p : 0x8080;

    if (__builtin_expect(!(pair & 0x80), 1)) {
        *out = pair & 0x7f;
        c->at = p + 1;
        return true;
    }
    if (__builtin_expect(!(pair & 0x8000), 1)) {
        *out = (pair & 0x7f) | (pair >> 1 & 0x3f80);
        c->at = p + 2;
        return true;
    }
    struct varint v = varint_long(p, c->end, width);
    if (!v.end)
        return false;
    *out = v.value;
    c->at = v.end;
    return true;
}

static inline int64_t zigzag_signed(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

/* A signed 32-bit number. */
static inline bool cursor_int(struct cursor *c, int32_t *out)
{
    uint64_t v;
    if (!cursor_varint(c, 32, &v))
        return false;
    *out = (int32_t)zigzag_signed(v);
    return true;
}

/* A signed 64-bit number. */
static inline bool cursor_long(struct cursor *c, int64_t *out)
{
    uint64_t v;
    if (!cursor_varint(c, 64, &v))
        return false;
    *out = zigzag_signed(v);
    return true;
}

/* A count: 0 and up, which zigzag makes even. */
static inline bool cursor_count(struct cursor *c, uint32_t *out)
{
    uint64_t v;
    if (!cursor_varint(c, 32, &v) || v & 1)
        return false;
    *out = (uint32_t)(v >> 1);
    return true;
}

/* Length and bytes; `out->at` is NULL when the length is -1, which zigzag makes 1. */
static inline bool cursor_bytes(struct cursor *c, struct bytes *out)
{
    uint64_t v;
    if (!cursor_varint(c, 32, &v))
        return false;
    *out = (struct bytes){ NULL, 0 };
    if (v & 1)
        return v == 1;
    size_t len = (size_t)(v >> 1);
    if (len > cursor_left(c))
        return false;
    *out = (struct bytes){ c->at, len };
    c->at += len;
    return true;
}

static inline bool cursor_header(struct cursor *c, struct batch_header_kv *out)
{
    return cursor_bytes(c, &out->key) && out->key.at && cursor_bytes(c, &out->value);
}

/* A record as it is written: relative to its batch. */
struct record_view {
    int32_t off_delta;
    int64_t time_delta;
    struct bytes key, value, headers;
    uint32_t header_count;
};

static inline const char *record_headers_take(struct cursor *c, struct record_view *out)
{
    struct batch_header_kv header;

    if (!cursor_count(c, &out->header_count))
        return "header count";
    out->headers = (struct bytes){ c->at, cursor_left(c) };
    for (uint32_t i = 0; i < out->header_count; i++)
        if (!cursor_header(c, &header))
            return "header";
    return NULL;
}

/* Takes one record off `c`. NULL when it is well-formed, else the name of the bad field, and `c`
 * and `out` mean nothing. */
static inline const char *record_take(struct cursor *c, struct record_view *out)
{
    uint32_t len;
    if (!cursor_count(c, &len) || len < 1 || len > cursor_left(c))
        return "length";

    struct cursor body = { c->at + 1, c->at + len }; /* the attributes have no bit in use */
    c->at = body.end;
    if (!cursor_long(&body, &out->time_delta))
        return "timestamp delta";
    if (!cursor_int(&body, &out->off_delta))
        return "offset delta";
    if (!cursor_bytes(&body, &out->key))
        return "key";
    if (!cursor_bytes(&body, &out->value))
        return "value";
    const char *bad = record_headers_take(&body, out);
    if (!bad && body.at != body.end)
        bad = "length: bytes follow the last header";
    return bad;
}

/* The record's time in ms: where the broker stamps the time of appending, that of the header.
 * False when the sum does not fit. */
static inline bool record_time(const struct record_view *r, int64_t base_time, bool append_time,
                               int64_t *out)
{
    if (append_time) {
        *out = base_time;
        return true;
    }
    return !__builtin_add_overflow(base_time, r->time_delta, out);
}

#endif
