/* row.h -- the rows of a benchmark's table: ratios of interleaved pairs against a goal.
 *
 * Printed as "result|what|required|measured|pass or FAIL", which scripts/verify understands, or as
 * one JSON object on a line.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "bench/common/figure.h"

/* One row's name, goal, and the ratios seen so far. */
struct row_result {
    const char *name;
    const char *unit; /* of the two sides */
    double goal;      /* of the ratio */
    double or_below;  /* or our side is at most so much; 0: nothing of that */
    bool at_least;    /* else at most */
    struct ratios ratio, ours, theirs;
};

void row_add(struct row_result *r, double ours, double theirs);
bool row_met(const struct row_result *r);
/* Ratio, interval, both sides, whether the goal is met; and beside it what a second measurement
 * gave, which does not count (`beside` NULL or without ratios: none; `what` names it). */
void row_print(const struct row_result *r, const struct row_result *beside, const char *what);
void row_print_json(const struct row_result *r);

#endif
