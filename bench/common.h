/* common.h -- what every benchmark program needs: a clock, a voice, an end. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdint.h>

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void);
/* CPU seconds of this process, threads of the kernel that work for it included. */
double cpu_s(void);

/* `dir`, or one made in TMPDIR (/var/tmp) when it is NULL; *made says which. Static memory. */
const char *dir_take(const char *dir, int *made);
/* Removes a directory with all that is in it. */
void dir_remove(const char *path);

#endif
