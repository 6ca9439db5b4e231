/* options.h -- the words behind `scripts/run demo`.
 */
#ifndef DEMO_OPTIONS_H
#define DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *dir, *durability;
    const char **from; /* NULL-terminated; empty: the default input */
    uint64_t bytes;    /* 0: as many as there are */
    unsigned seed;
    bool flip, embedded;
};

/* Ends the program with help, or with what is wrong. */
void options_parse(struct options *o, int argc, char **argv);

#endif
