/* murmur2.h -- the hash by which Kafka's Java client chooses a key's partition.
 *
 * MurmurHash2 by Austin Appleby (public domain), 32 bits, seed 0x9747b28c, little endian. Here it
 * is no checksum and guards nothing: it only has to be the same everywhere, or one key's records
 * lie in two partitions.
 *
 * Thread     any; no state.
 */
#ifndef BASE_MURMUR2_H
#define BASE_MURMUR2_H

#include <stddef.h>
#include <stdint.h>

uint32_t murmur2(const void *at, size_t len);

/* murmur2() without its top bit, which Java cuts off to have no negative number, modulo
 * `partitions` (1 and up). */
uint32_t murmur2_partition(const void *key, size_t len, uint32_t partitions);

#endif
