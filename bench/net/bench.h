/* bench.h -- what the parts of shardlog-bench-net share. */
#ifndef BENCH_NET_BENCH_H
#define BENCH_NET_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/common/common.h"

struct bench {
    const char *dir;      /* everything is made in it, and removed at the end */
    const char *shardlog; /* the program that is measured */
    double seconds;       /* of one measurement */
    uint32_t pairs;       /* interleaved */
    uint32_t warm_mib;    /* written before steady state is believed */
    uint32_t cold_mib;    /* of the topic that is read from disk */
    uint32_t server_cpu, client_cpu;
    const char *rows; /* letters of the rows to run */
    uint32_t window;  /* row a: batches in flight */
    bool json;
};

#endif
