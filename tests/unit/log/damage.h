/* damage.h -- a stopped store with something of every kind in it, what verify finds in it, and what
 * is left of it after a repair.
 *
 * Partition 0 is in its slot and in the journal; 1 has sealed extents with direct runs, index
 * blocks, a slot and journal pieces; 2 is in the journal alone.
 */
#ifndef TESTS_UNIT_LOG_DAMAGE_H
#define TESTS_UNIT_LOG_DAMAGE_H

#include "engine/log/repair.h"
#include "engine/log/verify.h"
#include "tests/unit/log/fixture.h"

#define FINDS_MAX    64u
#define DAMAGE_BOOKS 3u

struct damage {
    struct fixture f;
    struct verify_counts counts;
    struct find finds[FINDS_MAX];
    uint32_t find_count;
    /* Places, as the store had them when it was stopped. */
    char vol[32];
    uint64_t tile_at;  /* in the volume: the last tile but one of a sealed extent */
    uint64_t tile_pos; /* in partition 1 */
    uint32_t tile_len;
    uint64_t tile_from_off; /* its first batch */
    uint64_t tile_to_off;   /* after its last one */
    uint64_t index_at;      /* in the volume: that extent's first index block */
    uint64_t extent;        /* its id */
    uint64_t slot_at;       /* in tails: partition 1's live slot */
    uint64_t entries[64];   /* in the journal */
    uint32_t entry_count;
    uint64_t generation, capacity;
};

void damage_open(struct damage *d, uint64_t seed);
void damage_close(struct damage *d);
/* Notes where the journal's entries are. */
void damage_entries(struct damage *d);
/* Verifies; the finds are in d. */
void damage_look(struct damage *d);
/* The one find of this kind; NULL: none, or more than one. */
const struct find *damage_find(const struct damage *d, enum find_kind kind);
/* No finds but notes. */
bool damage_none(const struct damage *d);
void damage_flip(struct damage *d, const char *name, uint64_t pos);
/* Repairs, verifies that nothing is left to repair, opens. */
struct repair_report damage_repair(struct damage *d);
/* After a repair: everything readable equals the book, and but `lost` batches of it are there; an
 * append goes on behind it. Reads pass over gaps. */
void damage_left(struct damage *d, uint32_t book, uint32_t lost);
/* The same; returns how many batches are lost. */
uint32_t damage_lost(struct damage *d, uint32_t book);

/* Repairs, and adds what was reported, and what each partition of the first `books` is afterwards.
 */
struct lines;
void damage_repair_lines(struct damage *d, struct lines *lines);

#endif
