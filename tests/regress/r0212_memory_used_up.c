/* Where memory.network is used up, a request's errand has ended when it is refused some: two
 * handlers went on. A JoinGroup was freed while its coordinator read it, and a Produce with many
 * refused partitions ended the program. Goal: it waits, or the connection ends, and nothing else.
 * Method: each request with so little memory left that it finds none for its first step, and then
 * with more and more. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define STEP  128u
#define COUNT 128u

static struct guest g;

static void join(int16_t *version)
{
    static struct kafka_join_group_request_protocol protocols[COUNT];
    static char names[COUNT][8];
    REQUEST(join_group, ask);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "p%u", i);
        protocols[i].name = text_bytes(names[i]);
        protocols[i].metadata = text_bytes("m");
    }
    ask.group_id = text_bytes("g");
    ask.protocol_type = text_bytes("consumer");
    ask.session_timeout_ms = ask.rebalance_timeout_ms = 60000;
    ask.protocols.at = protocols;
    ask.protocols.count = COUNT;
    *version = 5;
    guest_ask(&g, KEY(join_group), *version, &ask);
}

static void produce(int16_t *version)
{
    static struct kafka_produce_request_partition_data parts[COUNT];
    struct kafka_produce_request_topic_data topic = { .name = text_bytes("t") };
    REQUEST(produce, ask);
    for (uint32_t i = 0; i < COUNT; i++)
        parts[i] = (struct kafka_produce_request_partition_data){ (int32_t)i, text_bytes("") };
    topic.partition_data.at = parts;
    topic.partition_data.count = COUNT;
    ask.transactional_id = text_bytes("refused"); /* with a sentence for each partition */
    ask.acks = -1;
    ask.topic_data.at = &topic;
    ask.topic_data.count = 1;
    *version = 8;
    guest_ask(&g, KEY(produce), *version, &ask);
}

/* With so many bytes left but for what it takes on its way in; true: it was answered. */
static bool asked(int16_t key, void (*ask)(int16_t *version), uint64_t left)
{
    static struct kafka_join_group_response join_tell;
    static struct kafka_produce_response produce_tell;
    void *tell = key == KEY(produce) ? (void *)&produce_tell : (void *)&join_tell;
    struct door_desk *d = &inn.door->desks[0];
    int16_t version;
    guest_open(&g);
    uint64_t filled = d->memory_max - left - d->memory_used;
    memory_move(d, filled);
    ask(&version);
    bool answered = guest_answer(&g, SEC_NS, key, version, tell);
    memory_give(d, filled);
    EXPECT(answered || g.ended || guest_answer(&g, SEC_NS, key, version, tell));
    guest_close(&g);
    return answered;
}

static void sweep(uint64_t memory, int16_t key, void (*ask)(int16_t *version))
{
    inn_open(212, 1, &(struct door_opts){ .memory_bytes = memory });
    node_pass(&inn.node, SEC_NS);        /* coordinators have read their logs */
    uint64_t left = memory / 8 + KIB(4); /* less, and it waits before it begins */
    EXPECT(!asked(key, ask, left));
    while (left < memory && !asked(key, ask, left))
        left += STEP;
    EXPECT(left < memory);
    guest_open(&g);
    EXPECT(guest_heard(&g));
    guest_close(&g);
    inn_close();
}

TEST(r0212, memory_used_up_by_a_produce)
{
    sweep(KIB(512), KEY(produce), produce);
}

TEST(r0212, memory_used_up_by_a_join)
{
    sweep(KIB(64), KEY(join_group), join);
}
