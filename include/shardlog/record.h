/* record.h -- records, and the batches that they travel and are kept in.
 *
 * A batch is a Kafka RecordBatch v2, byte for byte; whoever already has one appends it as it is,
 * and whoever fetches gets batches as they were appended, with offset and leader epoch filled in.
 *
 * Thread     pure functions over the caller's memory; any thread.
 * Memory     views (`key`, `value`) point into the batch and are valid as long as it is.
 */
#ifndef SHARDLOG_RECORD_H
#define SHARDLOG_RECORD_H

#include <shardlog/api.h>
#include <shardlog/err.h>
#include <time.h>

SL_API_BEGIN

/* A header of a record. `value` NULL is a null value; the key must not be NULL. */
struct sl_header {
    const void *key;
    size_t key_bytes;
    const void *value;
    size_t value_bytes;
};

/* A record to append. `key` and `value` NULL are null, which is not the same as empty. */
struct sl_record {
    const void *key;
    size_t key_bytes;
    const void *value;
    size_t value_bytes;
    const struct sl_header *headers;
    uint32_t header_count;
    /* Since 1970; sl_time_ms() is now. 0 is 1970, not now: age retention goes by it, and deletes
     * the record soon. Below 0: none, as Kafka's -1; then age is since the append. */
    int64_t time_ms;
};

/* A record that was read. `headers` is opened with sl_headers_open(). */
struct sl_record_view {
    uint64_t offset;
    int64_t time_ms;
    const void *key; /* NULL: null */
    size_t key_bytes;
    const void *value; /* NULL: null */
    size_t value_bytes;
    uint32_t header_count;
    const void *headers_raw;
    size_t headers_bytes;
};

/* Milliseconds since 1970, from the system's clock. */
static inline int64_t sl_time_ms(void)
{
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- reading ---- */

/* Walks the records of batches that lie back to back. The fields are private. */
struct sl_records {
    const uint8_t *at;
    size_t left;
    uint64_t from;
    uint64_t private_[8];
};

/* From the first record at or after offset `from` (0: from the first). Validates nothing yet. */
SL_API void sl_records_open(struct sl_records *it, const void *batches, size_t bytes,
                            uint64_t from);
/* Fills `out` and returns true; false at the end. Then *err is OK, or BAD_BATCH (malformed), or
 * UNSUPPORTED (a compressed batch; its bytes are yours to decompress). Control batches are
 * skipped. */
SL_API bool sl_records_next(struct sl_records *it, struct sl_record_view *out, enum sl_err *err);

/* Walks the headers of a record. The fields are private. */
struct sl_headers {
    const uint8_t *at;
    size_t left;
    uint32_t remaining;
};
SL_API void sl_headers_open(struct sl_headers *it, const struct sl_record_view *record);
SL_API bool sl_headers_next(struct sl_headers *it, struct sl_header *out);

/* ---- building ---- */

/* Room that a batch of these records needs at most. */
SL_API size_t sl_batch_bytes_max(const struct sl_record *records, uint32_t count);
/* Builds a batch in `at` (capacity `cap`), without a producer; *bytes is what it took. INVALID
 * (no records, or a header without a key), TOO_LARGE (does not fit). */
SL_API enum sl_err sl_batch_build(void *at, size_t cap, const struct sl_record *records,
                                  uint32_t count, size_t *bytes);
/* Checks a batch completely, as an append does: structure, CRC, every record where they are not
 * compressed, nothing behind it. OK or BAD_BATCH; `offsets` (may be NULL) is how many offsets it
 * takes. */
SL_API enum sl_err sl_batch_verify(const void *batch, size_t bytes, uint32_t *offsets);

/* CRC32C (Castagnoli) of bytes, continuing from `seed` (0: from the start). */
SL_API uint32_t sl_crc32c(uint32_t seed, const void *at, size_t bytes);
/* The partition of a key, 0 .. partitions - 1, as Kafka's Java client chooses it: murmur2 without
 * its sign, modulo the partitions. Who goes by it shares topics with Kafka's clients: a key's
 * records lie in one partition, whoever appended them. An empty key has one too; records without a
 * key go where they like. No partitions: 0. */
SL_API uint32_t sl_key_partition(const void *key, size_t bytes, uint32_t partitions);

SL_API_END
#endif
