/* sha256.c -- SHA-256, one 64-byte block at a time. */
#include "tools/demo/sha256.h"

#include <string.h>

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static uint32_t word_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void schedule(uint32_t w[64], const uint8_t *block)
{
    for (int i = 0; i < 16; i++)
        w[i] = word_at(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
               (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
}

/* One round. The eight variables keep their places and their names move instead: the caller rotates
 * the arguments, so that after eight rounds every name is back where it was. */
#define ROUND(a, b, c, d, e, f, g, h, i)                                 \
    do {                                                                 \
        uint32_t t = (h) + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +    \
                     (((e) & (f)) ^ (~(e) & (g))) + constants[i] + w[i]; \
        (d) += t;                                                        \
        (h) = t + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +             \
              (((a) & (b)) ^ ((a) & (c)) ^ ((b) & (c)));                 \
    } while (0)

static void block_add(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    schedule(w, block);
    for (int i = 0; i < 64; i += 8) {
        ROUND(a, b, c, d, e, f, g, h, i);
        ROUND(h, a, b, c, d, e, f, g, i + 1);
        ROUND(g, h, a, b, c, d, e, f, i + 2);
        ROUND(f, g, h, a, b, c, d, e, i + 3);
        ROUND(e, f, g, h, a, b, c, d, i + 4);
        ROUND(d, e, f, g, h, a, b, c, i + 5);
        ROUND(c, d, e, f, g, h, a, b, i + 6);
        ROUND(b, c, d, e, f, g, h, a, i + 7);
    }
    uint32_t sum[8] = { a, b, c, d, e, f, g, h };
    for (int i = 0; i < 8; i++)
        state[i] += sum[i];
}

void sha256_open(struct sha256 *s)
{
    static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    memcpy(s->state, start, sizeof(start));
    s->bytes = 0;
}

void sha256_add(struct sha256 *s, const void *at, size_t bytes)
{
    const uint8_t *from = at;
    size_t waiting = s->bytes % 64;
    s->bytes += bytes;
    if (waiting) {
        size_t take = bytes < 64 - waiting ? bytes : 64 - waiting;
        memcpy(s->block + waiting, from, take);
        from += take;
        bytes -= take;
        if (waiting + take < 64)
            return;
        block_add(s->state, s->block);
    }
    for (; bytes >= 64; from += 64, bytes -= 64)
        block_add(s->state, from);
    if (bytes)
        memcpy(s->block, from, bytes);
}

struct sha256_sum sha256_close(struct sha256 *s)
{
    uint64_t bits = s->bytes * 8;
    uint8_t end[72] = { 0x80 };
    size_t zeros = (119 - s->bytes % 64) % 64; /* up to the last 8 bytes of a block */
    for (int i = 0; i < 8; i++)
        end[1 + zeros + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(s, end, 1 + zeros + 8);
    struct sha256_sum sum;
    for (int i = 0; i < 32; i++)
        sum.at[i] = (uint8_t)(s->state[i / 4] >> (24 - i % 4 * 8));
    return sum;
}
