/* bench.h -- what the parts of shardlog-bench-embed share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/common/common.h"

struct bench {
    const char *dir;      /* everything is made in it, and removed at the end */
    double seconds;       /* of one measurement */
    uint32_t pairs;       /* interleaved, in steady state */
    uint32_t fresh_pairs; /* with a store made for the pair */
    uint32_t warm_mib;    /* written before steady state is believed */
    uint32_t cpu;         /* this program and fio's small writes run here */
    const char *rows;     /* letters of the rows to run */
    uint32_t window;      /* row a: batches in flight */
    uint32_t partitions;  /* of rows a and d */
};

#endif
