/* bench.h -- what the parts of shardlog-bench-kafka share. */
#ifndef BENCH_KAFKA_BENCH_H
#define BENCH_KAFKA_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench {
    const char *dir;      /* everything is made in it, and removed at the end */
    const char *shardlog; /* the program that is measured */
    const char *jars;     /* folder with Apache Kafka's */
    const char *tail;     /* shardlog's memory.tail; NULL: its default */
    double seconds;       /* of one slice */
    double alone;   /* shardlog alone, for a profile: what counts as Kafka's maximum, MB/s; 0: no */
    double warm_s;  /* of each path, until the JVM is believed to be warm */
    uint32_t pairs; /* of slices, interleaved */
    uint32_t lines_k; /* what kcat writes and reads, in thousands */
    uint32_t server_cpu, client_cpu;
    const char *rows; /* letters of the loads to run */
};

#endif
