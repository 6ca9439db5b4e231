/* lend.h -- reads whose bytes are not copied: between read.c and what lends to it. */
#ifndef LOG_LEND_H
#define LOG_LEND_H

#include "engine/log/tail.h"

/* Whole batches of [pos, end) that end below off_end, as tail memory: fills r->batches (its
 * length), r->lent and r->next_off. False: copy them, nothing is filled. pos begins a batch in
 * memory. */
bool lend_hot(struct read *r, uint64_t pos, uint64_t end, uint64_t off_end);
/* Bytes of the sealed extent e, out of the page cache: true when it takes the read over, which then
 * ends, or comes back by read_start_cold(). Tile i is the one that holds r->off. */
bool warm_start(struct read *r, struct extent *e, uint32_t i);
/* The extent is about to be given up: what the page cache has of it goes. */
void warm_forget(struct extent *e);
/* Everything that was lent to r goes back; again is fine. */
void lent_return(struct read *r);

#endif
