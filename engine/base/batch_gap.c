/* batch_gap.c -- a batch without records, as long as what it stands for. */
#include "engine/base/batch_in.h"
#include "engine/base/check.h"
#include "engine/base/crc32c.h"

void batch_gap_make(uint8_t *at, uint32_t bytes, uint64_t base_off, uint64_t offsets)
{
    check(bytes >= BATCH_HEADER_BYTES && bytes <= INT32_MAX);
    uint64_t last = offsets ? offsets - 1 : 0;
    memset(at, 0, bytes);
    be64_put(at + BATCH_AT_BASE_OFF, base_off);
    be32_put(at + BATCH_AT_LENGTH, bytes - BATCH_LENGTH_FROM);
    at[BATCH_AT_MAGIC] = BATCH_MAGIC;
    be32_put(at + BATCH_AT_LAST_OFF_DELTA, (uint32_t)min_u64(last, INT32_MAX));
    be64_put(at + BATCH_AT_PRODUCER_ID, UINT64_MAX);
    be32_put(at + BATCH_AT_CRC, crc32c(0, at + BATCH_CRC_FROM, bytes - BATCH_CRC_FROM));
}
