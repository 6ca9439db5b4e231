/* Bytes that nobody should send: what is refused, where, and in which words; and that no count
 * takes memory that its bytes do not justify. */
#include "tests/test.h"
#include "tests/unit/net_kafka/golden.h"

#include <stdio.h>
#include <stdlib.h>

static struct space space;

static enum err hex_decode(const char *hex, enum kafka_api_key key, enum kafka_side side,
                           int16_t version)
{
    struct kafka_what what = kafka_body(kafka_api((int16_t)key), version, side);
    struct bytes from = hex_bytes(hex);
    enum err err = space_decode(&space, &what, from);
    free((void *)from.at);
    return err;
}

#define METADATA    KAFKA_KEY_metadata
#define FETCH       KAFKA_KEY_fetch
#define COORDINATOR KAFKA_KEY_find_coordinator
#define GROUPS      KAFKA_KEY_describe_groups
#define PRODUCE     KAFKA_KEY_produce
#define VERSIONS    KAFKA_KEY_api_versions

static const struct refusal {
    enum kafka_api_key key;
    enum kafka_side side;
    int16_t version;
    const char *hex;
    enum err err;
    const char *text;
} refusals[] = {
    /* ---- lengths and counts ---- */
    { METADATA, KAFKA_REQUEST, 0, "000000", ERR_BAD_FRAME,
      "Metadata request v0, byte 0: metadata_request.topics needs 4 bytes, and 3 are left" },
    { METADATA, KAFKA_REQUEST, 0, "00000001 0005 7431", ERR_BAD_FRAME,
      "Metadata request v0, byte 4: metadata_request_topic.name needs 5 bytes, and 2 are left" },
    { METADATA, KAFKA_REQUEST, 0, "7fffffff 0000", ERR_BAD_FRAME,
      "Metadata request v0, byte 0: metadata_request.topics has 2147483647 elements, and the bytes "
      "left hold at most 1" },
    { METADATA, KAFKA_REQUEST, 9, "ffffffff0f 0100", ERR_BAD_FRAME,
      "Metadata request v9, byte 0: metadata_request.topics has 4294967294 elements, and the bytes "
      "left hold at most 1" },
    { METADATA, KAFKA_REQUEST, 0, "fffffffe", ERR_BAD_FRAME,
      "Metadata request v0, byte 0: metadata_request.topics has the length -2; the smallest is "
      "-1" },
    { COORDINATOR, KAFKA_REQUEST, 0, "8000", ERR_BAD_FRAME,
      "FindCoordinator request v0, byte 0: find_coordinator_request.key has the length -32768; the "
      "smallest is -1" },
    { COORDINATOR, KAFKA_REQUEST, 3, "818002 00", ERR_TOO_LARGE,
      "FindCoordinator request v3, byte 0: find_coordinator_request.key has a length of 32768; the "
      "limit is 32767" },
    { PRODUCE, KAFKA_REQUEST, 3, "ffff 0001 00000000 00000001 0000 00000001 00000000 7ffffffe 00",
      ERR_BAD_FRAME,
      "Produce request v3, byte 22: produce_request_partition_data.records needs 2147483646 bytes, "
      "and 1 are left" },
    { METADATA, KAFKA_REQUEST, 0, "00000000 00", ERR_BAD_FRAME,
      "Metadata request v0, byte 4: metadata_request leaves 1 bytes unread, and may leave 0" },
    /* ---- null ---- */
    { METADATA, KAFKA_REQUEST, 0, "ffffffff", ERR_BAD_FRAME,
      "Metadata request v0, byte 0: metadata_request.topics is null in version 0, and may be from "
      "version 1 on" },
    { METADATA, KAFKA_REQUEST, 9, "02 00 00 000000 00", ERR_BAD_FRAME,
      "Metadata request v9, byte 1: metadata_request_topic.name is null in version 9, and may be "
      "from version 10 on" },
    { COORDINATOR, KAFKA_REQUEST, 0, "ffff", ERR_BAD_FRAME,
      "FindCoordinator request v0, byte 0: find_coordinator_request.key is null; version 0 needs "
      "it, with a length of 0 or more" },
    { GROUPS, KAFKA_REQUEST, 0, "00000002 0000 ffff", ERR_BAD_FRAME,
      "DescribeGroups request v0, byte 6: describe_groups_request.groups is null; version 0 needs "
      "it, with a length of 0 or more" },
    /* ---- variable numbers ---- */
    { METADATA, KAFKA_REQUEST, 9, "8080808010", ERR_BAD_FRAME,
      "Metadata request v9, byte 0: metadata_request.topics has a variable number of more than 5 "
      "bytes, or above 4294967295" },
    { METADATA, KAFKA_REQUEST, 9, "ffffffffff01", ERR_BAD_FRAME,
      "Metadata request v9, byte 0: metadata_request.topics has a variable number of more than 5 "
      "bytes, or above 4294967295" },
    /* ---- tags ---- */
    { METADATA, KAFKA_REQUEST, 9, "01 000000 02 0500 0500", ERR_BAD_FRAME,
      "Metadata request v9, byte 7: metadata_request.tags has tag 5 after tag 5; tags ascend, and "
      "none comes twice" },
    { METADATA, KAFKA_REQUEST, 9, "01 000000 02 0500 0400", ERR_BAD_FRAME,
      "Metadata request v9, byte 7: metadata_request.tags has tag 4 after tag 5; tags ascend, and "
      "none comes twice" },
    { METADATA, KAFKA_REQUEST, 9, "01 000000 03 0500 06", ERR_BAD_FRAME,
      "Metadata request v9, byte 4: metadata_request.tags has 3 elements, and the bytes left hold "
      "at most 1" },
    { METADATA, KAFKA_REQUEST, 9, "01 000000 01 057f 00", ERR_BAD_FRAME,
      "Metadata request v9, byte 5: metadata_request.tags needs 127 bytes, and 1 are left" },
    { VERSIONS, KAFKA_RESPONSE, 3, "0000 01 00000000 01 0109 000000000000000000", ERR_BAD_FRAME,
      "ApiVersions response v3, byte 10: api_versions_response.finalized_features_epoch takes 8 "
      "bytes, and its tag says 9" },
    { VERSIONS, KAFKA_RESPONSE, 3, "0000 01 00000000 01 0107 00000000000000", ERR_BAD_FRAME,
      "ApiVersions response v3, byte 10: api_versions_response.finalized_features_epoch needs 8 "
      "bytes, and 7 are left" },
    { VERSIONS, KAFKA_RESPONSE, 3, "0000 01 00000000 01 0001 05 00000000000000", ERR_BAD_FRAME,
      "ApiVersions response v3, byte 10: api_versions_response.supported_features has 4 elements, "
      "and the bytes left hold at most 0" },
};

TEST(kafka_hostile, is_refused_with_a_reason)
{
    for (unsigned i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        const struct refusal *r = &refusals[i];
        struct why why = { "" };
        enum err err = hex_decode(r->hex, r->key, r->side, r->version);
        if (EXPECT_ERR(err, r->err))
            kafka_fault_text(&space.fault, &why);
        EXPECT_STR(why.text, r->text);
        EXPECT_EQ(space.fault.err, err);
    }
}

/* A FindCoordinator request with a key of this length, there and back. */
static void text_of_length(int16_t version, size_t length)
{
    struct kafka_what what = kafka_body(kafka_api(COORDINATOR), version, KAFKA_REQUEST);
    struct kafka_find_coordinator_request q;
    uint64_t bytes = 0;
    size_t len = 0;
    uint8_t *text = calloc(1, length);
    kafka_unset(what.shape, &q);
    q.key = (struct bytes){ text, length };
    EXPECT_OK(kafka_size(&what, &q, &bytes, NULL));
    uint8_t *at = malloc(bytes);
    EXPECT_OK(kafka_encode(&what, &q, at, bytes, &len, NULL));
    EXPECT_OK(kafka_decode(&what, (struct bytes){ at, len }, &q, NULL, NULL));
    EXPECT_EQ(q.key.len, length);
    free(at);
    free(text);
}

TEST(kafka_hostile, largest_is_taken)
{
    // Goal: limits are inclusive, and so are the lengths at which a variable number grows.
    static const size_t lengths[] = { 126, 127, 128, 16382, 16383, KAFKA_TEXT_MAX };
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        text_of_length(0, lengths[i]);
        text_of_length(3, lengths[i]);
    }
    EXPECT_OK(hex_decode("01 000000 01 ffffffff0f 00", METADATA, KAFKA_REQUEST, 9)); /* a tag */
    EXPECT_OK(hex_decode("8180808000 000000 00", METADATA, KAFKA_REQUEST, 9));       /* a long 1 */
}

TEST(kafka_hostile, huge_counts_take_no_memory)
{
    // Goal: what is refused for its count took nothing. Method: the counts of the table above.
    EXPECT_ERR(hex_decode("7fffffff 0000", METADATA, KAFKA_REQUEST, 0), ERR_BAD_FRAME);
    EXPECT_EQ(space.arena.len, 0);
    EXPECT_ERR(hex_decode("ffffffff0f 0100", METADATA, KAFKA_REQUEST, 9), ERR_BAD_FRAME);
    EXPECT_EQ(space.arena.len, 0);
    EXPECT_ERR(hex_decode("7fffffff", GROUPS, KAFKA_REQUEST, 0), ERR_BAD_FRAME);
    EXPECT_EQ(space.arena.len, 0);
}

TEST(kafka_hostile, lists_end_at_the_cap)
{
    // Goal: a request whose bytes do justify its count still takes no more than its cap. Method:
    // ten thousand empty topic names, two bytes each.
    enum { COUNT = 10000 };
    static uint8_t at[4 + 2 * COUNT] = { 0, 0, COUNT >> 8, COUNT & 0xff };
    struct kafka_what what = kafka_body(kafka_api(METADATA), 0, KAFKA_REQUEST);
    struct bytes from = { at, sizeof(at) };
    struct kafka_metadata_request q;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    size_t wants = COUNT * sizeof(struct kafka_metadata_request_topic);
    struct kafka_arena a = { .at = malloc(wants), .cap = wants - 1 };
    struct why why;
    EXPECT_ERR(kafka_decode(&what, from, &q, &a, &fault), ERR_TOO_LARGE);
    EXPECT_EQ(a.len, 0);
    EXPECT_EQ(fault.value, wants);
    EXPECT_EQ(fault.limit, wants - 1);
    kafka_fault_text(&fault, &why);
    EXPECT_STR(why.text, "Metadata request v0, byte 0: metadata_request.topics takes 320000 bytes "
                         "of memory, and 319999 are left of the limit");
    EXPECT_ERR(kafka_decode(&what, from, &q, NULL, &fault), ERR_TOO_LARGE);
    a.cap = wants;
    REQUIRE_OK(kafka_decode(&what, from, &q, &a, &fault));
    EXPECT_EQ(a.len, wants);
    EXPECT_EQ(q.topics.count, COUNT);
    EXPECT(q.topics.at[COUNT - 1].name.at && !q.topics.at[COUNT - 1].name.len);
    free(a.at);
}

TEST(kafka_hostile, lists_share_the_cap)
{
    // Goal: the second list has what the first one left. Method: one topic, two partitions.
    struct kafka_what what = kafka_body(kafka_api(KAFKA_KEY_offset_fetch), 1, KAFKA_REQUEST);
    struct bytes from = hex_bytes("0000 00000001 0000 00000002 00000001 00000002");
    size_t outer = sizeof(struct kafka_offset_fetch_request_topic);
    struct kafka_offset_fetch_request q;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    struct kafka_arena a = { .at = malloc(outer + 7), .cap = outer + 7 };
    EXPECT_ERR(kafka_decode(&what, from, &q, &a, &fault), ERR_TOO_LARGE);
    EXPECT_EQ(a.len, outer);
    EXPECT_EQ(fault.value, 8);
    EXPECT_EQ(fault.limit, 7);
    free(a.at);
    free((void *)from.at);
}

TEST(kafka_hostile, arena_aligns_and_ends)
{
    _Alignas(max_align_t) uint8_t at[64];
    struct kafka_arena a = { .at = at, .cap = sizeof(at) };
    EXPECT(kafka_arena_take(&a, 1) == at);
    EXPECT(kafka_arena_take(&a, 1) == at + alignof(max_align_t));
    EXPECT(kafka_arena_take(&a, SIZE_MAX) == NULL);
    EXPECT(kafka_arena_take(&a, sizeof(at) - alignof(max_align_t)) == NULL);
    EXPECT(kafka_arena_take(&a, sizeof(at) - 2 * alignof(max_align_t)) != NULL);
    EXPECT(kafka_arena_take(&a, 1) == NULL);
}

/* ---- structs that cannot be sent ---- */

static void encode_refused(int16_t version, const struct kafka_metadata_request *q, enum err err,
                           const char *text)
{
    struct kafka_what what = kafka_body(kafka_api(METADATA), version, KAFKA_REQUEST);
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    struct why why = { "" };
    uint64_t bytes = 4711;
    uint8_t at[64];
    size_t len = 4711;
    EXPECT_ERR(kafka_size(&what, q, &bytes, &fault), err);
    kafka_fault_text(&fault, &why);
    EXPECT_STR(why.text, text);
    EXPECT_ERR(kafka_encode(&what, q, at, sizeof(at), &len, &fault), err);
    EXPECT_EQ(bytes, 4711);
    EXPECT_EQ(len, 4711);
}

TEST(kafka_hostile, structs_that_cannot_be_sent)
{
    static uint8_t text[KAFKA_TEXT_MAX + 1];
    struct kafka_metadata_request_topic topic = { .name = { NULL, 0 } };
    struct kafka_metadata_request q = { .topics = { &topic, 1 } };
    encode_refused(9, &q, ERR_BAD_FRAME,
                   "Metadata request v9, byte 1: metadata_request_topic.name is null in version 9, "
                   "and may be from version 10 on");
    topic.name = (struct bytes){ text, sizeof(text) };
    encode_refused(0, &q, ERR_TOO_LARGE,
                   "Metadata request v0, byte 4: metadata_request_topic.name has a length of "
                   "32768; the limit is 32767");
    q.topics.at = NULL;
    encode_refused(0, &q, ERR_BAD_FRAME,
                   "Metadata request v0, byte 0: metadata_request.topics is null in version 0, "
                   "and may be from version 1 on");
}

TEST(kafka_hostile, tags_that_cannot_be_sent)
{
    // Goal: a refusal inside of a tag is one of the whole message.
    struct kafka_what what = kafka_body(kafka_api(PRODUCE), 10, KAFKA_RESPONSE);
    struct kafka_produce_response_node_endpoint node = { .host = { NULL, 0 } };
    struct kafka_produce_response r;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    struct why why = { "" };
    uint64_t bytes;
    kafka_unset(what.shape, &r);
    r.node_endpoints.at = &node;
    r.node_endpoints.count = 1;
    EXPECT_ERR(kafka_size(&what, &r, &bytes, &fault), ERR_BAD_FRAME);
    kafka_fault_text(&fault, &why);
    EXPECT_STR(why.text, "Produce response v10, byte 11: produce_response_node_endpoint.host is "
                         "null; version 10 needs it, with a length of 0 or more");
}

TEST(kafka_hostile, space_is_named)
{
    struct kafka_what what = kafka_body(kafka_api(METADATA), 0, KAFKA_REQUEST);
    struct kafka_metadata_request q;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    struct why why = { "" };
    uint8_t at[4] = { 1, 2, 3, 4 };
    size_t len;
    kafka_unset(what.shape, &q);
    EXPECT_ERR(kafka_encode(&what, &q, at, 3, &len, &fault), ERR_TOO_LARGE);
    EXPECT_EQ(at[3], 4);
    kafka_fault_text(&fault, &why);
    EXPECT_STR(why.text, "Metadata request v0, byte 0: metadata_request.topics needs 4 bytes of "
                         "space, and there are 3");
    EXPECT_ERR(kafka_encode(&what, &q, NULL, 0, &len, NULL), ERR_TOO_LARGE);
    struct kafka_metadata_request_topic topic = { .name = { at, 1 } };
    q.topics.at = &topic;
    q.topics.count = 1;
    uint8_t more[6];
    EXPECT_ERR(kafka_encode(&what, &q, more, sizeof(more), &len, &fault), ERR_TOO_LARGE);
    EXPECT_EQ(fault.value, 1);
    EXPECT_EQ(fault.limit, 0);
    EXPECT_EQ(fault.pos, 6);
}
