/* window.h -- how far the kernel reads ahead, of the device that is measured on. */
#ifndef BENCH_KAFKA_WINDOW_H
#define BENCH_KAFKA_WINDOW_H

/* The kernel's default of 128 KiB for the device of `dir` while this program runs, for both
 * brokers; what it was is told, and put back at exit. A device that has no such setting is told and
 * left. */
void window_default(const char *dir);

#endif
