/* embed_test.c -- the public API on real disks: records, topics, offsets, options. */
#include <stdio.h>
#include <string.h>

#include "tests/test.h"
#include "tests/unit/embed/fixture.h"

TEST(embed, records_come_back)
{
    /* Goal: keys, values, headers, nulls and times survive; also a restart. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    struct sl_topic *t = topic_open(e, "t", 2);
    struct sl_header headers[] = { { "h1", 2, "v1", 2 }, { "h2", 2, NULL, 0 } };
    struct sl_record records[] = {
        { .key = "k", .key_bytes = 1, .value = "one", .value_bytes = 3, .time_ms = 1000 },
        { .value = "", .value_bytes = 0, .headers = headers, .header_count = 2, .time_ms = 999 },
        { .key = "gone", .key_bytes = 4, .time_ms = 2000 },
    };
    struct sl_appended a;
    EXPECT_OK(sl_append_wait(t, 1, records, 3, NULL, &a));
    EXPECT_EQ(a.base_offset, 0);
    EXPECT_EQ(a.count, 3);
    EXPECT_EQ(a.bought, SL_SYNCED);
    EXPECT(a.append_ms > 0 && !a.duplicate);
    EXPECT_OK(sl_topic_alter(e, "t", &(struct sl_setting){ "retention.ms", "-1" }, 1, NULL));
    for (int restart = 0; restart < 2; restart++) {
        struct sl_batches b;
        struct sl_records it;
        struct sl_record_view r;
        struct sl_headers hs;
        struct sl_header h;
        enum sl_err err;
        struct sl_fetch_options f = { .size = sizeof(f) };
        REQUIRE_OK(sl_fetch_wait(t, 1, &f, &b));
        EXPECT_EQ(b.next_offset, 3);
        EXPECT_EQ(b.high_offset, 3);
        sl_records_open(&it, b.at, b.bytes, 0);
        REQUIRE(sl_records_next(&it, &r, &err));
        EXPECT_EQ(r.time_ms, 1000);
        EXPECT(r.key_bytes == 1 && memcmp(r.value, "one", 3) == 0);
        REQUIRE(sl_records_next(&it, &r, &err));
        EXPECT(!r.key && r.value && r.value_bytes == 0 && r.header_count == 2);
        sl_headers_open(&hs, &r);
        EXPECT(sl_headers_next(&hs, &h) && h.key_bytes == 2 && memcmp(h.value, "v1", 2) == 0);
        EXPECT(sl_headers_next(&hs, &h) && !h.value);
        EXPECT(!sl_headers_next(&hs, &h));
        REQUIRE(sl_records_next(&it, &r, &err));
        EXPECT(r.offset == 2 && !r.value && r.key_bytes == 4);
        EXPECT(!sl_records_next(&it, &r, &err));
        EXPECT_OK(err);
        sl_batches_free(&b);
        sl_topic_close(&t);
        sl_engine_close(&e);
        REQUIRE((e = engine_open(&o)));
        t = topic_open(e, "t", 2);
    }
    sl_topic_close(&t);
    sl_engine_close(&e);
}

static void name_count(void *arg, const char *name)
{
    *(uint32_t *)arg += name[0] != '\0';
}

TEST(embed, topics)
{
    /* Goal: create, list, describe, alter, delete; errors name their reason. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    struct sl_why why;
    struct sl_topic *t;
    char text[64];
    uint32_t names = 0;
    uint8_t id[16], other[16];
    EXPECT_ERR(sl_topic_create(e, "a/b", NULL, &why), SL_ERR_INVALID);
    EXPECT_STR(why.text, "topic 'a/b': a name has only a-z A-Z 0-9 . _ -");
    EXPECT_ERR(sl_topic_open(e, "t", &t, &why), SL_ERR_NOT_FOUND);
    EXPECT(t == NULL);
    EXPECT_OK(sl_topic_create(e, "t", NULL, &why));
    EXPECT_STR(why.text, "");
    EXPECT_ERR(sl_topic_create(e, "t", NULL, &why), SL_ERR_EXISTS);
    REQUIRE_OK(sl_topic_open(e, "t", &t, &why));
    EXPECT_STR(sl_topic_name(t), "t");
    EXPECT_EQ(sl_topic_partitions(t), 1);
    sl_topic_id(t, id);
    EXPECT_OK(sl_topic_setting(t, "shardlog.durability", text, sizeof(text)));
    EXPECT_STR(text, "synced");
    EXPECT_ERR(sl_topic_setting(t, "nope", text, sizeof(text)), SL_ERR_INVALID);
    EXPECT_OK(sl_topic_list(e, name_count, &names));
    EXPECT_EQ(names, 1);
    EXPECT_OK(append_text(t, 0, "x", NULL));
    EXPECT_OK(sl_topic_delete(e, "t", &why));
    EXPECT_ERR(append_text(t, 0, "y", NULL), SL_ERR_NOT_FOUND);
    struct sl_topic *again = topic_open(e, "t", 1);
    sl_topic_id(again, other);
    EXPECT(memcmp(id, other, 16) != 0);
    EXPECT_STR(values_of(again, 0, 0), "");
    EXPECT_ERR(append_text(t, 0, "y", NULL), SL_ERR_NOT_FOUND); /* the old id stays gone */
    EXPECT_ERR(append_text(t, 1, "y", NULL), SL_ERR_INVALID);
    sl_topic_close(&again);
    sl_topic_close(&t);
    sl_topic_close(&t);
    sl_engine_close(&e);
    sl_engine_close(&e);
}

TEST(embed, a_topic_grows)
{
    /* Goal: a handle is of the partitions that there were; a new one has all of them. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    struct sl_why why;
    struct sl_topic *old = topic_open(e, "t", 1);
    EXPECT_OK(append_text(old, 0, "first", NULL));
    EXPECT_ERR(sl_topic_grow(e, "nobody", 2, &why), SL_ERR_NOT_FOUND);
    EXPECT_ERR(sl_topic_grow(e, "t", 0, &why), SL_ERR_INVALID);
    EXPECT_STR(why.text, "topic 't' has 1 partitions: it can grow, and not shrink to 0");
    EXPECT_OK(sl_topic_grow(e, "t", 3, &why));
    EXPECT_ERR(sl_topic_grow(e, "t", 3, &why), SL_ERR_EXISTS);
    EXPECT_STR(why.text, "topic 't' has 3 partitions already");
    EXPECT_EQ(sl_topic_partitions(old), 1);
    EXPECT_ERR(append_text(old, 2, "x", NULL), SL_ERR_INVALID);
    struct sl_topic *t = topic_open(e, "t", 1);
    EXPECT_EQ(sl_topic_partitions(t), 3);
    EXPECT_OK(append_text(t, 2, "last", NULL));
    EXPECT_OK(append_text(old, 0, "second", NULL));
    EXPECT_STR(values_of(t, 0, 0), "first;second;");
    EXPECT_STR(values_of(t, 2, 0), "last;");
    sl_topic_close(&t);
    sl_topic_close(&old);
    sl_engine_close(&e);
}

TEST(embed, offsets_and_trim)
{
    /* Goal: the questions about offsets, and deleting up to one. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    struct sl_topic *t = topic_open(e, "t", 1);
    struct sl_appended a;
    uint64_t off, start;
    int64_t ms;
    for (int i = 0; i < 5; i++)
        EXPECT_OK(append_text(t, 0, "r", &a));
    EXPECT_EQ(a.base_offset, 4);
    EXPECT_OK(sl_offset(t, 0, SL_OFFSET_LATEST, 0, &off, NULL));
    EXPECT_EQ(off, 5);
    EXPECT_OK(sl_offset(t, 0, SL_OFFSET_TIME, 1, &off, &ms));
    EXPECT_EQ(off, 0);
    EXPECT_OK(sl_trim(t, 0, 3, &start));
    EXPECT_EQ(start, 3);
    EXPECT_OK(sl_offset(t, 0, SL_OFFSET_EARLIEST, 0, &off, NULL));
    EXPECT_EQ(off, 3);
    struct sl_batches b;
    struct sl_fetch_options f = { .size = sizeof(f), .offset = 2 };
    EXPECT_ERR(sl_fetch_wait(t, 0, &f, &b), SL_ERR_OFFSET_RANGE);
    EXPECT_EQ(b.start_offset, 3);
    sl_batches_free(&b);
    struct sl_partition_info info = { .size = sizeof(info) };
    EXPECT_OK(sl_partition_info(t, 0, &info));
    EXPECT_EQ(info.start_offset, 3);
    EXPECT_EQ(info.next_offset, 5);
    EXPECT_EQ(info.synced_offset, 5);
    struct sl_stats stats = { .size = sizeof(stats) };
    EXPECT_OK(sl_stats(e, &stats));
    EXPECT_EQ(stats.partitions, 1);
    EXPECT(stats.appends >= 5 && stats.stores == 1);
    sl_topic_close(&t);
    sl_engine_close(&e);
}

/* ---- ready batches ---- */

TEST(embed, a_ready_batch_is_kept_as_it_is)
{
    /* Goal: what was appended as a batch is fetched byte by byte, but for offset and epoch. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    struct sl_topic *t = topic_open(e, "t", 1);
    uint8_t batch[256];
    size_t bytes;
    uint32_t offsets;
    struct sl_record r = record_of("payload");
    struct sl_appended a;
    struct sl_batches b;
    struct sl_fetch_options f = { .size = sizeof(f), .offset = 1 };
    REQUIRE_OK(sl_batch_build(batch, sizeof(batch), &r, 1, &bytes));
    EXPECT_OK(sl_batch_verify(batch, bytes, &offsets));
    EXPECT_EQ(offsets, 1);
    EXPECT_OK(sl_append_batch_wait(t, 0, batch, bytes, NULL, &a));
    EXPECT_OK(sl_append_batch_wait(t, 0, batch, bytes, NULL, &a));
    EXPECT_EQ(a.base_offset, 1);
    REQUIRE_OK(sl_fetch_wait(t, 0, &f, &b));
    EXPECT_EQ(b.bytes, bytes);
    EXPECT_BYTES((const uint8_t *)b.at + 16, batch + 16, bytes - 16);
    sl_batches_free(&b);
    memcpy(batch + bytes, batch, bytes); /* one batch, with nothing behind it */
    EXPECT_ERR(sl_append_batch_wait(t, 0, batch, 2 * bytes, NULL, &a), SL_ERR_BAD_BATCH);
    EXPECT_ERR(sl_append_batch_wait(t, 0, batch, bytes + 7, NULL, &a), SL_ERR_BAD_BATCH);
    EXPECT_ERR(sl_batch_verify(batch, bytes + 7, NULL), SL_ERR_BAD_BATCH);
    batch[bytes - 1] ^= 1;
    EXPECT_ERR(sl_append_batch_wait(t, 0, batch, bytes, NULL, &a), SL_ERR_BAD_BATCH);
    EXPECT_ERR(sl_append_wait(t, 0, &r, 0, NULL, &a), SL_ERR_INVALID);
    sl_topic_close(&t);
    sl_engine_close(&e);
}

/* ---- options and trouble ---- */

TEST(embed, an_older_program_gets_defaults)
{
    /* Goal: a shorter options struct works, a too short one is refused. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *e;
    struct sl_why why;
    o.size = offsetof(struct sl_engine_options, tail_bytes);
    o.journal_bytes = 1; /* beyond the size: not looked at */
    e = engine_open(&o);
    REQUIRE(e);
    struct {
        size_t size;
        enum sl_err err;
        uint32_t guard;
    } info = { .size = offsetof(struct sl_partition_info, shard), .guard = 77 };
    struct sl_topic *t = topic_open(e, "t", 1);
    EXPECT_OK(sl_partition_info(t, 0, (struct sl_partition_info *)(void *)&info));
    EXPECT_EQ(info.guard, 77);
    sl_topic_close(&t);
    sl_engine_close(&e);
    o.size = sizeof(o.size);
    EXPECT_ERR(sl_engine_open(&e, &o, &why), SL_ERR_INVALID);
    EXPECT(e == NULL && why.text[0]);
}

TEST(embed, without_io_uring)
{
    /* Goal: the plain io gives the same answers, on the same store. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    for (uint32_t i = 0; i < 4; i++) {
        o.plain_io = i % 2 == 0;
        struct sl_engine *e = engine_open(&o);
        REQUIRE(e);
        struct sl_topic *t = topic_open(e, "t", 1);
        struct sl_appended a;
        EXPECT_OK(append_text(t, 0, "x", &a));
        EXPECT_EQ(a.base_offset, i);
        EXPECT_STR(values_of(t, 0, i), "x;");
        sl_topic_close(&t);
        sl_engine_close(&e);
    }
}

TEST(embed, a_store_in_use_is_refused)
{
    /* Goal: two engines never share a store; the second one is told. */
    const char *dir = test_dir();
    struct sl_engine_options o = options_of(&dir, 1);
    struct sl_engine *second;
    struct sl_why why;
    struct sl_engine *e = engine_open(&o);
    REQUIRE(e);
    o.lock_wait_ns = 1000000;
    EXPECT_ERR(sl_engine_open(&second, &o, &why), SL_ERR_LOCKED);
    EXPECT(second == NULL && why.text[0]);
    sl_engine_close(&e);
    REQUIRE((e = engine_open(&o)));
    sl_engine_close(&e);
}

TEST(embed, shards_change_between_two_openings)
{
    /* Goal: the same data under another number of shards, and with a directory more. */
    const char *dirs[] = { test_dir(), test_dir() };
    static const struct {
        uint32_t shards, dirs;
    } rows[] = { { 2, 1 }, { 1, 1 }, { 3, 2 }, { 1, 2 } };
    char name[8];
    for (uint32_t i = 0; i < 4; i++) {
        struct sl_engine_options o = options_of(dirs, rows[i].dirs);
        o.shards = rows[i].shards;
        struct sl_engine *e = engine_open(&o);
        REQUIRE(e);
        for (uint32_t k = 0; k <= i; k++) {
            snprintf(name, sizeof(name), "t%u", k);
            struct sl_topic *t = topic_open(e, name, 3);
            for (uint32_t p = 0; p < 3; p++) {
                if (k == i)
                    EXPECT_OK(append_text(t, p, name, NULL));
                char want[16];
                snprintf(want, sizeof(want), "%s;", name);
                EXPECT_STR(values_of(t, p, 0), want);
            }
            sl_topic_close(&t);
        }
        sl_engine_close(&e);
    }
}

/* murmur2_test.c has the vectors. */
TEST(embed, a_key_has_a_partition)
{
    EXPECT_EQ(sl_key_partition("foobar", 6, 1000), 166);
    EXPECT_EQ(sl_key_partition(NULL, 0, 8), 1);
    EXPECT_EQ(sl_key_partition("foobar", 6, 0), 0);
}
