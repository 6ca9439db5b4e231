/* The bytes of version 1, fixed for ever: format_golden.py wrote them down from docs/FORMAT.md
 * without the engine. Every field of every structure has a value of its own there, so a field that
 * moves, shrinks or is forgotten shows. */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"
#include "tests/test.h"
#include "tests/unit/log/format_golden.h"
#include "tests/unit/log/format_hex.h"
#include "tests/unit/log/format_values.h"

#include <stdio.h>
#include <stdlib.h>

static struct id16 id_from(uint8_t first)
{
    struct id16 id;
    for (unsigned i = 0; i < 16; i++)
        id.b[i] = (uint8_t)(first + i);
    return id;
}

/* Compares with a golden text; `name` is one of format_golden.h. */
#define EXPECT_GOLDEN(at, name)                                                 \
    do {                                                                        \
        uint8_t want_[(sizeof golden_##name - 1) / 2];                          \
        EXPECT_EQ(hex_bytes(golden_##name, want_, sizeof want_), sizeof want_); \
        EXPECT_BYTES(at, want_, sizeof want_);                                  \
    } while (0)

static struct identity golden_identity(enum file_kind kind)
{
    return (struct identity){
        .kind = kind,
        .format_version = 1,
        .store = id_from(0x10),
        .cluster = id_from(0x30),
        .node = 7,
        .opening = 3,
        .block_bytes = 4096,
        .checksum_kind = 1,
        .geometry = { .journal_bytes = 4096 + MIB(256),
                      .entry_max = 4 << 20,
                      .extent_min = 64 << 10,
                      .extent_max = 64 << 20,
                      .slabs = 16,
                      .batch_max = 8 << 20 },
    };
}

static bool golden_identity_holds(const struct identity *id, const char *head, const char *crc)
{
    uint8_t got[BLOCK_BYTES], want[BLOCK_BYTES] = { 0 };
    struct identity back;
    memset(got, 0xff, sizeof got);
    identity_encode(id, got);
    hex_bytes(head, want, 160);
    hex_bytes(crc, want + BLOCK_BYTES - 4, 4);
    return EXPECT_BYTES(got, want, BLOCK_BYTES) && EXPECT_OK(identity_decode(want, &back, NULL)) &&
           EXPECT(identity_same(id, &back));
}

TEST(format_golden, identity)
{
    struct identity journal = golden_identity(FILE_JOURNAL), vol = golden_identity(FILE_VOLUME);
    journal.file_bytes = 4096 + MIB(256);
    struct id16 key = id_from(0xa0);
    memcpy(journal.key, key.b, 16);
    golden_identity_holds(&journal, golden_identity_journal, golden_identity_journal_crc);

    vol.file_number = 12;
    vol.file_bytes = 65536 + GIB(1);
    vol.features.ignorable = 1ull << 40;
    vol.features.read_only = 2;
    golden_identity_holds(&vol, golden_identity_volume, golden_identity_volume_crc);
}

/* The entry of golden_entry and of the manual's example, made by the encoders from the payload of
 * the golden bytes. Returns how many bytes are shown: the rest is padding. */
static size_t example_make(uint8_t at[BLOCK_BYTES], struct entry *e)
{
    uint8_t golden[BLOCK_BYTES];
    size_t bytes = hex_bytes(golden_entry, golden, sizeof golden);
    uint32_t len = (uint32_t)bytes - 256;
    struct row first = { .kind = ROW_EXTENT, .part = 5, .extent = 1, .unit = 16 };
    struct row piece = { .kind = ROW_INLINE,
                         .part = 5,
                         .next_off = 1,
                         .max_time = 1700000000000,
                         .len = len,
                         .crc = piece_crc(5, 0, golden + 256, len) };
    *e = (struct entry){ .store = id_from(0x10),
                         .opening = 3,
                         .seq = 9,
                         .ring_pos = 40960,
                         .len = entry_bytes(2, len),
                         .rows = 2,
                         .inline_bytes = len,
                         .prev_crc = 0x11223344,
                         .store_epoch = 2,
                         .time_ms = 1700000000123 };
    memset(at, 0, BLOCK_BYTES);
    memset(at, 0xff, 256); /* what was there before shines through nowhere */
    row_encode(&first, at + 128);
    row_encode(&piece, at + 192);
    memcpy(at + 256, golden + 256, len);
    entry_encode(e, id_from(0xa0).b, at);
    return bytes;
}

TEST(format_golden, entry)
{
    uint8_t golden[BLOCK_BYTES] = { 0 }, at[BLOCK_BYTES];
    struct entry e, back;
    hex_bytes(golden_entry, golden, sizeof golden);
    example_make(at, &e);
    EXPECT_BYTES(at, golden, BLOCK_BYTES);
    EXPECT_OK(entry_decode(golden, id_from(0xa0).b, e.store, 40960, 16384, &back));
    EXPECT(entry_same(&e, &back));
    EXPECT(entry_rows_ok(&back, golden));
}

/* Reads the block ```hex of the manual: position, two blanks, at most 16 bytes, a remark. */
static size_t manual_bytes(FILE *f, uint8_t *at, size_t cap)
{
    char line[256];
    size_t n = 0;
    bool inside = false;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "```", 3) == 0) {
            if (inside)
                return n;
            inside = strncmp(line, "```hex", 6) == 0;
            continue;
        }
        if (!inside)
            continue;
        if (!EXPECT_EQ(strtoul(line, NULL, 16), n) || n + 16 > cap)
            return n;
        line[6 + 47] = 0; /* what follows 16 bytes is the remark */
        n += hex_bytes(line + 6, at + n, 16);
    }
    return n;
}

TEST(format_golden, example_in_the_manual)
{
    uint8_t manual[BLOCK_BYTES] = { 0 }, at[BLOCK_BYTES];
    struct entry e;
    FILE *f = fopen("docs/FORMAT.md", "r");
    if (!f)
        SKIP("docs/FORMAT.md is not here: run from the root of the tree");
    size_t bytes = manual_bytes(f, manual, sizeof manual);
    fclose(f);
    EXPECT_EQ(bytes, example_make(at, &e));
    EXPECT_BYTES(manual, at, BLOCK_BYTES);
}

static bool golden_row_holds(const struct row *row, const char *text)
{
    uint8_t want[ROW_BYTES], got[ROW_BYTES];
    struct row back;
    memset(got, 0xff, sizeof got);
    row_encode(row, got);
    return EXPECT_EQ(hex_bytes(text, want, ROW_BYTES), ROW_BYTES) &&
           EXPECT_BYTES(got, want, ROW_BYTES) && EXPECT_OK(row_decode(want, &back)) &&
           EXPECT(row_same(row, &back));
}

TEST(format_golden, rows_of_the_tables)
{
    struct row add = { .kind = ROW_ADD, .part = 5, .topic = id_from(0x50), .index = 3 };
    struct row drop = { .kind = ROW_DROP, .part = 5 };
    struct row extent = { .kind = ROW_EXTENT,
                          .part = 5,
                          .pos = 8192,
                          .base_off = 100,
                          .len = 5000001,
                          .extent = 0x1122334455667788,
                          .vol = 12,
                          .unit = 1024,
                          .order = 6 };
    struct row close = { .kind = ROW_CLOSE, .part = 5, .pos = 73728, .len = 65537, .extent = 9 };
    struct row trim = { .kind = ROW_TRIM, .part = 5, .base_off = 100 };
    struct row epoch = { .kind = ROW_EPOCH, .part = 5, .base_off = 100, .epoch = 0x01020304 };
    struct row gap = { .kind = ROW_GAP, .part = 5, .pos = 123456, .base_off = 100 };
    struct row open = { .kind = ROW_OPEN }, seal = { .kind = ROW_SEAL };
    golden_row_holds(&add, golden_row_add);
    golden_row_holds(&drop, golden_row_drop);
    golden_row_holds(&extent, golden_row_extent);
    golden_row_holds(&close, golden_row_close);
    golden_row_holds(&trim, golden_row_trim);
    golden_row_holds(&epoch, golden_row_epoch);
    golden_row_holds(&gap, golden_row_gap);
    golden_row_holds(&open, golden_row_open);
    golden_row_holds(&seal, golden_row_seal);
}

TEST(format_golden, rows_of_bytes)
{
    struct row piece = { .kind = ROW_INLINE,
                         .part = 5,
                         .pos = 70001,
                         .base_off = 100,
                         .next_off = 103,
                         .max_time = -5,
                         .len = 300,
                         .crc = 0xdeadbeef,
                         .batch_at = 17 };
    struct row run = { .kind = ROW_DIRECT,
                       .part = 5,
                       .pos = 8192,
                       .base_off = 100,
                       .next_off = 100,
                       .max_time = INT64_MIN,
                       .len = 65536,
                       .crc = 0xdeadbeef,
                       .extent = 9,
                       .batch_at = NO_BATCH };
    golden_row_holds(&piece, golden_row_inline);
    golden_row_holds(&run, golden_row_direct);
}

/* A producer over the end of its sequences: the second batch begins with 1, the third with 10. */
static const struct producer_window golden_window = {
    .id = 4242,
    .epoch = 7,
    .n = 3,
    .at = { { 2147483646, 3, 100, 1700000000123 },
            { 1, 9, 200, 1700000000456 },
            { 10, 1, 209, -5 } },
};

TEST(format_golden, rows_of_producers)
{
    struct row two = { .kind = ROW_PRODUCER,
                       .part = 5,
                       .producer = { 4242, 7, 2, { golden_window.at[0], golden_window.at[1] } } };
    struct row one = { .kind = ROW_PRODUCER,
                       .part = 5,
                       .producer = { 4242, 0, 1, { { 17, 3, 100, 1700000000123 } } } };
    golden_row_holds(&two, golden_row_producer);
    golden_row_holds(&one, golden_row_producer_one);
}

TEST(format_golden, producer_of_the_section)
{
    uint8_t at[PRODUCER_BYTES_MAX];
    struct producer_window back;
    EXPECT_EQ(producer_bytes(&golden_window), 76);
    memset(at, 0xff, sizeof at);
    producer_encode(&golden_window, at);
    EXPECT_GOLDEN(at, producer);
    EXPECT_OK(producer_decode(at, 76, &back));
    EXPECT(producer_window_same(&golden_window, &back));
}

TEST(format_golden, page_trailer)
{
    uint8_t page[BLOCK_BYTES];
    memset(page, 0xff, sizeof page);
    for (unsigned i = 0; i < PAGE_PAYLOAD_BYTES; i++)
        page[i] = (uint8_t)i;
    struct page_seal s = { .store = id_from(0x10), .generation = 6, .number = 17 };
    page_seal(page, &s);
    EXPECT_GOLDEN(page + PAGE_PAYLOAD_BYTES, page_trailer);
    EXPECT(page_ok(page, &s));
}

TEST(format_golden, image_head)
{
    uint8_t payload[PAGE_PAYLOAD_BYTES];
    struct image_head back, h = { .generation = 6,
                                  .opening = 3,
                                  .store_epoch = 2,
                                  .seq = 77,
                                  .ring_pos = 81920,
                                  .prev_crc = 0xcafef00d,
                                  .time_ms = 1700000000456,
                                  .next_extent = 900,
                                  .next_vol = 4,
                                  .parts = 43,
                                  .extents = 64,
                                  .vols = 127,
                                  .section_bytes = 5000,
                                  .pages = 9 };
    memset(payload, 0xff, sizeof payload);
    image_head_encode(&h, payload);
    EXPECT_GOLDEN(payload, image_head);
    for (size_t i = sizeof golden_image_head / 2; i < sizeof payload; i++)
        EXPECT_EQ(payload[i], 0);
    EXPECT_EQ(image_pages(&h), 9);
    EXPECT_OK(image_head_decode(payload, &back));
    EXPECT(image_head_same(&h, &back));
}

TEST(format_golden, image_rows)
{
    uint8_t at[PART_ROW_BYTES];
    struct part_row part = { .topic = id_from(0x50),
                             .index = 3,
                             .part = 5,
                             .seq = 77,
                             .start_off = 10,
                             .next_off = 100,
                             .head_pos = 70001,
                             .high_off = 99,
                             .leader_epoch = 2,
                             .slot = 8,
                             .slot_crc = 0xabcd0123,
                             .slot_side = 1,
                             .slot_batch_at = 300,
                             .state = PART_DAMAGED,
                             .damaged_off = 50 };
    memset(at, 0xff, sizeof at);
    part_row_encode(&part, at);
    EXPECT_GOLDEN(at, part_row);
    struct extent_row extent = { .id = 9,
                                 .base_pos = 8192,
                                 .base_off = 100,
                                 .max_time = 1700000000000,
                                 .max_append = 1700000000123,
                                 .part = 5,
                                 .vol = 12,
                                 .unit = 1024,
                                 .order = 6,
                                 .sealed = true,
                                 .index_blocks = 3,
                                 .tiles = 200,
                                 .data_bytes = 4100000 };
    extent_row_encode(&extent, at);
    EXPECT_GOLDEN(at, extent_row);
    struct vol_row vol = { .number = 12, .slabs = 16, .written = 0x8001, .opening = 3 };
    vol_row_encode(&vol, at);
    EXPECT_GOLDEN(at, vol_row);
}

TEST(format_golden, section)
{
    uint8_t at[48] = { 0 };
    struct section s = { .kind = SECTION_EPOCHS, .class_ = CLASS_REFUSE, .seq = 77, .len = 11 };
    memset(at, 0xff, SECTION_HEAD_BYTES);
    memcpy(at + SECTION_HEAD_BYTES, "eleven byte", 11);
    s.crc = crc32c(0, "eleven byte", 11);
    section_encode(&s, at);
    EXPECT_EQ(section_span(11), 48);
    EXPECT_GOLDEN(at, section);
}

TEST(format_golden, tile_and_piece)
{
    uint8_t at[TILE_BYTES];
    struct tile t = { .at = 8192,
                      .len = 65536,
                      .crc = 0xdeadbeef,
                      .batch_at = 100,
                      .base_off = 40,
                      .next_off = 45,
                      .max_time = 1700000000000 };
    memset(at, 0xff, sizeof at);
    tile_encode(&t, at);
    EXPECT_GOLDEN(at, tile);
    struct tile gap = { .at = 8192,
                        .len = 1 << 20,
                        .batch_at = NO_BATCH,
                        .base_off = 45,
                        .next_off = 45,
                        .max_time = INT64_MIN,
                        .flags = TILE_GAP };
    tile_encode(&gap, at);
    EXPECT_GOLDEN(at, tile_gap);
    le32_put(at, piece_crc(9, 8192, "shardlog", 8));
    EXPECT_GOLDEN(at, piece);
}
