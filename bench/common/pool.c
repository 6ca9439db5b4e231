/* pool.c -- batches, built before anything is measured. */
#include "bench/common/pool.h"

#include <stdlib.h>

#include "bench/common/common.h"
#include "engine/base/rng.h"

static uint8_t *batch_make(struct rng *rng, uint32_t records, size_t value, size_t *bytes)
{
    struct sl_record *r = calloc(records, sizeof(*r));
    uint8_t *values = malloc(records * value);
    if (!r || !values)
        die("out of memory");
    for (uint32_t i = 0; i < records; i++)
        r[i] = (struct sl_record){ .value = values + i * value,
                                   .value_bytes = value,
                                   .time_ms = sl_time_ms() };
    size_t cap = sl_batch_bytes_max(r, records);
    uint8_t *at = malloc(cap);
    if (!at)
        die("out of memory");
    rng_fill(rng, values, records * value);
    if (sl_batch_build(at, cap, r, records, bytes) != SL_ERR_OK)
        die("a batch cannot be built");
    free(values);
    free(r);
    return at;
}

void pool_open(struct pool *p, uint32_t count, uint32_t records, size_t value)
{
    struct rng rng;
    rng_seed(&rng, records);
    *p = (struct pool){ .count = count, .offsets = records };
    for (uint32_t i = 0; i < count; i++)
        p->at[i] = batch_make(&rng, records, value, &p->bytes);
}

void pool_close(struct pool *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        free(p->at[i]);
    p->count = 0;
}
