/* batch_time.c -- puts a batch's times right without reading its records.
 *
 * CRC32C is linear: of two texts of one length, the CRC of their difference, shifted past the bytes
 * that are equal, is what the CRCs differ by. Only bytes 21 to 42 can differ here. */
#include "engine/base/batch.h"
#include "engine/base/batch_in.h"
#include "engine/base/check.h"
#include "engine/base/crc32c.h"

#define CHANGED_BYTES ((uint32_t)BATCH_AT_PRODUCER_ID - BATCH_CRC_FROM)

void batch_time_set(uint8_t *batch, bool append_time, int64_t max_time)
{
    uint8_t was[CHANGED_BYTES], none[CHANGED_BYTES] = { 0 }, *changed = batch + BATCH_CRC_FROM;
    uint32_t bytes = BATCH_LENGTH_FROM + be32_get(batch + BATCH_AT_LENGTH);
    uint32_t crc = be32_get(batch + BATCH_AT_CRC);
    uint16_t attributes = be16_get(batch + BATCH_AT_ATTRIBUTES) & (uint16_t)~BATCH_ATTR_APPEND_TIME;
    uint64_t same_bytes = bytes - BATCH_AT_PRODUCER_ID;

    check(bytes >= BATCH_HEADER_BYTES);
    memcpy(was, changed, sizeof(was));
    be16_put(batch + BATCH_AT_ATTRIBUTES, attributes | (append_time ? BATCH_ATTR_APPEND_TIME : 0));
    be64_put(batch + BATCH_AT_MAX_TIME, (uint64_t)max_time);
    for (uint32_t i = 0; i < CHANGED_BYTES; i++)
        was[i] ^= changed[i];
    crc ^= crc32c_combine(crc32c(0, was, sizeof(was)), 0, same_bytes);
    crc ^= crc32c_combine(crc32c(0, none, sizeof(none)), 0, same_bytes);
    if (!pitfall(KAFKA_APPEND_TIME_CRC))
        be32_put(batch + BATCH_AT_CRC, crc);
}
