/* rng.h -- a small seeded generator (xoshiro256**): same seed, same sequence, everywhere. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);                /* any seed, zero included */
uint64_t rng_next(struct rng *r);                           /* 64 random bits */
uint64_t rng_below(struct rng *r, uint64_t n);              /* 0 .. n-1; n > 0 */
bool rng_chance(struct rng *r, uint32_t num, uint32_t den); /* true num times in den */
uint64_t rng_log_uniform(struct rng *r,
                         uint64_t max);               /* 0 .. max, each power of two alike likely */
void rng_fill(struct rng *r, void *at, uint64_t len); /* incompressible bytes */

#endif
