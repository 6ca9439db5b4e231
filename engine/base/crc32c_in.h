/* crc32c_in.h -- the tables behind crc32c, for this folder and its tests.
 *
 * Polynomials are kept bit-reversed, as the CRC itself: bit 31 is x^0, bit 0 is x^31.
 */
#ifndef BASE_CRC32C_IN_H
#define BASE_CRC32C_IN_H

#include <stddef.h>
#include <stdint.h>

/* [j][b]: byte b followed by j zero bytes, without the inversions of the value convention. */
extern const uint32_t crc32c_table[8][256];

/* crc32c() with tables only, for machines without ISA-L; the same values. */
uint32_t crc32c_portable(uint32_t crc, const void *at, size_t len);

/* The product of two polynomials modulo the CRC's; and with plain multiplications, for machines
 * without carryless ones: the same values. */
uint32_t crc32c_multiply(uint32_t a, uint32_t b);
uint32_t crc32c_multiply_slow(uint32_t a, uint32_t b);

#endif
