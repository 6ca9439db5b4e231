/* batch_sums.h -- checksums of the log's blocks that a batch will fill, made while its CRC is
 * verified.
 *
 * A batch's CRC and the log's own checksums cover the same bytes with different bounds. Both come
 * from sums of blocks, combined (crc32c.h): so the bytes go through the core once. Where blocks
 * begin in the batch is a guess, for it is verified before its place is certain; a wrong one costs
 * the second pass, which there was without it.
 *
 * Only what lies behind the header is summed: the log writes into headers.
 *
 * Memory     the caller's, batch_sums_bytes() of it.
 * Thread     pure functions; any thread.
 */
#ifndef BASE_BATCH_SUMS_H
#define BASE_BATCH_SUMS_H

#include "engine/base/types.h"

#define BATCH_SUMS_MIN KIB(16) /* of a batch, to be worth it: less comes to the log in pieces */

struct batch_sums {
    const uint8_t *from; /* the first block that is summed */
    uint32_t phase;      /* the caller's: the batch's first byte lies so far in a block, 0..4095 */
    uint32_t count;
    uint32_t at[]; /* crc32c of each */
};

/* For a batch of so many bytes; a multiple of 8. */
static inline size_t batch_sums_bytes(size_t batch_bytes)
{
    return (sizeof(struct batch_sums) + batch_bytes / BLOCK_BYTES * sizeof(uint32_t) + 7) &
           ~(size_t)7;
}

/* The CRC of a batch, as batch_verify() compares it; fills `out`, but for its phase. */
uint32_t batch_sums_make(const uint8_t *batch, uint32_t bytes, struct batch_sums *out);

/* The sum of the block at `block`; false: it has none (s may be NULL). */
static inline bool batch_sums_find(const struct batch_sums *s, const uint8_t *block, uint32_t *sum)
{
    if (!s || block < s->from)
        return false;
    size_t in = (size_t)(block - s->from);
    if (in % BLOCK_BYTES || in / BLOCK_BYTES >= s->count)
        return false;
    *sum = s->at[in / BLOCK_BYTES];
    return true;
}

#endif
