/* save.h -- keeps damaged bytes in a file before a repair gives them up.
 *
 * The file is new, and is text and bytes: a first line, then for each finding
 *
 *     FILE POS LEN KIND WHY\n  LEN bytes  \n
 *
 * so that an editor shows what is where and a few lines of any language take it apart. It is synced
 * before it counts.
 */
#ifndef TOOLS_SAVE_H
#define TOOLS_SAVE_H

#include "engine/log/verify.h"
#include "tools/place.h"

/* Saves the bytes of every finding that has some; *bytes: how many. EXIT_CLEAN or EXIT_TROUBLE. */
int save_finds(struct io *io, const struct place *place, const struct find *finds, uint32_t count,
               const char *path, uint64_t *bytes);

#endif
