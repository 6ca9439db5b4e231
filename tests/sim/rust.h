/* rust.h -- damage between two lives: found when the store is looked at, never believed.
 *
 * While the machine is down, one place of one store is changed: a bit of a journal entry that a
 * later one vouches for, of a volume, a slot or the image, or two blocks of a volume change places.
 * The store is opened for reading only and everything in it is read: it may refuse, or say what is
 * damaged, but it may not lose a promised batch silently nor serve an altered one. Then the place
 * is mended, and life goes on.
 *
 * Thread     the one thread of a seed.
 * Fails      violated().
 */
#ifndef SIM_RUST_H
#define SIM_RUST_H

#include "tests/sim/load.h"

/* The machine is dead before and after. */
void rust_try(struct load *l);

#endif
