/* What the coordinators of groups answer was in no budget: a DescribeGroups of 50 KB that named one
 * large group again and again took gigabytes. Goal: it is counted when it comes, one group after
 * another, and a request that takes too much ends its connection. Method: the figure of memory
 * while a large group is described some times, and very often. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define METADATA KIB(12)
#define MEMORY   MIB(16)

static struct guest g;
static uint64_t most;
static uint32_t (*beside)(void);

static uint32_t look(void)
{
    most = max_u64(most, inn_figure(METRIC_NETWORK_MEMORY));
    return beside();
}

/* A group of one, stable. */
static void group_make(void)
{
    static uint8_t metadata[METADATA];
    static char member[256];
    REQUEST(join_group, join);
    RESPONSE(join_group, joined);
    struct kafka_join_group_request_protocol protocol = { text_bytes("range"),
                                                          { metadata, sizeof(metadata) } };
    join.group_id = text_bytes("g");
    join.session_timeout_ms = join.rebalance_timeout_ms = 60000;
    join.protocol_type = text_bytes("consumer");
    join.protocols.at = &protocol;
    join.protocols.count = 1;
    guest_call(&g, KEY(join_group), 2, &join, &joined);
    REQUIRE(EXPECT_EQ(joined.error_code, 0) && EXPECT(joined.member_id.len < sizeof(member)));
    memcpy(member, joined.member_id.at, joined.member_id.len);
    REQUEST(sync_group, sync);
    RESPONSE(sync_group, synced);
    sync.group_id = text_bytes("g");
    sync.generation_id = joined.generation_id;
    sync.member_id = text_bytes(member);
    guest_call(&g, KEY(sync_group), 1, &sync, &synced);
    EXPECT_EQ(synced.error_code, 0);
}

/* True: it was answered. */
static bool described(uint32_t count)
{
    static struct bytes names[4000];
    static struct kafka_describe_groups_response tell;
    REQUEST(describe_groups, ask);
    for (uint32_t i = 0; i < count; i++)
        names[i] = text_bytes("g");
    ask.groups.at = names;
    ask.groups.count = count;
    most = 0;
    guest_ask(&g, KEY(describe_groups), 0, &ask);
    bool answered = guest_answer(&g, 20 * SEC_NS, KEY(describe_groups), 0, &tell);
    EXPECT(answered || g.ended);
    for (uint32_t i = 0; answered && i < tell.groups.count; i++)
        EXPECT_EQ(tell.groups.at[i].members.at[0].member_metadata.len, METADATA);
    return answered;
}

TEST(r0216, groups_in_the_budget)
{
    inn_open(216, 1, &(struct door_opts){ .memory_bytes = MEMORY });
    node_pass(&inn.node, SEC_NS); /* coordinators have read their logs */
    guest_open(&g);
    group_make();
    beside = inn.node.beside;
    inn.node.beside = look;
    EXPECT(described(200));
    EXPECT(most > 2 * 200 * METADATA); /* the results, and the answer that is made of them */
    EXPECT(!described(4000));
    EXPECT(most <= MEMORY);
    guest_close(&g);
    guest_open(&g);
    EXPECT(guest_heard(&g));
    inn.node.beside = beside;
    guest_close(&g);
    inn_close();
}
