/* seed.h -- one run: a world drawn from a number, lived through crashes, and judged.
 *
 * At least two shards, three crashes (power, kernel, kill), one crash in recovery, a clean stop
 * and 2,000 operations; then the faults stop, every partition must answer, everything is deleted
 * and all space must come back.
 *
 * Thread     one; the world is the caller's alone.
 * Fails      violated(), or check() inside the engine: both end the process.
 */
#ifndef SIM_SEED_H
#define SIM_SEED_H

#include "tests/sim/tally.h"

/* Every life but the last ends in order, a quarter of them with a power cut on the way: for a
 * campaign about stops. Another seed than without it. */
extern bool seed_stops;

struct seed_result {
    struct tally tally;
    uint64_t hash; /* of everything that happened */
};
void seed_run(uint64_t seed, struct seed_result *out);

#endif
