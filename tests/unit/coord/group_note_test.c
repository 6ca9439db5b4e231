/* group_note_test.c -- the bytes of the group log, and bytes that are none. */
#include "engine/coord/group_note.h"

#include <stdlib.h>

#include "engine/base/le.h"
#include "tests/test.h"

static struct bytes str(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static const struct bytes null = { NULL, 0 };

/* The example of docs/FORMAT.md. */
static const uint8_t example[] = {
    0x4e, 0,    0,    0,    1,    0,    1,   0,    1,    0, 'g', /* note of 78 bytes, GROUP, g */
    1,    0,    'c',  1,    0,    'r',  1,   0,    'm',          /* type c, protocol r, leader m */
    0,    0xe8, 0xe7, 0x8f, 0x8b, 1,    0,   0,    5,    0, 0,   0,   1,
    0,    0,    0, /* time, generation 5, assigned */
    1,    0,    0,    0,    1,    0,    'm', 0xff, 0xff, 2, 0,   'i', 'd',
    1,    0,    '/',                            /* 1 member: m, no instance */
    0x10, 0x27, 0,    0,    0x60, 0xea, 0,   0, /* 10 s, 60 s */
    9,    0,    0,    0,    1,    0,    'r', 2,    0,    0, 0,   7,   8, /* protocol r, 2 bytes */
    1,    0,    0,    0,    9,                                           /* assigned: 1 byte */
};
static const uint8_t example_offsets[] = {
    0x59, 0,    0,    0,    1,    0,    2,    0,    1, 0, 'g', 2, 0, 0, 0, /* OFFSETS of g: 2 rows
                                                                            */
    1,    0,    't',  3,    0,    0,    0,    9,    0, 0, 0,   0, 0, 0, 0, 1,
    0,    0,    0,                                             /* t-3: offset 9, epoch 1 */
    0,    0xe8, 0xe7, 0x8f, 0x8b, 1,    0,    0,               /* committed when */
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 'm', /* no expiry; metadata m */
    0xff, 0xff, 4,    0,    0,    0,    8,    0,    0, 0, 0,   0, 0, 0, 1, 0,
    0,    0,                                              /* t-4: offset 8 */
    0,    0xe8, 0xe7, 0x8f, 0x8b, 1,    0,    0,          /**/
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, /**/
};
#define EXAMPLE_MS 1698926422016

static struct group_writer example_group(void)
{
    struct group_writer w = { 0 }, p = { 0 };
    group_writer_protocol(&p, str("r"), str("\7\10"));
    struct group_note_member m = { .id = str("m"),
                                   .instance = null,
                                   .client_id = str("id"),
                                   .client_host = str("/"),
                                   .timeout_ms = 10000,
                                   .rebalance_ms = 60000,
                                   .protocols = { p.at, p.len },
                                   .assignment = str("\11") };
    group_writer_open(&w, &(struct group_note){ .kind = GROUP_NOTE_GROUP,
                                                .group = str("g"),
                                                .protocol_type = str("c"),
                                                .protocol = str("r"),
                                                .leader = str("m"),
                                                .time_ms = EXAMPLE_MS,
                                                .generation = 5,
                                                .assigned = true });
    group_writer_member(&w, &m);
    group_writer_close(&w);
    free(p.at);
    return w;
}

static struct group_writer example_rows(void)
{
    struct group_writer w = { 0 };
    group_writer_open(&w, &(struct group_note){ .kind = GROUP_NOTE_OFFSETS, .group = str("g") });
    for (int32_t i = 0; i < 2; i++) {
        struct group_note_offset o = { .topic = str("t"),
                                       .partition = 3 + i,
                                       .leader_epoch = 1,
                                       .off = 9 - i,
                                       .commit_ms = EXAMPLE_MS,
                                       .expire_ms = -1,
                                       .metadata = str(i ? "" : "m") };
        group_writer_offset(&w, GROUP_NOTE_OFFSETS, &o);
    }
    group_writer_close(&w);
    return w;
}

TEST(group_note, byte_by_byte)
{
    /* Goal: the bytes are those of the page, and come back as what they say. */
    struct group_writer w = example_group();
    REQUIRE(EXPECT_EQ(w.len, sizeof(example)));
    EXPECT_BYTES(w.at, example, sizeof(example));
    struct bytes left = { w.at, w.len };
    struct group_note n;
    struct group_note_member m;
    REQUIRE_OK(group_note_decode(&left, &n, NULL));
    EXPECT_EQ(left.len, 0);
    EXPECT_EQ(n.generation, 5);
    EXPECT_EQ(n.time_ms, EXAMPLE_MS);
    EXPECT(n.assigned && n.count == 1 && bytes_equal(n.leader, str("m")));
    group_note_member(&n.rows, &m);
    EXPECT(!m.instance.at && bytes_equal(m.client_id, str("id")));
    EXPECT_EQ(m.rebalance_ms, 60000);
    struct bytes name, metadata;
    REQUIRE(group_note_protocol(&m.protocols, &name, &metadata));
    EXPECT(bytes_equal(name, str("r")) && bytes_equal(metadata, str("\7\10")));
    EXPECT(!group_note_protocol(&m.protocols, &name, &metadata));
    free(w.at);

    w = example_rows();
    REQUIRE(EXPECT_EQ(w.len, sizeof(example_offsets)));
    EXPECT_BYTES(w.at, example_offsets, sizeof(example_offsets));
    left = (struct bytes){ w.at, w.len };
    REQUIRE_OK(group_note_decode(&left, &n, NULL));
    struct group_note_offset o = { 0 };
    group_note_offset(&n.rows, n.kind, &o);
    group_note_offset(&n.rows, n.kind, &o);
    EXPECT(bytes_equal(o.topic, str("t")));
    EXPECT_EQ(o.partition, 4);
    EXPECT_EQ(o.off, 8);
    free(w.at);
}

TEST(group_note, several_in_one_record)
{
    /* Goal: notes lie one behind the other; each is taken whole. */
    struct group_writer w = example_group(), rows = example_rows();
    group_writer_raw(&w, (struct bytes){ rows.at, rows.len });
    group_writer_open(&w, &(struct group_note){ .kind = GROUP_NOTE_GONE, .group = str("g") });
    group_writer_close(&w);
    struct bytes left = { w.at, w.len };
    struct group_note n;
    for (uint32_t kind = GROUP_NOTE_GROUP; kind <= GROUP_NOTE_GONE; kind++) {
        if (kind == GROUP_NOTE_FORGET)
            continue;
        REQUIRE_OK(group_note_decode(&left, &n, NULL));
        EXPECT_EQ(n.kind, kind);
    }
    EXPECT_EQ(left.len, 0);
    free(rows.at);
    free(w.at);
}

static enum err decoded(const uint8_t *at, size_t len)
{
    uint8_t *exact = malloc(len + 1); /* a read beyond it is seen by the sanitizer */
    if (len)
        memcpy(exact, at, len);
    struct bytes left = { exact, len };
    struct group_note n;
    enum err err = group_note_decode(&left, &n, NULL);
    free(exact);
    return err;
}

TEST(group_note, every_cut_and_every_flip_is_survived)
{
    /* Goal: no prefix decodes, and no changed byte crashes. */
    uint8_t at[sizeof(example)];
    for (size_t len = 0; len < sizeof(example); len++)
        EXPECT_ERR(decoded(example, len), ERR_CORRUPT);
    for (size_t i = 0; i < sizeof(example); i++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            memcpy(at, example, sizeof(at));
            at[i] ^= (uint8_t)(1u << bit);
            enum err err = decoded(at, sizeof(at));
            EXPECT(err == ERR_OK || err == ERR_CORRUPT || err == ERR_UNSUPPORTED);
        }
    }
}

TEST(group_note, what_cannot_be_is_refused)
{
    /* Goal: members without a leader, a leader that is no member, an assignment of nobody, times
     * and partitions below zero. Method: change one field of the example. */
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = { { 19, 'x' }, { 31, 0x80 }, { 32, 2 }, { 55, 0x80 }, { 36, 0 }, { 36, 2 } };
    uint8_t at[sizeof(example)];
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(at, example, sizeof(at));
        at[bad[i].at] = bad[i].value;
        EXPECT_ERR(decoded(at, sizeof(at)), ERR_CORRUPT);
    }
    uint8_t rows[sizeof(example_offsets)];
    memcpy(rows, example_offsets, sizeof(rows));
    rows[21] = 0x80; /* partition */
    EXPECT_ERR(decoded(rows, sizeof(rows)), ERR_CORRUPT);
    memcpy(rows, example_offsets, sizeof(rows));
    rows[15] = rows[16] = 0xff; /* the first row without a topic */
    EXPECT_ERR(decoded(rows, sizeof(rows)), ERR_CORRUPT);
}

TEST(group_note, a_newer_version_is_not_guessed)
{
    /* Goal: unknown versions and kinds are UNSUPPORTED, with a sentence. */
    uint8_t at[sizeof(example)];
    struct group_note n;
    struct why why = { "" };
    memcpy(at, example, sizeof(at));
    at[4] = 2;
    struct bytes left = { at, sizeof(at) };
    EXPECT_ERR(group_note_decode(&left, &n, &why), ERR_UNSUPPORTED);
    EXPECT_STR(why.text, "group note: version 2, kind 1: written by a newer shardlog");
    EXPECT_EQ(left.len, sizeof(at));
    at[4] = 1;
    at[6] = GROUP_NOTE_END;
    EXPECT_ERR(group_note_decode(&left, &n, NULL), ERR_UNSUPPORTED);
}
