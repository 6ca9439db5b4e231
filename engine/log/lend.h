/* lend.h -- reads whose bytes are not copied: between read.c and what lends to it. */
#ifndef LOG_LEND_H
#define LOG_LEND_H

#include "engine/log/tail.h"

/* Whole batches of [pos, end) that end below off_end, as tail memory: fills r->batches (its
 * length), r->lent and r->next_off. False: copy them, nothing is filled. pos begins a batch in
 * memory. */
bool lend_hot(struct read *r, uint64_t pos, uint64_t end, uint64_t off_end);
/* Bytes of e that are on disk, out of the page cache, if they are read again: true when it takes
 * the read over, which then ends, or comes back by read_start_cold(). Tile i is the one that holds
 * r->off. */
bool warm_start(struct read *r, struct extent *e, uint32_t i);
/* The same for bytes that lie in the tail, too: if they are in the page cache already, or are read
 * again and again. */
bool warm_start_hot(struct read *r, struct extent *e, uint32_t i);
/* A read gave bytes of tile i and those behind it, up to end_pos: from the disk, or from pos on out
 * of the tail. */
void warm_note_cold(struct extent *e, uint32_t i, uint64_t end_pos);
void warm_note_hot(struct extent *e, uint32_t i, uint64_t pos, uint64_t end_pos);
/* The extent is about to be given up: what the page cache has of it goes. */
void warm_forget(struct extent *e);
/* Everything that was lent to r goes back; again is fine. */
void lent_return(struct read *r);

#endif
