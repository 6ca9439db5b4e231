/* judge.h -- reads the log and compares it with the ledger.
 *
 *   - every byte of every record is what its producer wrote
 *   - the records of a producer in a partition have the numbers 0, 1, 2, ...: in order, none twice
 *   - the records of every acknowledgement are at its offsets
 *   - where a consumer saw a record, that one still is
 *
 * Owner      the main thread.
 * Fails      all findings are wrong().
 */
#ifndef TORTURE_JUDGE_H
#define TORTURE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

/* A batch that was in the log, and had no answer when the broker was killed, is recognised. Not so
 * yet: the broker forgets its producers when it ends. Repeats are counted, and told. */
#define JUDGE_ONCE false

void judge_open(uint16_t port);
void judge_close(void);
/* Reads up to what is visible now; `all`: from the beginning, else from where the last judge_run()
 * but one ended, so that what was read shortly before a kill is read again after it. */
void judge_run(bool all);
/* Nothing is under way, and all of it was read: as many records as the producers wrote. */
void judge_end(void); /* Records that were in the log a second time. */
uint64_t judge_repeats(void);

#endif
