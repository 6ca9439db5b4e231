/* near.c -- Levenshtein's distance, one row of the table at a time. */
#include "engine/base/near.h"

#define NEAR_LEN_MAX 64u
#define NEAR_CHANGES 4u
#define NEAR_PART    3u /* letters of the shortest word that is looked for as a part */
#define SEPARATORS   "-._"

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

static bool near_between(char c)
{
    return !c || strchr(SEPARATORS, c);
}

/* Is `word` one of the parts of `name`, or several neighbouring ones? */
static bool near_part(const char *word, const char *name)
{
    size_t len = strlen(word);
    for (const char *at = strstr(name, word); at; at = strstr(at + 1, word))
        if ((at == name || near_between(at[-1])) && near_between(at[len]))
            return true;
    return false;
}

/* "native-listen" and "listen-native". */
static bool near_turned(const char *word, const char *name)
{
    size_t len = strlen(word);
    if (len != strlen(name))
        return false;
    for (size_t i = 1; i + 1 < len; i++)
        if (near_between(word[i]) && near_between(name[len - i - 1]) &&
            memcmp(word, name + len - i, i) == 0 && memcmp(word + i + 1, name, len - i - 1) == 0)
            return true;
    return false;
}

static bool near_parts(const char *word, const char *name)
{
    word += strspn(word, SEPARATORS);
    name += strspn(name, SEPARATORS);
    return strlen(word) >= NEAR_PART && (near_part(word, name) || near_turned(word, name));
}

void near_try(struct near *n, const char *candidate)
{
    size_t len = strnlen(candidate, NEAR_LEN_MAX + 1);
    if (!n->distance || len > NEAR_LEN_MAX)
        return;
    uint32_t d = near_distance(n->word, candidate, len);
    if (d > 1 && near_parts(n->word, candidate))
        d = 1;
    if (d < n->distance) {
        n->distance = d;
        n->best = candidate;
    }
}
