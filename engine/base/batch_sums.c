/* batch_sums.c -- a CRC, block by block. */
#include "engine/base/batch_sums.h"

#include "engine/base/batch.h"
#include "engine/base/check.h"
#include "engine/base/crc32c.h"

uint32_t batch_sums_make(const uint8_t *batch, uint32_t bytes, struct batch_sums *out)
{
    uint32_t phase = out->phase, at = BLOCK_BYTES - phase;
    check(phase < BLOCK_BYTES && bytes >= BATCH_HEADER_BYTES);
    if (at < BATCH_HEADER_BYTES)
        at += BLOCK_BYTES;
    out->count = 0;
    if (at > bytes)
        at = bytes;
    uint32_t crc = crc32c(0, batch + BATCH_CRC_FROM, at - BATCH_CRC_FROM);
    out->from = batch + at;
    for (; bytes - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        uint32_t sum = crc32c(0, batch + at, BLOCK_BYTES);
        crc = crc32c_combine(crc, sum, BLOCK_BYTES);
        out->at[out->count++] = sum;
    }
    return crc32c(crc, batch + at, bytes - at);
}
