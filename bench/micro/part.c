/* part.c -- the functions to measure, behind names that C++ can call. */
#include <stdlib.h>

#include "bench/micro/micro.h"
#include "engine/base/batch.h"
#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/rng.h"
#include "engine/log/tail.h"

#define BATCH_ROOM MIB(1)
#define TILE_OFFS  64u

const void *micro_batch(uint32_t records, size_t value, size_t *bytes)
{
    static uint8_t at[BATCH_ROOM], values[KIB(64)];
    struct batch_builder b;
    struct rng rng;
    rng_seed(&rng, 1);
    rng_fill(&rng, values, value);
    batch_builder_open(&b, at, sizeof(at));
    for (uint32_t i = 0; i < records; i++) {
        struct batch_record r = { .time = 1700000000000, .value = { values, value } };
        check(batch_builder_add(&b, &r) == ERR_OK);
    }
    *bytes = batch_builder_done(&b).len;
    return at;
}

uint32_t micro_crc32c(const void *at, size_t bytes)
{
    return crc32c(0, at, bytes);
}

uint32_t micro_crc32c_combine(uint32_t a, uint32_t b, uint64_t bytes)
{
    return crc32c_combine(a, b, bytes);
}

int micro_batch_verify(const void *batch, size_t bytes)
{
    struct batch_info info;
    int64_t time;
    return (int)batch_verify((struct bytes){ batch, bytes }, &info, &time, NULL);
}

size_t micro_entry_encode(uint32_t rows)
{
    static uint8_t at[MIB(1)];
    static const uint8_t key[16] = { 1 };
    struct entry e = { .seq = 7, .ring_pos = 4096, .rows = rows };
    for (uint32_t i = 0; i < rows; i++) {
        struct row r = {
            .kind = ROW_INLINE, .part = i, .pos = 4096ull * i, .next_off = 1, .len = 100
        };
        row_encode(&r, at + ENTRY_HEADER_BYTES + (size_t)i * ROW_BYTES);
    }
    e.len = entry_bytes(rows, 0);
    entry_encode(&e, key, at);
    return e.len;
}

/* ---- tail ---- */

struct micro_tail {
    struct store s;
    struct part p;
};

struct micro_tail *micro_tail_open(void)
{
    struct micro_tail *t = calloc(1, sizeof(*t));
    check(t);
    t->s.opts.tail_bytes = MIB(64);
    list_init(&t->s.clean);
    for (uint32_t i = 0; i < CHUNK_ORDERS; i++)
        list_init(&t->s.chunk_pool[i]);
    t->p.store = &t->s;
    list_init(&t->p.chunks);
    check(arena_open(&t->s.arena, t->s.opts.tail_bytes) == ERR_OK);
    return t;
}

void micro_tail_put(struct micro_tail *t, const void *at, size_t bytes)
{
    check(tail_room(&t->p, bytes));
    tail_put(&t->p, at, bytes, NULL);
    t->p.disk_pos = t->p.named_pos = block_floor(t->p.head_pos); /* as if written at once */
    tail_clean(&t->p);
}

void micro_tail_close(struct micro_tail *t)
{
    tail_drop(&t->p);
    tail_pool_close(&t->s);
    free(t);
}

/* ---- index ---- */

struct micro_index {
    struct extent e;
};

struct micro_index *micro_index_open(uint32_t tiles)
{
    struct micro_index *x = calloc(1, sizeof(*x));
    check(x);
    for (uint32_t i = 0; i < tiles; i++) {
        struct tile t = { .at = i * (uint32_t)KIB(64),
                          .len = (uint32_t)KIB(64),
                          .base_off = (uint64_t)i * TILE_OFFS,
                          .next_off = (uint64_t)(i + 1) * TILE_OFFS };
        extent_tile_add(&x->e, &t);
    }
    return x;
}

uint32_t micro_index_find(const struct micro_index *x, uint64_t off)
{
    uint32_t i = 0;
    check(index_find(&x->e, off, &i));
    return i;
}

void micro_index_close(struct micro_index *x)
{
    free(x->e.tiles);
    free(x);
}
