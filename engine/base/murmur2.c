/* murmur2.c -- see murmur2.h: four bytes at a time, then what is left, then a last mixing. */
#include "engine/base/murmur2.h"

#include "engine/base/check.h"
#include "engine/base/le.h"

#define MULTIPLIER 0x5bd1e995u
#define SEED       0x9747b28cu

uint32_t murmur2(const void *at, size_t len)
{
    const uint8_t *b = at;
    uint32_t h = SEED ^ (uint32_t)len;
    for (; len >= 4; b += 4, len -= 4) {
        uint32_t k = le32_get(b) * MULTIPLIER;
        h = h * MULTIPLIER ^ (k ^ k >> 24) * MULTIPLIER;
    }
    if (len) {
        uint32_t k = 0;
        for (size_t i = 0; i < len; i++)
            k |= (uint32_t)b[i] << 8 * i;
        h = (h ^ k) * MULTIPLIER;
    }
    h = (h ^ h >> 13) * MULTIPLIER;
    return h ^ h >> 15;
}

uint32_t murmur2_partition(const void *key, size_t len, uint32_t partitions)
{
    check(partitions > 0);
    return (murmur2(key, len) & INT32_MAX) % partitions;
}
