/* format_identity_test.c -- identity blocks name a file's store, and geometry keeps its limits. */
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "engine/log/format.h"
#include "tests/test.h"
#include "tests/unit/log/format_values.h"
#include <stdio.h>

/* Changes one field and makes the checksum fit again: what is refused is refused for the field. */
static enum err decode_patched32(const uint8_t *block, size_t at, uint32_t v, struct why *why)
{
    uint8_t copy[BLOCK_BYTES];
    struct identity out;
    memcpy(copy, block, BLOCK_BYTES);
    le32_put(copy + at, v);
    le32_put(copy + BLOCK_BYTES - 4, crc32c(0, copy, BLOCK_BYTES - 4));
    return identity_decode(copy, &out, why);
}

static struct identity any_identity(uint64_t seed)
{
    struct rng r;
    rng_seed(&r, seed);
    struct identity id = random_identity(&r);
    return id;
}

TEST(format_identity, round_trip)
{
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < 5000; i++) {
        struct identity id = random_identity(&r), back;
        uint8_t block[BLOCK_BYTES];
        struct why why = { { 0 } };
        identity_encode(&id, block);
        if (!EXPECT_OK(identity_decode(block, &back, &why)) || !EXPECT(identity_same(&id, &back)))
            EXPECT_STR(why.text, "");
    }
}

TEST(format_identity, every_flipped_bit_is_found)
{
    struct identity id = any_identity(2), out;
    uint8_t block[BLOCK_BYTES];
    identity_encode(&id, block);
    for (size_t bit = 0; bit < BLOCK_BYTES * 8; bit++) {
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (!EXPECT_ERR(identity_decode(block, &out, NULL), ERR_CORRUPT))
            return;
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    EXPECT_OK(identity_decode(block, &out, NULL));
}

TEST(format_identity, zeros_and_foreign_blocks)
{
    uint8_t block[BLOCK_BYTES] = { 0 };
    struct identity out;
    struct why why;
    EXPECT_ERR(identity_decode(block, &out, &why), ERR_CORRUPT);
    EXPECT_STR(why.text, "identity block: no shardlog magic");
    le32_put(block + BLOCK_BYTES - 4, crc32c(0, block, BLOCK_BYTES - 4));
    EXPECT_ERR(identity_decode(block, &out, &why), ERR_CORRUPT);
    memset(block, 0, sizeof block);
    memcpy(block, "SHARDLOG", 8);
    EXPECT_ERR(identity_decode(block, &out, &why), ERR_CORRUPT);
    EXPECT(strstr(why.text, "stored 00000000"));
}

TEST(format_identity, newer_formats_are_named)
{
    struct identity id = any_identity(3);
    uint8_t block[BLOCK_BYTES];
    struct why why;
    identity_encode(&id, block);
    EXPECT_ERR(decode_patched32(block, 12, 2, &why), ERR_UNSUPPORTED);
    EXPECT_STR(why.text, "format version 2; this program reads version 1");
    EXPECT_ERR(decode_patched32(block, 64, 512, &why), ERR_UNSUPPORTED);
    EXPECT_STR(why.text, "block size 512; this program reads 4096");
    EXPECT_ERR(decode_patched32(block, 68, 2, &why), ERR_UNSUPPORTED);
    EXPECT_STR(why.text, "checksum kind 2; this program knows 1 (CRC32C)");
    EXPECT_ERR(decode_patched32(block, 8, 0, &why), ERR_CORRUPT);
    EXPECT_ERR(decode_patched32(block, 8, 5, &why), ERR_CORRUPT);
    EXPECT_STR(why.text, "identity block: unknown kind of file 5");
}

TEST(format_identity, three_classes_of_features)
{
    struct identity id = any_identity(4), out;
    uint8_t block[BLOCK_BYTES];
    struct why why;

    id.features = (struct features){ .ignorable = UINT64_MAX };
    identity_encode(&id, block);
    EXPECT_OK(identity_decode(block, &out, &why));
    EXPECT(!identity_read_only(&out));

    id.features = (struct features){ .read_only = 1ull << 63 };
    identity_encode(&id, block);
    EXPECT_OK(identity_decode(block, &out, &why));
    EXPECT(identity_read_only(&out));

    id.features = (struct features){ .refuse = 1ull << 37 | 1ull << 50 };
    identity_encode(&id, block);
    EXPECT_ERR(identity_decode(block, &out, &why), ERR_UNSUPPORTED);
    EXPECT_STR(why.text, "feature bit 37 of class `refuse` is unknown: a newer program is needed");
}

TEST(format_identity, reserved_bytes_are_not_looked_at)
{
    struct identity id = any_identity(5);
    uint8_t block[BLOCK_BYTES];
    identity_encode(&id, block);
    EXPECT_OK(decode_patched32(block, 132, 1, NULL));
    EXPECT_OK(decode_patched32(block, 152, 1, NULL));
    EXPECT_OK(decode_patched32(block, BLOCK_BYTES - 8, 1, NULL));
}

TEST(format_identity, broken_geometry_is_refused)
{
    struct identity id = any_identity(8);
    uint8_t block[BLOCK_BYTES];
    struct why why;
    identity_encode(&id, block);
    EXPECT_ERR(decode_patched32(block, 112, 4096, &why), ERR_INVALID);
    EXPECT_STR(why.text, "entry_max is 4096: 16 KiB to 64 MiB, a multiple of 4 KiB");
    EXPECT_ERR(decode_patched32(block, 116, 0, &why), ERR_INVALID);
    EXPECT_ERR(decode_patched32(block, 120, 0, &why), ERR_INVALID);
    EXPECT_ERR(decode_patched32(block, 124, 65, &why), ERR_INVALID);
    EXPECT_ERR(decode_patched32(block, 128, UINT32_MAX, &why), ERR_INVALID);
}

TEST(format_identity, every_file_holds_the_key)
{
    struct identity id = any_identity(6), out;
    uint8_t block[BLOCK_BYTES];
    memset(id.key, 0x5a, sizeof id.key);
    for (int kind = FILE_JOURNAL; kind <= FILE_VOLUME; kind++) {
        id.kind = (enum file_kind)kind;
        id.file_bytes = kind == FILE_VOLUME ? vol_bytes(&id.geometry) : id.geometry.journal_bytes;
        identity_encode(&id, block);
        EXPECT_OK(identity_decode(block, &out, NULL));
        EXPECT_EQ(block[136], 0x5a);
        EXPECT_EQ(out.key[15], 0x5a);
    }
}

TEST(format_identity, file_bytes_fit_the_kind)
{
    struct identity id = any_identity(7), out;
    uint8_t block[BLOCK_BYTES];
    struct why why;
    for (int kind = FILE_JOURNAL; kind <= FILE_VOLUME; kind++) {
        id.kind = (enum file_kind)kind;
        id.file_bytes = vol_bytes(&id.geometry) + id.geometry.journal_bytes + 1;
        identity_encode(&id, block);
        EXPECT_ERR(identity_decode(block, &out, &why), ERR_INVALID);
    }
    id.kind = FILE_TAILS;
    id.file_bytes = 0;
    identity_encode(&id, block);
    EXPECT_ERR(identity_decode(block, &out, &why), ERR_INVALID);
    EXPECT_STR(why.text, "identity block: file_bytes 0 does not fit the kind of file");
}

TEST(format_geometry, each_limit)
{
    struct geometry good = { .journal_bytes = 4096 + 8 * 16384,
                             .entry_max = 16384,
                             .extent_min = 8192,
                             .extent_max = 65536,
                             .slabs = 64,
                             .batch_max = 65536 - 2 * 4096 };
    EXPECT_OK(geometry_check(&good, NULL));

#define BAD(field, value)                                                                 \
    do {                                                                                  \
        struct geometry g = good;                                                         \
        g.field = value;                                                                  \
        EXPECT_ERR(geometry_check(&g, &why), ERR_INVALID);                                \
        snprintf(words, sizeof(words), #field " is %llu: ", (unsigned long long)g.field); \
        EXPECT(strstr(why.text, words) == why.text);                                      \
    } while (0)
    struct why why;
    char words[64];
    BAD(journal_bytes, 0);
    BAD(journal_bytes, good.journal_bytes - 4096);
    BAD(journal_bytes, good.journal_bytes + 1);
    BAD(journal_bytes, 1ull << 63);
    BAD(entry_max, 0);
    BAD(entry_max, 12288);
    BAD(entry_max, 16385);
    BAD(entry_max, ENTRY_MAX_HIGHEST + 4096);
    BAD(extent_min, 0);
    BAD(extent_min, 4096);
    BAD(extent_min, 12288);
    BAD(extent_max, 0);
    BAD(extent_max, 4096);
    BAD(extent_max, 65536 + 4096);
    BAD(slabs, 0);
    BAD(slabs, 65);
    BAD(batch_max, 0);
    BAD(batch_max, 60);
    BAD(batch_max, good.batch_max + 1);
    BAD(batch_max, UINT32_MAX);
#undef BAD
    EXPECT_ERR(geometry_check(&(struct geometry){ 0 }, &why), ERR_INVALID);
}

TEST(format_geometry, places_are_aligned_and_inside)
{
    struct geometry g = { .extent_min = 8192, .extent_max = 65536, .slabs = 3 };
    EXPECT_EQ(extent_order_max(&g), 3);
    EXPECT(extent_place_ok(&g, 0, 3));
    EXPECT(extent_place_ok(&g, 16, 3));
    EXPECT(extent_place_ok(&g, 23, 0));
    EXPECT(extent_place_ok(&g, 22, 1));
    EXPECT(!extent_place_ok(&g, 24, 0));
    EXPECT(!extent_place_ok(&g, 24, 3));
    EXPECT(!extent_place_ok(&g, 23, 1));
    EXPECT(!extent_place_ok(&g, 4, 3));
    EXPECT(!extent_place_ok(&g, 0, 4));
    EXPECT(!extent_place_ok(&g, 0, 255));
    EXPECT(!extent_place_ok(&g, 0x80000000u, 3));
}
