/* The table of APIs, headers and frames: bytes written out by hand. */
#include "tests/test.h"
#include "tests/unit/net_kafka/golden.h"

#include <stdio.h>
#include <stdlib.h>

static struct bytes text_view(const char *text)
{
    return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

TEST(kafka_api, table_holds)
{
    for (unsigned i = 0; i < kafka_api_count; i++) {
        const struct kafka_api *a = &kafka_apis[i];
        EXPECT(kafka_api(a->key) == a);
        EXPECT(i == 0 || a->key > kafka_apis[i - 1].key);
        if (!EXPECT(a->advertised_first >= 0 && a->advertised_first <= a->served_first &&
                    a->served_first <= a->last && a->last < (int16_t)KAFKA_LAST))
            printf("    in %s\n", a->name);
    }
    EXPECT(!kafka_api(-1) && !kafka_api(4) && !kafka_api(61) && !kafka_api(INT16_MAX));
    EXPECT_EQ(kafka_api_count, 25);
}

TEST(kafka_api, ranges_that_clients_test_for)
{
    // Goal: the exact versions by which librdkafka 2.0.2 turns features on lie in the ranges.
    static const struct {
        int16_t key, version;
    } rows[] = { { KAFKA_KEY_produce, 3 },
                 { KAFKA_KEY_produce, 7 },
                 { KAFKA_KEY_fetch, 4 },
                 { KAFKA_KEY_fetch, 10 },
                 { KAFKA_KEY_find_coordinator, 0 },
                 { KAFKA_KEY_init_producer_id, 0 },
                 { KAFKA_KEY_join_group, 0 } };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct kafka_api *a = kafka_api(rows[i].key);
        EXPECT(rows[i].version >= a->served_first && rows[i].version <= a->last);
    }
    EXPECT_EQ(kafka_api(KAFKA_KEY_produce)->advertised_first, 0);
}

TEST(kafka_api, headers)
{
    static const struct {
        int16_t key, version, request, response;
    } rows[] = {
        { KAFKA_KEY_fetch, 11, 1, 0 },       { KAFKA_KEY_fetch, 12, 2, 1 },
        { KAFKA_KEY_api_versions, 2, 1, 0 }, { KAFKA_KEY_api_versions, 3, 2, 0 },
        { KAFKA_KEY_api_versions, 4, 2, 0 }, { KAFKA_KEY_offset_delete, 0, 1, 0 },
        { KAFKA_KEY_metadata, 0, 1, 0 },     { KAFKA_KEY_describe_cluster, 0, 2, 1 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct kafka_api *a = kafka_api(rows[i].key);
        struct kafka_what q = kafka_head(a, rows[i].version, KAFKA_REQUEST);
        struct kafka_what r = kafka_head(a, rows[i].version, KAFKA_RESPONSE);
        EXPECT_EQ(q.version, rows[i].request);
        EXPECT_EQ(q.flexible, rows[i].request == 2);
        EXPECT_EQ(r.version, rows[i].response);
        EXPECT_EQ(r.flexible, rows[i].response == 1);
    }
}

TEST(kafka_api, header_without_client_id)
{
    // Goal: version 0, which no client sends today, is read as far as it goes.
    static const uint8_t at[] = { 0, 3, 0, 0, 1, 2, 3, 4 };
    struct kafka_what what = { .shape = kafka_request_header_shape(), .name = "header" };
    struct kafka_request_header h;
    REQUIRE_OK(kafka_decode(&what, (struct bytes){ at, sizeof(at) }, &h, NULL, NULL));
    EXPECT_EQ(h.request_api_key, 3);
    EXPECT_EQ(h.correlation_id, 0x01020304);
    EXPECT(h.client_id.at && !h.client_id.len);
}

/* ---- requests ---- */

/* ApiVersions 3: key, version, correlation id, "hi", no tags; then name and version of a client. */
static const uint8_t hello[] = { 0,   18,  0, 3, 0,   0,   0,   7, 0,   2,
                                 'h', 'i', 0, 4, 'k', 'c', 't', 2, '1', 0 };

TEST(kafka_api, request_is_opened)
{
    struct kafka_request q;
    struct kafka_api_versions_request body;
    REQUIRE_OK(kafka_request_open((struct bytes){ hello, sizeof(hello) }, &q, NULL));
    EXPECT(q.api == kafka_api(KAFKA_KEY_api_versions));
    EXPECT_EQ(q.header.request_api_version, 3);
    EXPECT_EQ(q.header.correlation_id, 7);
    EXPECT_EQ(q.header.client_id.len, 2);
    EXPECT(q.body.at == hello + 13 && q.body.len == 7);
    REQUIRE_OK(kafka_request_decode(&q, &body, NULL, NULL));
    EXPECT(body.client_software_name.at == hello + 14);
    EXPECT_EQ(body.client_software_name.len, 3);
    EXPECT_EQ(body.client_software_version.len, 1);
}

TEST(kafka_api, first_and_last_version_are_served)
{
    for (unsigned i = 0; i < kafka_api_count; i++) {
        const struct kafka_api *api = &kafka_apis[i];
        const int16_t versions[] = { api->served_first, api->last };
        for (unsigned k = 0; k < 2; k++) {
            uint8_t frame[11] = { 0, (uint8_t)api->key, 0, (uint8_t)versions[k] }; /* no client */
            struct kafka_request q;
            if (!EXPECT_OK(kafka_request_open((struct bytes){ frame, 11 }, &q, NULL)) ||
                !EXPECT(q.api == api))
                printf("    in %s v%d\n", api->name, versions[k]);
        }
    }
}

TEST(kafka_api, request_cut_in_its_header)
{
    for (size_t len = 0; len < 13; len++) {
        struct kafka_request q;
        struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
        EXPECT_ERR(kafka_request_open((struct bytes){ hello, len }, &q, &fault), ERR_BAD_FRAME);
        EXPECT(fault.pos <= len);
    }
}

static void unserved(struct bytes frame, bool api_known, const char *text)
{
    struct kafka_request q;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    struct why why = { "" };
    EXPECT_ERR(kafka_request_open(frame, &q, &fault), ERR_UNSUPPORTED);
    EXPECT_EQ(q.api != NULL, api_known);
    EXPECT_EQ(q.header.correlation_id, 7);
    kafka_fault_text(&fault, &why);
    EXPECT_STR(why.text, text);
}

TEST(kafka_api, request_that_is_not_served)
{
    // Goal: enough is known to answer or to say why not. Behind the first eight bytes anything may
    // stand: a newer header is not ours to read.
    static const uint8_t newer[] = { 0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0xff };
    static const uint8_t older[] = { 0, 0, 0, 2, 0, 0, 0, 7 };
    static const uint8_t other[] = { 0, 99, 0, 0, 0, 0, 0, 7 };
    static const uint8_t below[] = { 0, 3, 0xff, 0xff, 0, 0, 0, 7 };
    unserved((struct bytes){ newer, sizeof(newer) }, true,
             "ApiVersions request v99, byte 2: request_header.request_api_version is 99; the last "
             "version served is 4");
    unserved((struct bytes){ older, sizeof(older) }, true,
             "Produce request v2, byte 2: request_header.request_api_version is 2; the first "
             "version served is 3");
    unserved((struct bytes){ other, sizeof(other) }, false,
             "Kafka request v0, byte 0: request_header.request_api_key is 99, which is no API of "
             "this server; its largest is 60");
    unserved((struct bytes){ below, sizeof(below) }, true,
             "Metadata request v-1, byte 2: request_header.request_api_version is -1; the first "
             "version served is 0");
}

/* ---- responses ---- */

static void response_is(const struct kafka_api *api, int16_t version, const void *body,
                        const char *hex)
{
    struct bytes want = hex_bytes(hex);
    uint8_t *at = malloc(want.len);
    uint64_t bytes = 0;
    size_t len = 0;
    EXPECT_OK(kafka_response_size(api, version, body, &bytes, NULL));
    EXPECT_EQ(bytes, want.len);
    EXPECT_OK(kafka_response_make(api, version, 7, body, at, want.len, &len, NULL));
    EXPECT_EQ(len, want.len);
    EXPECT_BYTES(at, want.at, want.len);
    for (size_t cap = 0; cap < want.len; cap++)
        EXPECT_ERR(kafka_response_make(api, version, 7, body, at, cap, &len, NULL), ERR_TOO_LARGE);
    free(at);
    free((void *)want.at);
}

TEST(kafka_api, response_is_made)
{
    const struct kafka_api *api = kafka_api(KAFKA_KEY_api_versions);
    struct kafka_api_versions_response_api_key row = { .api_key = 18, .max_version = 4 };
    struct kafka_api_versions_response r;
    struct kafka_heartbeat_response h = { .throttle_time_ms = 9, .error_code = 27 };
    kafka_unset(kafka_api_versions_response_shape(), &r);
    r.api_keys.at = &row;
    r.api_keys.count = 1;
    response_is(api, 3, &r,
                "00000013 00000007" /* no tags in the header */
                "0000 02 0012 0000 0004 00 00000000 00");
    r.error_code = 35;
    response_is(api, 0, &r, "00000010 00000007 0023 00000001 0012 0000 0004");
    response_is(kafka_api(KAFKA_KEY_heartbeat), 4, &h, "0000000c 00000007 00 00000009 001b 00");
}

TEST(kafka_api, structs_are_what_their_names_say)
{
    // Goal: members are reached by name, in nested lists too. Method: a Fetch answer built by hand
    // in the version where topics have ids, and its bytes.
    static const char want[] = "00000056 00000007 00"                /* no tags */
                               "00000001 0002 00000003"              /* throttle, error, fetch id */
                               "02 09090909090909090909090909090909" /* one topic */
                               "02 00000004 0006"                    /* one partition, error 6 */
                               "0000000000000008 0000000000000008"   /* high, last stable */
                               "0000000000000005 00 ffffffff"  /* start, none aborted, replica */
                               "04 726563"                     /* records */
                               "01 01 09 00000001 00000002 00" /* tag 1: who leads now */
                               "00 00";                        /* tags of topic and answer */
    struct kafka_fetch_response_partition p;
    struct kafka_fetch_response_response t;
    struct kafka_fetch_response r;
    kafka_unset(kafka_fetch_response_partition_shape(), &p);
    kafka_unset(kafka_fetch_response_response_shape(), &t);
    kafka_unset(kafka_fetch_response_shape(), &r);
    p.partition_index = 4;
    p.error_code = 6;
    p.high_watermark = p.last_stable_offset = 8;
    p.log_start_offset = 5;
    p.aborted_transactions.at = NULL;
    p.records = text_view("rec");
    p.current_leader.leader_id = 1;
    p.current_leader.leader_epoch = 2;
    memset(t.topic_id.b, 9, sizeof(t.topic_id.b));
    t.partitions.at = &p;
    t.partitions.count = 1;
    r.throttle_time_ms = 1;
    r.error_code = 2;
    r.session_id = 3;
    r.responses.at = &t;
    r.responses.count = 1;
    response_is(kafka_api(KAFKA_KEY_fetch), 13, &r, want);
}
