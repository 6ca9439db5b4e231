/* crc32c.h -- CRC32C (Castagnoli), the checksum of the disk format and of Kafka's batches.
 *
 * Value convention: as in RFC 3720 and Kafka (initial value and final xor 0xffffffff), so
 * crc32c(0, "123456789", 9) == 0xe3069283. Chaining: crc32c(crc32c(0, a), b) == crc32c(0, ab).
 *
 * Thread     any; no state, nothing to initialise.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` bytes at `at`, continuing from `crc` (0 to start). ISA-L on x86-64 and
 * aarch64, table-driven elsewhere. */
uint32_t crc32c(uint32_t crc, const void *at, size_t len);

/* The checksum of A followed by B, from crc32c(0, A), crc32c(0, B) and B's length. At
 * most eight multiplications, whatever the length. */
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);

#endif
