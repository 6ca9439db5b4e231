/* A client that waited for the rest of its group, for as long as it liked, had sent more behind its
 * JoinGroup: all the memory of its shard was held by requests that did not start before the group
 * went on, and nobody else there was heard. Goal: who holds much and waits for its group gives up
 * while others wait for memory, stays a member and connected; who holds little keeps its place.
 * Method: a group of which one member never joins again, requests behind the join of the other. */
#include "engine/base/check.h"
#include "engine/base/le.h"
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

enum { BEHIND = 20, BEHIND_BYTES = 60000, HALF = KIB(300), MEMORY = MIB(1) };
static struct guest first, second, other;

static size_t join_make(struct guest *g, uint8_t *at, size_t cap)
{
    REQUEST(join_group, ask);
    struct kafka_join_group_request_protocol protocol = { text_bytes("range"), text_bytes("meta") };
    ask.group_id = text_bytes("g");
    ask.session_timeout_ms = 30 * 60 * 1000;
    ask.rebalance_timeout_ms = INT32_MAX;
    ask.member_id = text_bytes("");
    ask.protocol_type = text_bytes("consumer");
    ask.protocols.at = &protocol;
    ask.protocols.count = 1;
    return guest_make(g, KEY(join_group), 3, &ask, at, cap);
}

/* ApiVersions, and bytes behind its body, which are passed over. */
static size_t behind_make(struct guest *g, uint8_t *at, size_t cap)
{
    REQUEST(api_versions, ask);
    size_t len = guest_make(g, KEY(api_versions), 2, &ask, at, cap);
    check(len + BEHIND_BYTES <= cap);
    be32_put(at, (uint32_t)(len - 4 + BEHIND_BYTES));
    return len + BEHIND_BYTES;
}

static int16_t joined(struct guest *g, uint64_t ns)
{
    RESPONSE(join_group, tell);
    return guest_answer(g, ns, KEY(join_group), 3, &tell) ? tell.error_code : -1;
}

/* The second one joins, and the first does not join again. */
static void begin(uint32_t behind)
{
    static uint8_t at[(BEHIND + 1) * (BEHIND_BYTES + KIB(1))];
    inn_open(231, 1, &(struct door_opts){ .memory_bytes = MEMORY });
    guest_open(&first);
    guest_open(&second);
    guest_open(&other);
    node_pass(&inn.node, SEC_NS); /* the groups' log is read */
    guest_put(&first, at, join_make(&first, at, sizeof(at)));
    EXPECT_EQ(joined(&first, SEC_NS), KAFKA_NONE);
    size_t len = join_make(&second, at, sizeof(at));
    for (uint32_t i = 0; i < behind; i++)
        len += behind_make(&second, at + len, sizeof(at) - len);
    guest_put_start(&second, at, len);
    node_pass(&inn.node, 100 * MS_NS);
}

static void end(void)
{
    guest_close(&other);
    guest_close(&second);
    guest_close(&first);
    inn_close();
}

TEST(r0231, who_holds_much_gives_up)
{
    RESPONSE(api_versions, tell);
    begin(BEHIND);
    EXPECT(guest_heard(&other));
    EXPECT_EQ(joined(&second, SEC_NS), GROUP_ERR_UNAVAILABLE);
    uint32_t answers = 0;
    while (answers < BEHIND && guest_answer(&second, SEC_NS, KEY(api_versions), 2, &tell))
        answers++;
    EXPECT_EQ(answers, BEHIND);
    end();
}

/* More than half of the memory is of frames that are half there, and another one waits. */
TEST(r0231, who_holds_little_keeps_its_place)
{
    static const uint8_t bytes[KIB(10)] = { 0, HALF >> 16, HALF >> 8 & 0xff };
    struct guest slow[3];
    begin(0);
    for (uint32_t i = 0; i < 3; i++)
        guest_open(&slow[i]);
    for (uint32_t i = 0; i < 3; i++)
        guest_put_start(&slow[i], bytes, sizeof(bytes));
    node_pass(&inn.node, 100 * MS_NS);
    EXPECT(!list_empty(&inn.door->desks[0].waiting_large));
    EXPECT_EQ(joined(&second, SEC_NS), -1);
    EXPECT(guest_heard(&other));
    for (uint32_t i = 0; i < 3; i++)
        guest_close(&slow[i]);
    end();
}
