/* include/shardlog/client.h against a server in memory: many requests under way, and connections
 * that end. */
#include "tests/client/fake.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sl_record record_of(const char *value)
{
    return (struct sl_record){ .value = value, .value_bytes = strlen(value), .time_ms = 1 };
}

/* What callbacks saw. */
struct seen {
    struct sl_client *client;
    unsigned ok, failed, duplicates;
    bool any_order; /* an append that is asked for again is answered later than its successors */
    uint64_t next;
    enum sl_err err;
    char text[513];
};

static void append_seen(void *arg, const struct sl_appended *r)
{
    struct seen *s = arg;
    if (r->err != SL_ERR_OK) {
        s->failed++;
        s->err = r->err;
        snprintf(s->text, sizeof(s->text), "%s", sl_client_error(s->client)->text);
        return;
    }
    s->ok++;
    s->duplicates += r->duplicate;
    if (!s->any_order)
        EXPECT_EQ(r->base_offset, s->next);
    s->next = r->base_offset + r->count;
}

static struct sl_client *client_start(struct fake *f, const char *more, const char *value,
                                      const struct sl_client_options *o, const char *name,
                                      struct sl_client_topic *t)
{
    if (!fake_open(f, more, value))
        return NULL;
    struct sl_client *c = fake_client(f, o);
    if (c)
        EXPECT_OK(sl_client_create(c, name, NULL, t));
    return c;
}

TEST(client_pipeline, appends_are_answered_in_order)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client *c = client_start(&f, NULL, NULL, NULL, "t", &t);
    REQUIRE(c);
    struct seen s = { .client = c };
    struct sl_record r = record_of("pipelined");
    unsigned started = 0, busy = 0;
    while (started < 600) {
        enum sl_err err = sl_client_append(c, &t, 0, &r, 1, NULL, append_seen, &s);
        if (err == SL_ERR_BUSY) {
            busy++;
            EXPECT(sl_client_error(c)->retriable);
            REQUIRE_OK(sl_client_poll(c, 1000000000, NULL));
        } else {
            REQUIRE_OK(err);
            started++;
        }
    }
    EXPECT(busy > 0); /* 256 under way at most */
    EXPECT_OK(sl_client_flush(c));
    EXPECT_EQ(s.ok, 600);
    EXPECT_EQ(s.failed, 0);
    sl_client_close(&c);
    fake_close(&f);
}

static void fetch_seen(void *arg, const struct sl_client_batches *b)
{
    struct seen *s = arg;
    struct sl_records it;
    struct sl_record_view view;
    enum sl_err err = b->err;
    EXPECT_OK(err);
    sl_records_open(&it, b->at, b->bytes, 0);
    while (sl_records_next(&it, &view, &err))
        s->ok++;
}

TEST(client_pipeline, waiting_fetch_holds_nobody_up)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client *c = client_start(&f, NULL, NULL, NULL, "t", &t);
    REQUIRE(c);
    struct seen fetched = { .client = c };
    struct sl_fetch_options wait = { .size = sizeof(wait), .bytes_min = 1, .wait_ns = 20000000000 };
    struct sl_record r = record_of("late");
    uint32_t unanswered;
    EXPECT_OK(sl_client_fetch(c, &t, 0, &wait, fetch_seen, &fetched));
    EXPECT_OK(sl_client_ping(c, 10)); /* overtakes it */
    EXPECT_EQ(fetched.ok, 0);
    EXPECT_OK(sl_client_append_wait(c, &t, 0, &r, 1, NULL, NULL));
    EXPECT_OK(sl_client_flush(c));
    EXPECT_EQ(fetched.ok, 1);
    EXPECT_OK(sl_client_poll(c, 0, &unanswered));
    EXPECT_EQ(unanswered, 0);
    sl_client_close(&c);
    fake_close(&f);
}

struct chain {
    struct seen seen;
    const struct sl_client_topic *topic;
    unsigned left;
};

static void chain_next(void *arg, const struct sl_appended *result)
{
    struct chain *chain = arg;
    struct sl_record r = record_of("chained");
    append_seen(&chain->seen, result);
    EXPECT_ERR(sl_client_ping(chain->seen.client, 1), SL_ERR_BUSY);
    EXPECT_ERR(sl_client_poll(chain->seen.client, 0, NULL), SL_ERR_BUSY);
    if (chain->left--)
        EXPECT_OK(
            sl_client_append(chain->seen.client, chain->topic, 0, &r, 1, NULL, chain_next, chain));
}

TEST(client_pipeline, callback_starts_and_never_waits)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client *c = client_start(&f, NULL, NULL, NULL, "t", &t);
    REQUIRE(c);
    struct chain chain = { .seen.client = c, .topic = &t, .left = 9 };
    struct sl_record r = record_of("first");
    EXPECT_OK(sl_client_append(c, &t, 0, &r, 1, NULL, chain_next, &chain));
    EXPECT_EQ(chain.seen.ok, 0);
    EXPECT_OK(sl_client_flush(c));
    EXPECT_EQ(chain.seen.ok, 10);
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client_pipeline, large_appends_share_the_socket)
{
    // Goal: frames that the socket takes in pieces arrive whole. Method: 40 times 100 KiB.
    struct fake f;
    struct sl_client_topic t;
    struct sl_client *c = client_start(&f, NULL, NULL, NULL, "t", &t);
    REQUIRE(c);
    struct seen s = { .client = c };
    char *value = calloc(1, 100 << 10);
    struct sl_record r = { .value = value, .value_bytes = 100 << 10 };
    for (unsigned i = 0; i < 40; i++)
        EXPECT_OK(sl_client_append(c, &t, 0, &r, 1, NULL, append_seen, &s));
    EXPECT_OK(sl_client_flush(c));
    EXPECT_EQ(s.ok, 40);
    free(value);
    sl_client_close(&c);
    fake_close(&f);
}

/* ---- connections that end ---- */

TEST(client_pipeline, cut_ends_all_without_reconnect)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client *c = client_start(&f, "--cut", "3", NULL, "t", &t);
    REQUIRE(c);
    struct seen s = { .client = c };
    struct sl_record r = record_of("cut");
    for (unsigned i = 0; i < 6; i++)
        EXPECT_OK(sl_client_append(c, &t, 0, &r, 1, NULL, append_seen, &s));
    sl_client_flush(c);
    EXPECT_EQ(s.ok, 2);
    EXPECT_EQ(s.failed, 4);
    EXPECT_ERR(s.err, SL_ERR_CLOSED);
    EXPECT(s.text[0]);
    EXPECT_ERR(sl_client_ping(c, 1), SL_ERR_CLOSED);
    EXPECT_EQ(sl_client_fd(c, NULL), -1);
    EXPECT_OK(sl_client_reconnect(c));
    EXPECT_OK(sl_client_ping(c, 1));
    sl_client_close(&c);
    fake_close(&f);
}

/* Appends `count` records, at most five unanswered. */
static void producer_run(struct sl_client *c, const struct sl_client_topic *t, struct seen *s,
                         unsigned count)
{
    struct sl_record r = record_of("once");
    while (count) {
        enum sl_err err = sl_client_append(c, t, 0, &r, 1, NULL, append_seen, s);
        if (err == SL_ERR_OK)
            count--;
        else if (!EXPECT_ERR(err, SL_ERR_BUSY) || !EXPECT_OK(sl_client_poll(c, 1000000000, NULL)))
            return;
    }
    EXPECT_OK(sl_client_flush(c));
}

static void resend_once(const char *more, const char *value, bool any_order)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client_options o = { .size = sizeof(o), .reconnect = true };
    struct sl_client *c = client_start(&f, more, value, &o, "t", &t);
    uint64_t end = 0;
    REQUIRE(c);
    struct seen s = { .client = c, .any_order = any_order };
    EXPECT_OK(sl_client_producer(c, 4711, 0));
    producer_run(c, &t, &s, 20);
    EXPECT_EQ(s.ok, 20);
    EXPECT_EQ(s.failed, 0);
    EXPECT(s.duplicates >= 1);
    EXPECT_OK(sl_client_offset(c, &t, 0, SL_OFFSET_LATEST, 0, &end, NULL));
    EXPECT_EQ(end, 20);
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client_pipeline, resend_after_a_cut_is_recognised)
{
    resend_once("--cut", "3", false);
}

TEST(client_pipeline, resend_that_meets_itself_asks_again)
{
    resend_once("--cut=3", "--busy=2", true);
}

TEST(client_pipeline, append_without_producer_is_not_sent_twice)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client_options o = { .size = sizeof(o), .reconnect = true };
    struct sl_client *c = client_start(&f, "--cut", "1", &o, "t", &t);
    struct sl_record r = record_of("once");
    struct sl_appended done;
    uint64_t end = 0;
    REQUIRE(c);
    EXPECT_ERR(sl_client_append_wait(c, &t, 0, &r, 1, NULL, &done), SL_ERR_CLOSED);
    EXPECT_OK(sl_client_offset(c, &t, 0, SL_OFFSET_LATEST, 0, &end, NULL)); /* connects again */
    EXPECT_EQ(end, 1);
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client_pipeline, only_a_trim_to_a_number_is_sent_twice)
{
    /* Goal: a trim of all is another one when it is done again: it would take what was appended
     * after the first. A cut leaves it in doubt. Method: the first trim of a topic is cut. */
    static const struct {
        const char *topic;
        uint64_t offset;
        enum sl_err err;
    } rows[] = { { "trim-one", 1, SL_ERR_OK }, { "trim-all", UINT64_MAX, SL_ERR_CLOSED } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake f;
        struct sl_client_topic t;
        struct sl_client_options o = { .size = sizeof(o), .reconnect = true };
        struct sl_client *c = client_start(&f, NULL, NULL, &o, rows[i].topic, &t);
        struct sl_record r = record_of("x");
        uint64_t start = 0;
        REQUIRE(c);
        EXPECT_OK(sl_client_append_wait(c, &t, 0, &r, 1, NULL, NULL));
        EXPECT_ERR(sl_client_trim(c, &t, 0, rows[i].offset, NULL), rows[i].err);
        EXPECT_OK(sl_client_offset(c, &t, 0, SL_OFFSET_EARLIEST, 0, &start, NULL));
        EXPECT_EQ(start, 1); /* that it was cut does not mean that it was not done */
        sl_client_close(&c);
        fake_close(&f);
    }
}

TEST(client_pipeline, sequences_can_be_carried_on)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client *c = client_start(&f, NULL, NULL, NULL, "t", &t), *again;
    struct sl_record r = record_of("x");
    struct sl_appended done;
    REQUIRE(c);
    EXPECT_OK(sl_client_producer(c, 7, 3));
    EXPECT_OK(sl_client_append_wait(c, &t, 0, &r, 1, NULL, &done));
    REQUIRE((again = fake_client(&f, NULL)) != NULL);
    EXPECT_OK(sl_client_producer(again, 7, 3));
    EXPECT_OK(sl_client_append_wait(again, &t, 0, &r, 1, NULL, &done));
    EXPECT(done.duplicate); /* sequence 0 again */
    EXPECT_OK(sl_client_sequence(again, &t, 0, 5));
    EXPECT_ERR(sl_client_append_wait(again, &t, 0, &r, 1, NULL, &done), SL_ERR_SEQUENCE);
    EXPECT_OK(sl_client_sequence(again, &t, 0, 1));
    EXPECT_OK(sl_client_append_wait(again, &t, 0, &r, 1, NULL, &done));
    EXPECT_EQ(done.base_offset, 1);
    EXPECT_OK(sl_client_producer(again, 7, 2));
    EXPECT_ERR(sl_client_append_wait(again, &t, 0, &r, 1, NULL, &done), SL_ERR_FENCED);
    sl_client_close(&again);
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client_pipeline, silence_ends_with_timeout_and_goes_on)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client_options o = { .size = sizeof(o), .timeout_ns = 300000000 };
    struct sl_client *c = client_start(&f, NULL, NULL, &o, "silent", &t);
    struct sl_record r = record_of("x");
    REQUIRE(c);
    EXPECT_ERR(sl_client_append_wait(c, &t, 0, &r, 1, NULL, NULL), SL_ERR_TIMEOUT);
    EXPECT_STR(sl_client_error(c)->text, "append: no answer within 300 ms");
    EXPECT_OK(sl_client_ping(c, 1));
    sl_client_close(&c);
    fake_close(&f);
}

TEST(client_pipeline, broken_answers)
{
    static const struct {
        const char *name, *text;
        enum sl_err err;
    } rows[] = {
        { "garble", "header checksum", SL_ERR_CLOSED },
        { "wrong", "payload checksum", SL_ERR_BAD_FRAME },
        { "stop", "the server is stopping", SL_ERR_CLOSED },
    };
    for (unsigned i = 0; i < 3; i++) {
        struct fake f;
        struct sl_client_topic t;
        struct sl_client *c = client_start(&f, NULL, NULL, NULL, rows[i].name, &t);
        struct sl_record r = record_of("x");
        REQUIRE(c);
        EXPECT_ERR(sl_client_append_wait(c, &t, 0, &r, 1, NULL, NULL), rows[i].err);
        if (!EXPECT(strstr(sl_client_error(c)->text, rows[i].text)))
            printf("    %s\n", sl_client_error(c)->text);
        sl_client_close(&c);
        fake_close(&f);
    }
}

TEST(client_pipeline, close_ends_what_is_under_way)
{
    struct fake f;
    struct sl_client_topic t;
    struct sl_client *c = client_start(&f, NULL, NULL, NULL, "silent", &t);
    REQUIRE(c);
    struct seen s = { .client = c };
    struct sl_record r = record_of("x");
    EXPECT_OK(sl_client_append(c, &t, 0, &r, 1, NULL, append_seen, &s));
    EXPECT_OK(sl_client_poll(c, 0, NULL));
    sl_client_close(&c);
    EXPECT_EQ(s.failed, 1);
    EXPECT_ERR(s.err, SL_ERR_CANCELLED);
    fake_close(&f);
}
