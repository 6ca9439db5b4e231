/* fixture_batch.c -- a batch of an exact number of bytes, full of noise. */
#include <stdlib.h>

#include "engine/base/batch.h"
#include "engine/base/check.h"
#include "tests/unit/log/fixture.h"

/* The first record's value has `len` bytes, the others none; a key of one byte helps where a
 * varint's width jumps. Returns the bytes of the batch. */
static size_t batch_try(struct batch_builder *b, uint8_t *at, const struct spec *spec,
                        const uint8_t *noise, size_t len, size_t key)
{
    batch_builder_open(b, at, spec->bytes + 64u);
    for (uint32_t i = 0; i < spec->count; i++) {
        struct batch_record record = { .time = spec->time,
                                       .key = { key ? noise : NULL, key },
                                       .value = { noise, i ? 0 : len } };
        check(batch_builder_add(b, &record) == ERR_OK);
    }
    return b->len;
}

struct bytes fixture_batch(uint8_t *at, struct spec spec, struct rng *r)
{
    struct batch_builder b;
    uint8_t *noise = malloc(spec.bytes);
    check(noise);
    rng_fill(r, noise, spec.bytes);
    for (size_t key = 0; key < 2; key++) {
        size_t most = spec.bytes - batch_try(&b, at, &spec, noise, 0, key);
        for (size_t len = most; len + 8 > most; len--) {
            if (batch_try(&b, at, &spec, noise, len, key) != spec.bytes)
                continue;
            free(noise);
            if (spec.produced) {
                b.producer_id = spec.producer;
                b.producer_epoch = spec.epoch;
                b.base_sequence = spec.sequence;
            }
            return batch_builder_done(&b);
        }
    }
    check(!"a batch of that size");
    return (struct bytes){ 0 };
}
