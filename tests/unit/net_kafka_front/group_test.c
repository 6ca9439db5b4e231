/* group_test.c -- consumer groups over the wire: each API at each version, rebalances, going away.
 */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g, other;
static char member[256];
static int32_t generation;

static struct bytes none(void)
{
    return (struct bytes){ NULL, 0 };
}

static int16_t beat(struct guest *at, int16_t version)
{
    REQUEST(heartbeat, ask);
    RESPONSE(heartbeat, tell);
    ask.group_id = text_bytes("g");
    ask.member_id = text_bytes(member);
    ask.generation_id = generation;
    guest_call(at, KEY(heartbeat), version, &ask, &tell);
    return tell.error_code;
}

/* All wards have read their logs. */
static void loaded(void)
{
    REQUEST(list_groups, ask);
    RESPONSE(list_groups, tell);
    do {
        node_pass(&inn.node, MS_NS);
        guest_call(&g, KEY(list_groups), 0, &ask, &tell);
    } while (tell.error_code == GROUP_ERR_LOADING);
}

static void begin(uint32_t shards)
{
    inn_open(71, shards, NULL);
    guest_open(&g);
    guest_topic(&g, "t", 4);
    loaded();
}

static void end(void)
{
    guest_close(&g);
    inn_close();
}

/* ---- members ---- */

static void join_ask(struct guest *at, int16_t version, const char *id, const char *instance)
{
    REQUEST(join_group, ask);
    struct kafka_join_group_request_protocol protocol = { text_bytes("range"), text_bytes("meta") };
    ask.group_id = text_bytes("g");
    ask.session_timeout_ms = 10000;
    ask.rebalance_timeout_ms = 20000;
    ask.member_id = text_bytes(id);
    ask.group_instance_id = instance ? text_bytes(instance) : none();
    ask.protocol_type = text_bytes("consumer");
    ask.protocols.at = &protocol;
    ask.protocols.count = 1;
    guest_ask(at, KEY(join_group), version, &ask);
}

static bool joined(struct guest *at, int16_t version, struct kafka_join_group_response *tell)
{
    kafka_unset(kafka_join_group_response_shape(), tell);
    if (!guest_answer(at, SEC_NS, KEY(join_group), version, tell))
        return false;
    generation = tell->generation_id;
    memcpy(member, tell->member_id.at, tell->member_id.len);
    member[tell->member_id.len] = '\0';
    return true;
}

/* Twice, from version 4 on: first for an id. */
static void join(struct guest *at, int16_t version)
{
    struct kafka_join_group_response tell;
    join_ask(at, version, "", NULL);
    EXPECT(joined(at, version, &tell));
    EXPECT_EQ(tell.error_code, version < 4 ? 0 : GROUP_ERR_MEMBER_ID_REQUIRED);
    if (version >= 4) {
        join_ask(at, version, member, NULL);
        EXPECT(joined(at, version, &tell));
    }
    EXPECT_EQ(tell.error_code, 0);
    EXPECT(bytes_equal(tell.protocol_name, text_bytes("range")));
    EXPECT(bytes_equal(tell.leader, tell.member_id));
    EXPECT_EQ(tell.protocol_type.at != NULL, version >= 7);
    if (EXPECT_EQ(tell.members.count, 1))
        EXPECT(bytes_equal(tell.members.at[0].metadata, text_bytes("meta")));
}

static int16_t sync_with(struct guest *at, int16_t version, const char *assignment, bool named)
{
    REQUEST(sync_group, ask);
    RESPONSE(sync_group, tell);
    struct kafka_sync_group_request_assignment one = { text_bytes(member), text_bytes(assignment) };
    ask.group_id = text_bytes("g");
    ask.member_id = text_bytes(member);
    ask.generation_id = generation;
    ask.protocol_type = named ? text_bytes("consumer") : none();
    ask.protocol_name = named ? text_bytes("range") : none();
    ask.assignments.at = &one;
    ask.assignments.count = 1;
    guest_call(at, KEY(sync_group), version, &ask, &tell);
    if (tell.error_code == 0)
        EXPECT(bytes_equal(tell.assignment, text_bytes(assignment)));
    return tell.error_code;
}

static int16_t leave(struct guest *at, int16_t version)
{
    REQUEST(leave_group, ask);
    RESPONSE(leave_group, tell);
    struct kafka_leave_group_request_member one;
    kafka_unset(kafka_leave_group_request_member_shape(), &one);
    one.member_id = text_bytes(member);
    ask.group_id = text_bytes("g");
    ask.member_id = one.member_id;
    ask.members.at = &one;
    ask.members.count = 1;
    guest_call(at, KEY(leave_group), version, &ask, &tell);
    if (version < 3 || tell.error_code)
        return tell.error_code;
    return EXPECT_EQ(tell.members.count, 1) ? tell.members.at[0].error_code : -1;
}

TEST(groups, a_member_lives_at_every_version)
{
    /* Goal: join, sync, heartbeat, leave, each in each of its versions. */
    begin(2);
    for (int16_t version = 0; version <= 9; version++) {
        int16_t sync = version < 5 ? version : 5, small = version < 4 ? version : 4;
        join(&g, version);
        EXPECT_EQ(sync_with(&g, sync, "parts", sync >= 5), 0);
        EXPECT_EQ(beat(&g, small), 0);
        EXPECT_EQ(leave(&g, sync), 0);
        EXPECT_EQ(leave(&g, sync), GROUP_ERR_UNKNOWN_MEMBER);
        EXPECT_EQ(beat(&g, small), GROUP_ERR_UNKNOWN_MEMBER);
    }
    join(&g, 9);
    EXPECT_EQ(sync_with(&g, 5, "parts", false), GROUP_ERR_INCONSISTENT_PROTOCOL);
    end();
}

TEST(groups, two_connections_meet_in_a_generation)
{
    /* Goal: a join is answered when all have joined; requests behind it wait, as in Kafka. */
    begin(2);
    struct kafka_join_group_response tell;
    char first[256];
    guest_open(&other);
    join(&g, 5);
    EXPECT_EQ(sync_with(&g, 3, "all", false), 0);
    strcpy(first, member);
    join_ask(&other, 3, "", NULL);
    EXPECT(!guest_answer(&other, SEC_NS, KEY(join_group), 3, &tell));
    EXPECT_EQ(beat(&g, 3), GROUP_ERR_REBALANCE_IN_PROGRESS);
    join_ask(&g, 5, first, NULL);
    EXPECT(joined(&other, 3, &tell));
    EXPECT_EQ(tell.generation_id, 2);
    EXPECT_EQ(tell.members.count, 0);
    EXPECT(joined(&g, 5, &tell));
    EXPECT_EQ(tell.generation_id, 2);
    EXPECT_EQ(tell.members.count, 2);
    guest_close(&other);
    end();
}

TEST(groups, who_has_gone_leaves_nothing_behind)
{
    /* Goal: a connection that ends while its join waits is closed, and its memory is given back;
     * so is a broker that stops meanwhile. */
    begin(2);
    guest_open(&other);
    join(&g, 5);
    join_ask(&other, 3, "", NULL);
    node_pass(&inn.node, SEC_NS);
    EXPECT_EQ(inn_figure(METRIC_CONNECTIONS), 2);
    guest_close(&other);
    EXPECT_EQ(inn_figure(METRIC_CONNECTIONS), 1);
    join_ask(&g, 3, "", NULL);
    node_pass(&inn.node, SEC_NS);
    inn_close(); /* expects that nothing is left; it closes the clients' io, too */
    free(g.in);
    free(g.arena.at);
}

/* ---- offsets ---- */

static int16_t commit(int16_t version, const char *group, const char *topic, int32_t partition,
                      int64_t off)
{
    REQUEST(offset_commit, ask);
    RESPONSE(offset_commit, tell);
    struct kafka_offset_commit_request_partition part;
    kafka_unset(kafka_offset_commit_request_partition_shape(), &part);
    struct kafka_offset_commit_request_topic one = { .name = text_bytes(topic) };
    part.partition_index = partition;
    part.committed_offset = off;
    part.committed_leader_epoch = 7;
    part.committed_metadata = text_bytes("note");
    one.partitions.at = &part;
    one.partitions.count = 1;
    ask.group_id = text_bytes(group);
    ask.topics.at = &one;
    ask.topics.count = 1;
    guest_call(&g, KEY(offset_commit), version, &ask, &tell);
    if (!EXPECT_EQ(tell.topics.count, 1) || !EXPECT_EQ(tell.topics.at[0].partitions.count, 1))
        return -1;
    EXPECT_EQ(tell.topics.at[0].partitions.at[0].partition_index, partition);
    return tell.topics.at[0].partitions.at[0].error_code;
}

/* One partition of t, or (partition -1) all there are; -1: none. */
static int64_t fetched(int16_t version, const char *group, int32_t partition)
{
    REQUEST(offset_fetch, ask);
    RESPONSE(offset_fetch, tell);
    struct kafka_offset_fetch_request_topic one = { .name = text_bytes("t") };
    struct kafka_offset_fetch_request_group_topic many = { .name = text_bytes("t") };
    struct kafka_offset_fetch_request_group which;
    kafka_unset(kafka_offset_fetch_request_group_shape(), &which);
    one.partition_indexes.at = many.partition_indexes.at = &partition;
    one.partition_indexes.count = many.partition_indexes.count = 1;
    ask.group_id = which.group_id = text_bytes(group);
    ask.topics.at = partition < 0 ? NULL : &one;
    which.topics.at = partition < 0 ? NULL : &many;
    ask.topics.count = which.topics.count = partition >= 0;
    ask.groups.at = &which;
    ask.groups.count = 1;
    guest_call(&g, KEY(offset_fetch), version, &ask, &tell);
    EXPECT_EQ(tell.error_code, 0);
    if (version < 8) {
        if (!tell.topics.count || !EXPECT_EQ(tell.topics.at[0].partitions.count, 1))
            return -1;
        EXPECT(tell.topics.at[0].partitions.at[0].metadata.at != NULL);
        return tell.topics.at[0].partitions.at[0].committed_offset;
    }
    if (!EXPECT_EQ(tell.groups.count, 1) || !tell.groups.at[0].topics.count)
        return -1;
    EXPECT_EQ(tell.groups.at[0].error_code, 0);
    EXPECT(bytes_equal(tell.groups.at[0].topics.at[0].name, text_bytes("t")));
    return tell.groups.at[0].topics.at[0].partitions.at[0].committed_offset;
}

TEST(groups, offsets_at_every_version)
{
    /* Goal: what is committed comes back, also after a power cut; a topic that is not there is
     * refused by itself. */
    begin(2);
    for (int16_t version = 2; version <= 9; version++)
        EXPECT_EQ(commit(version, "c", "t", 2, 100 + version), 0);
    EXPECT_EQ(commit(5, "c", "nothing", 0, 1), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    for (uint32_t again = 0; again < 2; again++) {
        for (int16_t version = 1; version <= 9; version++) {
            EXPECT_EQ(fetched(version, "c", 2), 109);
            EXPECT_EQ(fetched(version, "c", 1), -1);
            EXPECT_EQ(fetched(version, "nobody", 1), -1);
            if (version >= 2)
                EXPECT_EQ(fetched(version, "c", -1), 109);
        }
        guest_close(&g);
        inn_restart();
        guest_open(&g);
        loaded();
        node_pass(&inn.node, SEC_NS);
    }
    end();
}

static int16_t forgotten(const char *group, const char *topic, int16_t *row)
{
    REQUEST(offset_delete, ask);
    RESPONSE(offset_delete, tell);
    struct kafka_offset_delete_request_partition part = { 2 };
    struct kafka_offset_delete_request_topic one = { .name = text_bytes(topic) };
    one.partitions.at = &part;
    one.partitions.count = 1;
    ask.group_id = text_bytes(group);
    ask.topics.at = &one;
    ask.topics.count = 1;
    guest_call(&g, KEY(offset_delete), 0, &ask, &tell);
    *row = tell.topics.count ? tell.topics.at[0].partitions.at[0].error_code : 0;
    return tell.error_code;
}

/* ---- from outside ---- */

static struct kafka_describe_groups_response_group described(int16_t version, const char *group)
{
    REQUEST(describe_groups, ask);
    RESPONSE(describe_groups, tell);
    struct kafka_describe_groups_response_group missing = { .error_code = -1 };
    struct bytes name = text_bytes(group);
    ask.groups.at = &name;
    ask.groups.count = 1;
    ask.include_authorized_operations = true;
    guest_call(&g, KEY(describe_groups), version, &ask, &tell);
    return EXPECT_EQ(tell.groups.count, 1) ? tell.groups.at[0] : missing;
}

static uint32_t listed(int16_t version, const char *state, const char *type)
{
    REQUEST(list_groups, ask);
    RESPONSE(list_groups, tell);
    struct bytes states = text_bytes(state), types = text_bytes(type);
    ask.states_filter.at = &states;
    ask.states_filter.count = state != NULL;
    ask.types_filter.at = &types;
    ask.types_filter.count = type != NULL;
    guest_call(&g, KEY(list_groups), version, &ask, &tell);
    EXPECT_EQ(tell.error_code, 0);
    return tell.groups.count;
}

static int16_t deleted(int16_t version, const char *group)
{
    REQUEST(delete_groups, ask);
    RESPONSE(delete_groups, tell);
    struct bytes name = text_bytes(group);
    ask.groups_names.at = &name;
    ask.groups_names.count = 1;
    guest_call(&g, KEY(delete_groups), version, &ask, &tell);
    return EXPECT_EQ(tell.results.count, 1) ? tell.results.at[0].error_code : -1;
}

TEST(groups, they_are_seen_from_outside)
{
    /* Goal: describe, list and delete at every version. */
    begin(2);
    join(&g, 5);
    EXPECT_EQ(sync_with(&g, 3, "parts", false), 0);
    EXPECT_EQ(commit(5, "c", "t", 2, 1), 0);
    for (int16_t version = 0; version <= 6; version++) {
        struct kafka_describe_groups_response_group d = described(version, "g");
        EXPECT_EQ(d.error_code, 0);
        EXPECT(bytes_equal(d.group_state, text_bytes("Stable")));
        EXPECT(bytes_equal(d.protocol_data, text_bytes("range")));
        if (EXPECT_EQ(d.members.count, 1)) {
            EXPECT(bytes_equal(d.members.at[0].client_id, text_bytes("test")));
            EXPECT(bytes_equal(d.members.at[0].client_host, text_bytes("/127.0.0.1")));
            EXPECT(bytes_equal(d.members.at[0].member_assignment, text_bytes("parts")));
        }
        if (version >= 3)
            EXPECT_EQ(d.authorized_operations, 0x0d48);
        d = described(version, "nobody");
        EXPECT(bytes_equal(d.group_state, text_bytes("Dead")));
        EXPECT_EQ(d.error_code, version < 6 ? 0 : GROUP_ERR_NOT_FOUND);
    }
    for (int16_t version = 0; version <= 5; version++)
        EXPECT_EQ(listed(version, NULL, NULL), 2);
    EXPECT_EQ(listed(4, "stable", NULL), 1);
    EXPECT_EQ(listed(4, "Empty", NULL), 1);
    EXPECT_EQ(listed(5, "Dead", NULL), 0);
    EXPECT_EQ(listed(5, NULL, "Classic"), 2);
    EXPECT_EQ(listed(5, NULL, "share"), 0);
    int16_t row;
    EXPECT_EQ(forgotten("nobody", "t", &row), GROUP_ERR_NOT_FOUND);
    EXPECT_EQ(forgotten("c", "nothing", &row), 0);
    EXPECT_EQ(row, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(forgotten("c", "t", &row), 0);
    EXPECT_EQ(row, 0);
    EXPECT_EQ(fetched(5, "c", 2), -1);
    EXPECT_EQ(deleted(0, "g"), GROUP_ERR_NOT_EMPTY);
    EXPECT_EQ(deleted(1, "c"), 0);
    EXPECT_EQ(deleted(2, "c"), GROUP_ERR_NOT_FOUND);
    end();
}

TEST(groups, a_static_member_is_back_after_a_power_cut)
{
    /* Goal: the instance keeps its place through a restart of the broker and of the client. */
    begin(2);
    struct kafka_join_group_response tell;
    join_ask(&g, 5, "", "one");
    EXPECT(joined(&g, 5, &tell));
    EXPECT_EQ(sync_with(&g, 3, "parts", false), 0);
    guest_close(&g);
    inn_restart();
    guest_open(&g);
    loaded();
    EXPECT_EQ(beat(&g, 3), 0);
    join_ask(&g, 5, "", "one");
    EXPECT(joined(&g, 5, &tell));
    EXPECT_EQ(tell.error_code, 0);
    EXPECT_EQ(tell.generation_id, 1);
    EXPECT_EQ(sync_with(&g, 3, "parts", false), 0);
    end();
}
