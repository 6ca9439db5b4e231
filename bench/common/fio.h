/* fio.h -- the disk's own figures, by a program that everybody knows.
 *
 * Files are written in full before they are used: no block is ever unwritten, nothing grows.
 *
 * Thread     blocks its caller while fio runs.
 * Fails      a missing or failing fio ends the benchmark: without ceilings it says nothing.
 */
#ifndef BENCH_FIO_H
#define BENCH_FIO_H

#include <stdint.h>

/* A way to write or read a file at full speed. */
struct fio_cell {
    uint32_t block_kib, depth;
};

/* Latency of one 4 KiB write followed by its fdatasync, closed loop. fio knows the two halves
 * only. The median of their sum is taken as the sum of their medians; its p99 as the larger of
 * (p99 of one half + median of the other), which is less than the sum of the p99s, and so the
 * harder ceiling. */
struct fio_latency {
    double p50_us, p99_us;
};

/* Writes `path` with O_DIRECT unless it is there with this size. */
void fio_file(const char *path, uint64_t bytes);
/* Sequential writes (reads) over the file of `file_bytes`, and what they cost. */
struct fio_speed {
    double bytes_s;
    double cpu_s_per_byte;     /* of fio itself */
    double machine_s_per_byte; /* of the whole machine, without fio's own start and end */
};
enum fio_way { FIO_WRITE, FIO_READ };
struct fio_speed fio_move(enum fio_way way, const char *path, uint64_t file_bytes,
                          struct fio_cell cell, double seconds);
/* The best cell of 64 KiB, 256 KiB, 1 MiB at depth 1, 4, 16. */
struct fio_cell fio_best(enum fio_way way, const char *path, uint64_t file_bytes, double seconds);
/* 4 KiB write + fdatasync on `cpu`; beside `rate` bytes per second of 64 KiB writes to `beside`
 * at depth 16, unless that is NULL. *rate receives what those reached. */
struct fio_latency fio_durable(const char *path, uint64_t file_bytes, int cpu, const char *beside,
                               uint64_t beside_bytes, double *rate, double seconds);

#endif
