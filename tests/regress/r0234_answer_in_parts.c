/* An answer that goes out in many sends gave its reader the time to fall silent anew with each: a
 * fetch of thousands of partitions could be drawn out for hours, with all that it had read. Goal: a
 * reader that trickles is cut, whatever the answer is made of. Method: one partition, named so
 * often that its batches fill the peer's buffers, and a peer that takes a little each second. */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

enum { PARTS = 8000 };
static struct guest g;

static void fetch_ask(void)
{
    static struct kafka_fetch_request_partition parts[PARTS];
    static uint8_t at[PARTS * 64];
    struct kafka_fetch_request_topic topic = { .topic = text_bytes("t") };
    REQUEST(fetch, ask);
    for (uint32_t i = 0; i < PARTS; i++) {
        kafka_unset(kafka_fetch_request_partition_shape(), &parts[i]);
        parts[i].partition_max_bytes = 1;
    }
    topic.partitions.at = parts;
    topic.partitions.count = PARTS;
    ask.max_bytes = (int32_t)MIB(16);
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_put(&g, at, guest_make(&g, KEY(fetch), 11, &ask, at, sizeof(at)));
}

TEST(r0234, answer_in_parts)
{
    uint32_t seconds = 0;
    inn_open(234, 1, NULL);
    guest_open(&g);
    (void)guest_topic(&g, "t", 1);
    EXPECT_EQ(guest_produce(&g, 8, "t", 0, guest_batch(1, 300, 0)).error_code, KAFKA_NONE);
    g.quiet = true;
    fetch_ask();
    for (; seconds < 200 && inn_figure(METRIC_CONNECTIONS); seconds++) {
        guest_sip(&g, 4000);
        node_pass(&inn.node, SEC_NS);
    }
    EXPECT(seconds >= 30 && seconds <= 60);
    EXPECT_EQ(inn_figure(METRIC_CONNECTIONS_TIMED_OUT), 1);
    guest_close(&g);
    inn_close();
}
