/* near.h -- which known word was probably meant: for "did you mean ...?".
 *
 *     struct near n = near_open("retention.mss");
 *     near_try(&n, "retention.ms");
 *     near_try(&n, "segment.ms");
 *     n.best -> "retention.ms", or NULL: nothing is close
 *
 * Close means that at most half of the mistyped letters change (Levenshtein), and at most four:
 * further off it is another word, not a slip. Of names with parts ("listen-native"), one that has
 * the word as a part, or the same parts the other way round, is as close as one letter.
 *
 * Thread     pure functions; any thread.
 * Memory     words are borrowed.
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include "engine/base/types.h"

struct near {
    const char *word;
    const char *best;
    uint32_t distance; /* of best; before that, the first one that is too far */
};

struct near near_open(const char *word);
/* Longer candidates than 64 letters are never close. The first of two equally close ones stays. */
void near_try(struct near *n, const char *candidate);

#endif
