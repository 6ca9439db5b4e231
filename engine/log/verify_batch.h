/* verify_batch.h -- walks the batches of an extent as its bytes come along, piece by piece.
 *
 * The walk is in step when the next byte belongs to a batch whose beginning it has seen. It falls
 * out of step where bytes are missing, and back into it where an index row says that a batch
 * begins.
 *
 * Memory     one batch.
 */
#ifndef LOG_VERIFY_BATCH_H
#define LOG_VERIFY_BATCH_H

#include "engine/log/verify_in.h"

struct batch_walker {
    struct verify *v;
    struct find base;  /* what findings have in common: file, partition, extent */
    uint64_t base_pos; /* extent: byte base_place of the file is position base_pos */
    uint64_t base_place;
    uint64_t pos;      /* of the first byte in buf */
    uint64_t next_off; /* offsets rise: the next batch begins at or after it */
    uint64_t end_off;  /* and ends at or before it */
    uint32_t batch_max;
    bool in_step;
    bool gaps_told; /* gaps were accepted: a note for each; else the partition is damaged anyway */
    uint8_t *buf;
    uint64_t len;
    uint32_t cap;
};

void batch_walker_close(struct batch_walker *w);
/* Bytes that cannot be had: what began before them is not looked at. */
void batch_walker_lose(struct batch_walker *w);
/* An index row says: a batch begins at pos, with offset off. */
void batch_walker_begin(struct batch_walker *w, uint64_t pos, uint64_t off);
/* The next bytes; they begin where the last ones ended, or at batch_walker_begin()'s pos. */
void batch_walker_feed(struct batch_walker *w, const uint8_t *at, uint64_t len);
/* The extent's batches end here. */
void batch_walker_end(struct batch_walker *w);

#endif
