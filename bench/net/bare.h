/* bare.h -- the primitives of the way in, as one bare loop: receive, CRC, copy, direct write.
 *
 * Measured one after another, each of them has the caches, the memory and the core for itself: a
 * receive costs twice as much on a core that also writes to a disk. The sum of what they cost
 * together is what this loop costs, one thread, no records, no journal, no answers.
 *
 * Thread     blocks its caller; the loop is a child on a CPU of its own.
 * Fails      ends the program.
 */
#ifndef BENCH_NET_BARE_H
#define BENCH_NET_BARE_H

#include <stdint.h>

#include "bench/net/stream.h"

/* Into the file, which is there with `file_bytes`, from its start, again and again. */
struct stream_figure bare_in(const char *path, uint64_t file_bytes, int server_cpu, double seconds);

#endif
