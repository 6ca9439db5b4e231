/* commit.h -- the group commit: one entry, one sync, for all partitions at once.
 *
 *   IDLE --something to name--> WRITE --entry and named runs complete--> SYNC --> IDLE
 *                               (an entry without DIRECT rows is written with DSYNC: WRITE -->
 * IDLE)
 *
 * There is no timer: when the last commit is done, the next takes everything that came meanwhile.
 * Any error poisons the store; the state then stays where it is.
 */
#ifndef LOG_COMMIT_H
#define LOG_COMMIT_H

#include "engine/log/store_in.h"

void commit_run_done(struct store *s); /* a run that the commit in flight named has completed */
bool commit_busy(const struct store *s);
bool commit_quiet(const struct store *s); /* no commit for a while: nobody is disturbed */
/* Bytes of the ring in use, and what an entry of `len` bytes would take (wrap included). */
uint64_t journal_used(const struct store *s);
uint64_t journal_next_pos(const struct store *s, uint64_t pos);
/* Where an entry may end at most, so that entries of a block each, `keep` bytes of them, still have
 * a place behind it. `keep`: whole blocks, less than the ring without two entries. */
uint64_t journal_end_max(const struct store *s, uint64_t keep);

#endif
