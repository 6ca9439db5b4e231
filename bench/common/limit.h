/* limit.h -- what one core spends on a batch before any disk or network is asked. */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include "bench/common/pool.h"

/* CPU seconds per byte of copying a batch and of its CRC32C, hot. */
double limit_copy_crc(const struct pool *pool);

#endif
