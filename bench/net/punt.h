/* punt.h -- counts the writes that the kernel hands to a worker thread instead of submitting them
 * itself: the tracepoint io_uring:io_uring_queue_async_work with the opcode of a write, on all
 * CPUs.
 *
 * Needs root, or perf_event_paranoid at -1, and tracefs.
 */
#ifndef BENCH_NET_PUNT_H
#define BENCH_NET_PUNT_H

#include <stdbool.h>
#include <stdint.h>

#define PUNT_CPUS_MAX 256

struct punts {
    int fds[PUNT_CPUS_MAX];
    uint32_t count;
};

bool punts_open(struct punts *p); /* false: this kernel or user may not */
uint64_t punts_so_far(const struct punts *p);
void punts_close(struct punts *p);

#endif
