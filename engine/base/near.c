/* near.c -- Levenshtein's distance, one row of the table at a time. */
#include "engine/base/near.h"

#define NEAR_LEN_MAX 64u
#define NEAR_CHANGES 4u

struct near near_open(const char *word)
{
    size_t len = strnlen(word, NEAR_LEN_MAX + 1);
    struct near n = { .word = word };
    if (len <= NEAR_LEN_MAX)
        n.distance = (uint32_t)min_u64(NEAR_CHANGES, len / 2) + 1;
    return n;
}

/* How many letters must change to make `b` of `a`. */
static uint32_t near_distance(const char *a, const char *b, size_t len)
{
    uint32_t row[NEAR_LEN_MAX + 1];
    for (size_t j = 0; j <= len; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 0; a[i]; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i + 1;
        for (size_t j = 0; j < len; j++) {
            uint32_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            uint32_t shift = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            row[j + 1] = change < shift ? change : shift;
        }
    }
    return row[len];
}

void near_try(struct near *n, const char *candidate)
{
    size_t len = strnlen(candidate, NEAR_LEN_MAX + 1);
    if (!n->distance || len > NEAR_LEN_MAX)
        return;
    uint32_t d = near_distance(n->word, candidate, len);
    if (d < n->distance) {
        n->distance = d;
        n->best = candidate;
    }
}
