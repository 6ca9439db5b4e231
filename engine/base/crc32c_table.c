/* crc32c_table.c -- CRC32C eight bytes at a time from tables ("slicing by 8", Kounavis and Berry).
 *
 * The CRC of a byte is the xor of the CRCs of its bits, so each table of 256 follows from eight
 * numbers and the preprocessor writes it out: constant memory, nothing to initialise.
 */
#include "engine/base/crc32c_in.h"

#include "engine/base/le.h"

/* Entry i from the entries of its bits 0 to 7. */
#define BIT(i, n, v) ((((i) >> (n)) & 1) ? (v) : 0u)
#define ENTRY(i, a, b, c, d, e, f, g, h)                                                       \
    (BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ \
     BIT(i, 6, g) ^ BIT(i, 7, h))
#define FOUR(i, ...)                                                             \
    ENTRY(i, __VA_ARGS__), ENTRY(i + 1, __VA_ARGS__), ENTRY(i + 2, __VA_ARGS__), \
        ENTRY(i + 3, __VA_ARGS__)
#define SIXTEEN(i, ...)                                                       \
    FOUR(i, __VA_ARGS__), FOUR(i + 4, __VA_ARGS__), FOUR(i + 8, __VA_ARGS__), \
        FOUR(i + 12, __VA_ARGS__)
#define SIXTY_FOUR(i, ...)                                                               \
    SIXTEEN(i, __VA_ARGS__), SIXTEEN(i + 16, __VA_ARGS__), SIXTEEN(i + 32, __VA_ARGS__), \
        SIXTEEN(i + 48, __VA_ARGS__)
#define TABLE(...)                                                                           \
    { SIXTY_FOUR(0, __VA_ARGS__), SIXTY_FOUR(64, __VA_ARGS__), SIXTY_FOUR(128, __VA_ARGS__), \
      SIXTY_FOUR(192, __VA_ARGS__) }

const uint32_t crc32c_table[8][256] = {
    TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc,
          0x82f63b78),
    TABLE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604,
          0xfbc3faf9),
    TABLE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9,
          0x8b277743),
    TABLE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7,
          0x52a0c93f),
    TABLE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae,
          0x6ea2d55c),
    TABLE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb,
          0x1c08b7d6),
    TABLE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a,
          0xf56e0ef4),
    TABLE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32,
          0x34019664),
};

static uint32_t crc32c_eight(uint32_t crc, const uint8_t *p)
{
    uint64_t v = le64_get(p) ^ crc;
    return crc32c_table[7][v & 0xff] ^ crc32c_table[6][(v >> 8) & 0xff] ^
           crc32c_table[5][(v >> 16) & 0xff] ^ crc32c_table[4][(v >> 24) & 0xff] ^
           crc32c_table[3][(v >> 32) & 0xff] ^ crc32c_table[2][(v >> 40) & 0xff] ^
           crc32c_table[1][(v >> 48) & 0xff] ^ crc32c_table[0][v >> 56];
}

uint32_t crc32c_portable(uint32_t crc, const void *at, size_t len)
{
    const uint8_t *p = at;

    crc = ~crc;
    for (; len >= 8; p += 8, len -= 8)
        crc = crc32c_eight(crc, p);
    for (; len; p++, len--)
        crc = (crc >> 8) ^ crc32c_table[0][(crc ^ *p) & 0xff];
    return ~crc;
}
