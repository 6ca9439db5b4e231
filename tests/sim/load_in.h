/* load_in.h -- what the files of the operations share. */
#ifndef SIM_LOAD_IN_H
#define SIM_LOAD_IN_H

#include "tests/sim/load.h"

/* Zeroed, and under way until it is unlinked. */
void *load_op_new(struct load *l, size_t bytes, void (*forget)(struct world_op *));
/* Errors that need no excuse: the partition is being dropped, or (eio) the disk failed. */
bool load_excused(const struct load *l, const struct o_part *p, enum err err);

#endif
