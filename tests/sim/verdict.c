/* verdict.c -- see verdict.h. */
#include "tests/sim/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct verdict verdict;

void violated(const char *fmt, ...)
{
    va_list args;
    if (!verdict.quiet) {
        fflush(stdout);
        fprintf(stderr, "seed %llu: ", (unsigned long long)verdict.seed);
        va_start(args, fmt);
        vfprintf(stderr, fmt, args);
        va_end(args);
        fprintf(stderr, "\n  replay: %s %s--seed %llu\n", verdict.program, verdict.options,
                (unsigned long long)verdict.seed);
        fflush(stderr);
    }
    _exit(VERDICT_VIOLATED); /* memory is not given back: the seed died in the middle of things */
}

void trace(const char *fmt, ...)
{
    va_list args;
    if (!verdict.trace)
        return;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}
