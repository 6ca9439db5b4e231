/* naming.h -- what the next journal entry says: requests, direct runs, inline bytes.
 *
 * Thread     the store's io only.
 * Invariant  an entry takes a partition to the end of a batch: recovery never finds half of one.
 */
#ifndef LOG_NAMING_H
#define LOG_NAMING_H

#include "engine/log/store_in.h"

struct piece {
    const struct part *part;
    uint64_t pos;
    uint32_t len;
};

/* Fills commit.rows and commit.pieces for an entry at ring_pos; false when there is nothing to say
 * or no room in the ring. `seal`: an empty entry that vouches for the last one. */
bool naming_build(struct store *s, uint64_t ring_pos, bool seal);
/* The ring has room for data; false: it waits for a checkpoint. */
bool naming_has_room(const struct store *s);
/* After the entry is encoded: captures partitions that a checkpoint waits for. */
void naming_after(struct store *s);

#endif
