/* feed.h -- turns the inputs of one partition into batches of records, a line each.
 *
 * Owner      the writer; one for each partition.
 * Memory     one area that holds a batch: batch_bytes and the longest line.
 * Invariant  at (input, pos) lies the first byte that no batch taken so far holds.
 * Fails      ends the program when an input became shorter, or cannot be read.
 */
#ifndef DEMO_FEED_H
#define DEMO_FEED_H

#include "tools/demo/demo.h"

#define FEED_RECORDS_MAX 4096u

struct feed_record {
    struct sl_header headers[2];
    char pos_text[ORIGIN_POS_CHARS];
};

struct feed {
    const struct inputs *inputs;
    uint32_t partition, batch_bytes;
    size_t input; /* inputs->count: at the end */
    uint64_t pos;
    int fd; /* of `input`; -1: not open */
    uint8_t *area;
    struct sl_record *records;
    struct feed_record *extras;
    /* The batch: valid until the next feed_fill(). */
    uint32_t count, hash;
    uint64_t bytes; /* of lines */
    uint64_t size;  /* in the log, about */
};

void feed_open(struct feed *f, const struct inputs *in, uint32_t partition, uint32_t batch_bytes);
void feed_close(struct feed *f);
/* Goes on behind this record, which the log holds already. False: it is not of the inputs. */
bool feed_resume(struct feed *f, const struct origin *o, size_t value_bytes);
bool feed_end(const struct feed *f);
/* The next batch, of records with this time; moves behind it. Not at the end. */
void feed_fill(struct feed *f, int64_t time_ms);

#endif
