/* rng.c -- xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64.
 *
 * Only integer arithmetic of fixed width, so that a seed means the same on every machine.
 */
#include "engine/base/rng.h"

#include "engine/base/check.h"
#include "engine/base/le.h"

static uint64_t rng_rotl(uint64_t v, int by)
{
    return (v << by) | (v >> (64 - by));
}

static uint64_t rng_splitmix(uint64_t *at)
{
    uint64_t z = (*at += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* splitmix64 never gives four zeros in a row, the one state xoshiro cannot leave. */
void rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = rng_splitmix(&seed);
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t out = rng_rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotl(s[3], 45);
    return out;
}

/* Draws below 2^64 mod n are thrown away: what is left divides by n without a bias. */
uint64_t rng_below(struct rng *r, uint64_t n)
{
    check(n > 0);
    uint64_t uneven = (0 - n) % n;
    uint64_t draw;

    do {
        draw = rng_next(r);
    } while (draw < uneven);
    return draw % n;
}

bool rng_chance(struct rng *r, uint32_t num, uint32_t den)
{
    return rng_below(r, den) < num;
}

/* First the number of significant bits, then the bits; the topmost range is cut at `max`. */
uint64_t rng_log_uniform(struct rng *r, uint64_t max)
{
    uint64_t widths = max ? 65 - (uint64_t)__builtin_clzll(max) : 1;
    uint64_t width = rng_below(r, widths);

    if (width == 0)
        return 0;
    uint64_t low = 1ull << (width - 1);
    uint64_t span = max - low < low ? max - low + 1 : low;
    return low + rng_below(r, span);
}

void rng_fill(struct rng *r, void *at, uint64_t len)
{
    uint8_t *p = at;
    uint8_t rest[8];

    for (; len >= 8; p += 8, len -= 8)
        le64_put(p, rng_next(r));
    if (len) {
        le64_put(rest, rng_next(r));
        memcpy(p, rest, len);
    }
}
