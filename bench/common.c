/* common.c -- see common.h. */
#include "bench/common.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/base/types.h"

void die(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

void say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    putchar('\n');
    fflush(stdout);
    va_end(list);
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SEC_NS + (uint64_t)t.tv_nsec;
}

double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

const char *dir_take(const char *dir, int *made)
{
    static char path[512];
    const char *tmp = getenv("TMPDIR");
    *made = dir == NULL;
    if (dir) {
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
            die("%s: %s", dir, strerror(errno));
        return dir;
    }
    snprintf(path, sizeof(path), "%s/shardlog-bench-XXXXXX", tmp ? tmp : "/var/tmp");
    if (!mkdtemp(path))
        die("%s: %s", path, strerror(errno));
    return path;
}

static int file_remove(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

void dir_remove(const char *path)
{
    nftw(path, file_remove, 16, FTW_DEPTH | FTW_PHYS);
}
