/* words.h -- the options of a benchmark program: one table says what is taken, where it goes, and
 * what --help says of it.
 *
 * Fails      what is not understood ends the program with status 2.
 */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#define WORDS_MAX 16u

/* `--name`. One of the pointers says where its value goes, and of what kind it is; what is there
 * before is the default. */
struct word {
    const char *name;
    const char *value; /* what help calls it; NULL: it has none */
    const char *help;  /* NULL: not for everybody */
    const char **text; /* lives as long as argv */
    uint32_t *count;
    double *number;
    bool *flag;
};

/* `words` end with one that has no name. `usage`: the line before them in the help. */
void words_take(int argc, char **argv, const struct word *words, const char *usage);

#endif
