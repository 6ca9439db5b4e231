/* unpack_records.c -- the records of a batch, taken apart byte by byte as they come.
 *
 *   LENGTH ATTRIBUTES TIME OFFSET KEY VALUE HEADERS (HEADER_KEY HEADER_VALUE)* --> LENGTH
 *
 * Numbers are zigzag base 128. What is checked is what batch_verify() checks where records are not
 * compressed: each is as long as it says, offset deltas count from 0, times fit 64 bits. */
#include "net/kafka/unpack_in.h"

bool unpack_bad(struct unpack *u, const char *what)
{
    if (u->err == ERR_OK) {
        why_set(&u->why, "compressed records: %s", what);
        u->err = ERR_BAD_BATCH;
    }
    return false;
}

void records_open(struct records *r, struct unpack *u, const struct batch_info *info)
{
    *r = (struct records){ .u = u, .info = *info };
    u->err = ERR_OK;
    u->bytes = 0;
    u->max_time = INT64_MIN;
    u->min_time = INT64_MAX;
    u->found = false;
}

static bool append_timed(const struct records *r)
{
    return r->info.attributes & 0x08;
}

static bool record_end(struct records *r)
{
    struct unpack *u = r->u;
    uint64_t off = r->info.base_off + r->count;
    if (r->left)
        return unpack_bad(u, "a record is longer than what is in it");
    u->max_time = max_i64(u->max_time, r->time);
    u->min_time = r->time < u->min_time ? r->time : u->min_time;
    if (!u->found && r->time >= u->find_ms && off >= u->find_off) {
        u->found = true;
        u->found_off = off;
        u->found_ms = r->time;
    }
    r->count++;
    r->part = RECORD_LENGTH;
    return true;
}

static int64_t signed_of(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

/* Length of a key, a value: -1 is null. */
static bool blob_begin(struct records *r, bool null_fits, enum record_part next)
{
    int64_t len = signed_of(r->number);
    if (len < (null_fits ? -1 : 0) || len > (int64_t)r->left)
        return unpack_bad(r->u, "a key or a value has an impossible length");
    r->skip = len > 0 ? (uint64_t)len : 0;
    r->left -= r->skip;
    r->part = next;
    return true;
}

static bool time_take(struct records *r)
{
    if (append_timed(r))
        r->time = r->info.header_max_time;
    else if (__builtin_add_overflow(r->info.base_time, signed_of(r->number), &r->time))
        return unpack_bad(r->u, "a timestamp is out of range");
    r->part = RECORD_OFFSET;
    return true;
}

static bool headers_begin(struct records *r)
{
    int64_t count = signed_of(r->number);
    if (count < 0 || count > (int64_t)r->left)
        return unpack_bad(r->u, "a record's number of headers is impossible");
    r->headers = (uint32_t)count;
    r->part = RECORD_HEADER_KEY;
    return r->headers || record_end(r);
}

static bool length_take(struct records *r)
{
    int64_t len = signed_of(r->number);
    if (len < 1)
        return unpack_bad(r->u, "a record's length is impossible");
    if (r->count == r->info.record_count)
        return unpack_bad(r->u, "there are more than the header says");
    r->left = (uint64_t)len;
    r->part = RECORD_ATTRIBUTES;
    return true;
}

/* A varint is whole. */
static bool number_take(struct records *r)
{
    switch (r->part) {
    case RECORD_LENGTH:
        return length_take(r);
    case RECORD_TIME:
        return time_take(r);
    case RECORD_OFFSET:
        r->part = RECORD_KEY;
        return signed_of(r->number) == r->count ||
               unpack_bad(r->u, "an offset delta is not the record's number");
    case RECORD_KEY:
        return blob_begin(r, true, RECORD_VALUE);
    case RECORD_VALUE:
        return blob_begin(r, true, RECORD_HEADERS);
    case RECORD_HEADERS:
        return headers_begin(r);
    case RECORD_HEADER_KEY:
        return blob_begin(r, false, RECORD_HEADER_VALUE);
    default: /* RECORD_HEADER_VALUE; the last one's bytes end the record */
        r->headers--;
        return blob_begin(r, true, RECORD_HEADER_KEY) && (r->headers || r->skip || record_end(r));
    }
}

static bool byte_take(struct records *r, uint8_t byte)
{
    uint32_t width = r->part == RECORD_TIME ? 64 : 32;
    if (r->part != RECORD_LENGTH && r->left-- == 0)
        return unpack_bad(r->u, "a record is shorter than what is in it");
    if (r->part == RECORD_ATTRIBUTES) {
        r->part = RECORD_TIME;
        return true;
    }
    if (r->shift >= width || (r->shift + 7 > width && (byte & 0x7fu) >> (width - r->shift)))
        return unpack_bad(r->u, "a number is too long");
    r->number |= (uint64_t)(byte & 0x7fu) << r->shift;
    r->shift += 7;
    if (byte & 0x80)
        return true;
    bool fine = number_take(r);
    r->number = r->shift = 0;
    return fine;
}

/* Bytes of a key or a value are over. */
static bool skip_end(struct records *r)
{
    bool last = r->part == RECORD_HEADER_KEY && !r->headers;
    return !last || record_end(r);
}

bool records_feed(struct records *r, const uint8_t *at, size_t len)
{
    const uint8_t *end = at + len;
    r->u->bytes += len;
    while (at < end) {
        if (r->skip) {
            uint64_t n = min_u64(r->skip, (uint64_t)(end - at));
            at += n;
            r->skip -= n;
            if (!r->skip && !skip_end(r))
                return false;
        } else if (!byte_take(r, *at++)) {
            return false;
        }
    }
    return true;
}

void records_end(struct records *r)
{
    if (r->u->err == ERR_OK && (r->part != RECORD_LENGTH || r->shift))
        unpack_bad(r->u, "the last one is cut off");
    else if (r->u->err == ERR_OK && r->count != r->info.record_count)
        unpack_bad(r->u, "there are fewer than the header says");
}
