/* A request that ended as soon as it had memory made room for the next one of its connection, which
 * was refused some and waited: when another one of that pass broke its connection there was as
 * much, and the one that had just begun to wait began again on top of what it had. Goal: what waits
 * is rewound before it begins again; errand_start() looks. Method: a connection that asks for
 * something twice, another one that is cut for what it asks, and has answers that nobody reads, and
 * more and more memory that comes back at once. */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define MEMORY MIB(1)
#define LEFT   KIB(16) /* of what frames may fill */

enum { FIRST = 300, SECOND = 500, PARTS = 110, ANSWERS = 4 };

static struct guest twice, cut;

/* Settings of no node in particular, which are none, again and again. */
static size_t configs_make(uint32_t count, uint8_t *at, size_t cap)
{
    static struct kafka_describe_configs_request_resource all[SECOND];
    REQUEST(describe_configs, ask);
    for (uint32_t i = 0; i < count; i++) {
        kafka_unset(kafka_describe_configs_request_resource_shape(), &all[i]);
        all[i].resource_type = 4;
        all[i].resource_name = text_bytes("");
    }
    ask.resources.at = all;
    ask.resources.count = count;
    return guest_make(&twice, KEY(describe_configs), 1, &ask, at, cap);
}

static void twice_ask(void)
{
    static uint8_t at[KIB(16)];
    size_t len = configs_make(FIRST, at, sizeof(at));
    len += configs_make(SECOND, at + len, sizeof(at) - len);
    guest_put(&twice, at, len);
    node_pass(&inn.node, 10 * MS_NS);
}

static void twice_told(void)
{
    static struct kafka_describe_configs_response r;
    EXPECT(guest_answer(&twice, SEC_NS, KEY(describe_configs), 1, &r));
    EXPECT_EQ(r.results.count, FIRST);
    EXPECT(guest_answer(&twice, SEC_NS, KEY(describe_configs), 1, &r));
    EXPECT_EQ(r.results.count, SECOND);
}

/* Where the topic is, with memory for all of its partitions. */
static void metadata_ask(void)
{
    struct kafka_metadata_request_topic topic;
    REQUEST(metadata, ask);
    kafka_unset(kafka_metadata_request_topic_shape(), &topic);
    topic.name = text_bytes("t");
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_ask(&cut, KEY(metadata), 4, &ask);
    node_pass(&inn.node, 10 * MS_NS);
}

/* Wrong, and without acknowledgement: there is no other way to say so. */
static void cut_ask(void)
{
    static struct kafka_produce_request_partition_data parts[PARTS];
    struct kafka_produce_request_topic_data topic = { .name = text_bytes("t") };
    REQUEST(produce, ask);
    for (int32_t i = 0; i < PARTS; i++)
        parts[i] = (struct kafka_produce_request_partition_data){ i, text_bytes("") };
    topic.partition_data.at = parts;
    topic.partition_data.count = PARTS;
    ask.transactional_id = text_bytes("refused");
    ask.acks = 0;
    ask.topic_data.at = &topic;
    ask.topic_data.count = 1;
    guest_ask(&cut, KEY(produce), 8, &ask);
    node_pass(&inn.node, 10 * MS_NS);
}

static void round_of(uint64_t back)
{
    struct door_desk *d = &inn.door->desks[0];
    guest_open(&twice);
    guest_open(&cut);
    cut.quiet = true;
    for (uint32_t i = 0; i <= ANSWERS; i++) /* one is in the send */
        metadata_ask();
    uint64_t filled = MEMORY - MEMORY / 8 - LEFT - d->memory_used;
    memory_move(d, filled);
    twice_ask();
    cut_ask();
    EXPECT_EQ(d->starved, 2);
    back = min_u64(back, filled);
    memory_give(d, back);
    node_pass(&inn.node, 10 * MS_NS);
    memory_give(d, filled - back);
    twice_told();
    guest_close(&twice);
    guest_close(&cut);
    node_pass(&inn.node, SEC_NS);
}

TEST(r0227, begun_without_rewinding)
{
    inn_open(227, 1, &(struct door_opts){ .memory_bytes = MEMORY });
    guest_open(&twice);
    guest_topic(&twice, "t", 1000);
    guest_close(&twice);
    for (uint64_t back = KIB(128); back < KIB(512); back += KIB(16))
        round_of(back);
    inn_close();
}
