/* pool.h -- ready batches of one size, different ones, built before anything is measured.
 *
 * Memory     the pool's, of incompressible bytes from a fixed seed, until pool_close().
 * Fails      ends the program: out of memory.
 */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include <shardlog/record.h>

#define POOL_MAX 64u

struct pool {
    uint32_t count, offsets; /* batches; records of each */
    size_t bytes;            /* of each */
    uint8_t *at[POOL_MAX];
};

/* `count` batches of `records` records with `value` random bytes each. */
void pool_open(struct pool *p, uint32_t count, uint32_t records, size_t value);
/* The same with so many bytes a batch, header included: the last record takes what is left. */
void pool_open_bytes(struct pool *p, uint32_t count, uint32_t records, size_t value, size_t bytes);
void pool_close(struct pool *p);

#endif
