/* sha256.h -- SHA-256 (FIPS 180-4), for comparing what was read with what was written.
 *
 * Thread     pure functions over the caller's memory.
 */
#ifndef DEMO_SHA256_H
#define DEMO_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256_sum {
    uint8_t at[32];
};

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64]; /* bytes % 64 of them are waiting */
};

void sha256_open(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *at, size_t bytes);
struct sha256_sum sha256_close(struct sha256 *s);

#endif
