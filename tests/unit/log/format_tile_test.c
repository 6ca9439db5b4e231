/* format_tile_test.c -- index tiles and place-bound checksums. */
#include "engine/base/crc32c.h"
#include "engine/log/format.h"
#include "tests/test.h"
#include "tests/unit/log/format_values.h"

TEST(format_tile, round_trip)
{
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < 50000; i++) {
        uint8_t at[TILE_BYTES];
        struct tile t = random_tile(&r), back;
        tile_encode(&t, at);
        if (!EXPECT_OK(tile_decode(at, &back)) || !EXPECT(tile_same(&t, &back)))
            return;
    }
}

/* A legal tile with `bytes` bytes changed. */
static enum err tile_patched(size_t at, uint64_t v, size_t bytes)
{
    uint8_t b[TILE_BYTES];
    struct tile out, good = { .at = 4096, .len = 8192, .base_off = 5, .next_off = 7 };
    tile_encode(&good, b);
    for (size_t i = 0; i < bytes; i++)
        b[at + i] = (uint8_t)(v >> 8 * i);
    return tile_decode(b, &out);
}

TEST(format_tile, limits)
{
    EXPECT_OK(tile_patched(0, EXTENT_MAX_HIGHEST - 8192, 4));
    EXPECT_OK(tile_patched(4, TILE_RUN_MAX, 4));
    EXPECT_OK(tile_patched(12, 8191, 4));
    EXPECT_OK(tile_patched(44, 1, 4)); /* reserved bytes are not looked at */
    EXPECT_ERR(tile_patched(0, 4097, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(0, EXTENT_MAX_HIGHEST - 4096, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(0, 0xfffff000u, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(4, 0, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(4, 8191, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(4, TILE_RUN_MAX + 4096, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(12, 8192, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(12, NO_BATCH, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(16, 7, 8), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(24, 5, 8), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(24, OFF_MAX + 1, 8), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(40, 4, 4), ERR_CORRUPT);
    EXPECT_ERR(tile_patched(40, 1u << 31, 4), ERR_CORRUPT);
}

TEST(format_tile, only_gaps_are_longer_than_a_run)
{
    uint8_t at[TILE_BYTES];
    struct tile out, gap = {
        .len = TILE_RUN_MAX + 4096, .batch_at = NO_BATCH, .max_time = INT64_MIN, .flags = TILE_GAP
    };
    tile_encode(&gap, at);
    EXPECT_OK(tile_decode(at, &out));
    at[40] = 0;
    EXPECT_ERR(tile_decode(at, &out), ERR_CORRUPT);
}

TEST(format_tile, without_a_batch)
{
    uint8_t at[TILE_BYTES];
    struct tile out, t = {
        .len = 4096, .batch_at = NO_BATCH, .base_off = 9, .next_off = 9, .max_time = INT64_MIN
    };
    tile_encode(&t, at);
    EXPECT_OK(tile_decode(at, &out));
    at[16] = 8; /* base offset differs */
    EXPECT_ERR(tile_decode(at, &out), ERR_CORRUPT);
    at[16] = 9;
    at[32] = 1; /* a time of no batch */
    EXPECT_ERR(tile_decode(at, &out), ERR_CORRUPT);
}

TEST(format_tile, an_empty_place_is_no_tile)
{
    uint8_t zeros[TILE_BYTES] = { 0 };
    struct tile out;
    EXPECT_ERR(tile_decode(zeros, &out), ERR_CORRUPT);
}

/* ---- pages ---- */

static const struct page_seal seal = { .store = { { 1, 2, 3 } }, .generation = 7, .number = 3 };

TEST(format_page, every_flipped_bit_is_found)
{
    uint8_t page[BLOCK_BYTES];
    struct rng r;
    rng_seed(&r, 2);
    rng_fill(&r, page, sizeof page);
    page_seal(page, &seal);
    REQUIRE(page_ok(page, &seal));
    for (size_t bit = 0; bit < BLOCK_BYTES * 8; bit++) {
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (!EXPECT(!page_ok(page, &seal)))
            return;
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

TEST(format_page, a_page_of_another_place_is_found)
{
    uint8_t page[BLOCK_BYTES] = { 0 };
    struct page_seal other = seal;
    EXPECT(!page_ok(page, &seal));
    page_seal(page, &seal);
    EXPECT(page_ok(page, &seal));
    other.number++;
    EXPECT(!page_ok(page, &other));
    other = seal;
    other.generation++;
    EXPECT(!page_ok(page, &other));
    other = seal;
    other.store.b[15] ^= 1;
    EXPECT(!page_ok(page, &other));
}

/* ---- pieces ---- */

TEST(format_piece, seed_is_the_place)
{
    const char bytes[] = "the same bytes";
    uint32_t crc = piece_crc(9, 4096, bytes, sizeof bytes);
    EXPECT_EQ(crc, crc32c(piece_crc_seed(9, 4096), bytes, sizeof bytes));
    EXPECT_NE(crc, piece_crc(9, 8192, bytes, sizeof bytes));
    EXPECT_NE(crc, piece_crc(8, 4096, bytes, sizeof bytes));
    EXPECT_NE(crc, piece_crc(4096, 9, bytes, sizeof bytes));
}

/* ---- extents ---- */

TEST(format_extent, index_region_ends_the_extent)
{
    struct geometry g = { .extent_min = 64 << 10, .extent_max = 64 << 20, .slabs = 16 };
    EXPECT_EQ(extent_index_blocks(&g, 0), 1);
    EXPECT_EQ(extent_data_bytes(&g, 0), 60 << 10);
    EXPECT_EQ(extent_index_blocks(&g, 3), 1);
    EXPECT_EQ(extent_index_blocks(&g, 4), 2);
    EXPECT_EQ(extent_index_blocks(&g, 10), 128);
    EXPECT_EQ(extent_data_bytes(&g, 10), (64 << 20) - 128 * 4096);
    EXPECT_EQ(vol_bytes(&g), (64 << 10) + (16ull << 26));
    EXPECT_EQ(vol_place(&g, 3), 4 * 65536);
}
