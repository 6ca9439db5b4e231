/* recovery.h -- opening a store: what the ring says after the newest image.
 *
 * Entries are read from the image's cut on. The first place that does not hold the next entry is
 * judged by this table ("later": a valid header with a higher seq lies somewhere in the ring,
 * which proves that the sync of every entry before it had returned; docs/STORE.md A6):
 *
 *        header   rows    pieces   later   direct runs     verdict
 *   A    valid    valid   valid    -       (not last)      REPLAY the entry
 *   B    bad      -       -        no      -               CUT here: torn or never written, unacked
 *   C    bad      -       -        yes     -               REFUSE: an acknowledged entry is gone
 *   D    valid    bad     -        no      -               CUT here: torn
 *   E    valid    bad     -        yes     -               REFUSE
 *   F    valid    valid   bad      no      -               CUT here: torn
 *   G    valid    valid   bad      yes     -               STOP those partitions, REPLAY the rest
 *   H    valid    valid   valid    no      one fails       CUT here: its runs had not all landed
 *   I    valid    valid   valid    no      all verify      REPLAY it, then CUT after it
 *
 * Crash that produces it: B power during the entry's write (or a clean stop); D, F the same, torn
 * inside; H power between entry and runs; C, E, G bit rot or a lost write in acknowledged data.
 * B, D, F and H can only hit the one entry that was in flight, and A to I are tested by letter in
 * tests/unit/log/recovery_test.c.
 *
 * Recovery writes nothing before the whole ring is replayed in memory (docs/STORE.md B4), then
 * writes OPEN at the cut and syncs it before the store serves anything (A4).
 */
#ifndef LOG_RECOVERY_H
#define LOG_RECOVERY_H

#include "engine/log/image.h"

/* Builds the tables of `s` from image and ring. Blocks. */
enum err recovery_run(struct store *s, struct why *why);

#endif
