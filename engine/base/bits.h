/* bits.h -- a row of bits, all clear at first.
 *
 * Thread     pure functions; any thread.
 * Memory     bits_open() takes it, free() gives it back.
 * Fails      bits_open() crashes without memory.
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdlib.h>

#include "engine/base/check.h"

static inline uint64_t *bits_open(uint32_t n)
{
    uint64_t *bits =
        calloc(n / 64 + 1, sizeof(*bits)); /* not none for no bits: NULL is no memory */
    check(bits);
    return bits;
}

static inline bool bits_get(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static inline void bits_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= 1ull << (i % 64);
}

static inline void bits_clear(uint64_t *bits, uint32_t i)
{
    bits[i / 64] &= ~(1ull << (i % 64));
}

#endif
