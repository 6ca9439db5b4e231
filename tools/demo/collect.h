/* collect.h -- finds the inputs: regular files under some paths, in the order of their names.
 *
 * Files of the system's logs may change while the demo runs, so they are copied to `snapshots`
 * first; everything else is read where it is. Unreadable files are left out and counted.
 */
#ifndef DEMO_COLLECT_H
#define DEMO_COLLECT_H

#include "tools/demo/demo.h"

struct collect {
    const char *snapshots; /* an empty directory */
    uint64_t bytes_max;    /* stop there, cutting the last file; UINT64_MAX: take all */
    uint64_t unreadable;
    char unreadable_first[256]; /* printable */
    struct inputs inputs;
};

/* Adds a file, or all files below a directory; symbolic links are not followed. */
void collect_path(struct collect *c, const char *path);
/* The same, each file copied. */
void collect_changing(struct collect *c, const char *path);
/* Repeats the inputs, in order, until they are `bytes` together; cuts what is too much. */
void collect_repeat(struct collect *c, uint64_t bytes);

#endif
