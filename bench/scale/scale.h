/* scale.h -- what the stages of shardlog-bench-scale share. */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/common/common.h"

struct scale {
    const char *dir;
    char store[512]; /* the engine's directory */
    uint32_t idle;   /* partitions */
    double fill_gib;
};

/* What a stage said, line by line: "name value". */
struct found {
    double memory;     /* bytes that the partitions added */
    double idle_bytes; /* written to the device while idle */
    double open_s;
    double fill_mb_s;
    double journal_mib; /* that recovery has to read */
};
void found_take(struct found *f, const char *line);

/* Stages run in a child. The makers end by being killed: they say "ready" and go on. */
void stage_idle_make(const struct scale *s, FILE *out);
void stage_idle_again(const struct scale *s, FILE *out);
void stage_fill_make(const struct scale *s, FILE *out);
void stage_fill_again(const struct scale *s, FILE *out);

#endif
