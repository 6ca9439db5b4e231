/* meta_record_test.c -- the bytes of the metadata log. */
#include "engine/coord/meta_record.h"

#include <stdlib.h>

#include "tests/test.h"

static const struct id16 ID = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };

static struct meta_record topic_sample(uint32_t *stores)
{
    stores[0] = 7;
    stores[1] = 8;
    struct meta_record r = { .kind = META_TOPIC,
                             .id = ID,
                             .name = "ab",
                             .name_len = 2,
                             .partitions = 2,
                             .stores = stores,
                             .settings = settings_default() };
    (void)settings_parse(&r.settings, "retention.ms", "5", NULL);
    return r;
}

TEST(meta_record, a_topic_byte_by_byte)
{
    /* Goal: the layout is the documented one. Method: the worked example of docs/METADATA.md. */
    static const uint8_t
        want
            [] = {
                1,   0,   2,   0,   0,   0,   0,   0,   1,   2,   3,   4,   5,
                6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16, /* version, kind, zero, id */
                2,   0,   0,   0,   2,   0,   1,   0, /* partitions, name length, settings */
                'a', 'b',                             /* name */
                12,  0,   1,   0,   'r', 'e', 't', 'e', 'n', 't', 'i', 'o', 'n',
                '.', 'm', 's', '5',                   /* setting
                                                       */
                7,   0,   0,   0,   8,   0,   0,   0, /* stores */
            };
    uint32_t stores[2];
    struct meta_record r = topic_sample(stores), back;
    uint8_t at[sizeof(want)];
    REQUIRE(meta_record_bytes(&r) == sizeof(want));
    meta_record_encode(&r, at);
    EXPECT_BYTES(at, want, sizeof(want));
    REQUIRE_OK(meta_record_decode((struct bytes){ at, sizeof(at) }, &back, NULL));
    EXPECT_EQ(back.kind, META_TOPIC);
    EXPECT(id16_equal(back.id, ID));
    EXPECT_EQ(back.name_len, 2);
    EXPECT_EQ(back.partitions, 2);
    EXPECT_EQ(meta_record_store(&back, 0), 7);
    EXPECT_EQ(meta_record_store(&back, 1), 8);
    EXPECT_EQ(setting_get(&back.settings, SETTING_RETENTION_MS), 5);
    EXPECT_EQ(back.settings.set, 1u << SETTING_RETENTION_MS);
}

TEST(meta_record, the_other_kinds)
{
    /* Goal: each kind comes back as it went. Method: encode, decode, compare. */
    struct meta_record kinds[] = {
        { .kind = META_STORE, .id = ID, .store = 99 },
        { .kind = META_SETTINGS, .id = ID, .settings = settings_default() },
        { .kind = META_DELETE, .id = ID },
        { .kind = META_GONE, .id = ID },
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint8_t at[256];
        struct meta_record back;
        size_t len = meta_record_bytes(&kinds[i]);
        meta_record_encode(&kinds[i], at);
        REQUIRE_OK(meta_record_decode((struct bytes){ at, len }, &back, NULL));
        EXPECT_EQ(back.kind, kinds[i].kind);
        EXPECT(id16_equal(back.id, ID));
        EXPECT_EQ(back.store, kinds[i].store);
    }
}

TEST(meta_record, a_growth_byte_by_byte)
{
    /* Goal: the layout is the documented one, and what cannot be is refused. */
    static const uint8_t want[] = {
        1,  0,  6,  0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
        14, 15, 16, 2, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0,  0, /* two more, from 3 on; their
                                                                        stores */
    };
    static const uint32_t stores[] = { 7, 8 };
    struct meta_record back,
        r = { .kind = META_GROWTH, .id = ID, .partitions = 2, .first = 3, .stores = stores };
    uint8_t at[sizeof(want)];
    REQUIRE(meta_record_bytes(&r) == sizeof(want));
    meta_record_encode(&r, at);
    EXPECT_BYTES(at, want, sizeof(want));
    REQUIRE_OK(meta_record_decode((struct bytes){ at, sizeof(at) }, &back, NULL));
    EXPECT(back.kind == META_GROWTH && back.partitions == 2 && back.first == 3);
    EXPECT(meta_record_store(&back, 0) == 7 && meta_record_store(&back, 1) == 8);
    for (size_t cut = 0; cut < sizeof(at); cut++)
        EXPECT_ERR(meta_record_decode((struct bytes){ at, cut }, &back, NULL), ERR_CORRUPT);
    at[28] = 0; /* from 0 on: that is a TOPIC */
    EXPECT_ERR(meta_record_decode((struct bytes){ at, sizeof(at) }, &back, NULL), ERR_CORRUPT);
    at[28] = 255, at[29] = 255, at[30] = 1; /* one partition too many */
    EXPECT_ERR(meta_record_decode((struct bytes){ at, sizeof(at) }, &back, NULL), ERR_CORRUPT);
    at[28] = 254;
    EXPECT_OK(meta_record_decode((struct bytes){ at, sizeof(at) }, &back, NULL));
    at[33] = 0x10; /* store 4103 */
    EXPECT_ERR(meta_record_decode((struct bytes){ at, sizeof(at) }, &back, NULL), ERR_CORRUPT);
}

TEST(meta_record, every_cut_and_every_flip_is_survived)
{
    /* Goal: the decoder believes nothing. Method: each shorter length in memory of just that size
     * (the address sanitizer watches), one byte more, and each bit flipped. */
    uint32_t stores[2];
    struct meta_record r = topic_sample(stores), back;
    size_t len = meta_record_bytes(&r);
    uint8_t *whole = malloc(len + 1);
    meta_record_encode(&r, whole);
    whole[len] = 0;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);
        memcpy(part, whole, cut);
        EXPECT_NE(meta_record_decode((struct bytes){ part, cut }, &back, NULL), ERR_OK);
        free(part);
    }
    EXPECT_ERR(meta_record_decode((struct bytes){ whole, len + 1 }, &back, NULL), ERR_CORRUPT);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        whole[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum err err = meta_record_decode((struct bytes){ whole, len }, &back, NULL);
        EXPECT(err == ERR_OK || err == ERR_CORRUPT || err == ERR_UNSUPPORTED);
        whole[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(whole);
}

TEST(meta_record, a_newer_version_is_not_guessed)
{
    /* Goal: an unknown version, kind or setting refuses. Method: change just that. */
    struct meta_record r = { .kind = META_SETTINGS, .id = ID, .settings = settings_default() };
    struct meta_record back;
    uint8_t at[256];
    (void)settings_parse(&r.settings, "retention.ms", "5", NULL);
    size_t len = meta_record_bytes(&r);
    meta_record_encode(&r, at);
    at[0] = 2;
    EXPECT_ERR(meta_record_decode((struct bytes){ at, len }, &back, NULL), ERR_UNSUPPORTED);
    at[0] = 1;
    at[2] = META_KIND_END;
    EXPECT_ERR(meta_record_decode((struct bytes){ at, len }, &back, NULL), ERR_UNSUPPORTED);
    at[2] = META_SETTINGS;
    at[32 + 4] = 'R';
    EXPECT_ERR(meta_record_decode((struct bytes){ at, len }, &back, NULL), ERR_UNSUPPORTED);
    at[2] = 0;
    EXPECT_ERR(meta_record_decode((struct bytes){ at, len }, &back, NULL), ERR_CORRUPT);
}
