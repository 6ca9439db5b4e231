/* pick.h -- one of a few values, each alike likely. */
#ifndef SIM_PICK_H
#define SIM_PICK_H

#include "engine/base/rng.h"

static inline uint32_t pick(struct rng *rng, const uint32_t *from, uint32_t count)
{
    return from[rng_below(rng, count)];
}
#define PICK(rng, ...)                           \
    pick(rng, (const uint32_t[]){ __VA_ARGS__ }, \
         sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

#endif
