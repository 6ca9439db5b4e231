/* verdict.h -- how a seed speaks: a violation ends it, a trace line tells what it did.
 *
 * Thread     the one thread of a seed.
 * Fails      violated() never returns: the process of the seed ends with VERDICT_VIOLATED.
 */
#ifndef SIM_VERDICT_H
#define SIM_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#define VERDICT_VIOLATED 3 /* exit status of a seed that found something */

struct verdict {
    uint64_t seed;
    const char *program; /* for the replay command */
    const char *options; /* of that command, before --seed; "" when there are none */
    bool trace;          /* print what happens */
    bool quiet;          /* print nothing at all: the museum only wants the exit status */
};
extern struct verdict verdict;

_Noreturn void violated(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define demand(x, ...) ((x) ? (void)0 : violated(__VA_ARGS__))

#endif
