/* limit.c -- what one core spends on a batch before any disk is asked. */
#include "bench/common/limit.h"

#include <stdlib.h>
#include <string.h>

#include "bench/common/common.h"
#include "engine/base/crc32c.h"
#include "engine/base/types.h"

#define ROUNDS     40u
#define COPY_BYTES MIB(4) /* copied to and fro: as large as the pool, more than a core's cache */

double limit_copy_crc(const struct pool *pool)
{
    uint8_t *to = malloc(COPY_BYTES + pool->bytes);
    volatile uint32_t crc = 0;
    uint64_t bytes = 0;
    if (!to)
        die("out of memory");
    memset(to, 0, COPY_BYTES + pool->bytes);
    double start = cpu_s();
    for (uint32_t i = 0; i < ROUNDS * pool->count; i++) {
        const uint8_t *from = pool->at[i % pool->count];
        crc = crc32c(crc, from, pool->bytes);
        memcpy(to + bytes % COPY_BYTES, from, pool->bytes);
        bytes += pool->bytes;
    }
    double spent = cpu_s() - start;
    free(to);
    return spent / (double)bytes;
}
