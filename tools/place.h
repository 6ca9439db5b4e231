/* place.h -- the directories that a command is about: stores, and what lies in them.
 *
 * Not for files that know engine/serve: a place is something else there.
 */
#ifndef TOOLS_PLACE_H
#define TOOLS_PLACE_H

#include "engine/io/io.h"
#include "tools/command.h"

/* A store's directory. */
struct place {
    char *path;
    int fd;
};
struct places {
    struct io *io;
    struct place *at;
    uint32_t count, cap;
};
/* Each word is a store (a directory with a journal), or a directory of stores (store-00, ...).
 * EXIT_CLEAN, or EXIT_TROUBLE after a complaint. */
int places_open(struct places *p, int argc, char **argv);
void places_close(struct places *p);
/* Nobody else has the store's journal locked; waits 200 ms. False after a complaint. *fd stays
 * locked until io_fd_close(). */
bool place_lock(struct io *io, const struct place *p, int *fd);

#endif
