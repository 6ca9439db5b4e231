/* content.h -- batches that say what they are: every record names its partition, its batch and
 * itself, so that whatever comes back can be recognised and compared.
 *
 * A key holds the batch's number (never used twice in a seed), the record's number in the batch,
 * the partition and the length of the value; the value is bytes of a pool that the batch's number
 * chooses.
 *
 * Thread     the one thread of a seed.
 * Memory     content_make() fills the caller's buffer; the pool is made once.
 * Fails      content_number() with UINT64_MAX: not a batch of ours.
 */
#ifndef SIM_CONTENT_H
#define SIM_CONTENT_H

#include "engine/base/batch.h"

#define CONTENT_KEY_BYTES    24u
#define CONTENT_RECORD_EXTRA 64u /* framing of a record, key included, at most */

struct content {
    uint64_t number;      /* of the batch */
    uint32_t part;        /* of the partition */
    uint32_t count;       /* records */
    uint64_t value_bytes; /* of the largest record; the others are small */
    int64_t time_ms;      /* of the first record */
    int64_t producer;     /* 0: none; else the batch has its id, epoch and sequence */
    int16_t producer_epoch;
    int32_t sequence;
    uint8_t codec; /* 0: not compressed; else as in a batch's attributes */
};

/* Bytes that content_make() needs at most. */
uint64_t content_bytes_max(const struct content *c);
/* Builds the batch into `at`. */
struct bytes content_make(const struct content *c, void *at, uint64_t cap);
/* The time of record i. */
int64_t content_time(const struct content *c, uint32_t i);
int64_t content_max_time(const struct content *c);
/* The batch's number, from its first record's key. */
uint64_t content_number(struct bytes batch);
/* The batch as it was sent: without the broker's time, if it has that; `sent_crc` was its CRC.
 * Valid until the next call. at NULL: the CRC that it has is wrong. */
struct bytes content_unstamped(const struct content *c, struct bytes batch, uint32_t sent_crc);
/* A hash over everything but base offset and leader epoch, which the log stamps. */
uint64_t content_hash(struct bytes batch);
/* Walks every record and compares key and value: the slow, independent look. */
bool content_same(const struct content *c, struct bytes batch);

#endif
