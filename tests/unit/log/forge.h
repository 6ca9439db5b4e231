/* forge.h -- journal entries that no store wrote, but with its key: what recovery makes of rows
 * that are well formed and say something else than what is so.
 *
 * Partitions 0 and 1 hold three batches of 500 bytes each, all in the image; the ring has nothing
 * behind it. Entries are put there one after another, and the store is opened to be read only, so
 * that the next try finds everything as it was.
 */
#ifndef TESTS_UNIT_LOG_FORGE_H
#define TESTS_UNIT_LOG_FORGE_H

#include "tests/unit/log/fixture.h"

#define FORGE_HEAD 1500u /* bytes of either partition */
#define FORGE_NEXT 3u    /* and batches */

struct forge {
    struct fixture f;
    struct identity id;
    uint64_t ring;
    struct entry next;    /* the next entry: everything but what is in it */
    struct entry first;   /* the first one */
    uint64_t next_extent; /* an id that was never used */
    uint32_t unit;        /* of a slab that nothing is in */
    uint32_t part_unit[2];
    uint64_t extent[2];        /* of partitions 0 and 1 */
    uint8_t slot[BLOCK_BYTES]; /* partition 0's bytes */
};

void forge_open(struct forge *g, uint64_t seed);
/* The same in two steps: between them the geometry of g->f may be another one. */
void forge_init(struct forge *g, uint64_t seed);
void forge_begin(struct forge *g);
void forge_close(struct forge *g);
/* Nothing behind the image any more. */
void forge_clear(struct forge *g);
/* An entry with these rows; `bytes`: of its INLINE rows, whose checksums are put in. */
void forge_entry(struct forge *g, const struct row *rows, uint32_t n, const uint8_t *bytes);
/* Opens the store to be read only. */
enum err forge_start(struct forge *g);
/* Batches of these sizes, one record each, with offsets from `off` on. */
void forge_batches(struct forge *g, uint8_t *at, const uint32_t *sizes, uint32_t n, uint64_t off);

#endif
