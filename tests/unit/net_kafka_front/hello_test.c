/* hello_test.c -- what clients say first: versions, who is there, topics; and frames that are none.
 */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g;

static void begin(uint32_t shards)
{
    inn_open(31, shards, NULL);
    guest_open(&g);
}

static void end(void)
{
    guest_close(&g);
    inn_close();
}

TEST(hello, versions_are_those_that_are_served)
{
    /* Goal: every API with a handler is told with its range, no other one, and Produce from 0. */
    begin(1);
    REQUEST(api_versions, ask);
    RESPONSE(api_versions, tell);
    ask.client_software_name = text_bytes("test");
    ask.client_software_version = text_bytes("1.0-x");
    guest_call(&g, KEY(api_versions), 4, &ask, &tell);
    EXPECT_EQ(tell.error_code, KAFKA_NONE);
    uint32_t served = 0;
    for (uint32_t i = 0; i < kafka_api_count; i++)
        served += handler_of(kafka_apis[i].key) != NULL;
    EXPECT_EQ(tell.api_keys.count, served);
    for (uint32_t i = 0; i < tell.api_keys.count; i++) {
        const struct kafka_api *api = kafka_api(tell.api_keys.at[i].api_key);
        EXPECT(api && handler_of(api->key));
        EXPECT_EQ(tell.api_keys.at[i].min_version, api->advertised_first);
        EXPECT_EQ(tell.api_keys.at[i].max_version, api->last);
    }
    EXPECT_EQ(tell.api_keys.at[0].api_key, KEY(produce));
    EXPECT_EQ(tell.api_keys.at[0].min_version, 0);
    ask.client_software_name = text_bytes("-");
    guest_call(&g, KEY(api_versions), 3, &ask, &tell);
    EXPECT_EQ(tell.error_code, KAFKA_INVALID_REQUEST);
    end();
}

TEST(hello, unknown_version_of_api_versions_is_answered_in_version_0)
{
    /* Goal: error 35, readable by whoever sent whatever, and the connection goes on. */
    static const uint8_t ask[] = { 0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 7, 0, 0 };
    struct kafka_api_versions_response tell;
    begin(1);
    guest_put(&g, ask, sizeof(ask));
    REQUIRE(guest_answer(&g, SEC_NS, KEY(api_versions), 0, &tell));
    EXPECT_EQ(g.answered, 7);
    EXPECT_EQ(tell.error_code, KAFKA_UNSUPPORTED_VERSION);
    REQUIRE(tell.api_keys.count == 1);
    EXPECT_EQ(tell.api_keys.at[0].api_key, KEY(api_versions));
    EXPECT_EQ(tell.api_keys.at[0].max_version, 4);
    EXPECT(guest_heard(&g));
    end();
}

static void expect_cut(const uint8_t *at, size_t len)
{
    struct kafka_api_versions_response tell;
    struct guest bad;
    guest_open(&bad);
    guest_put(&bad, at, len);
    EXPECT(!guest_answer(&bad, 5 * SEC_NS, KEY(api_versions), 0, &tell));
    EXPECT(bad.ended);
    guest_close(&bad);
    EXPECT(guest_heard(&g));
}

TEST(hello, what_cannot_be_answered_ends_the_connection)
{
    /* Goal: other versions out of range, APIs that nobody serves, impossible lengths and bodies
     * that are cut off end this connection alone. */
    static const uint8_t metadata_99[] = { 0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 0, 0 };
    static const uint8_t produce_2[] = { 0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0 };
    static const uint8_t api_999[] = { 0, 0, 0, 10, 3, 231, 0, 0, 0, 0, 0, 1, 0, 0 };
    static const uint8_t groups[] = { 0, 0, 0, 10, 0, 16, 0, 0, 0, 0, 0, 1, 0, 0 };
    static const uint8_t length_7[] = { 0, 0, 0, 7, 0, 18, 0, 0, 0, 0, 0 };
    static const uint8_t negative[] = { 0xff, 0xff, 0xff, 0xff, 0, 18, 0, 0, 0, 0, 0, 0 };
    static const uint8_t http[] = "GET / HTTP/1.1\r\n\r\n";
    static const uint8_t cut_off[] = { 0, 0, 0, 12, 0, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0 };
    begin(1);
    expect_cut(metadata_99, sizeof(metadata_99));
    expect_cut(produce_2, sizeof(produce_2));
    expect_cut(api_999, sizeof(api_999));
    if (!handler_of(KEY(list_groups)))
        expect_cut(groups, sizeof(groups));
    expect_cut(length_7, sizeof(length_7));
    expect_cut(negative, sizeof(negative));
    expect_cut(http, sizeof(http));
    expect_cut(cut_off, sizeof(cut_off));
    end();
}

/* ---- Metadata ---- */

static void metadata(int16_t version, const char *name, bool create,
                     struct kafka_metadata_response *tell)
{
    REQUEST(metadata, ask);
    static struct kafka_metadata_request_topic topic;
    topic.name = text_bytes(name);
    ask.topics.at = &topic;
    ask.topics.count = name ? 1 : 0;
    ask.allow_auto_topic_creation = create;
    guest_call(&g, KEY(metadata), version, &ask, tell);
}

TEST(metadata, names_the_address_that_was_reached)
{
    struct kafka_metadata_response tell;
    begin(2);
    metadata(12, NULL, false, &tell);
    REQUIRE(tell.brokers.count == 1);
    EXPECT_EQ(tell.brokers.at[0].node_id, 1);
    EXPECT_EQ(tell.brokers.at[0].port, 9092);
    EXPECT_BYTES(tell.brokers.at[0].host.at, "127.0.0.1", 9);
    EXPECT_EQ(tell.brokers.at[0].host.len, 9);
    EXPECT_EQ(tell.cluster_id.len, 22);
    EXPECT_EQ(tell.controller_id, 1);
    end();
}

TEST(metadata, names_the_address_that_is_to_be_told)
{
    /* Goal: advertise.kafka, version 6 without its brackets. */
    struct kafka_metadata_response tell;
    struct door_opts opts = { .advertise = { .ip = { [15] = 1 }, .port = 1234, .version = 6 } };
    inn_open(33, 1, &opts);
    guest_open(&g);
    metadata(8, NULL, false, &tell);
    REQUIRE(tell.brokers.count == 1);
    EXPECT_EQ(tell.brokers.at[0].port, 1234);
    EXPECT_EQ(tell.brokers.at[0].host.len, 3);
    EXPECT_BYTES(tell.brokers.at[0].host.at, "::1", 3);
    end();
}

TEST(metadata, null_is_all_and_empty_is_none)
{
    struct kafka_metadata_response tell;
    begin(2);
    guest_topic(&g, "b", 2);
    guest_topic(&g, "a", 3);
    REQUEST(metadata, ask);
    guest_call(&g, KEY(metadata), 0, &ask, &tell);
    EXPECT_EQ(tell.topics.count, 2); /* version 0: empty is all */
    guest_call(&g, KEY(metadata), 1, &ask, &tell);
    EXPECT_EQ(tell.topics.count, 0);
    ask.topics.at = NULL;
    for (int16_t version = 1; version <= 12; version++) {
        guest_call(&g, KEY(metadata), version, &ask, &tell);
        REQUIRE(tell.topics.count == 2);
        EXPECT_BYTES(tell.topics.at[0].name.at, "a", 1);
        EXPECT_EQ(tell.topics.at[0].partitions.count, 3);
        EXPECT_EQ(tell.topics.at[1].partitions.count, 2);
        EXPECT_EQ(tell.topics.at[1].partitions.at[1].leader_id, 1);
        EXPECT_EQ(tell.topics.at[1].partitions.at[1].isr_nodes.count, 1);
    }
    end();
}

TEST(metadata, makes_a_topic_if_the_client_does_not_mind)
{
    /* Goal: the request's flag from version 4 on, always before; a name that cannot be is refused;
     * a node that makes none says so. */
    struct kafka_metadata_response tell;
    begin(2);
    metadata(4, "t", false, &tell);
    EXPECT_EQ(tell.topics.at[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    metadata(4, "t", true, &tell);
    EXPECT_EQ(tell.topics.at[0].error_code, KAFKA_NONE);
    EXPECT_EQ(tell.topics.at[0].partitions.count, 4);
    metadata(1, "u", false, &tell);
    EXPECT_EQ(tell.topics.at[0].partitions.count, 4);
    metadata(4, "no good", true, &tell);
    EXPECT_EQ(tell.topics.at[0].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
    metadata(4, "", true, &tell);
    EXPECT_EQ(tell.topics.at[0].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
    end();
    inn_open(32, 1, &(struct door_opts){ .auto_partitions = UINT32_MAX });
    guest_open(&g);
    metadata(4, "t", true, &tell);
    EXPECT_EQ(tell.topics.at[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    end();
}

TEST(metadata, finds_topics_by_id)
{
    struct kafka_metadata_response tell;
    begin(1);
    struct id16 id = guest_topic(&g, "t", 1);
    REQUEST(metadata, ask);
    struct kafka_metadata_request_topic topics[2] = { { .topic_id = id },
                                                      { .topic_id = { { 1, 2, 3 } } } };
    ask.topics.at = topics;
    ask.topics.count = 2;
    guest_call(&g, KEY(metadata), 12, &ask, &tell);
    REQUIRE(tell.topics.count == 2);
    EXPECT_EQ(tell.topics.at[0].error_code, KAFKA_NONE);
    EXPECT_BYTES(tell.topics.at[0].name.at, "t", 1);
    EXPECT_EQ(tell.topics.at[1].error_code, KAFKA_UNKNOWN_TOPIC_ID);
    end();
}

TEST(metadata, a_topic_made_again_has_another_id)
{
    /* Goal: what a shard remembers of a deleted topic is not told any more. */
    struct kafka_metadata_response tell;
    begin(2);
    struct id16 old = guest_topic(&g, "t", 1);
    EXPECT_EQ(guest_produce(&g, 8, "t", 0, guest_batch(1, 20, 1000)).error_code, KAFKA_NONE);
    EXPECT_OK(node_delete(&inn.node, "t")); /* by somebody else */
    guest_topic(&g, "t", 3);
    metadata(12, "t", false, &tell);
    REQUIRE(tell.topics.count == 1);
    EXPECT(!id16_equal(tell.topics.at[0].topic_id, old));
    EXPECT_EQ(tell.topics.at[0].partitions.count, 3);
    EXPECT_EQ(guest_produce(&g, 8, "t", 2, guest_batch(1, 20, 1000)).error_code, KAFKA_NONE);
    end();
}

TEST(hello, coordinator_and_cluster_are_this_node)
{
    begin(1);
    REQUEST(find_coordinator, ask);
    RESPONSE(find_coordinator, tell);
    struct bytes keys[2] = { text_bytes("a"), text_bytes("b") };
    ask.key = text_bytes("group");
    guest_call(&g, KEY(find_coordinator), 0, &ask, &tell);
    EXPECT_EQ(tell.node_id, 1);
    EXPECT_EQ(tell.port, 9092);
    ask.coordinator_keys.at = keys;
    ask.coordinator_keys.count = 2;
    guest_call(&g, KEY(find_coordinator), 4, &ask, &tell);
    REQUIRE(tell.coordinators.count == 2);
    EXPECT_BYTES(tell.coordinators.at[1].key.at, "b", 1);
    EXPECT_EQ(tell.coordinators.at[1].node_id, 1);
    ask.key_type = 7;
    guest_call(&g, KEY(find_coordinator), 4, &ask, &tell);
    EXPECT_EQ(tell.coordinators.at[0].error_code, KAFKA_INVALID_REQUEST);
    REQUEST(describe_cluster, cluster);
    RESPONSE(describe_cluster, is);
    guest_call(&g, KEY(describe_cluster), 1, &cluster, &is);
    EXPECT_EQ(is.brokers.count, 1);
    EXPECT_EQ(is.controller_id, 1);
    end();
}
