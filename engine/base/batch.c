/* batch.c -- reads and judges a batch.
 *
 * - peek: the 61 bytes of the header, and that the batch is all there.
 * - verify: CRC first, while the bytes are hot; then counts; then every record, unless compressed.
 *   The walk costs about 12 ns a record, whatever its size.
 */
#include "engine/base/batch.h"

#include "engine/base/batch_in.h"
#include "engine/base/batch_sums.h"
#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"

#include <inttypes.h>

static void batch_header_read(const uint8_t *p, struct batch_info *out)
{
    *out = (struct batch_info){
        .base_off = be64_get(p + BATCH_AT_BASE_OFF),
        .bytes = BATCH_LENGTH_FROM + be32_get(p + BATCH_AT_LENGTH),
        .leader_epoch = be32_get(p + BATCH_AT_LEADER_EPOCH),
        .crc = be32_get(p + BATCH_AT_CRC),
        .attributes = be16_get(p + BATCH_AT_ATTRIBUTES),
        .last_off_delta = be32_get(p + BATCH_AT_LAST_OFF_DELTA),
        .base_time = (int64_t)be64_get(p + BATCH_AT_BASE_TIME),
        .header_max_time = (int64_t)be64_get(p + BATCH_AT_MAX_TIME),
        .producer_id = (int64_t)be64_get(p + BATCH_AT_PRODUCER_ID),
        .producer_epoch = (int16_t)be16_get(p + BATCH_AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)be32_get(p + BATCH_AT_BASE_SEQUENCE),
        .record_count = be32_get(p + BATCH_AT_RECORD_COUNT),
    };
}

/* NULL when the header can be believed, else what is wrong. `out` is written in any case in which
 * there are 61 bytes. */
static const char *batch_header_take(struct bytes b, struct batch_info *out)
{
    if (b.len < BATCH_HEADER_BYTES)
        return "shorter than a header";
    batch_header_read(b.at, out);
    if (b.at[BATCH_AT_MAGIC] != BATCH_MAGIC)
        return "magic is not 2";
    if (be32_get(b.at + BATCH_AT_LENGTH) > INT32_MAX || out->bytes < BATCH_HEADER_BYTES)
        return "length is impossible";
    if (out->bytes > b.len)
        return "length is beyond the bytes that are there";
    if (out->last_off_delta > INT32_MAX)
        return "last offset delta is negative";
    if (out->record_count > INT32_MAX)
        return "record count is negative";
    return NULL;
}

enum err batch_peek(struct bytes b, struct batch_info *out)
{
    return batch_header_take(b, out) ? ERR_BAD_BATCH : ERR_OK;
}

static uint32_t batch_crc(const uint8_t *batch, uint32_t bytes)
{
    return crc32c(0, batch + BATCH_CRC_FROM, bytes - BATCH_CRC_FROM);
}

bool batch_crc_ok(struct bytes b)
{
    uint32_t bytes = BATCH_LENGTH_FROM + be32_get(b.at + BATCH_AT_LENGTH);

    check(bytes >= BATCH_HEADER_BYTES && bytes <= b.len);
    return batch_crc(b.at, bytes) == be32_get(b.at + BATCH_AT_CRC);
}

void batch_stamp(uint8_t *batch, uint64_t base_off, uint32_t leader_epoch)
{
    be64_put(batch + BATCH_AT_BASE_OFF, base_off);
    be32_put(batch + BATCH_AT_LEADER_EPOCH, leader_epoch);
}

static enum err record_refuse(struct why *why, uint32_t number, const char *field)
{
    why_set(why, "record %" PRIu32 " of the batch: bad %s", number, field);
    return ERR_BAD_BATCH;
}

/* Every record of an uncompressed batch whose header is good. */
static enum err records_verify(struct bytes b, const struct batch_info *info, int64_t *max_time,
                               struct why *why)
{
    bool append_time = info->attributes & BATCH_ATTR_APPEND_TIME;
    int64_t base_time = append_time ? info->header_max_time : info->base_time;
    struct cursor c = { b.at + BATCH_HEADER_BYTES, b.at + info->bytes };
    struct record_view r;
    int64_t time, max = INT64_MIN;

    for (uint32_t i = 0; i < info->record_count; i++) {
        const char *bad = record_take(&c, &r);
        if (bad)
            return record_refuse(why, i, bad);
        if (r.off_delta != (int32_t)i)
            return record_refuse(why, i, "offset delta: not the record's number");
        if (!record_time(&r, base_time, append_time, &time))
            return record_refuse(why, i, "timestamp delta: the sum overflows");
        max = max_i64(max, time);
    }
    if (c.at != c.end) {
        why_set(why, "%zu bytes follow the last record of the batch", cursor_left(&c));
        return ERR_BAD_BATCH;
    }
    *max_time = max;
    return ERR_OK;
}

static enum err counts_verify(const struct batch_info *info, struct why *why)
{
    if (info->producer_id >= 0 && (info->producer_epoch < 0 || info->base_sequence < 0)) {
        why_set(why, "producer %" PRId64 " with epoch %d, base sequence %" PRId32,
                info->producer_id, info->producer_epoch, info->base_sequence);
        return ERR_BAD_BATCH;
    }
    if (info->record_count < 1) {
        why_set(why, "the batch has no records");
        return ERR_BAD_BATCH;
    }
    if (info->last_off_delta != info->record_count - 1) {
        why_set(why, "last offset delta %" PRIu32 " does not fit %" PRIu32 " records",
                info->last_off_delta, info->record_count);
        return ERR_BAD_BATCH;
    }
    if ((info->attributes & BATCH_ATTR_CODEC) > BATCH_CODEC_MAX) {
        why_set(why, "compression %u does not exist", info->attributes & BATCH_ATTR_CODEC);
        return ERR_BAD_BATCH;
    }
    return ERR_OK;
}

enum err batch_verify(struct bytes b, struct batch_info *out, int64_t *true_max_time,
                      struct why *why)
{
    return batch_verify_summed(b, NULL, out, true_max_time, why);
}

enum err batch_verify_summed(struct bytes b, struct batch_sums *sums, struct batch_info *out,
                             int64_t *true_max_time, struct why *why)
{
    const char *bad = batch_header_take(b, out);
    if (bad) {
        why_set(why, "batch header: %s", bad);
        return ERR_BAD_BATCH;
    }
    uint32_t crc = sums ? batch_sums_make(b.at, out->bytes, sums) : batch_crc(b.at, out->bytes);
    if (crc != out->crc) {
        why_set(why, "batch CRC is %08" PRIx32 ", the header says %08" PRIx32, crc, out->crc);
        return ERR_BAD_BATCH;
    }
    TRY(counts_verify(out, why));
    if (out->attributes & BATCH_ATTR_CODEC) {
        *true_max_time = out->header_max_time;
        return ERR_OK;
    }
    return records_verify(b, out, true_max_time, why);
}
