/* figure.c -- histograms, medians, bootstrap. */
#include "bench/common/figure.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"

#define RESAMPLES 10000u

static uint32_t slot_of(uint64_t ns)
{
    if (ns < HISTOGRAM_STEPS)
        return (uint32_t)ns;
    uint32_t power = 63u - (uint32_t)__builtin_clzll(ns) - 6u; /* 2^6 steps */
    uint32_t slot = (power + 1) * HISTOGRAM_STEPS + (uint32_t)(ns >> power) - HISTOGRAM_STEPS;
    return slot < HISTOGRAM_SLOTS ? slot : HISTOGRAM_SLOTS - 1;
}

/* The middle of what falls into a slot. */
static uint64_t slot_value(uint32_t slot)
{
    if (slot < HISTOGRAM_STEPS)
        return slot;
    uint32_t power = slot / HISTOGRAM_STEPS - 1;
    uint64_t low = (uint64_t)(slot % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << power;
    return low + (1ull << power) / 2;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
    h->count++;
    h->max = ns > h->max ? ns : h->max;
    h->slots[slot_of(ns)]++;
}

uint64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t want = (uint64_t)(share * (double)h->count), seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++) {
        seen += h->slots[i];
        if (seen > want)
            return slot_value(i);
    }
    return h->max;
}

void ratios_add(struct ratios *r, double value)
{
    if (r->count < PAIRS_MAX)
        r->at[r->count++] = value;
}

static int double_order(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double sorted_median(const double *v, uint32_t count)
{
    if (!count)
        return 0;
    return count % 2 ? v[count / 2] : (v[count / 2 - 1] + v[count / 2]) / 2;
}

double median_of(const double *values, uint32_t count)
{
    double sorted[PAIRS_MAX];
    count = count < PAIRS_MAX ? count : PAIRS_MAX;
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), double_order);
    return sorted_median(sorted, count);
}

struct median ratios_median(const struct ratios *r)
{
    static double medians[RESAMPLES];
    struct rng rng;
    double drawn[PAIRS_MAX];
    rng_seed(&rng, 1);
    for (uint32_t i = 0; i < RESAMPLES; i++) {
        for (uint32_t k = 0; k < r->count; k++)
            drawn[k] = r->at[rng_below(&rng, r->count)];
        medians[i] = median_of(drawn, r->count);
    }
    qsort(medians, RESAMPLES, sizeof(*medians), double_order);
    return (struct median){ .at = median_of(r->at, r->count),
                            .low = medians[RESAMPLES / 20],
                            .high = medians[RESAMPLES - 1 - RESAMPLES / 20] };
}
