/* batch.h -- Kafka's RecordBatch v2: the bytes that arrive, are kept and are delivered.
 *
 * Layout (Kafka protocol guide, "Record Batch"; big endian; HEADER = 61 bytes):
 *    0  8 base offset          8  4 length (of all that follows this field)
 *   12  4 partition leader epoch   16 1 magic (2)   17 4 crc32c over bytes 21..end
 *   21  2 attributes (bits 0-2 compression, 3 timestamp type, 4 transactional, 5 control)
 *   23  4 last offset delta   27  8 base timestamp (ms)   35 8 max timestamp (ms)
 *   43  8 producer id (-1)    51  2 producer epoch   53 4 base sequence   57 4 record count
 *   61  records: varint length, attributes, varint timestamp delta, varint offset delta,
 *       varint key length + key, varint value length + value, varint header count + headers
 *
 * The CRC does not cover base offset, length and leader epoch: the log stamps them.
 *
 * Thread     pure functions; any thread.
 * Memory     views into the caller's batch; nothing is copied or allocated.
 * Fails      batch_verify() and the walk never read outside the given bytes, whatever is in them.
 */
#ifndef BASE_BATCH_H
#define BASE_BATCH_H

#include "engine/base/err.h"
#include "engine/base/types.h"

#define BATCH_HEADER_BYTES 61u
#define BATCH_CRC_FROM     21u /* first byte that the CRC covers */
#define BATCH_NO_PRODUCER  (-1)

struct batch_info {
    uint64_t base_off;
    uint32_t bytes; /* whole batch, header included */
    uint32_t leader_epoch;
    uint32_t crc;
    uint16_t attributes;
    uint32_t last_off_delta;
    int64_t base_time;       /* ms since 1970 */
    int64_t header_max_time; /* what the producer claims, ms */
    int64_t producer_id;     /* BATCH_NO_PRODUCER when not idempotent */
    int16_t producer_epoch;
    int32_t base_sequence;
    uint32_t record_count;
};

/* Reads the header of the batch at the start of `b`, without its CRC and records.
 * BAD_BATCH when fewer than 61 bytes are there, the magic is not 2, the length is below a header
 * or beyond b.len, or counts are negative. */
enum err batch_peek(struct bytes b, struct batch_info *out);

/* batch_peek plus: CRC, record count >= 1, count == last offset delta + 1 (no gap inside a batch
 * that a producer sends), epoch and sequence where there is a producer id, and, where the records
 * are not compressed, a walk over every record (lengths, varints, offset deltas 0..n-1).
 * `true_max_time` receives the largest record timestamp: computed from the records where they are
 * readable, the header's claim where they are compressed. `why` (may be NULL) says which field
 * failed. Bytes behind the batch are not looked at: who takes one compares out->bytes. */
enum err batch_verify(struct bytes b, struct batch_info *out, int64_t *true_max_time,
                      struct why *why);

/* The same, with sums of its blocks for who copies it into the log: batch_sums.h. Bytes of one
 * batch and no more. NULL: none are wanted. */
struct batch_sums;
enum err batch_verify_summed(struct bytes b, struct batch_sums *sums, struct batch_info *out,
                             int64_t *true_max_time, struct why *why);

/* The CRC alone: true when the batch's CRC32C matches. Needs a batch accepted by batch_peek. */
bool batch_crc_ok(struct bytes b);

/* Writes base offset and leader epoch into the header; the CRC stays valid. */
void batch_stamp(uint8_t *batch, uint64_t base_off, uint32_t leader_epoch);

/* Writes whose time its records have (the broker's, of appending; or the producer's), the largest
 * one, and the CRC: it fits if it did before. Costs the same for any size. */
void batch_time_set(uint8_t *batch, bool append_time, int64_t max_time);

/* ---- gaps ---- */

/* A batch without records stands for bytes that are lost: no producer can append one (batch_verify
 * refuses it), readers pass over it. */
static inline bool batch_is_gap(const struct batch_info *b)
{
    return b->record_count == 0;
}
/* The least offset that what follows a batch may begin with: gap batches of one loss share theirs,
 * for it may have fewer offsets than it takes batches to fill its bytes. */
static inline uint64_t batch_floor_off(const struct batch_info *b)
{
    return batch_is_gap(b) ? b->base_off : b->base_off + b->last_off_delta + 1;
}
/* Fills `bytes` (61 or more) with one that stands for [base_off, base_off + offsets); at least one
 * offset. */
void batch_gap_make(uint8_t *at, uint32_t bytes, uint64_t base_off, uint64_t offsets);

struct batch_header_kv {
    struct bytes key, value; /* value.at NULL: null value */
};

struct batch_record {
    uint64_t off;
    int64_t time;                          /* ms */
    struct bytes key, value;               /* .at NULL: null */
    const struct batch_header_kv *headers; /* writing only */
    uint32_t header_count;
    struct bytes headers_raw; /* reading only: see batch_header_next */
};

/* Walks the records of an uncompressed batch. */
struct batch_walk {
    struct bytes left;
    uint64_t base_off;
    int64_t base_time;
    uint32_t remaining;
    uint32_t next_delta, last_delta; /* offsets rise, and stay in the batch */
    bool append_time;                /* every record has the header's maximum time: base_time */
};

/* BAD_BATCH if the header is malformed, UNSUPPORTED if the records are compressed. */
enum err batch_walk_open(struct batch_walk *w, struct bytes batch);
/* Fills `out` and returns true, or returns false at the end; *err tells a clean end from damage. */
bool batch_walk_next(struct batch_walk *w, struct batch_record *out, enum err *err);
/* Takes the next header off `raw`; false at the end. Start with copies of the record's headers_raw
 * and header_count. */
bool batch_header_next(struct bytes *raw, uint32_t *remaining, struct batch_header_kv *out);

/* Builds a batch into caller memory, record by record. */
struct batch_builder {
    uint8_t *at;
    size_t cap, len;
    uint32_t count;
    int64_t base_time, max_time;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
};

void batch_builder_open(struct batch_builder *b, void *at, size_t cap); /* cap >= header */
/* Appends a record (off and headers_raw ignored). TOO_LARGE when it does not fit, INVALID when a
 * header has no key or the time is not within 63 bits of the first record's: nothing changed. */
enum err batch_builder_add(struct batch_builder *b, const struct batch_record *r);
/* Finishes header and CRC (base offset 0); returns the batch. At least one record. */
struct bytes batch_builder_done(struct batch_builder *b);
/* Bytes that one more record takes at most, wherever it stands in its batch: at most 15 too many.
 * SIZE_MAX when no batch can hold it. */
size_t batch_record_bytes_max(const struct batch_record *r);

#endif
