/* pool.c -- batches, built before anything is measured. */
#include "bench/common/pool.h"

#include <stdlib.h>

#include "bench/common/common.h"
#include "engine/base/rng.h"

/* `last`: bytes of the last record's value. */
static uint8_t *batch_make(struct rng *rng, uint32_t records, size_t value, size_t last,
                           size_t *bytes)
{
    struct sl_record *r = calloc(records, sizeof(*r));
    uint8_t *values = malloc((records - 1) * value + last);
    if (!r || !values)
        die("out of memory");
    for (uint32_t i = 0; i < records; i++)
        r[i] = (struct sl_record){ .value = values + i * value,
                                   .value_bytes = i + 1 < records ? value : last,
                                   .time_ms = sl_time_ms() };
    size_t cap = sl_batch_bytes_max(r, records);
    uint8_t *at = malloc(cap);
    if (!at)
        die("out of memory");
    rng_fill(rng, values, (records - 1) * value + last);
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
        p->at[i] = batch_make(&rng, records, value, value, &p->bytes);
}

/* The last value for batches of `bytes` bytes: its length is also written, in a byte or some. */
static size_t last_value(struct rng *rng, uint32_t records, size_t value, size_t bytes)
{
    size_t last = value, got = 0;
    for (int tries = 0; got != bytes; tries++) {
        free(batch_make(rng, records, value, last, &got));
        if (tries == 4 || got > bytes + last)
            die("no batch of %u records has %zu bytes", records, bytes);
        last += bytes - got;
    }
    return last;
}

void pool_open_bytes(struct pool *p, uint32_t count, uint32_t records, size_t value, size_t bytes)
{
    struct rng rng;
    rng_seed(&rng, records);
    *p = (struct pool){ .count = count, .offsets = records };
    size_t last = last_value(&rng, records, value, bytes);
    for (uint32_t i = 0; i < count; i++)
        p->at[i] = batch_make(&rng, records, value, last, &p->bytes);
}

void pool_close(struct pool *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        free(p->at[i]);
    p->count = 0;
}
