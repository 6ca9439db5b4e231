/* format_entry_test.c -- journal entries and rows keep what they are given and refuse what is bent.
 */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"
#include "tests/test.h"
#include "tests/unit/log/format_values.h"

#include <stdlib.h>

#define ENTRY_MAX (64u << 10)

static const uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const struct id16 store = { { 0xaa, 0xbb } };

/* A random row that brings no inline bytes, or the one that brings all of them. */
static struct row entry_row(struct rng *r, uint32_t inline_bytes)
{
    struct row row;
    do
        row = random_row(r);
    while ((row.kind == ROW_INLINE) != (inline_bytes != 0));
    if (inline_bytes) {
        row.len = inline_bytes;
        row.pos = min_u64(row.pos, POS_MAX - inline_bytes);
        if (row.batch_at != NO_BATCH)
            row.batch_at %= inline_bytes;
    }
    return row;
}

/* Builds an entry of random rows and payload in `at` (ENTRY_MAX bytes); the last row is INLINE if
 * there are inline bytes. */
static struct entry entry_make(struct rng *r, uint8_t *at, uint32_t rows, uint32_t inline_bytes)
{
    struct entry e = {
        .store = store,
        .opening = rng_next(r),
        .seq = rng_next(r),
        .ring_pos = block_floor(rng_next(r)),
        .len = entry_bytes(rows, inline_bytes),
        .rows = rows,
        .inline_bytes = inline_bytes,
        .prev_crc = (uint32_t)rng_next(r),
        .store_epoch = (uint32_t)rng_next(r),
        .time_ms = (int64_t)rng_next(r),
    };
    memset(at, 0, e.len);
    for (uint32_t i = 0; i < rows; i++) {
        struct row row = entry_row(r, i == rows - 1 ? inline_bytes : 0);
        row_encode(&row, at + ENTRY_HEADER_BYTES + i * ROW_BYTES);
    }
    rng_fill(r, at + ENTRY_HEADER_BYTES + rows * ROW_BYTES, inline_bytes);
    entry_encode(&e, key, at);
    return e;
}

static enum err entry_read(const struct entry *e, const uint8_t *at, struct entry *out)
{
    return entry_decode(at, key, store, e->ring_pos, ENTRY_MAX, out);
}

/* A header with one field changed and its CRC made right again. */
static enum err entry_read_patched(const struct entry *e, const uint8_t *at, size_t field,
                                   uint32_t v)
{
    uint8_t head[ENTRY_HEADER_BYTES];
    struct entry out;
    memcpy(head, at, sizeof head);
    le32_put(head + field, v);
    le32_put(head + 4, 0);
    uint32_t crc = crc32c(crc32c(0, key, 16), head, sizeof head);
    le32_put(head + 4, crc);
    return entry_read(e, head, &out);
}

TEST(format_entry, round_trip)
{
    uint8_t *at = malloc(ENTRY_MAX);
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < 500; i++) {
        uint32_t rows = (uint32_t)rng_below(&r, 200);
        uint32_t room = rows ? ENTRY_MAX - ENTRY_HEADER_BYTES - rows * ROW_BYTES : 0;
        struct entry e = entry_make(&r, at, rows, (uint32_t)rng_log_uniform(&r, room)), back;
        EXPECT_OK(entry_read(&e, at, &back));
        EXPECT(entry_same(&e, &back));
        EXPECT(entry_rows_ok(&back, at));
    }
    free(at);
}

TEST(format_entry, bytes_are_padded_to_blocks)
{
    EXPECT_EQ(entry_bytes(0, 0), 4096);
    EXPECT_EQ(entry_bytes(62, 0), 4096);
    EXPECT_EQ(entry_bytes(62, 1), 8192);
    EXPECT_EQ(entry_bytes(63, 0), 8192);
    EXPECT_EQ(entry_bytes(1, 4096 - 192), 4096);
    EXPECT_EQ(entry_bytes(1, 4096 - 191), 8192);
}

TEST(format_entry, every_flipped_bit_of_the_header_is_found)
{
    uint8_t at[8192];
    struct rng r;
    rng_seed(&r, 2);
    struct entry e = entry_make(&r, at, 5, 1000), out;
    for (size_t bit = 0; bit < ENTRY_HEADER_BYTES * 8; bit++) {
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EXPECT_ERR(entry_read(&e, at, &out), ERR_CORRUPT);
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    EXPECT_OK(entry_read(&e, at, &out));
}

TEST(format_entry, every_flipped_bit_of_the_rows_is_found)
{
    /* More rows than the first block holds: the second block is covered too. */
    static uint8_t at[16384];
    struct rng r;
    rng_seed(&r, 3);
    struct entry e = entry_make(&r, at, 100, 500);
    size_t end = ENTRY_HEADER_BYTES + 100 * ROW_BYTES;
    for (size_t bit = ENTRY_HEADER_BYTES * 8; bit < end * 8; bit++) {
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (!EXPECT(!entry_rows_ok(&e, at)))
            return;
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    at[end] ^= 1; /* inline bytes are covered by the CRC in their own row */
    EXPECT(entry_rows_ok(&e, at));
}

TEST(format_entry, pieces_are_exactly_the_inline_bytes)
{
    static uint8_t at[8192];
    struct rng r;
    rng_seed(&r, 8);
    struct entry e = entry_make(&r, at, 2, 5000);
    EXPECT(entry_rows_ok(&e, at));
    uint8_t *last = at + ENTRY_HEADER_BYTES + ROW_BYTES;
    struct row row;
    REQUIRE_OK(row_decode(last, &row));
    row.batch_at = 0; /* in any length */
    row.max_time = 0;
    row.base_off = 0;
    for (uint32_t len = 4998; len < 5003; len++) {
        row.len = len;
        row_encode(&row, last);
        entry_encode(&e, key, at);
        EXPECT_EQ(entry_rows_ok(&e, at), len == 5000);
    }
    last[0] = 0; /* of no kind: claims nothing */
    entry_encode(&e, key, at);
    EXPECT(!entry_rows_ok(&e, at));
}

TEST(format_entry, rows_may_fill_it)
{
    uint8_t at[4096];
    struct rng r;
    rng_seed(&r, 7);
    struct entry e = entry_make(&r, at, ENTRY_ROWS_FIRST, 0), back;
    EXPECT_EQ(e.len, 4096);
    EXPECT_OK(entry_read(&e, at, &back));
    EXPECT(entry_rows_ok(&back, at));
}

TEST(format_entry, belongs_to_one_place_store_and_key)
{
    uint8_t at[4096], other_key[16];
    struct rng r;
    rng_seed(&r, 4);
    struct entry e = entry_make(&r, at, 1, 10), out;
    EXPECT_ERR(entry_decode(at, key, store, e.ring_pos + 4096, ENTRY_MAX, &out), ERR_CORRUPT);
    EXPECT_ERR(entry_decode(at, key, store, e.ring_pos - 4096, ENTRY_MAX, &out), ERR_CORRUPT);
    EXPECT_ERR(entry_decode(at, key, random_id16(&r), e.ring_pos, ENTRY_MAX, &out), ERR_CORRUPT);
    for (unsigned bit = 0; bit < 128; bit++) {
        memcpy(other_key, key, 16);
        other_key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EXPECT_ERR(entry_decode(at, other_key, store, e.ring_pos, ENTRY_MAX, &out), ERR_CORRUPT);
    }
}

TEST(format_entry, lengths_agree)
{
    uint8_t at[8192];
    struct rng r;
    rng_seed(&r, 5);
    struct entry e = entry_make(&r, at, 2, 5000), out;
    EXPECT_OK(entry_read_patched(&e, at, 124, 1)); /* reserved bytes are not looked at */
    EXPECT_ERR(entry_read_patched(&e, at, 48, 4096), ERR_CORRUPT);
    EXPECT_ERR(entry_read_patched(&e, at, 48, 12288), ERR_CORRUPT);
    EXPECT_ERR(entry_read_patched(&e, at, 48, 8193), ERR_CORRUPT);
    EXPECT_ERR(entry_read_patched(&e, at, 48, 0), ERR_CORRUPT);
    EXPECT_ERR(entry_read_patched(&e, at, 52, 500), ERR_CORRUPT);
    EXPECT_ERR(entry_read_patched(&e, at, 52, UINT32_MAX), ERR_CORRUPT);
    EXPECT_ERR(entry_read_patched(&e, at, 52, 2 + (1u << 26)), ERR_CORRUPT); /* 2^32 more bytes */
    EXPECT_ERR(entry_read_patched(&e, at, 56, UINT32_MAX), ERR_CORRUPT);
    EXPECT_OK(entry_decode(at, key, store, e.ring_pos, 8192, &out));
    EXPECT_ERR(entry_decode(at, key, store, e.ring_pos, 4096, &out), ERR_CORRUPT);
}

TEST(format_row, round_trip)
{
    struct rng r;
    rng_seed(&r, 6);
    for (int i = 0; i < 50000; i++) {
        uint8_t at[ROW_BYTES];
        struct row row = random_row(&r), back;
        row_encode(&row, at);
        if (!EXPECT_OK(row_decode(at, &back)) || !EXPECT(row_same(&row, &back)))
            return;
    }
}

TEST(format_row, unknown_and_reserved_kinds_are_refused)
{
    struct row out;
    for (unsigned kind = 0; kind < 256; kind++) {
        uint8_t at[ROW_BYTES] = { (uint8_t)kind };
        if (kind == 0 || kind == ROW_REPLACE || kind >= ROW_KIND_END)
            EXPECT_ERR(row_decode(at, &out), ERR_CORRUPT);
    }
}

/* Encodes a good row, changes the bytes of one field, and decodes. */
static enum err row_patched(const struct row *good, size_t at, uint64_t v, size_t bytes)
{
    uint8_t b[ROW_BYTES];
    struct row out;
    row_encode(good, b);
    for (size_t i = 0; i < bytes; i++)
        b[at + i] = (uint8_t)(v >> 8 * i);
    return row_decode(b, &out);
}

TEST(format_row, limits_of_direct)
{
    struct row good = { .kind = ROW_DIRECT,
                        .pos = 8192,
                        .base_off = 5,
                        .next_off = 7,
                        .len = 8192,
                        .extent = 1,
                        .batch_at = 8191 };
    EXPECT_OK(row_patched(&good, 8, POS_MAX + 1 - 8192 - 4096, 8));
    EXPECT_OK(row_patched(&good, 40, TILE_RUN_MAX, 4));
    EXPECT_OK(row_patched(&good, 24, OFF_MAX, 8));
    EXPECT_ERR(row_patched(&good, 8, 8193, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 8, 8192 + 512, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 8, POS_MAX + 1 - 8192, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 8, 0 - 8192ull, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 40, 0, 4), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 40, 8193, 4), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 40, TILE_RUN_MAX + 4096, 4), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 48, 0, 8), ERR_CORRUPT);    /* extent id 0 */
    EXPECT_ERR(row_patched(&good, 56, 8192, 4), ERR_CORRUPT); /* batch starts beyond */
    EXPECT_ERR(row_patched(&good, 16, 7, 8), ERR_CORRUPT);    /* a batch holds an offset */
    EXPECT_ERR(row_patched(&good, 24, 4, 8), ERR_CORRUPT);    /* offsets go back */
    EXPECT_ERR(row_patched(&good, 24, OFF_MAX + 1, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 56, NO_BATCH, 4), ERR_CORRUPT); /* time without a batch */
}

TEST(format_row, limits_of_inline)
{
    struct row good = { .kind = ROW_INLINE,
                        .pos = 1,
                        .base_off = 5,
                        .next_off = 5,
                        .max_time = INT64_MIN,
                        .len = 1,
                        .batch_at = NO_BATCH };
    EXPECT_OK(row_patched(&good, 8, POS_MAX - 1, 8));
    EXPECT_OK(row_patched(&good, 40, UINT32_MAX, 4));
    EXPECT_ERR(row_patched(&good, 8, POS_MAX, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 8, UINT64_MAX, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 40, 0, 4), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 16, 6, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&good, 32, 0, 8), ERR_CORRUPT);
}

TEST(format_row, limits_of_the_other_kinds)
{
    struct row extent = { .kind = ROW_EXTENT, .pos = 4096, .extent = 1, .order = 18 };
    EXPECT_OK(row_patched(&extent, 1, 0, 1));
    EXPECT_ERR(row_patched(&extent, 1, 19, 1), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&extent, 1, 255, 1), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&extent, 8, 4097, 8), ERR_CORRUPT);
    EXPECT_OK(row_patched(&extent, 8, (1ull << 63) - EXTENT_MAX_HIGHEST - 4096, 8));
    EXPECT_ERR(row_patched(&extent, 8, (1ull << 63) - EXTENT_MAX_HIGHEST, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&extent, 8, 1ull << 63, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&extent, 48, 0, 8), ERR_CORRUPT);
    EXPECT_OK(row_patched(&extent, 40, EXTENT_MAX_HIGHEST, 4));
    EXPECT_ERR(row_patched(&extent, 40, EXTENT_MAX_HIGHEST + 1, 4), ERR_CORRUPT);
    struct row close = { .kind = ROW_CLOSE, .pos = 4096, .extent = 1 };
    EXPECT_ERR(row_patched(&close, 8, 4097, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&close, 8, 1ull << 63, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&close, 48, 0, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&close, 40, EXTENT_MAX_HIGHEST + 1, 4), ERR_CORRUPT);
    enum row_kind with_off[] = { ROW_EXTENT, ROW_TRIM, ROW_EPOCH, ROW_GAP };
    for (unsigned i = 0; i < 4; i++) {
        struct row row = { .kind = with_off[i], .extent = 1 };
        EXPECT_OK(row_patched(&row, 16, OFF_MAX, 8));
        EXPECT_ERR(row_patched(&row, 16, OFF_MAX + 1, 8), ERR_CORRUPT);
    }
    struct row gap = { .kind = ROW_GAP };
    EXPECT_OK(row_patched(&gap, 8, POS_MAX, 8));
    EXPECT_ERR(row_patched(&gap, 8, POS_MAX + 1, 8), ERR_CORRUPT);
}

TEST(format_row, limits_of_producers)
{
    struct row two = { .kind = ROW_PRODUCER,
                       .producer = { 9, 1, 2, { { 5, 3, 100, 0 }, { 8, 1, 103, 0 } } } };
    EXPECT_OK(row_patched(&two, 1, 1, 1)); /* the second one is not looked at */
    EXPECT_ERR(row_patched(&two, 1, 0, 1), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&two, 1, 3, 1), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&two, 2, 0x8000, 2), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&two, 8, 1ull << 63, 8), ERR_CORRUPT);
    EXPECT_OK(row_patched(&two, 32, 104, 8));
    EXPECT_ERR(row_patched(&two, 32, 102, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&two, 32, OFF_MAX, 8), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&two, 48, 0, 4), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&two, 48, 4, 4), ERR_CORRUPT);
    EXPECT_OK(row_patched(&two, 52, 1u << 31, 4));
    EXPECT_ERR(row_patched(&two, 52, (1u << 31) + 1, 4), ERR_CORRUPT);
    EXPECT_ERR(row_patched(&two, 56, 1u << 31, 4), ERR_CORRUPT);
    EXPECT_OK(row_patched(&two, 60, 1, 4)); /* reserved bytes are not looked at */
}

TEST(format_row, fields_of_other_kinds_are_not_looked_at)
{
    uint8_t at[ROW_BYTES];
    struct row out, want = { .kind = ROW_SEAL };
    memset(at, 0xff, sizeof at);
    at[0] = ROW_SEAL;
    EXPECT_OK(row_decode(at, &out));
    EXPECT(row_same(&out, &want));
}
