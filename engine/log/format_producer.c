/* format_producer.c -- what the log remembers of idempotent producers.
 *
 * Row of kind PRODUCER, beside kind and part:
 *    1  1 batches, 1 or 2     2  2 epoch             8  8 producer id
 *   16  8 base off, 24 8 append time of the first   32  8, 40 8 the same of the second
 *   48  4 count of the first                        52  4 count of the second
 *   56  4 first sequence of the first               60  4 zero
 * Producer in the image's section:
 *    0  8 producer id         8  2 epoch            10  2 batches, 1 to 5
 *   12  4 first sequence of the oldest
 *   16  then for each, oldest first: 8 base off, 8 append time, 4 count
 *
 * The sequences of all batches but the first follow: each begins where the one before it ends.
 */
#include "engine/base/le.h"
#include "engine/log/format.h"

enum {
    AT_COUNT_OF = 1,
    AT_EPOCH = 2,
    AT_ID = 8,
    AT_BATCHES = 16, /* 16 bytes each: base off, append time */
    AT_COUNTS = 48,
    AT_FIRST = 56,
};

static bool batches_valid(int64_t id, int16_t epoch, const struct producer_batch *at, uint32_t n)
{
    if (id < 0 || epoch < 0 || at[0].first < 0)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (at[i].count == 0 || at[i].count > 1u << 31)
            return false;
        if (at[i].base_off > OFF_MAX - at[i].count)
            return false;
        if (i && at[i - 1].base_off + at[i - 1].count > at[i].base_off)
            return false;
    }
    return true;
}

static void sequences_follow(struct producer_batch *at, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        at[i].first = producer_batch_next(&at[i - 1]);
}

static bool sequences_ok(const struct producer_batch *at, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (at[i].first != producer_batch_next(&at[i - 1]))
            return false;
    return true;
}

/* ---- row ---- */

bool producer_row_valid(const struct producer_row *r)
{
    return r->n >= 1 && r->n <= PRODUCER_ROW_BATCHES &&
           batches_valid(r->id, r->epoch, r->batches, r->n);
}

void producer_row_encode(const struct producer_row *r, uint8_t at[ROW_BYTES])
{
    check(sequences_ok(r->batches, r->n));
    at[AT_COUNT_OF] = r->n;
    le16_put(at + AT_EPOCH, (uint16_t)r->epoch);
    le64_put(at + AT_ID, (uint64_t)r->id);
    for (uint32_t i = 0; i < r->n; i++) {
        le64_put(at + AT_BATCHES + 16 * i, r->batches[i].base_off);
        le64_put(at + AT_BATCHES + 16 * i + 8, (uint64_t)r->batches[i].append_ms);
        le32_put(at + AT_COUNTS + 4 * i, r->batches[i].count);
    }
    le32_put(at + AT_FIRST, (uint32_t)r->batches[0].first);
}

void producer_row_decode(const uint8_t at[ROW_BYTES], struct producer_row *out)
{
    *out = (struct producer_row){ .id = (int64_t)le64_get(at + AT_ID),
                                  .epoch = (int16_t)le16_get(at + AT_EPOCH),
                                  .n = at[AT_COUNT_OF] };
    uint32_t n = out->n < PRODUCER_ROW_BATCHES ? out->n : PRODUCER_ROW_BATCHES;
    for (uint32_t i = 0; i < n; i++) {
        out->batches[i].base_off = le64_get(at + AT_BATCHES + 16 * i);
        out->batches[i].append_ms = (int64_t)le64_get(at + AT_BATCHES + 16 * i + 8);
        out->batches[i].count = le32_get(at + AT_COUNTS + 4 * i);
    }
    out->batches[0].first = (int32_t)le32_get(at + AT_FIRST);
    sequences_follow(out->batches, n);
}

/* ---- section ---- */

static bool window_valid(const struct producer_window *w)
{
    return w->n >= 1 && w->n <= PRODUCER_WINDOW && batches_valid(w->id, w->epoch, w->at, w->n);
}

void producer_encode(const struct producer_window *w, uint8_t *at)
{
    check(window_valid(w) && sequences_ok(w->at, w->n));
    le64_put(at, (uint64_t)w->id);
    le16_put(at + 8, (uint16_t)w->epoch);
    le16_put(at + 10, w->n);
    le32_put(at + 12, (uint32_t)w->at[0].first);
    at += 16;
    for (uint32_t i = 0; i < w->n; i++, at += 20) {
        le64_put(at, w->at[i].base_off);
        le64_put(at + 8, (uint64_t)w->at[i].append_ms);
        le32_put(at + 16, w->at[i].count);
    }
}

enum err producer_decode(const uint8_t *at, size_t left, struct producer_window *out)
{
    *out = (struct producer_window){ 0 };
    if (left < 16)
        return ERR_CORRUPT;
    uint32_t n = le16_get(at + 10);
    if (n < 1 || n > PRODUCER_WINDOW || left < 16 + 20 * n)
        return ERR_CORRUPT;
    out->id = (int64_t)le64_get(at);
    out->epoch = (int16_t)le16_get(at + 8);
    out->n = (uint8_t)n;
    out->at[0].first = (int32_t)le32_get(at + 12);
    at += 16;
    for (uint32_t i = 0; i < n; i++, at += 20) {
        out->at[i].base_off = le64_get(at);
        out->at[i].append_ms = (int64_t)le64_get(at + 8);
        out->at[i].count = le32_get(at + 16);
    }
    sequences_follow(out->at, n);
    return window_valid(out) ? ERR_OK : ERR_CORRUPT;
}
