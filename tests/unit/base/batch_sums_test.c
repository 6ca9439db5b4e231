/* batch_sums_test.c -- a batch's CRC made of sums of blocks, and the sums themselves. */
#include "engine/base/batch.h"
#include "engine/base/batch_sums.h"
#include "engine/base/crc32c.h"
#include "engine/base/rng.h"
#include "tests/test.h"

#include <stdlib.h>

#define BATCH_MAX 20000u

TEST(batch_sums, are_of_the_blocks_and_make_the_crc)
{
    // Goal: any phase, any length: the CRC is that of the whole, each block behind the header that
    // lies in the batch whole has its sum, and nothing else has one.
    static const uint32_t lengths[] = { 61, 62, 4095, 4096, 4097, 8191, 8192, 8253, 12288, 20000 };
    static const uint32_t phases[] = { 0, 1, 61, 2048, 4034, 4035, 4036, 4075, 4095 };
    struct batch_sums *s = malloc(batch_sums_bytes(BATCH_MAX));
    uint8_t *b = malloc(BATCH_MAX);
    struct rng r;
    rng_seed(&r, 7);
    rng_fill(&r, b, BATCH_MAX);
    for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (uint32_t j = 0; j < sizeof(phases) / sizeof(phases[0]); j++) {
            uint32_t len = lengths[i], found = 0, sum = 0;
            s->phase = phases[j];
            uint32_t crc = batch_sums_make(b, len, s);
            EXPECT_EQ(crc, crc32c(0, b + BATCH_CRC_FROM, len - BATCH_CRC_FROM));
            for (uint32_t at = 0; at < len; at++) {
                bool whole = (at + phases[j]) % BLOCK_BYTES == 0 && at >= BATCH_HEADER_BYTES &&
                             at + BLOCK_BYTES <= len;
                EXPECT_EQ(batch_sums_find(s, b + at, &sum), whole);
                EXPECT(!whole || sum == crc32c(0, b + at, BLOCK_BYTES));
                found += whole;
            }
            EXPECT_EQ(found, s->count);
            EXPECT(batch_sums_bytes(len) >= sizeof(*s) + s->count * sizeof(s->at[0]));
        }
    }
    EXPECT(!batch_sums_find(NULL, b, &(uint32_t){ 0 }));
    free(s);
    free(b);
}

TEST(batch_sums, of_another_place_are_not_found)
{
    // Goal: a batch that was copied elsewhere has no sums, so nobody takes those of what lies there
    // now.
    struct batch_sums *s = malloc(batch_sums_bytes(BATCH_MAX));
    uint8_t *b = calloc(1, 2 * BATCH_MAX);
    uint32_t sum;
    s->phase = 0;
    batch_sums_make(b, BATCH_MAX, s);
    EXPECT(batch_sums_find(s, b + BLOCK_BYTES, &sum));
    EXPECT(!batch_sums_find(s, b + BATCH_MAX + 480, &sum)); /* aligned, and behind the last one */
    EXPECT(!batch_sums_find(s, b, &sum));
    free(s);
    free(b);
}
