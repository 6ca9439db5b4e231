/* include/shardlog/client.h against a server in memory: what blocks. */
#include "tests/client/fake.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sl_record record_of(const char *value, int64_t time_ms)
{
    return (struct sl_record){ .value = value, .value_bytes = strlen(value), .time_ms = time_ms };
}

TEST(client, says_hello)
{
    struct fake f;
    struct sl_client_options o = {
        .size = sizeof(o), .id = "a test", .shard_set = true, .shard = 2
    };
    struct sl_client_hello hello = { .size = sizeof(hello) };
    struct sl_client *c;
    struct sl_why why = { "" };
    REQUIRE(fake_open(&f, NULL, NULL));
    REQUIRE((c = fake_client(&f, &o)) != NULL);
    EXPECT_OK(sl_client_hello(c, &hello));
    EXPECT_EQ(hello.version, 1);
    EXPECT_EQ(hello.shards, 4);
    EXPECT_EQ(hello.shard, 2);
    EXPECT_EQ(hello.frame_max, 1 << 20);
    EXPECT_STR(hello.server, "fake 1");
    EXPECT(!hello.read_only);
    sl_client_close(&c);
    EXPECT(!c);
    o.shard = 4;
    o.port = f.port;
    EXPECT_ERR(sl_client_open(&c, &o, &why), SL_ERR_INVALID);
    EXPECT(!c && strstr(why.text, "4 shards"));
    fake_close(&f);
}

TEST(client, says_why_it_cannot_connect)
{
    struct fake f;
    struct sl_client *c;
    struct sl_why why = { "" };
    struct sl_client_options o = { .size = sizeof(o), .timeout_ns = 2000000000 };
    REQUIRE(fake_open(&f, NULL, NULL));
    o.port = f.port;
    fake_close(&f); /* nobody listens there any more */
    EXPECT_ERR(sl_client_open(&c, &o, &why), SL_ERR_CLOSED);
    EXPECT(!c && strstr(why.text, "cannot connect to 127.0.0.1"));
}

static void name_count(void *arg, const char *name)
{
    unsigned *n = arg;
    char want[16];
    snprintf(want, sizeof(want), "t%u", (*n)++);
    EXPECT_STR(name, want);
}

static void setting_see(void *arg, const char *key, const char *value, bool given)
{
    char *text = arg;
    snprintf(text + strlen(text), 200 - strlen(text), "%s=%s,%d;", key, value, given);
}

static void place_see(void *arg, const struct sl_client_place *place)
{
    unsigned *n = arg;
    EXPECT_EQ(place->partition, *n);
    EXPECT_EQ(place->shard, *n % 4);
    EXPECT_EQ(place->err, 0);
    (*n)++;
}

TEST(client, makes_and_finds_topics)
{
    struct fake f;
    struct sl_client *c;
    struct sl_client_topic made, found;
    struct sl_setting settings[] = { { "retention.ms", "5" }, { "segment.ms", "7" } };
    struct sl_topic_options o = {
        .size = sizeof(o), .partitions = 10, .settings = settings, .setting_count = 2
    };
    char text[200] = "";
    unsigned names = 0, places = 0;
    REQUIRE(fake_open(&f, NULL, NULL));
    REQUIRE((c = fake_client(&f, NULL)) != NULL);
    EXPECT_OK(sl_client_create(c, "t0", &o, &made));
    EXPECT_ERR(sl_client_create(c, "t0", &o, NULL), SL_ERR_EXISTS);
    EXPECT_STR(sl_client_error(c)->text, "t0 exists");
    EXPECT(!sl_client_error(c)->retriable);
    EXPECT_OK(sl_client_describe(c, "t0", &found));
    EXPECT_EQ(found.partitions, 10);
    EXPECT_BYTES(found.id, made.id, 16);
    EXPECT_OK(sl_client_places(c, &found, place_see, &places));
    EXPECT_EQ(places, 10); /* three to an answer: it was asked again */
    settings[0].value = NULL;
    settings[1].value = "8";
    EXPECT_OK(sl_client_alter(c, "t0", settings, 2));
    EXPECT_OK(sl_client_settings(c, "t0", setting_see, text));
    EXPECT_STR(text, "segment.ms=8,1;");
    for (unsigned i = 1; i < 5; i++) {
        snprintf(text, sizeof(text), "t%u", i);
        EXPECT_OK(sl_client_create(c, text, NULL, NULL));
    }
    EXPECT_OK(sl_client_list(c, name_count, &names));
    EXPECT_EQ(names, 5);
    EXPECT_ERR(sl_client_grow(c, "nobody", 12), SL_ERR_NOT_FOUND);
    EXPECT_OK(sl_client_grow(c, "t0", 12));
    EXPECT_ERR(sl_client_grow(c, "t0", 12), SL_ERR_EXISTS);
    EXPECT_ERR(sl_client_grow(c, "t0", 1), SL_ERR_INVALID);
    struct sl_client_topic grown;
    EXPECT_OK(sl_client_describe(c, "t0", &grown));
    EXPECT_EQ(grown.partitions, 12);
    EXPECT_OK(sl_client_delete(c, "t0"));
    EXPECT_ERR(sl_client_describe(c, "t0", &found), SL_ERR_NOT_FOUND);
    EXPECT_STR(sl_client_error(c)->text, "no topic t0");
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client, refuses_what_no_frame_takes)
{
    // Goal: a limit is met on this side, with its value. Method: a name, settings, a ping too long.
    struct fake f;
    struct sl_client *c;
    char name[300];
    struct sl_setting settings[65];
    REQUIRE(fake_open(&f, NULL, NULL));
    REQUIRE((c = fake_client(&f, NULL)) != NULL);
    memset(name, 'n', sizeof(name));
    name[250] = 0;
    EXPECT_ERR(sl_client_create(c, name, NULL, NULL), SL_ERR_TOO_LARGE);
    EXPECT_EQ(sl_client_error(c)->limit, 249);
    EXPECT_EQ(sl_client_error(c)->value, 250);
    for (unsigned i = 0; i < 65; i++)
        settings[i] = (struct sl_setting){ "k", "v" };
    EXPECT_ERR(sl_client_alter(c, "t", settings, 65), SL_ERR_TOO_LARGE);
    EXPECT_ERR(sl_client_ping(c, 65537), SL_ERR_TOO_LARGE);
    EXPECT_OK(sl_client_ping(c, 65536));
    EXPECT_OK(sl_client_ping(c, 0));
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client, appends_and_fetches)
{
    struct fake f;
    struct sl_client *c;
    struct sl_client_topic t;
    struct sl_appended done;
    struct sl_client_batches batches;
    struct sl_fetch_options from = { .size = sizeof(from), .offset = 1 };
    struct sl_append_options want = { .size = sizeof(want), .durability = SL_WRITTEN };
    struct sl_record records[] = { record_of("one", 10), record_of("two", 20), record_of("", 30) };
    struct sl_records it;
    struct sl_record_view view;
    enum sl_err err;
    unsigned seen = 1;
    REQUIRE(fake_open(&f, NULL, NULL));
    REQUIRE((c = fake_client(&f, NULL)) != NULL);
    REQUIRE_OK(sl_client_create(c, "t", NULL, &t));
    EXPECT_OK(sl_client_append_wait(c, &t, 0, records, 3, &want, &done));
    EXPECT_EQ(done.base_offset, 0);
    EXPECT_EQ(done.count, 3);
    EXPECT_EQ(done.bought, SL_WRITTEN);
    EXPECT(!done.duplicate);
    EXPECT_OK(sl_client_append_wait(c, &t, 0, records, 1, NULL, &done));
    EXPECT_EQ(done.base_offset, 3);
    EXPECT_EQ(done.bought, SL_SYNCED);
    EXPECT_OK(sl_client_fetch_wait(c, &t, 0, &from, &batches));
    EXPECT_EQ(batches.next_offset, 4);
    EXPECT_EQ(batches.high_offset, 4);
    sl_records_open(&it, batches.at, batches.bytes, 1);
    while (sl_records_next(&it, &view, &err)) {
        EXPECT_EQ(view.offset, seen);
        EXPECT_EQ(view.value_bytes, records[seen % 3].value_bytes);
        EXPECT_BYTES(view.value, records[seen % 3].value, view.value_bytes);
        seen++;
    }
    EXPECT_OK(err);
    EXPECT_EQ(seen, 4);
    EXPECT_ERR(sl_client_append_wait(c, &t, 1, records, 1, NULL, &done), SL_ERR_NOT_FOUND);
    EXPECT_ERR(done.err, SL_ERR_NOT_FOUND);
    EXPECT_ERR(sl_client_append_wait(c, &t, 0, records, 0, NULL, &done), SL_ERR_INVALID);
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client, finds_offsets_and_trims)
{
    struct fake f;
    struct sl_client *c;
    struct sl_client_topic t;
    struct sl_client_batches batches;
    uint64_t off = 99;
    int64_t found = 0;
    REQUIRE(fake_open(&f, NULL, NULL));
    REQUIRE((c = fake_client(&f, NULL)) != NULL);
    REQUIRE_OK(sl_client_create(c, "t", NULL, &t));
    for (int i = 0; i < 4; i++) {
        struct sl_record r = record_of("x", 100 + i);
        EXPECT_OK(sl_client_append_wait(c, &t, 0, &r, 1, NULL, NULL));
    }
    EXPECT_OK(sl_client_offset(c, &t, 0, SL_OFFSET_LATEST, 0, &off, NULL));
    EXPECT_EQ(off, 4);
    EXPECT_OK(sl_client_offset(c, &t, 0, SL_OFFSET_TIME, 102, &off, &found));
    EXPECT_EQ(off, 2);
    EXPECT_EQ(found, 102);
    EXPECT_ERR(sl_client_offset(c, &t, 0, SL_OFFSET_TIME, 999, &off, &found), SL_ERR_NOT_FOUND);
    EXPECT_OK(sl_client_trim(c, &t, 0, 3, &off));
    EXPECT_EQ(off, 3);
    EXPECT_OK(sl_client_offset(c, &t, 0, SL_OFFSET_EARLIEST, 0, &off, NULL));
    EXPECT_EQ(off, 3);
    EXPECT_ERR(sl_client_fetch_wait(c, &t, 0, NULL, &batches), SL_ERR_OFFSET_RANGE);
    EXPECT_ERR(sl_client_trim(c, &t, 0, 9, NULL), SL_ERR_OFFSET_RANGE);
    EXPECT_OK(sl_client_trim(c, &t, 0, UINT64_MAX, &off));
    EXPECT_EQ(off, 4);
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client, error_has_limit_and_value)
{
    struct fake f;
    struct sl_client *c;
    struct sl_client_topic t;
    struct sl_setting small = { "max.message.bytes", "100" };
    struct sl_topic_options o = { .size = sizeof(o), .settings = &small, .setting_count = 1 };
    char value[200];
    REQUIRE(fake_open(&f, NULL, NULL));
    REQUIRE((c = fake_client(&f, NULL)) != NULL);
    REQUIRE_OK(sl_client_create(c, "t", &o, &t));
    memset(value, 'v', sizeof(value));
    struct sl_record r = { .value = value, .value_bytes = sizeof(value) };
    EXPECT_ERR(sl_client_append_wait(c, &t, 0, &r, 1, NULL, NULL), SL_ERR_TOO_LARGE);
    EXPECT_EQ(sl_client_error(c)->limit, 100);
    EXPECT(sl_client_error(c)->value > 200);
    EXPECT_STR(sl_client_error(c)->text, "max.message.bytes is smaller than this batch");
    /* Larger than the server's frames: refused here. */
    char *large = calloc(1, 2 << 20);
    r = (struct sl_record){ .value = large, .value_bytes = 2 << 20 };
    EXPECT_ERR(sl_client_append_wait(c, &t, 0, &r, 1, NULL, NULL), SL_ERR_TOO_LARGE);
    EXPECT_EQ(sl_client_error(c)->limit, 1 << 20);
    free(large);
    EXPECT_OK(sl_client_ping(c, 1));
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client, sends_ready_batches_as_they_are)
{
    struct fake f;
    struct sl_client *c;
    struct sl_client_topic t;
    struct sl_client_batches batches;
    struct sl_record r = record_of("ready", 5);
    uint8_t at[200];
    size_t bytes;
    REQUIRE(fake_open(&f, NULL, NULL));
    REQUIRE((c = fake_client(&f, NULL)) != NULL);
    REQUIRE_OK(sl_client_create(c, "t", NULL, &t));
    REQUIRE_OK(sl_batch_build(at, sizeof(at), &r, 1, &bytes));
    EXPECT_OK(sl_client_append_batch_wait(c, &t, 0, at, bytes, NULL, NULL));
    EXPECT_OK(sl_client_fetch_wait(c, &t, 0, NULL, &batches));
    EXPECT_EQ(batches.bytes, bytes);
    EXPECT_BYTES((const uint8_t *)batches.at + 12, at + 12, bytes - 12);
    EXPECT_ERR(sl_client_append_batch_wait(c, &t, 0, at, bytes + 1, NULL, NULL), SL_ERR_BAD_BATCH);
    at[70] ^= 1;
    EXPECT_ERR(sl_client_append_batch_wait(c, &t, 0, at, bytes, NULL, NULL), SL_ERR_BAD_BATCH);
    sl_client_close(&c);
    fake_close(&f);
}

static void figure_see(void *arg, const char *name, uint64_t value)
{
    if (strcmp(name, "shardlog_appends_total") == 0)
        *(uint64_t *)arg = value;
}

TEST(client, reads_figures)
{
    struct fake f;
    struct sl_client *c;
    uint64_t appends = 99;
    REQUIRE(fake_open(&f, NULL, NULL));
    REQUIRE((c = fake_client(&f, NULL)) != NULL);
    EXPECT_OK(sl_client_stats(c, SL_CLIENT_ALL_SHARDS, figure_see, &appends));
    EXPECT_EQ(appends, 0);
    sl_client_close(&c);
    fake_close(&f);
}
