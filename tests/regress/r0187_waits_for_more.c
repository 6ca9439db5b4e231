/* A request that waited for memory began again, needed more than it knew and waited again: it
 * started the timer that looks after those who wait, and so did the look that had begun it; the
 * broker ended. Goal: it goes on waiting, and is answered. Method: memory that comes back in small
 * pieces. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define MEMORY MIB(2)
#define PIECE  KIB(16)

static void fetch(struct guest *g, uint32_t count, int32_t wait_ms)
{
    static struct kafka_fetch_request_partition parts[2000];
    REQUEST(fetch, ask);
    struct kafka_fetch_request_topic topic;
    kafka_unset(kafka_fetch_request_topic_shape(), &topic);
    for (uint32_t i = 0; i < count; i++) {
        kafka_unset(kafka_fetch_request_partition_shape(), &parts[i]);
        parts[i].partition = (int32_t)(i % 4);
        parts[i].partition_max_bytes = 1000;
    }
    topic.topic = text_bytes("t");
    topic.partitions.at = parts;
    topic.partitions.count = count;
    ask.max_wait_ms = wait_ms;
    ask.min_bytes = 1;
    ask.max_bytes = 1000;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_ask(g, KEY(fetch), 8, &ask);
}

static bool answered(struct guest *g, uint64_t ns)
{
    RESPONSE(fetch, tell);
    return guest_answer(g, ns, KEY(fetch), 8, &tell) && tell.responses.count == 1;
}

TEST(r0187, waits_for_more)
{
    struct guest g;
    inn_open(187, 1, &(struct door_opts){ .memory_bytes = MEMORY });
    guest_open(&g);
    guest_topic(&g, "t", 4);
    struct door_desk *d = &inn.door->desks[0];
    uint64_t held = MEMORY - MEMORY / 8 - KIB(64);
    memory_move(d, (int64_t)held);
    fetch(&g, 500, 0);
    bool told = false;
    for (; held && !told; held -= min_u64(held, PIECE)) {
        told = answered(&g, 200 * MS_NS);
        memory_give(d, min_u64(held, PIECE));
    }
    EXPECT(told || answered(&g, SEC_NS));
    if (held)
        memory_give(d, held);
    guest_close(&g);
    inn_close();
}
