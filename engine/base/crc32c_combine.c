/* crc32c_combine.c -- the checksum of a concatenation without its bytes.
 *
 * Appending n bytes multiplies what came before by x^(8n), so
 *
 *     crc(AB) = crc(A) * x^(8 len(B)) + crc(B)     in GF(2)[x] modulo the CRC's polynomial.
 *
 * The power comes from a table by the hexadecimal digits of len(B). Eight digits are enough for
 * any length: the polynomial is (x + 1) times a primitive one of degree 31, hence
 * x^(2^31 - 1) = 1, and lengths count modulo 2^31 - 1. So at most eight multiplications.
 */
#include "engine/base/crc32c.h"
#include "engine/base/crc32c_in.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define CRC_ORDER 0x7fffffffull /* 2^31 - 1 */

/* [k][d] = x^(8 * d * 16^k); the unit test computes every one again. */
static const uint32_t crc32c_power[8][16] = {
    {
        0x80000000,
        0x00800000,
        0x00008000,
        0x00000080,
        0x82f63b78,
        0xfbc3faf9,
        0x8b277743,
        0x52a0c93f,
        0x6ea2d55c,
        0x1c08b7d6,
        0xf56e0ef4,
        0x34019664,
        0xa66805eb,
        0x7a1f6b24,
        0xe75d06aa,
        0xc94ec098,
    },
    {
        0x80000000,
        0x18b8ea18,
        0x510ac59a,
        0xb2dea967,
        0xb82be955,
        0x36c41f1c,
        0x19b29a35,
        0xc9e90b9e,
        0xb8fdb1e7,
        0xe55ef1f3,
        0x1fe0b5c3,
        0xe0553f1e,
        0x18e4a304,
        0x2b830011,
        0x56993a31,
        0x0246e2e6,
    },
    {
        0x80000000,
        0x88e56f72,
        0x74c360a4,
        0x631bb273,
        0xe4172b16,
        0x71892b1b,
        0x835305c9,
        0x196b1eae,
        0x0d65762a,
        0xafc81338,
        0xb5a50ab7,
        0xf373c3ac,
        0x5f60970f,
        0xd46d3063,
        0x3a5275ea,
        0x02331c01,
    },
    {
        0x80000000,
        0x35d73a62,
        0x28461564,
        0x43eefc9f,
        0xbf455269,
        0x5edcdeb9,
        0x65059450,
        0x4e6f41a4,
        0xe2ea32dc,
        0xf5b95b32,
        0x695a4c87,
        0xf204502c,
        0x9a4f01b6,
        0x941a0916,
        0x4303cb97,
        0x4c3d3d65,
    },
    {
        0x80000000,
        0xfe7740e6,
        0xf946610b,
        0xa0a51f5f,
        0x3c204f8f,
        0x40f28a69,
        0x35af26b2,
        0xda70c2a6,
        0x538586e3,
        0x78edc103,
        0xf0f3875e,
        0xefb7cf1d,
        0x683988b2,
        0xe5dbb221,
        0x0fc062f5,
        0xd7b17b91,
    },
    {
        0x80000000,
        0x59726915,
        0x734d5309,
        0xdb1b3315,
        0xbc1ac763,
        0x11b31f9d,
        0x5414bce3,
        0x54f2f77b,
        0x7d0722cc,
        0xbae70d08,
        0x238acb2b,
        0xd2074e2b,
        0x546dfa6e,
        0x3f76a96c,
        0xa3aa3946,
        0xf054ca48,
    },
    {
        0x80000000,
        0xd289cabe,
        0xe94ca9bc,
        0x6ac5538f,
        0x05b74f3f,
        0x9e0b2298,
        0x14de47cd,
        0x3a9fb07d,
        0xa51e1f42,
        0xfe578179,
        0x038d778c,
        0x5fe3cf44,
        0xb7c64e40,
        0x20cbb8e3,
        0x4f04f803,
        0x56745358,
    },
    {
        0x80000000,
        0x40000000,
        0x20000000,
        0x10000000,
        0x08000000,
        0x04000000,
        0x02000000,
        0x01000000,
        0x00800000,
        0x00400000,
        0x00200000,
        0x00100000,
        0x00080000,
        0x00040000,
        0x00020000,
        0x00010000,
    },
};

#if defined(__x86_64__)

/* The same as below by instructions for it: a carryless multiplication, and the CRC of four zero
 * bytes. */
__attribute__((target("pclmul,sse4.2"))) static uint32_t multiply_fast(uint32_t a, uint32_t b)
{
    __m128i x = _mm_cvtsi32_si128((int)a), y = _mm_cvtsi32_si128((int)b);
    uint64_t product = (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(x, y, 0)) << 1;
    return (uint32_t)(product >> 32) ^ _mm_crc32_u32((uint32_t)product, 0);
}

#endif

/* The product of two polynomials, not reduced, 63 bits. Plain multiplication would carry between
 * neighbouring bits; with three zeros between any two bits of a factor no sum reaches the next. */
static uint64_t carryless_product(uint32_t a, uint32_t b)
{
    const uint64_t every_4th = 0x1111111111111111;
    uint64_t x[4], y[4], product = 0;

    for (int i = 0; i < 4; i++) {
        x[i] = a & (every_4th << i);
        y[i] = b & (every_4th << i);
    }
    for (int i = 0; i < 4; i++) {
        uint64_t z = (x[0] * y[i]) ^ (x[1] * y[(i + 3) & 3]) ^ (x[2] * y[(i + 2) & 3]) ^
                     (x[3] * y[(i + 1) & 3]);
        product |= z & (every_4th << i);
    }
    return product;
}

/* The product modulo the CRC's polynomial. Bit-reversed factors give a bit-reversed product of 63
 * bits; one shift aligns it to 64. The lower half stands for x^32 and up: push it through the
 * tables as four zero bytes would be. */
uint32_t crc32c_multiply_slow(uint32_t a, uint32_t b)
{
    uint64_t product = carryless_product(a, b) << 1;
    uint32_t high = (uint32_t)product;

    return (uint32_t)(product >> 32) ^ crc32c_table[3][high & 0xff] ^
           crc32c_table[2][(high >> 8) & 0xff] ^ crc32c_table[1][(high >> 16) & 0xff] ^
           crc32c_table[0][high >> 24];
}

uint32_t crc32c_multiply(uint32_t a, uint32_t b)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.2"))
        return multiply_fast(a, b);
#endif
    return crc32c_multiply_slow(a, b);
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b)
{
    uint64_t left = len_b % CRC_ORDER;

    for (int digit = 0; left; digit++, left >>= 4)
        if (left & 15)
            crc_a = crc32c_multiply(crc_a, crc32c_power[digit][left & 15]);
    return crc_a ^ crc_b;
}
