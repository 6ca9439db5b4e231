/* jobs.h -- many seeds, each in a child process of its own choice: one child runs seed after seed
 * and is replaced when a seed kills it.
 *
 * Thread     none: processes and shared memory.
 * Fails      a seed that violates, crashes or hangs is counted; the others go on.
 */
#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include "tests/sim/seed.h"

#define JOBS_MAX     64u
#define FAILED_KEPT  32u
#define PROBES_MAX   512u
#define SEED_SECONDS 60u /* then it hangs */

struct jobs {
    uint64_t from, to;     /* seeds, both included */
    uint32_t jobs;         /* processes at once */
    uint32_t failures_max; /* stop after so many */
    void (*run)(uint64_t seed, struct seed_result *out);
};

struct jobs_result {
    struct tally tally;
    uint64_t done, failed; /* seeds */
    uint64_t failed_seeds[FAILED_KEPT];
    uint64_t probe_hits[PROBES_MAX]; /* in the order of probe_each() */
    uint64_t hash;                   /* of all seeds' hashes, in any order */
    double seconds;
};
void jobs_run(const struct jobs *j, struct jobs_result *out);

#endif
