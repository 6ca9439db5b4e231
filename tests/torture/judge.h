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

void judge_open(uint16_t port);
void judge_close(void);
/* Reads up to what is visible now; `all`: from the beginning, else from where the last judge_run()
 * but one ended, so that what was read shortly before a kill is read again after it. */
void judge_run(bool all);
/* Nothing is under way, and all of it was read: as many records as the producers wrote. */
void judge_end(void);

#endif
