/* repair.h -- heals what can be healed, accepts what is lost.
 *
 *   identity blocks   rebuilt from another file's
 *   image             a page that is bad in one copy is written again from the other
 *   index blocks      rebuilt from the batches, or, where these are gone too, as gaps
 *   tiles             blocks that do not verify become gap tiles
 *   slots             a partial block that does not verify is lost
 *   journal           pieces that do not verify are lost (case G); entries whose header or rows do
 *                     not are passed over (C, E), and partitions go on behind what only they knew
 *   partitions        stopped ones go on
 *   full ring         where OPEN has no place, an image in a new file frees it; it waits until
 * there is disk space for that
 *
 * In that order. The last four are decided in memory, by an opening with opts.salvage, and become
 * durable at once, with one image (docs/FORMAT.md, Gaps). Everything before is a block written in
 * the place of one that did not verify; nothing that verifies is written, but for flags of the last
 * tile before a loss. A repair that is interrupted is done again.
 *
 * Thread     the io's thread; blocks.
 * Fails      what it cannot repair stays as it is: verify tells. LOCKED when the store is in use.
 */
#ifndef LOG_REPAIR_H
#define LOG_REPAIR_H

#include "engine/log/store.h"

struct repair_report {
    uint32_t identities, image_pages; /* healed */
    uint32_t index_blocks;            /* rebuilt */
    uint32_t tiles, slots, parts;     /* given up: tiles, partial blocks; partitions let go on */
};

/* The first two of the list alone: nothing is lost by them, and afterwards verify sees the rest. */
enum err repair_heal(struct io *io, int dir, struct repair_report *out, struct why *why);
/* All of it. */
enum err repair_run(struct io *io, int dir, struct repair_report *out, struct why *why);

#endif
