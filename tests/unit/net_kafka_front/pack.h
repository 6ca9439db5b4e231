/* pack.h -- compressed batches, and what was in them, by the libraries themselves.
 *
 * Thread     any, one at a time.
 * Memory     the caller's buffers.
 * Fails      batch_pack() dies when there is no room; batch_unpack() gives at NULL: no such bytes.
 */
#ifndef TESTS_UNIT_NET_KAFKA_FRONT_PACK_H
#define TESTS_UNIT_NET_KAFKA_FRONT_PACK_H

#include "engine/base/batch.h"

#define PACK_CODEC  7u /* the bits of a batch's attributes */
#define PACK_GZIP   1
#define PACK_SNAPPY 2
#define PACK_LZ4    3
#define PACK_ZSTD   4

/* The batch with its records compressed; `framed`: snappy in Java's frame. */
struct bytes batch_pack(struct bytes plain, int codec, bool framed, uint8_t *at, size_t cap);
/* The batch that it was made of; its header is right but for the CRC's meaning: it fits. */
struct bytes batch_unpack(struct bytes packed, uint8_t *at, size_t cap);
/* Its length and its CRC after a change. */
void batch_mend(struct bytes batch);

#endif
