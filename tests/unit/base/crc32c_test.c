/* crc32c_test.c -- published vectors; every implementation agrees; combining is concatenating. */
#include "engine/base/crc32c.h"
#include "engine/base/crc32c_in.h"
#include "engine/base/rng.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

/* The definition, a bit at a time. */
static uint32_t crc32c_slow(uint32_t crc, const uint8_t *at, size_t len)
{
    crc = ~crc;
    for (; len; at++, len--) {
        crc ^= *at;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static void expect_crc(const void *at, size_t len, uint32_t want)
{
    EXPECT_EQ(crc32c(0, at, len), want);
    EXPECT_EQ(crc32c_portable(0, at, len), want);
    EXPECT_EQ(crc32c_slow(0, at, len), want);
}

TEST(crc32c, matches_published_vectors)
{
    // RFC 3720, B.4; and the check value of the CRC catalogues.
    uint8_t b[32];
    static const uint8_t read_pdu[48] = {
        0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
        0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0,
    };

    expect_crc("", 0, 0);
    expect_crc("123456789", 9, 0xe3069283);
    memset(b, 0, 32);
    expect_crc(b, 32, 0x8a9136aa);
    memset(b, 0xff, 32);
    expect_crc(b, 32, 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        b[i] = (uint8_t)i;
    expect_crc(b, 32, 0x46dd794e);
    for (int i = 0; i < 32; i++)
        b[i] = (uint8_t)(31 - i);
    expect_crc(b, 32, 0x113fdb5c);
    expect_crc(read_pdu, 48, 0xd9963a56);
}

TEST(crc32c, agrees_at_every_length_and_alignment)
{
    // Goal: no implementation has a seam. Method: 0 to 300 bytes from 16 alignments, exact blocks.
    struct rng r;
    rng_seed(&r, 1);
    for (size_t len = 0; len <= 300; len++) {
        size_t shift = len % 16;
        uint8_t *block = malloc(shift + len + 1);
        rng_fill(&r, block, shift + len);
        expect_crc(block + shift, len, crc32c_slow(0, block + shift, len));
        free(block);
    }
}

#define NOISE_BYTES ((size_t)1 << 20)

TEST(crc32c, continues_and_combines)
{
    // Goal: both ways of joining two pieces equal the whole. Method: random cuts of random bytes.
    struct rng r;
    uint8_t *noise = malloc(NOISE_BYTES);

    rng_seed(&r, 2);
    rng_fill(&r, noise, NOISE_BYTES);
    for (int i = 0; i < 3000; i++) {
        size_t len = rng_log_uniform(&r, NOISE_BYTES), cut = rng_below(&r, len + 1);
        uint32_t whole = crc32c(0, noise, len), a = crc32c(0, noise, cut);
        uint32_t b = crc32c(0, noise + cut, len - cut);
        EXPECT_EQ(crc32c(a, noise + cut, len - cut), whole);
        EXPECT_EQ(crc32c_portable(a, noise + cut, len - cut), whole);
        EXPECT_EQ(crc32c_combine(a, b, len - cut), whole);
    }
    free(noise);
}

/* x^(8n) appended the slow way: n zero bytes, without inversions. */
static uint32_t crc32c_shift(uint32_t crc, uint64_t zero_bytes)
{
    for (; zero_bytes; zero_bytes--)
        crc = (crc >> 8) ^ crc32c_table[0][crc & 0xff];
    return crc;
}

TEST(crc32c, combines_by_every_power_in_its_table)
{
    // Goal: all 128 powers. Method: 16^k zero bytes by repeated combining, each power from the
    // last.
    uint32_t crc = 0x12345678;
    for (uint64_t digit = 1; digit < 16; digit++)
        EXPECT_EQ(crc32c_combine(crc, 0, digit), crc32c_shift(crc, digit));
    for (unsigned k = 1; k < 8; k++) {
        uint64_t unit = 1ull << (4 * k);
        uint64_t digits = k == 7 ? 8 : 16; /* lengths count modulo 2^31 - 1 */
        uint32_t step = crc;
        for (uint64_t d = 1; d < digits; d++) {
            for (int i = 0; i < 16; i++)
                step = crc32c_combine(step, 0, unit / 16);
            EXPECT_EQ(crc32c_combine(crc, 0, unit * d), step);
        }
    }
}

TEST(crc32c, multiplies_alike_with_and_without_instructions)
{
    // Goal: both ways give one product. Method: random factors, and those at the ends.
    struct rng rng;
    rng_seed(&rng, 4);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t a = (uint32_t)rng_next(&rng), b = (uint32_t)rng_next(&rng);
        a = i % 7 ? a : i % 14 ? 0 : UINT32_MAX;
        EXPECT_EQ(crc32c_multiply(a, b), crc32c_multiply_slow(a, b));
    }
}

TEST(crc32c, combines_lengths_beyond_its_period)
{
    // Goal: any 64-bit length. Method: split it and combine twice.
    struct rng r;
    rng_seed(&r, 3);
    for (int i = 0; i < 1000; i++) {
        uint32_t crc = (uint32_t)rng_next(&r);
        uint64_t len = rng_log_uniform(&r, UINT64_MAX), half = rng_below(&r, (len | 1));
        uint32_t twice = crc32c_combine(crc32c_combine(crc, 0, half), 0, len - half);
        EXPECT_EQ(crc32c_combine(crc, 0, len), twice);
    }
    EXPECT_EQ(crc32c_combine(0xabcdef01, 0x55, 0), 0xabcdef01 ^ 0x55);
}
