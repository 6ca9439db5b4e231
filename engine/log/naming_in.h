/* naming_in.h -- between naming.c (requests, the entry) and naming_part.c (one partition).
 *
 * Thread     the store's io only.
 */
#ifndef LOG_NAMING_IN_H
#define LOG_NAMING_IN_H

#include "engine/log/naming.h"

/* An entry being filled. */
struct build {
    struct store *s;
    uint32_t max; /* bytes of the entry at most */
    uint32_t inline_bytes;
    bool reserve;       /* data has used its share of the ring: only what lets space come free */
    uint64_t direct_to; /* of the partition being named: its runs go into the entry up to here */
};

uint32_t build_left(const struct build *b); /* bytes */
void build_row(struct build *b, const struct row *r);
/* What the entry says of a partition. It stays dirty if not all could be said. */
void build_part(struct build *b, struct part *p);

/* The last extent was closed and no row says so yet. */
bool close_due(const struct part *p);
/* What an entry may carry when data has used its share of the ring: metadata, and runs that a
 * checkpoint waits for (it cannot capture a partition that has bytes on disk which no entry names).
 */
bool part_may_use_reserve(const struct part *p);

#endif
