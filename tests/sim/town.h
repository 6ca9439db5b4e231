/* town.h -- the second workload: a whole node through its verbs, topics by name.
 *
 * What load.h does to stores, this does to an instance of engine/serve: topics are created,
 * grown and deleted by name, with crashes between any two steps of that; records go through serve's
 * verbs; the number of shards changes; and the directory of the metadata is replaced by an older
 * copy for one start, after which everything must still be there.
 *
 * Thread     the one thread of a seed.
 * Fails      violated().
 */
#ifndef SIM_TOWN_H
#define SIM_TOWN_H

#include "tests/sim/seed.h"

/* Adds to `out`. */
void town_run(uint64_t seed, struct seed_result *out);

#endif
