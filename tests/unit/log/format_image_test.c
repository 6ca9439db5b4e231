/* format_image_test.c -- pages, rows and sections of the image round-trip and refuse damage. */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"
#include "tests/test.h"
#include "tests/unit/log/format_values.h"

#define ROUNDS 20000

TEST(format_image, head_round_trip)
{
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t payload[PAGE_PAYLOAD_BYTES];
        struct image_head h = random_image_head(&r), back;
        image_head_encode(&h, payload);
        if (!EXPECT_OK(image_head_decode(payload, &back)) || !EXPECT(image_head_same(&h, &back)))
            return;
    }
}

TEST(format_image, producers_round_trip)
{
    struct rng r;
    rng_seed(&r, 7);
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t at[PRODUCER_BYTES_MAX];
        struct producer_window w = random_producer(&r, PRODUCER_WINDOW), back;
        uint32_t bytes = producer_bytes(&w);
        producer_encode(&w, at);
        if (!EXPECT_OK(producer_decode(at, bytes, &back)) ||
            !EXPECT(producer_window_same(&w, &back)) ||
            !EXPECT_ERR(producer_decode(at, bytes - 1, &back), ERR_CORRUPT))
            return;
    }
}

/* A legal head with 8 bytes changed. */
static enum err head_patched(size_t at, uint64_t v, size_t bytes)
{
    uint8_t payload[PAGE_PAYLOAD_BYTES];
    struct image_head out, h = { .generation = 1, .parts = 42, .section_bytes = 8, .pages = 3 };
    image_head_encode(&h, payload);
    for (size_t i = 0; i < bytes; i++)
        payload[at + i] = (uint8_t)(v >> 8 * i);
    return image_head_decode(payload, &out);
}

TEST(format_image, head_limits)
{
    EXPECT_OK(head_patched(88, 3, 8));
    EXPECT_OK(head_patched(96, 1, 8)); /* reserved bytes are not looked at */
    EXPECT_ERR(head_patched(0, 0, 4), ERR_CORRUPT);
    EXPECT_ERR(head_patched(8, 0, 8), ERR_CORRUPT);
    EXPECT_ERR(head_patched(32, 1, 8), ERR_CORRUPT);
    EXPECT_ERR(head_patched(64, 85, 4), ERR_CORRUPT); /* rows beyond the pages */
    EXPECT_ERR(head_patched(64, UINT32_MAX, 4), ERR_CORRUPT);
    EXPECT_ERR(head_patched(68, UINT32_MAX, 4), ERR_CORRUPT);
    EXPECT_ERR(head_patched(72, UINT32_MAX, 4), ERR_CORRUPT);
    EXPECT_ERR(head_patched(80, 5000, 8), ERR_CORRUPT);
    EXPECT_ERR(head_patched(80, UINT64_MAX, 8), ERR_CORRUPT);
    EXPECT_ERR(head_patched(88, 0, 8), ERR_CORRUPT);
    EXPECT_ERR(head_patched(88, 1, 8), ERR_CORRUPT);
    EXPECT_ERR(head_patched(88, UINT64_MAX, 8), ERR_CORRUPT);
    EXPECT_ERR(head_patched(88, IMAGE_PAGES_MAX + 1, 8), ERR_CORRUPT);
}

TEST(format_image, head_of_the_largest_image)
{
    uint8_t payload[PAGE_PAYLOAD_BYTES];
    struct image_head out, h = { .generation = 1, .pages = IMAGE_PAGES_MAX };
    h.section_bytes = (IMAGE_PAGES_MAX - 1) * PAGE_PAYLOAD_BYTES;
    image_head_encode(&h, payload);
    EXPECT_OK(image_head_decode(payload, &out));
    le64_put(payload + 80, h.section_bytes + 1);
    le64_put(payload + 88, IMAGE_PAGES_MAX + 1);
    EXPECT_ERR(image_head_decode(payload, &out), ERR_CORRUPT);
}

TEST(format_image, pages_of_each_table)
{
    struct image_head h = { .generation = 1 };
    EXPECT_EQ(image_pages(&h), 1);
    h.parts = 42;
    EXPECT_EQ(image_pages(&h), 2);
    h.parts = 43;
    EXPECT_EQ(image_pages(&h), 3);
    h.extents = 63;
    EXPECT_EQ(image_pages(&h), 4);
    h.extents = 64;
    EXPECT_EQ(image_pages(&h), 5);
    h.vols = 126;
    EXPECT_EQ(image_pages(&h), 6);
    h.vols = 127;
    EXPECT_EQ(image_pages(&h), 7);
    h.section_bytes = 4032;
    EXPECT_EQ(image_pages(&h), 8);
    h.section_bytes = 4033;
    EXPECT_EQ(image_pages(&h), 9);
}

TEST(format_image, rows_round_trip)
{
    struct rng r;
    rng_seed(&r, 2);
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t at[PART_ROW_BYTES];
        struct part_row part = random_part_row(&r), part_back;
        part_row_encode(&part, at);
        EXPECT_OK(part_row_decode(at, &part_back));
        struct extent_row extent = random_extent_row(&r), extent_back;
        extent_row_encode(&extent, at);
        EXPECT_OK(extent_row_decode(at, &extent_back));
        struct vol_row vol = random_vol_row(&r), vol_back;
        vol_row_encode(&vol, at);
        EXPECT_OK(vol_row_decode(at, &vol_back));
        if (!EXPECT(part_row_same(&part, &part_back)) ||
            !EXPECT(extent_row_same(&extent, &extent_back)) ||
            !EXPECT(vol_row_same(&vol, &vol_back)))
            return;
    }
}

static enum err part_patched(size_t at, uint64_t v, size_t bytes)
{
    uint8_t b[PART_ROW_BYTES];
    struct part_row out,
        good = { .state = PART_LIVE, .start_off = 5, .next_off = 9, .high_off = 9 };
    part_row_encode(&good, b);
    for (size_t i = 0; i < bytes; i++)
        b[at + i] = (uint8_t)(v >> 8 * i);
    return part_row_decode(b, &out);
}

TEST(format_image, part_row_limits)
{
    EXPECT_OK(part_patched(32, 9, 8));
    EXPECT_OK(part_patched(40, OFF_MAX, 8));
    EXPECT_OK(part_patched(48, POS_MAX, 8));
    EXPECT_OK(part_patched(78, BLOCK_BYTES - 1, 2));
    EXPECT_OK(part_patched(78, NO_SLOT_BATCH, 2));
    EXPECT_OK(part_patched(88, 1, 8)); /* reserved bytes are not looked at */
    EXPECT_ERR(part_patched(78, BLOCK_BYTES, 2), ERR_CORRUPT);
    EXPECT_ERR(part_patched(78, NO_SLOT_BATCH - 1, 2), ERR_CORRUPT);
    EXPECT_ERR(part_patched(32, 10, 8), ERR_CORRUPT);
    EXPECT_ERR(part_patched(40, 8, 8), ERR_CORRUPT);
    EXPECT_ERR(part_patched(40, OFF_MAX + 1, 8), ERR_CORRUPT);
    EXPECT_ERR(part_patched(48, POS_MAX + 1, 8), ERR_CORRUPT);
    EXPECT_ERR(part_patched(56, 10, 8), ERR_CORRUPT);
    EXPECT_ERR(part_patched(76, 2, 1), ERR_CORRUPT);
    EXPECT_ERR(part_patched(77, 3, 1), ERR_CORRUPT);
    EXPECT_ERR(part_patched(80, OFF_MAX + 1, 8), ERR_CORRUPT);
}

static enum err extent_patched(size_t at, uint64_t v, size_t bytes)
{
    uint8_t b[EXTENT_ROW_BYTES];
    struct extent_row out, good = { .id = 1, .index_blocks = 2, .tiles = 168 };
    extent_row_encode(&good, b);
    for (size_t i = 0; i < bytes; i++)
        b[at + i] = (uint8_t)(v >> 8 * i);
    return extent_row_decode(b, &out);
}

TEST(format_image, extent_row_limits)
{
    EXPECT_OK(extent_patched(8, block_floor(POS_MAX - EXTENT_MAX_HIGHEST), 8));
    EXPECT_OK(extent_patched(60, EXTENT_MAX_HIGHEST, 4));
    EXPECT_ERR(extent_patched(0, 0, 8), ERR_CORRUPT);
    EXPECT_ERR(extent_patched(8, 4095, 8), ERR_CORRUPT);
    EXPECT_ERR(extent_patched(8, block_floor(POS_MAX), 8), ERR_CORRUPT);
    EXPECT_ERR(extent_patched(16, OFF_MAX + 1, 8), ERR_CORRUPT);
    EXPECT_ERR(extent_patched(52, 19, 1), ERR_CORRUPT);
    EXPECT_ERR(extent_patched(53, 2, 1), ERR_CORRUPT); /* unknown flag */
    EXPECT_ERR(extent_patched(54, 3, 2), ERR_CORRUPT); /* an open extent's blocks are full */
    EXPECT_ERR(extent_patched(56, 167, 4), ERR_CORRUPT);
    EXPECT_ERR(extent_patched(60, EXTENT_MAX_HIGHEST + 1, 4), ERR_CORRUPT);
}

TEST(format_image, last_index_block_of_a_sealed_extent_may_be_partial)
{
    uint8_t at[EXTENT_ROW_BYTES];
    struct extent_row out, row = { .id = 1, .index_blocks = 2, .tiles = 85, .sealed = true };
    extent_row_encode(&row, at);
    EXPECT_OK(extent_row_decode(at, &out));
    le32_put(at + 56, 84);
    EXPECT_ERR(extent_row_decode(at, &out), ERR_CORRUPT);
    le32_put(at + 56, UINT32_MAX); /* no overflow in rounding up */
    EXPECT_ERR(extent_row_decode(at, &out), ERR_CORRUPT);
}

TEST(format_image, vol_row_limits)
{
    uint8_t at[VOL_ROW_BYTES];
    struct vol_row out, row = { .number = 1, .slabs = 16, .written = 0xffff };
    vol_row_encode(&row, at);
    EXPECT_OK(vol_row_decode(at, &out));
    le64_put(at + 8, 0x10000);
    EXPECT_ERR(vol_row_decode(at, &out), ERR_CORRUPT);
    le32_put(at + 4, 0);
    EXPECT_ERR(vol_row_decode(at, &out), ERR_CORRUPT);
    le32_put(at + 4, 65);
    EXPECT_ERR(vol_row_decode(at, &out), ERR_CORRUPT);
    le32_put(at + 4, 64);
    le64_put(at + 8, UINT64_MAX);
    EXPECT_OK(vol_row_decode(at, &out));
}

/* ---- sections ---- */

static struct section section_make(struct rng *r, uint8_t *at, uint32_t len)
{
    memset(at, 0, section_span(len));
    rng_fill(r, at + SECTION_HEAD_BYTES, len);
    struct section s = {
        .kind = 1 + (uint32_t)rng_below(r, UINT32_MAX),
        .class_ = (enum feature_class)rng_below(r, 3),
        .seq = rng_next(r),
        .len = len,
        .crc = crc32c(0, at + SECTION_HEAD_BYTES, len),
    };
    section_encode(&s, at);
    return s;
}

TEST(format_section, round_trip_of_known_and_unknown_kinds)
{
    uint8_t at[2048];
    struct rng r;
    rng_seed(&r, 3);
    for (uint32_t len = 0; len < 2000; len++) {
        struct section s = section_make(&r, at, len), back;
        EXPECT_OK(section_decode(at, section_span(len), &back));
        if (!EXPECT(section_same(&s, &back)))
            return;
    }
}

TEST(format_section, stays_inside_what_is_left)
{
    uint8_t at[64];
    struct rng r;
    struct section out;
    rng_seed(&r, 4);
    section_make(&r, at, 9);
    EXPECT_EQ(section_span(9), 48);
    EXPECT_OK(section_decode(at, 64, &out));
    for (size_t left = 0; left < 48; left++)
        EXPECT_ERR(section_decode(at, left, &out), ERR_CORRUPT);
    le32_put(at + 16, UINT32_MAX);
    EXPECT_ERR(section_decode(at, 64, &out), ERR_CORRUPT);
    le32_put(at + 16, 33);
    EXPECT_ERR(section_decode(at, 64, &out), ERR_CORRUPT);
}

TEST(format_section, damage_and_bad_fields)
{
    uint8_t at[64];
    struct rng r;
    struct section out;
    rng_seed(&r, 5);
    section_make(&r, at, 32);
    for (size_t bit = SECTION_HEAD_BYTES * 8; bit < 64 * 8; bit++) {
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EXPECT_ERR(section_decode(at, 64, &out), ERR_CORRUPT);
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    le32_put(at + 4, 3);
    EXPECT_ERR(section_decode(at, 64, &out), ERR_CORRUPT);
    le32_put(at + 4, 0);
    EXPECT_OK(section_decode(at, 64, &out));
    le32_put(at, 0);
    EXPECT_ERR(section_decode(at, 64, &out), ERR_CORRUPT);
}
