/* figure.h -- what a measurement is made of: latencies, ratios of pairs, how sure a median is.
 *
 * Thread     none of its own; one user at a time.
 * Memory     a histogram is 30 KiB and fixed.
 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include <stdbool.h>
#include <stdint.h>

/* Log-linear: 64 steps to each power of two, so a value is kept to 1.6 %. Nanoseconds to 17 min. */
#define HISTOGRAM_STEPS 64u
#define HISTOGRAM_SLOTS (HISTOGRAM_STEPS * 36u)

struct histogram {
    uint64_t count, max;
    uint64_t slots[HISTOGRAM_SLOTS];
};

void histogram_add(struct histogram *h, uint64_t ns);
/* The value that a share of the samples (0.5: the median) does not exceed; 0 without samples. */
uint64_t histogram_at(const struct histogram *h, double share);

/* Ratios of interleaved pairs, one row of the table. */
#define PAIRS_MAX 200u

struct ratios {
    uint32_t count;
    double at[PAIRS_MAX];
};

void ratios_add(struct ratios *r, double value);
/* So many as are wanted, or as there may be. */
static inline uint32_t pairs_of(uint32_t wanted)
{
    return wanted < PAIRS_MAX ? wanted : PAIRS_MAX;
}

/* Median, and the interval that holds it in 90 of 100 resamplings (bootstrap, 10,000 of them, from
 * a fixed seed: the same ratios give the same interval). */
struct median {
    double at, low, high;
};
struct median ratios_median(const struct ratios *r);

double median_of(const double *values, uint32_t count);

#endif
