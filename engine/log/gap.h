/* gap.h -- what stands in the place of bytes that are lost.
 *
 *   in the tail      gap batches (base/batch.h) of at most 64 KiB, so that the bytes between two
 *                    places where batches begin can always be walked
 *   before the tail  TILE_CUT on the last tile: a batch that goes on beyond it is lost
 *   in an extent     TILE_GAP: accepted by the operator
 *
 * A partition where bytes are lost is `damaged` from the first offset that may be among them: it
 * serves what lies before, and takes no appends, until an operator accepts the loss (repair.h).
 *
 * Thread     the store's io.
 */
#ifndef LOG_GAP_H
#define LOG_GAP_H

#include "engine/log/store_in.h"

#define GAP_BATCH_MAX (64u << 10)

/* Bytes [pos, end) of p's tail are lost, and with them the offsets [off, next_off). They are whole
 * batches, so there are 61 of them or more; CORRUPT if not. */
enum err gap_in_tail(struct part *p, uint64_t pos, uint64_t end, uint64_t off, uint64_t next_off);
/* What follows p's last tile is lost: the batch that reaches over its end with it. Fails when the
 * index block that has to say so cannot be read now; a damaged one is left to repair. */
enum err gap_after_tiles(struct part *p, uint64_t pos);
/* p is damaged from `off` on. */
void gap_damaged(struct part *p, uint64_t off);

#endif
