/* A fetch that wanted less than 64 KiB in all was given 64 KiB of each partition, and one that
 * wanted none everything. Goal: no more than was asked for, but one batch. Of fetches that a broker
 * remembers (KIP-227, which is not offered) the first and the last are like any other, and one
 * between them is not known. */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g;
static struct kafka_fetch_request_partition part;
static struct kafka_fetch_request_topic topic;

static struct kafka_fetch_request request(int32_t bytes_max)
{
    REQUEST(fetch, ask);
    kafka_unset(kafka_fetch_request_partition_shape(), &part);
    kafka_unset(kafka_fetch_request_topic_shape(), &topic);
    part.partition_max_bytes = MIB(1);
    topic.topic = text_bytes("t");
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.max_bytes = bytes_max;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    return ask;
}

static size_t fetched(int32_t bytes_max)
{
    RESPONSE(fetch, tell);
    struct kafka_fetch_request ask = request(bytes_max);
    guest_call(&g, KEY(fetch), 11, &ask, &tell);
    if (!EXPECT_EQ(tell.responses.count, 1))
        return 0;
    return tell.responses.at[0].partitions.at[0].records.len;
}

TEST(r0194, small_fetches)
{
    size_t one = 0;
    inn_open(194, 1, NULL);
    guest_open(&g);
    guest_topic(&g, "t", 1);
    for (uint32_t i = 0; i < 6; i++) {
        struct bytes batch = guest_batch(1, 300, 1);
        one = batch.len;
        EXPECT_EQ(guest_produce(&g, 8, "t", 0, batch).error_code, KAFKA_NONE);
    }
    EXPECT_EQ(fetched(0), one);
    EXPECT_EQ(fetched(1), one);
    EXPECT_EQ(fetched((int32_t)(3 * one)), 3 * one);
    EXPECT_EQ(fetched(MIB(1)), 6 * one);
    guest_close(&g);
    inn_close();
}

static int16_t asked_as(int32_t id, int32_t epoch)
{
    RESPONSE(fetch, tell);
    struct kafka_fetch_request ask = request(MIB(1));
    ask.session_id = id;
    ask.session_epoch = epoch;
    guest_call(&g, KEY(fetch), 11, &ask, &tell);
    EXPECT_EQ(tell.session_id, 0);
    return tell.error_code;
}

TEST(r0194, begins_and_ends)
{
    inn_open(194, 1, NULL);
    guest_open(&g);
    guest_topic(&g, "t", 1);
    EXPECT_EQ(asked_as(0, -1), KAFKA_NONE);
    EXPECT_EQ(asked_as(0, 0), KAFKA_NONE);
    EXPECT_EQ(asked_as(77, -1), KAFKA_NONE);
    EXPECT_EQ(asked_as(77, 0), KAFKA_NONE);
    EXPECT_EQ(asked_as(77, 1), KAFKA_FETCH_ID_NOT_FOUND);
    EXPECT_EQ(asked_as(0, 1), KAFKA_FETCH_ID_NOT_FOUND);
    guest_close(&g);
    inn_close();
}
