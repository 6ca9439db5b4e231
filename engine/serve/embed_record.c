/* embed_record.c -- the embedded front: records in memory, see include/shardlog/record.h. */
#include <shardlog/record.h>

#include "engine/base/batch_public.h"
#include "engine/base/crc32c.h"
#include "engine/base/murmur2.h"

#define ATTRIBUTE_CONTROL 0x20u

uint32_t sl_crc32c(uint32_t seed, const void *at, size_t bytes)
{
    return crc32c(seed, at, bytes);
}

uint32_t sl_key_partition(const void *key, size_t bytes, uint32_t partitions)
{
    return partitions ? murmur2_partition(key, bytes, partitions) : 0;
}

/* ---- reading ---- */

/* sl_records.private_: the walk of the batch that is open, and whether one is. */
struct walking {
    struct batch_walk walk;
    uint64_t open;
};
static_assert(sizeof(struct walking) <= sizeof(((struct sl_records *)0)->private_),
              "the walk fits in the public struct");

void sl_records_open(struct sl_records *it, const void *batches, size_t bytes, uint64_t from)
{
    *it = (struct sl_records){ .at = batches, .left = bytes, .from = from };
}

/* The next batch that may hold what is wanted. False: the end, or *err. */
static bool batch_next(struct sl_records *it, struct walking *w, enum err *err)
{
    struct batch_info info;
    *err = ERR_OK;
    while (it->left) {
        struct bytes b = { it->at, it->left };
        *err = batch_peek(b, &info);
        if (*err != ERR_OK)
            return false;
        b.len = info.bytes;
        it->at += b.len;
        it->left -= b.len;
        if (info.attributes & ATTRIBUTE_CONTROL || info.base_off + info.last_off_delta < it->from)
            continue;
        *err = batch_walk_open(&w->walk, b);
        w->open = *err == ERR_OK;
        return w->open;
    }
    return false;
}

static bool record_next(struct sl_records *it, struct walking *w, struct batch_record *r,
                        enum err *err)
{
    *err = ERR_OK;
    while (w->open || batch_next(it, w, err)) {
        while (batch_walk_next(&w->walk, r, err))
            if (r->off >= it->from)
                return true;
        w->open = 0;
        if (*err != ERR_OK)
            return false;
    }
    return false;
}

bool sl_records_next(struct sl_records *it, struct sl_record_view *out, enum sl_err *err)
{
    struct walking w;
    struct batch_record r;
    enum err e;
    memcpy(&w, it->private_, sizeof(w));
    bool found = record_next(it, &w, &r, &e);
    memcpy(it->private_, &w, sizeof(w));
    *err = (enum sl_err)e;
    if (!found)
        return false;
    *out = (struct sl_record_view){ .offset = r.off,
                                    .time_ms = r.time,
                                    .key = r.key.at,
                                    .key_bytes = r.key.len,
                                    .value = r.value.at,
                                    .value_bytes = r.value.len,
                                    .header_count = r.header_count,
                                    .headers_raw = r.headers_raw.at,
                                    .headers_bytes = r.headers_raw.len };
    return true;
}

void sl_headers_open(struct sl_headers *it, const struct sl_record_view *record)
{
    *it = (struct sl_headers){ .at = record->headers_raw,
                               .left = record->headers_bytes,
                               .remaining = record->header_count };
}

bool sl_headers_next(struct sl_headers *it, struct sl_header *out)
{
    struct bytes raw = { it->at, it->left };
    struct batch_header_kv kv;
    if (!batch_header_next(&raw, &it->remaining, &kv))
        return false;
    it->at = raw.at;
    it->left = raw.len;
    *out = (struct sl_header){ kv.key.at, kv.key.len, kv.value.at, kv.value.len };
    return true;
}

/* ---- building ---- */

size_t sl_batch_bytes_max(const struct sl_record *records, uint32_t count)
{
    size_t sum = BATCH_HEADER_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        struct batch_record r = batch_record_of(&records[i]);
        sum += batch_record_bytes_max(&r);
    }
    return sum;
}

static bool headers_named(const struct sl_record *r)
{
    for (uint32_t i = 0; i < r->header_count; i++)
        if (!r->headers || !r->headers[i].key)
            return false;
    return true;
}

enum sl_err sl_batch_build(void *at, size_t cap, const struct sl_record *records, uint32_t count,
                           size_t *bytes)
{
    struct batch_builder b;
    if (count == 0)
        return SL_ERR_INVALID;
    if (cap < BATCH_HEADER_BYTES)
        return SL_ERR_TOO_LARGE;
    batch_builder_open(&b, at, cap);
    for (uint32_t i = 0; i < count; i++) {
        struct batch_record r = batch_record_of(&records[i]);
        if (!headers_named(&records[i]))
            return SL_ERR_INVALID;
        enum err err = batch_builder_add(&b, &r);
        if (err != ERR_OK)
            return (enum sl_err)err;
    }
    *bytes = batch_builder_done(&b).len;
    return SL_ERR_OK;
}

enum sl_err sl_batch_verify(const void *batch, size_t bytes, uint32_t *offsets)
{
    struct batch_info info;
    int64_t max_time;
    enum err err = batch_verify((struct bytes){ batch, bytes }, &info, &max_time, NULL);
    if (err == ERR_OK && info.bytes != bytes)
        err = ERR_BAD_BATCH;
    if (err == ERR_OK && offsets)
        *offsets = info.last_off_delta + 1;
    return (enum sl_err)err;
}
