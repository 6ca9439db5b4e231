/* warm_in.h -- between warm.c, which reads out of the page cache, and warm_large.c, which has it
 * filled with large pages. */
#ifndef LOG_WARM_IN_H
#define LOG_WARM_IN_H

#include "engine/log/lend.h"

/* What is known of a tile. */
#define HEAT_CHECKED 0x80u /* it was verified in the page cache */
#define HEAT_READ    0x40u /* it was read from the disk */
#define HEAT_GAP     0x20u /* something begins in it that is no batch with records */
#define HEAT_CUT     0x10u /* the header that reaches over its end was not there to look at */
#define HEAT_COMING  0x08u /* a large page with it is on its way, or may be: never CHECKED then */
#define HEAT_HOT     0x07u /* how often it was read out of the tail, HOT_TIMES at most ... */
#define HOT_TIMES    4u    /* ... from where on it is worth the load */

/* A read that loads, and then lends: read.plan. */
struct warm {
    struct extent *e;
    uint32_t tile, tiles;  /* [tile, tile + tiles) hold the bytes to lend */
    uint32_t at, at_tiles; /* the piece that is loaded */
    uint32_t tries;
    uint64_t large; /* the large page that its load brings in, or IO_NOT_LARGE */
    uint64_t pos, end_pos, next_off;
};

uint8_t heat_get(const struct extent *e, uint32_t i);
uint8_t *heat_at(struct extent *e, uint32_t i);           /* stays until the next one */
uint64_t tiles_place(const struct extent *e, uint32_t i); /* where tile i is in its file */

/* The load of r's next piece, of these bytes, begins: w->large is the large page that it brings in.
 * large_end() when it has ended. */
void large_begin(struct read *r, uint64_t bytes);
void large_end(struct read *r);
/* Another load has a large page on its way that has bytes of the piece: to be read directly. */
bool large_comes_with(const struct warm *w);

#endif
