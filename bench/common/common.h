/* common.h -- what every benchmark program needs: a clock, a voice, an end. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stdint.h>

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void);
/* CPU seconds of this process, threads of the kernel that work for it included. */
double cpu_s(void);
double cpu_children_s(void); /* of children that were waited for */
double cpu_of_s(int pid);    /* of a process that runs, since it was started */
/* CPU seconds that the machine was busy with anything, since it started. Ticks: over a second or
 * more. */
double machine_s(void);
/* In a child just forked: it ends with its parent, however that ends. */
void child_dies_too(void);
/* This thread, and what it starts, keep to one CPU. */
void cpu_take(int cpu);
/* This thread goes before every other of its CPU, or no longer (sched(7), SCHED_FIFO; as root): so
 * that a latency is not that of the one who measures it. */
void cpu_first(bool first);

/* What a child wrote to the file that is its log: the first 256 KiB, "" where there is none. Static
 * memory, until the next one. */
const char *log_read(const char *path);

/* `dir`, or one made in TMPDIR (/var/tmp) when it is NULL; *made says which. Static memory. */
const char *dir_take(const char *dir, int *made);
/* Removes a directory with all that is in it. */
void dir_remove(const char *path);
/* The program beside ours: build/release/bench/X -> build/release/tools/shardlog. Static memory. */
const char *shardlog_find(void);

#endif
