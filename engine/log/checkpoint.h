/* checkpoint.h -- the image: a copy of the tables, so that journal space comes free.
 *
 *   IDLE -> CAPTURE -> FLUSH -> SYNC -> IMAGE -> IMAGE_SYNC -> IDLE
 *
 *   CAPTURE     cut at the next entry; partition by partition, a slice a turn, with few bytes in
 *               flight while commits go on beside it: write whole blocks behind, put the partial
 *               block into the slot that the live image does not name, and append the rows to the
 *               image in memory
 *   FLUSH       wait for those writes, and for the commits that the rows already contain
 *   SYNC        tails, and every volume that needs it
 *   IMAGE       both copies of the older generation
 *   IMAGE_SYNC  and only then: the image is live, ring space before the cut is free
 *
 * A row says up to which entry it is complete, so the copy may be taken while appends go on.
 */
#ifndef LOG_CHECKPOINT_H
#define LOG_CHECKPOINT_H

#include "engine/log/store_in.h"

#define BEHIND_STEP (256u << 10) /* bytes of one partition that it writes behind at a time */

void checkpoint_run_issued(struct store *s, struct extent *e, uint32_t len);
void checkpoint_run_done(struct store *s, uint32_t len);
bool checkpoint_due(const struct store *s);
/* It found no room on the disk, and none since: it tries again in a second. */
bool checkpoint_starved(const struct store *s);
/* When it wants a turn although nothing completes; UINT64_MAX: never. */
uint64_t checkpoint_due_ns(const struct store *s);

#endif
