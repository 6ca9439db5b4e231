/* batch.c -- hostile record batches.
 *
 * The input is a batch as a client might send it. It is judged as it is, and again with magic,
 * length and CRC made right, so that the fuzzer reaches the records. What must hold:
 *
 * - nothing reads outside the input (the sanitizer watches an exact block);
 * - a batch that batch_verify() accepts walks cleanly: its count, its offsets, its largest time;
 * - whatever walks can be built again, and what is built walks to the same records: building that
 *   once more gives the same bytes.
 */
#include "engine/base/batch.h"
#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

#define INPUT_MAX ((size_t)1 << 20)

/* Reads every header and every end of a view; a view outside the batch ends the run. */
static uint32_t record_touch(const struct batch_record *r, struct bytes batch)
{
    struct bytes raw = r->headers_raw;
    struct batch_header_kv h;
    uint32_t left = r->header_count, count = 0;

    for (; batch_header_next(&raw, &left, &h); count++)
        check(h.key.at >= batch.at && h.key.at + h.key.len <= batch.at + batch.len);
    check(count == r->header_count && raw.len == 0);
    check(!r->key.at || r->key.at + r->key.len <= batch.at + batch.len);
    check(!r->value.at || r->value.at + r->value.len <= batch.at + batch.len);
    return count;
}

/* How a walk went. */
struct walked {
    enum err err;
    uint32_t records, headers;
    uint64_t first_off, last_off;
    int64_t max_time;
};

static struct walked batch_walk_all(struct bytes batch)
{
    struct walked w = { .max_time = INT64_MIN };
    struct batch_walk walk;
    struct batch_record r;

    w.err = batch_walk_open(&walk, batch);
    if (w.err)
        return w;
    for (; batch_walk_next(&walk, &r, &w.err); w.records++) {
        w.first_off = w.records ? w.first_off : r.off;
        w.last_off = r.off;
        w.max_time = max_i64(w.max_time, r.time);
        w.headers += record_touch(&r, batch);
    }
    return w;
}

/* The headers of `r` as an array; free() it. */
static struct batch_header_kv *record_headers(const struct batch_record *r)
{
    struct batch_header_kv *headers = calloc(r->header_count + 1, sizeof(*headers));
    struct bytes raw = r->headers_raw;
    uint32_t left = r->header_count;

    check(headers);
    for (uint32_t i = 0; i < r->header_count; i++)
        check(batch_header_next(&raw, &left, &headers[i]));
    return headers;
}

/* Builds the records of `batch` again into `space`; an empty view when they have no batch: times
 * too far apart. */
static struct bytes batch_rebuild(struct bytes batch, uint8_t *space, size_t cap)
{
    struct batch_builder b;
    struct batch_walk walk;
    struct batch_record r;
    enum err err, added = ERR_OK;

    batch_builder_open(&b, space, cap);
    check(batch_walk_open(&walk, batch) == ERR_OK);
    while (!added && batch_walk_next(&walk, &r, &err)) {
        struct batch_header_kv *headers = record_headers(&r);
        r.headers = headers;
        check(batch_record_bytes_max(&r) <= 2 * batch.len + 64);
        added = batch_builder_add(&b, &r);
        free(headers);
    }
    check(added == ERR_OK || added == ERR_INVALID);
    return added ? (struct bytes){ NULL, 0 } : batch_builder_done(&b);
}

static void batch_rebuild_check(struct bytes batch, const struct walked *w)
{
    size_t cap = 16 * batch.len; /* a delta of time may grow from one byte to ten */
    uint8_t *once = malloc(cap), *twice = malloc(cap);
    struct batch_info info;
    int64_t max_time;

    check(once && twice);
    struct bytes first = batch_rebuild(batch, once, cap);
    if (first.at) {
        struct walked again = batch_walk_all(first);
        check(again.err == ERR_OK && again.records == w->records);
        check(again.headers == w->headers && again.max_time == w->max_time);
        check(batch_verify(first, &info, &max_time, NULL) == ERR_OK && max_time == w->max_time);
        struct bytes second = batch_rebuild(first, twice, cap);
        check(second.len == first.len && memcmp(second.at, first.at, first.len) == 0);
    }
    free(once);
    free(twice);
}

static void batch_judge(struct bytes batch)
{
    struct batch_info info;
    struct why why = { "" };
    int64_t max_time;
    enum err verified = batch_verify(batch, &info, &max_time, &why);
    struct walked w = batch_walk_all(batch);

    check(verified ? why.text[0] != '\0' : why.text[0] == '\0');
    if (verified)
        return;
    if (w.err == ERR_UNSUPPORTED) {
        check(info.attributes & 7 && max_time == info.header_max_time);
        return;
    }
    check(w.err == ERR_OK && w.records == info.record_count && w.max_time == max_time);
    check(w.first_off == info.base_off && w.last_off == info.base_off + info.last_off_delta);
    batch_rebuild_check((struct bytes){ batch.at, info.bytes }, &w);
}

/* What a client that can count would have sent. */
static void batch_repair(uint8_t *at, size_t len)
{
    at[16] = 2;
    be32_put(at + 8, (uint32_t)(len - 12));
    be32_put(at + 17, crc32c(0, at + BATCH_CRC_FROM, len - BATCH_CRC_FROM));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    if (len > INPUT_MAX)
        return 0;
    uint8_t *exact = malloc(len ? len : 1);
    check(exact);
    if (len)
        memcpy(exact, at, len);
    batch_judge((struct bytes){ exact, len });
    if (len >= BATCH_HEADER_BYTES) {
        batch_repair(exact, len);
        batch_judge((struct bytes){ exact, len });
    }
    free(exact);
    return 0;
}
