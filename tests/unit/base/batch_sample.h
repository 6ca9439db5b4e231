/* batch_sample.h -- random batches for tests, and the check that a batch says what was put in.
 *
 * Owner      the test: sample_close() frees all of it. Records are views into `noise`.
 */
#ifndef TESTS_BATCH_SAMPLE_H
#define TESTS_BATCH_SAMPLE_H

#include "engine/base/batch.h"
#include "engine/base/rng.h"

#define SAMPLE_HEADERS_MAX 5u

struct sample {
    struct batch_record *records;
    struct batch_header_kv *headers; /* SAMPLE_HEADERS_MAX for each record */
    uint32_t count;
    uint8_t *noise, *memory;
    struct bytes batch; /* exactly as long as its block: a sanitizer sees one byte too far */
};

/* `count` records whose keys and values have up to `blob_max` bytes, log-uniform, or are null. */
void sample_open(struct sample *s, struct rng *r, uint32_t count, uint64_t blob_max);
void sample_close(struct sample *s);

/* EXPECTs that walking `batch` gives the sample's records from offset `base_off` on. */
void sample_expect(const struct sample *s, struct bytes batch, uint64_t base_off);

/* The largest record time. */
int64_t sample_max_time(const struct sample *s);

/* A copy of `len` bytes in a block of exactly that size; free() it. */
uint8_t *bytes_copy(const void *at, size_t len);

/* Makes the CRC right again after an edit. */
void batch_reseal(uint8_t *batch, size_t len);

#endif
