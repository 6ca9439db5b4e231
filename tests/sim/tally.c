/* tally.c -- see tally.h. */
#include "tests/sim/tally.h"

#include <inttypes.h>
#include <stdio.h>

#define SEEDS_DEMANDED 1800u /* as many as a run of CI has, beside the quick ones */

void tally_add(struct tally *to, const struct tally *more)
{
#define TALLY(name, stores, front, kafka, what) to->name += more->name;
    TALLY_LIST
#undef TALLY
}

static bool tally_row(const char *what, uint64_t value, uint64_t least, uint64_t seeds)
{
    bool rare = seeds >= SEEDS_DEMANDED && value < least;
    if (!value && !least)
        return true; /* the other workload's */
    printf("  %14" PRIu64 "  %s%s\n", value, what, rare ? "   TOO RARE" : "");
    return !rare;
}

bool tally_print(const struct tally *t, uint64_t seeds, enum workload w)
{
    bool ok = true;
    printf("happened in %" PRIu64 " seeds:\n", seeds);
#define TALLY(name, stores, front, kafka, what) \
    ok &= tally_row(what, t->name, (const uint64_t[]){ stores, front, kafka, 0 }[w], seeds);
    TALLY_LIST
#undef TALLY
    return ok;
}
