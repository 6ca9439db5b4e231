/* batch_test.c -- each rule of a batch has a batch that breaks it and nothing else. */
#include "engine/base/batch.h"
#include "engine/base/le.h"
#include "tests/test.h"
#include "tests/unit/base/batch_sample.h"

#include <stdlib.h>
#include <string.h>

/* A batch around `records` as given, CRC right. */
static uint8_t *batch_around(const void *records, size_t len, uint32_t count)
{
    uint8_t *b = calloc(1, BATCH_HEADER_BYTES + len);

    be32_put(b + 8, (uint32_t)(BATCH_HEADER_BYTES - 12 + len));
    b[16] = 2;
    be32_put(b + 23, count - 1);
    be64_put(b + 27, 1000);
    be64_put(b + 35, 999999);
    be64_put(b + 43, UINT64_MAX);
    be16_put(b + 51, UINT16_MAX);
    be32_put(b + 53, UINT32_MAX);
    be32_put(b + 57, count);
    memcpy(b + BATCH_HEADER_BYTES, records, len);
    batch_reseal(b, BATCH_HEADER_BYTES + len);
    return b;
}

#define GOOD       "\x0c\0\0\0\1\1\0" /* length 6, time and offset delta 0, nulls, no headers */
#define GOOD_BYTES 7

struct judged {
    const char *rule; /* what the refusal says; NULL: accepted */
    uint32_t count;
    const char *records;
    size_t len;
};
#define RECORDS(s) (s), sizeof(s) - 1

static const struct judged judged_records[] = {
    { NULL, 1, RECORDS(GOOD) },
    { NULL, 2, RECORDS(GOOD "\x0c\0\0\2\1\1\0") },
    { NULL, 1, RECORDS("\x0e\0\0\0\x81\0\1\0") }, /* padded varint for -1 */
    { NULL, 1, RECORDS("\x0c\x7f\0\0\1\1\0") },   /* unused attribute bits */
    { NULL, 1, RECORDS("\x10\0\0\0\0\0\2\0\1") }, /* empty key, empty value, header "" = null */
    { NULL, 1, RECORDS("\x1e\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0\1\1\0") }, /* time -2^63 */
    { "record 0 of the batch: bad length", 1, RECORDS("") },
    { "record 1 of the batch: bad length", 2, RECORDS(GOOD) },
    { "bad length", 1, RECORDS("\0" GOOD) },
    { "bad length", 1, RECORDS("\1") },
    { "bad length", 1, RECORDS("\x0e\0\0\0\1\1\0") },
    { "bad length", 1, RECORDS("\xff\xff\xff\xff\x0f\0\0\0\1\1\0") },
    { "bad length", 1, RECORDS("\xfe\xff\xff\xff\x0f\0\0\0\1\1\0") },
    { "bad length", 1, RECORDS("\x8c\x80\x80\x80\x10\0\0\0\1\1\0") },
    { "bad length", 1, RECORDS("\x8c\x80\x80\x80\x80\0\0\0\0\1\1\0") },
    { "bad length: bytes follow the last header", 1, RECORDS("\x0e\0\0\0\1\1\0\0") },
    { "bad timestamp delta", 1, RECORDS("\2\0") },
    { "bad timestamp delta", 1,
      RECORDS("\x20\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0\0\1\1\0\0") },
    { "bad timestamp delta", 1, RECORDS("\x1e\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\2\0\1\1\0") },
    { "timestamp delta: the sum overflows", 1,
      RECORDS("\x1e\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0\1\1\0") },
    { "bad offset delta", 1, RECORDS("\4\0\0") },
    { "bad offset delta", 1, RECORDS("\x14\0\0\x80\x80\x80\x80\x10\1\1\0") },
    { "offset delta: not the record's number", 1, RECORDS("\x0c\0\0\2\1\1\0") },
    { "offset delta: not the record's number", 1, RECORDS("\x0c\0\0\1\1\1\0") },
    { "record 1 of the batch: bad offset delta: not", 2, RECORDS(GOOD GOOD) },
    { "bad key", 1, RECORDS("\6\0\0\0") },
    { "bad key", 1, RECORDS("\x0c\0\0\0\3\1\0") },
    { "bad key", 1, RECORDS("\x0c\0\0\0\6\1\0") },
    { "bad key", 1, RECORDS("\x14\0\0\0\xfe\xff\xff\xff\x0f\1\0") },
    { "bad value", 1, RECORDS("\x8\0\0\0\1") },
    { "bad value", 1, RECORDS("\x0c\0\0\0\1\3\0") },
    { "bad value", 1, RECORDS("\x0c\0\0\0\1\4\0") },
    { "bad header count", 1, RECORDS("\x0a\0\0\0\1\1\0") },
    { "bad header count", 1, RECORDS("\x0c\0\0\0\1\1\1") },
    { "bad header", 1, RECORDS("\x0c\0\0\0\1\1\2") },
    { "bad header", 1, RECORDS("\x10\0\0\0\1\1\2\1\1") },
    { "bad header", 1, RECORDS("\x10\0\0\0\1\1\2\0\3") },
    { "bad header", 1, RECORDS("\x10\0\0\0\1\1\2\0\2") },
    { "bad header", 1, RECORDS("\x10\0\0\0\1\1\4\0\1") },
    { "1 bytes follow the last record", 1, RECORDS(GOOD "\0") },
    { "7 bytes follow the last record", 1, RECORDS(GOOD GOOD) },
};

static void records_expect(const struct judged *j)
{
    uint8_t *at = batch_around(j->records, j->len, j->count);
    struct bytes b = { at, BATCH_HEADER_BYTES + j->len };
    struct batch_info info;
    struct why why = { "accepted" };
    int64_t max_time;

    EXPECT_ERR(batch_verify(b, &info, &max_time, &why), j->rule ? ERR_BAD_BATCH : ERR_OK);
    if (!strstr(why.text, j->rule ? j->rule : "accepted"))
        EXPECT_STR(why.text, j->rule);
    free(at);
}

TEST(batch, judges_every_field_of_a_record)
{
    // Goal: each rule is enforced, and named. Method: the table above, from exact blocks.
    for (size_t i = 0; i < sizeof(judged_records) / sizeof(judged_records[0]); i++)
        records_expect(&judged_records[i]);
}

struct header_edit {
    const char *rule;
    unsigned pos, width;
    uint64_t value;
};

static const struct header_edit header_edits[] = {
    { "magic is not 2", 16, 1, 1 },
    { "magic is not 2", 16, 1, 3 },
    { "length is impossible", 8, 4, 48 },
    { "length is impossible", 8, 4, 0 },
    { "length is impossible", 8, 4, UINT32_MAX },
    { "length is beyond", 8, 4, 57 },
    { "length is beyond", 8, 4, INT32_MAX },
    { "last offset delta is negative", 23, 4, UINT32_MAX },
    { "last offset delta 1 does not fit 1 records", 23, 4, 1 },
    { "record count is negative", 57, 4, UINT32_MAX },
    { "the batch has no records", 57, 4, 0 },
    { "last offset delta 0 does not fit 2 records", 57, 4, 2 },
    { "compression 5 does not exist", 21, 2, 5 },
    { "compression 7 does not exist", 21, 2, 7 },
    { "CRC", 8, 4, 55 },
    { NULL, 0, 8, UINT64_MAX },
    { NULL, 12, 4, UINT32_MAX },
    { NULL, 21, 2, 4 },
    { NULL, 35, 8, 0 },
    { "producer 77 with epoch -1, base sequence -1", 43, 8, 77 },
    { NULL, 43, 8, UINT64_MAX - 1 },
};

TEST(batch, judges_every_field_of_the_header)
{
    for (size_t i = 0; i < sizeof(header_edits) / sizeof(header_edits[0]); i++) {
        const struct header_edit *e = &header_edits[i];
        uint8_t *at = batch_around(GOOD, GOOD_BYTES, 1);
        struct bytes b = { at, BATCH_HEADER_BYTES + GOOD_BYTES };
        struct batch_info info;
        struct why why = { "accepted" };
        int64_t max_time;
        for (unsigned k = 0; k < e->width; k++)
            at[e->pos + k] = (uint8_t)(e->value >> (8 * (e->width - 1 - k)));
        batch_reseal(at, b.len);
        EXPECT_ERR(batch_verify(b, &info, &max_time, &why), e->rule ? ERR_BAD_BATCH : ERR_OK);
        if (!strstr(why.text, e->rule ? e->rule : "accepted"))
            EXPECT_STR(why.text, e->rule);
        free(at);
    }
}

TEST(batch, takes_the_first_of_several)
{
    // Goal: bytes behind a batch are not its own. Method: a batch with noise behind it.
    uint8_t at[BATCH_HEADER_BYTES + GOOD_BYTES + 30];
    uint8_t *one = batch_around(GOOD, GOOD_BYTES, 1);
    struct batch_info info;
    int64_t max_time;

    memset(at, 0xee, sizeof(at));
    memcpy(at, one, BATCH_HEADER_BYTES + GOOD_BYTES);
    EXPECT_OK(batch_verify((struct bytes){ at, sizeof(at) }, &info, &max_time, NULL));
    EXPECT_EQ(info.bytes, BATCH_HEADER_BYTES + GOOD_BYTES);
    EXPECT(batch_crc_ok((struct bytes){ at, sizeof(at) }));
    at[BATCH_HEADER_BYTES + 1] ^= 1;
    EXPECT(!batch_crc_ok((struct bytes){ at, sizeof(at) }));
    free(one);
}

/* Walks a batch that batch_verify() may refuse; how it ended, and how many came before. */
static enum err walk_all(const uint8_t *at, size_t len, uint64_t *last_off, uint32_t *seen)
{
    struct batch_walk w;
    struct batch_record r;
    enum err err;

    *seen = 0;
    TRY(batch_walk_open(&w, (struct bytes){ at, len }));
    for (; batch_walk_next(&w, &r, &err); ++*seen)
        *last_off = r.off;
    enum err again;
    EXPECT(!batch_walk_next(&w, &r, &again));
    EXPECT_ERR(again, err);
    return err;
}

TEST(batch, walks_over_gaps_but_never_back)
{
    // Goal: compacted batches are readable, disorder is damage. Method: two records, offset deltas
    // (3, 7), (7, 3), (3, 3) and (3, 10) in a batch of last delta 9.
    static const struct {
        uint8_t first, second;
        uint32_t seen;
        enum err err;
    } rows[] = {
        { 3, 7, 2, ERR_OK },
        { 7, 3, 1, ERR_BAD_BATCH },
        { 3, 3, 1, ERR_BAD_BATCH },
        { 3, 10, 1, ERR_BAD_BATCH },
    };
    for (int i = 0; i < 4; i++) {
        uint8_t *at = batch_around(GOOD GOOD, 2 * GOOD_BYTES, 2);
        uint64_t last_off = 0;
        uint32_t seen;
        be32_put(at + 23, 9);
        batch_stamp(at, 100, 0);
        at[BATCH_HEADER_BYTES + 3] = (uint8_t)(2 * rows[i].first);
        at[BATCH_HEADER_BYTES + GOOD_BYTES + 3] = (uint8_t)(2 * rows[i].second);
        EXPECT_ERR(walk_all(at, BATCH_HEADER_BYTES + 2 * GOOD_BYTES, &last_off, &seen),
                   rows[i].err);
        EXPECT_EQ(seen, rows[i].seen);
        EXPECT_EQ(last_off, 100 + (seen == 2 ? rows[i].second : rows[i].first));
        free(at);
    }
}

TEST(batch, walks_an_emptied_batch)
{
    // Goal: compaction may leave a batch without records; the walk ends cleanly at once.
    uint8_t *at = batch_around("", 0, 1);
    uint64_t last_off;
    uint32_t seen;

    be32_put(at + 57, 0);
    EXPECT_OK(walk_all(at, BATCH_HEADER_BYTES, &last_off, &seen));
    EXPECT_EQ(seen, 0);
    free(at);
}

TEST(batch, gives_append_time_to_every_record)
{
    // Goal: attribute bit 3 overrides record times. Method: header maximum 999999, deltas 0.
    uint8_t *at = batch_around(GOOD, GOOD_BYTES, 1);
    struct bytes b = { at, BATCH_HEADER_BYTES + GOOD_BYTES };
    struct batch_info info;
    struct batch_walk w;
    struct batch_record r;
    int64_t max_time = 0;
    enum err err;

    EXPECT_OK(batch_verify(b, &info, &max_time, NULL));
    EXPECT_EQ(max_time, 1000);
    at[22] = 8;
    batch_reseal(at, b.len);
    EXPECT_OK(batch_verify(b, &info, &max_time, NULL));
    EXPECT_EQ(max_time, 999999);
    REQUIRE_OK(batch_walk_open(&w, b));
    EXPECT(batch_walk_next(&w, &r, &err));
    EXPECT_EQ(r.time, 999999);
    free(at);
}
