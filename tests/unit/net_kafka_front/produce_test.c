/* produce_test.c -- what may be produced, what is refused and how, and what an answer means. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define NOW_MS 1700000000000

static struct guest g;

static void begin(uint32_t shards)
{
    inn_open(41, shards, NULL);
    guest_open(&g);
    guest_topic(&g, "t", 2);
}

static void end(void)
{
    guest_close(&g);
    inn_close();
}

static void byte_set(struct bytes batch, size_t at, uint8_t value)
{
    ((uint8_t *)(uintptr_t)batch.at)[at] = value;
}

static int16_t error_of(int16_t version, struct bytes batch)
{
    return guest_produce(&g, version, "t", 0, batch).error_code;
}

/* One byte of a good batch is another one, and its CRC fits again. */
static int16_t error_with(size_t at, uint8_t value)
{
    struct bytes batch = guest_batch(2, 20, NOW_MS);
    byte_set(batch, at, value);
    batch_mend(batch);
    return error_of(8, batch);
}

TEST(produce, every_version_is_answered)
{
    begin(2);
    for (int16_t version = 3; version <= 11; version++) {
        struct kafka_produce_response_partition_response p =
            guest_produce(&g, version, "t", 1, guest_batch(3, 20, NOW_MS));
        EXPECT_EQ(p.error_code, KAFKA_NONE);
        EXPECT_EQ(p.index, 1);
        EXPECT_EQ(p.base_offset, (version - 3) * 3);
        EXPECT_EQ(p.log_append_time_ms, -1);
    }
    end();
}

TEST(produce, refuses_what_no_client_may_write)
{
    struct bytes two[2] = { { NULL, 0 } };
    static uint8_t both[KIB(4)];
    begin(1);
    EXPECT_EQ(error_of(8, (struct bytes){ NULL, 0 }), KAFKA_INVALID_RECORD);
    EXPECT_EQ(error_of(8, (struct bytes){ (const uint8_t *)kafka_nothing, 0 }),
              KAFKA_INVALID_RECORD);
    two[0] = guest_batch(1, 20, NOW_MS);
    memcpy(both, two[0].at, two[0].len);
    memcpy(both + two[0].len, two[0].at, two[0].len);
    EXPECT_EQ(error_of(8, (struct bytes){ both, 2 * two[0].len }), KAFKA_INVALID_RECORD);
    EXPECT_EQ(error_with(7, 1), KAFKA_INVALID_RECORD);     /* base offset */
    EXPECT_EQ(error_with(16, 1), KAFKA_INVALID_RECORD);    /* magic */
    EXPECT_EQ(error_with(22, 0x20), KAFKA_INVALID_RECORD); /* control */
    EXPECT_EQ(error_with(16, 3), KAFKA_CORRUPT_MESSAGE);   /* no such magic */
    EXPECT_EQ(error_with(22, 0x10), KAFKA_TRANSACTIONAL_ID_DENIED);
    EXPECT_EQ(error_with(22, 0x30), KAFKA_TRANSACTIONAL_ID_DENIED);
    EXPECT_EQ(error_with(26, 5), KAFKA_INVALID_RECORD); /* last offset delta */
    EXPECT_EQ(error_with(60, 0), KAFKA_INVALID_RECORD); /* count */
    EXPECT_EQ(error_with(22, 7), KAFKA_INVALID_RECORD); /* codec */
    struct bytes batch = guest_batch(2, 20, NOW_MS);
    byte_set(batch, batch.len - 3, 'X');
    EXPECT_EQ(error_of(8, batch), KAFKA_CORRUPT_MESSAGE);
    EXPECT_EQ(error_of(8, (struct bytes){ batch.at, batch.len - 1 }), KAFKA_INVALID_RECORD);
    EXPECT_EQ(error_of(8, (struct bytes){ batch.at, 30 }), KAFKA_INVALID_RECORD);
    byte_set(batch, 11, 13); /* a length that no batch has */
    EXPECT_EQ(error_of(8, batch), KAFKA_CORRUPT_MESSAGE);
    EXPECT_EQ(error_of(8, guest_batch(1, 1100000, NOW_MS)), KAFKA_MESSAGE_TOO_LARGE);
    EXPECT_EQ(error_of(8, guest_batch(1, 20, NOW_MS)), KAFKA_NONE);
    EXPECT_EQ(guest_produce(&g, 8, "t", 2, guest_batch(1, 20, 1)).error_code,
              KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(guest_produce(&g, 8, "t", -1, guest_batch(1, 20, 1)).error_code,
              KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(guest_produce(&g, 8, "none", 0, guest_batch(1, 20, 1)).error_code,
              KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(guest_fetch(&g, "t", 0, 0, 0).high_watermark, 1);
    end();
}

TEST(produce, makes_the_brokers_time_the_producers)
{
    /* Goal: a batch that says its records have the broker's time is taken as the producer's, with
     * the bit cleared and a CRC that fits; it is refused where the topic's time is the broker's. */
    begin(1);
    struct bytes batch = guest_batch(2, 20, NOW_MS);
    byte_set(batch, 22, 0x08);
    batch_mend(batch);
    struct bytes sent = { memcpy(malloc(batch.len), batch.at, batch.len), batch.len };
    EXPECT_EQ(error_of(8, batch), KAFKA_NONE);
    struct kafka_fetch_response_partition f = guest_fetch(&g, "t", 0, 0, 0);
    REQUIRE(f.records.len == sent.len);
    EXPECT_EQ(f.records.at[22], 0);
    EXPECT(batch_crc_ok(f.records));
    EXPECT_BYTES(f.records.at + 23, sent.at + 23, sent.len - 23);
    free((void *)(uintptr_t)sent.at);
    end();
}

/* ---- compression ---- */

static void packed_kept(int codec, bool framed, uint32_t count, size_t bytes)
{
    struct bytes batch = guest_packed(count, bytes, NOW_MS, codec, framed);
    struct kafka_produce_response_partition_response p = guest_produce(&g, 8, "t", 0, batch);
    EXPECT_EQ(p.error_code, KAFKA_NONE);
    struct kafka_fetch_response_partition f = guest_fetch(&g, "t", 0, p.base_offset, 0);
    REQUIRE(f.records.len == batch.len);
    EXPECT_BYTES(f.records.at + 16, batch.at + 16, batch.len - 16); /* as sent, but for its place */
}

TEST(produce, keeps_every_compression_as_it_was_sent)
{
    /* Goal: small ones, which are looked into in the turn, and large ones, which are not. */
    begin(2);
    for (int codec = 1; codec <= 4; codec++) {
        packed_kept(codec, false, 10, 50);
        packed_kept(codec, false, 3000, 200);
    }
    packed_kept(2, true, 10, 50);
    packed_kept(2, true, 3000, 200);
    EXPECT_EQ(guest_produce(&g, 6, "t", 0, guest_packed(3, 20, NOW_MS, 4, false)).error_code,
              KAFKA_UNSUPPORTED_COMPRESSION_TYPE);
    end();
}

TEST(produce, looks_into_what_is_compressed)
{
    /* Goal: damage inside, records that are too few or too many, and bytes behind them are refused,
     * whatever the format; small and large. */
    begin(1);
    for (int codec = 1; codec <= 4; codec++) {
        for (uint32_t count = 10; count <= 3000; count += 2990) {
            struct bytes batch = guest_packed(count, 100, NOW_MS, codec, false);
            be32_put((uint8_t *)(uintptr_t)batch.at + 23, count);
            be32_put((uint8_t *)(uintptr_t)batch.at + 57, count + 1);
            batch_mend(batch);
            EXPECT_EQ(error_of(8, batch), KAFKA_INVALID_RECORD);
            batch = guest_packed(count, 100, NOW_MS, codec, false);
            be32_put((uint8_t *)(uintptr_t)batch.at + 23, count - 2);
            be32_put((uint8_t *)(uintptr_t)batch.at + 57, count - 1);
            batch_mend(batch);
            EXPECT_EQ(error_of(8, batch), KAFKA_INVALID_RECORD);
            batch = guest_packed(count, 100, NOW_MS, codec, false);
            batch.len -= 5;
            batch_mend(batch);
            EXPECT_EQ(error_of(8, batch), KAFKA_INVALID_RECORD);
            batch = guest_packed(count, 100, NOW_MS, codec, false);
            byte_set(batch, BATCH_HEADER_BYTES + 2, 0xff);
            batch_mend(batch);
            EXPECT_EQ(error_of(8, batch), KAFKA_INVALID_RECORD);
        }
    }
    EXPECT_EQ(guest_fetch(&g, "t", 0, 0, 0).high_watermark, 0);
    end();
}

TEST(produce, puts_a_false_largest_time_right)
{
    /* Goal: clients that leave the largest time out of a compressed batch are found by time
     * nevertheless; the rest of the batch is as it was. */
    begin(1);
    struct bytes batch = guest_packed(10, 50, NOW_MS, 3, false);
    uint8_t was[BATCH_HEADER_BYTES];
    memcpy(was, batch.at, sizeof(was));
    be64_put((uint8_t *)(uintptr_t)batch.at + 35, UINT64_MAX);
    batch_mend(batch);
    EXPECT_EQ(error_of(8, batch), KAFKA_NONE);
    struct kafka_fetch_response_partition f = guest_fetch(&g, "t", 0, 0, 0);
    REQUIRE(f.records.len == batch.len);
    EXPECT_BYTES(f.records.at + 16, was + 16, sizeof(was) - 16);
    EXPECT(batch_crc_ok(f.records));
    end();
}

static void the_nodes_time(struct bytes batch)
{
    struct batch_info info;
    struct kafka_produce_response_partition_response p = guest_produce(&g, 8, "t", 0, batch);
    EXPECT_EQ(p.error_code, KAFKA_NONE);
    EXPECT(p.log_append_time_ms > NOW_MS);
    int64_t time = p.log_append_time_ms;
    struct kafka_fetch_response_partition f = guest_fetch(&g, "t", 0, p.base_offset, 0);
    REQUIRE_OK(batch_peek(f.records, &info));
    EXPECT(batch_crc_ok(f.records));
    EXPECT_EQ(info.attributes & 8, 8);
    EXPECT_EQ(info.header_max_time, time);
    EXPECT_EQ(info.bytes, batch.len);
    EXPECT_BYTES(f.records.at + 43, batch.at + 43, batch.len - 43);
}

TEST(produce, the_nodes_time_is_written_where_the_topic_wants_it)
{
    /* Goal: LogAppendTime: the batch says so, its CRC fits, the answer names the time; also for a
     * partition of another shard, and for batches that are compressed. A producer's that have the
     * bit already are refused. */
    begin(2);
    EXPECT_OK(node_alter(&inn.node, "t", "message.timestamp.type", "LogAppendTime"));
    EXPECT(guest_heard(&g));
    REQUEST(metadata, ask);
    RESPONSE(metadata, tell);
    ask.topics.at = NULL;
    guest_call(&g, KEY(metadata), 12, &ask, &tell); /* what is remembered of the topic is new */
    the_nodes_time(guest_batch(5, 50, NOW_MS));
    for (int codec = 1; codec <= 4; codec++)
        the_nodes_time(guest_packed(5, 50, NOW_MS, codec, false));
    the_nodes_time(guest_packed(3000, 100, NOW_MS, 4, false));
    struct bytes batch = guest_batch(5, 50, NOW_MS);
    byte_set(batch, 22, 8);
    batch_mend(batch);
    EXPECT_EQ(error_of(8, batch), KAFKA_INVALID_TIMESTAMP);
    EXPECT(guest_produce(&g, 8, "t", 1, guest_batch(1, 50, NOW_MS)).log_append_time_ms > NOW_MS);
    end();
}

TEST(produce, times_too_far_from_the_clock_are_refused)
{
    /* Goal: both settings, on plain and on compressed batches; by default an hour ahead, and any
     * time behind. */
    int64_t now_ms;
    REQUEST(metadata, ask);
    RESPONSE(metadata, tell);
    begin(1);
    now_ms = io_wall_ms(serve_shard(inn.node.serve, 0)->io);
    EXPECT_EQ(error_of(8, guest_batch(2, 20, 0)), KAFKA_NONE);
    EXPECT_EQ(error_of(8, guest_batch(2, 20, now_ms + 3500000)), KAFKA_NONE);
    EXPECT_EQ(error_of(8, guest_batch(2, 20, now_ms + 3700000)), KAFKA_INVALID_TIMESTAMP);
    EXPECT_EQ(error_of(8, guest_batch(2, 20, INT64_MAX - 5)), KAFKA_INVALID_TIMESTAMP);
    EXPECT_EQ(error_of(8, guest_packed(2, 20, now_ms + 3700000, 3, false)),
              KAFKA_INVALID_TIMESTAMP);
    EXPECT_OK(node_alter(&inn.node, "t", "message.timestamp.before.max.ms", "60000"));
    ask.topics.at = NULL;
    guest_call(&g, KEY(metadata), 12, &ask, &tell);
    EXPECT_EQ(error_of(8, guest_batch(2, 20, now_ms)), KAFKA_NONE);
    EXPECT_EQ(error_of(8, guest_batch(2, 20, now_ms - 70000)), KAFKA_INVALID_TIMESTAMP);
    EXPECT_EQ(error_of(8, guest_packed(2, 20, now_ms - 70000, 4, false)), KAFKA_INVALID_TIMESTAMP);
    end();
}

/* ---- acknowledgements ---- */

static void produce_acks(int16_t acks, struct bytes batch)
{
    REQUEST(produce, ask);
    struct kafka_produce_request_partition_data part = { 0, batch };
    struct kafka_produce_request_topic_data data = { .name = text_bytes("t") };
    data.partition_data.at = &part;
    data.partition_data.count = 1;
    ask.acks = acks;
    ask.topic_data.at = &data;
    ask.topic_data.count = 1;
    guest_ask(&g, KEY(produce), 8, &ask);
}

TEST(produce, acks_0_has_no_answer)
{
    struct kafka_produce_response tell;
    begin(2);
    produce_acks(0, guest_batch(1, 20, NOW_MS));
    EXPECT(guest_heard(&g)); /* the next answer is that of the next request */
    EXPECT_EQ(guest_fetch(&g, "t", 0, 0, 100).high_watermark, 1);
    produce_acks(2, guest_batch(1, 20, NOW_MS));
    REQUIRE(guest_answer(&g, SEC_NS, KEY(produce), 8, &tell));
    EXPECT_EQ(tell.responses.at[0].partition_responses.at[0].error_code,
              KAFKA_INVALID_REQUIRED_ACKS);
    produce_acks(0, (struct bytes){ NULL, 0 }); /* nothing else can tell of it */
    EXPECT(!guest_answer(&g, 5 * SEC_NS, KEY(produce), 8, &tell) && g.ended);
    end();
}

TEST(produce, what_was_acknowledged_survives_power)
{
    begin(2);
    for (uint32_t i = 0; i < 20; i++)
        EXPECT_EQ(error_of(8, guest_packed(5, 40, NOW_MS, 1 + i % 4, false)), KAFKA_NONE);
    struct guest before = g;
    inn_restart();
    free(before.in);
    free(before.arena.at);
    guest_open(&g);
    struct kafka_fetch_response_partition f = guest_fetch(&g, "t", 0, 0, 0);
    EXPECT_EQ(f.error_code, KAFKA_NONE);
    EXPECT_EQ(f.high_watermark, 100);
    end();
}

/* ---- producers ---- */

static struct bytes numbered(int64_t id, int16_t epoch, int32_t sequence)
{
    struct bytes batch = guest_batch(2, 20, NOW_MS);
    uint8_t *at = (uint8_t *)(uintptr_t)batch.at;
    be64_put(at + 43, (uint64_t)id);
    be16_put(at + 51, (uint16_t)epoch);
    be32_put(at + 53, (uint32_t)sequence);
    batch_mend(batch);
    return batch;
}

TEST(produce, a_batch_sent_again_is_answered_with_where_it_is)
{
    /* Goal: the same answer as the first time, also after the power failed; a gap is 45, an older
     * epoch 47, a newer one begins at 0. */
    REQUEST(init_producer_id, ask);
    RESPONSE(init_producer_id, tell);
    ask.transactional_id.at = NULL;
    begin(2);
    guest_call(&g, KEY(init_producer_id), 4, &ask, &tell);
    EXPECT_EQ(tell.error_code, KAFKA_NONE);
    int64_t id = tell.producer_id;
    EXPECT(id >= 0);
    EXPECT_EQ(tell.producer_epoch, 0);
    guest_call(&g, KEY(init_producer_id), 1, &ask, &tell);
    EXPECT_NE(tell.producer_id, id);
    ask.transactional_id = text_bytes("tx");
    guest_call(&g, KEY(init_producer_id), 4, &ask, &tell);
    EXPECT_EQ(tell.error_code, KAFKA_UNSUPPORTED_VERSION);
    EXPECT_EQ(error_of(8, numbered(id, 0, 0)), KAFKA_NONE);
    EXPECT_EQ(error_of(8, numbered(id, 0, 2)), KAFKA_NONE);
    EXPECT_EQ(guest_produce(&g, 8, "t", 0, numbered(id, 0, 0)).base_offset, 0);
    EXPECT_EQ(guest_produce(&g, 8, "t", 0, numbered(id, 0, 2)).base_offset, 2);
    EXPECT_EQ(error_of(8, numbered(id, 0, 6)), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    EXPECT_EQ(error_of(8, numbered(id, 1, 0)), KAFKA_NONE);
    EXPECT_EQ(error_of(8, numbered(id, 0, 4)), KAFKA_INVALID_PRODUCER_EPOCH);
    struct guest before = g;
    inn_restart();
    free(before.in);
    free(before.arena.at);
    guest_open(&g);
    EXPECT_EQ(guest_produce(&g, 8, "t", 0, numbered(id, 1, 0)).base_offset, 4);
    EXPECT_EQ(guest_fetch(&g, "t", 0, 0, 0).high_watermark, 6);
    end();
}

TEST(produce, requests_of_a_connection_keep_their_order)
{
    /* Goal: a large compressed batch, which is looked into elsewhere, is not overtaken by the small
     * one behind it; answers come in order. Method: both are sent before an answer is taken. */
    begin(2);
    for (uint32_t round = 0; round < 5; round++) {
        struct kafka_produce_response tell;
        int32_t first = g.correlation + 1;
        produce_acks(-1, guest_packed(3000, 100, NOW_MS, 4, false));
        produce_acks(-1, guest_batch(1, 20, NOW_MS));
        for (int32_t i = 0; i < 2; i++) {
            REQUIRE(guest_answer(&g, 5 * SEC_NS, KEY(produce), 8, &tell));
            EXPECT_EQ(g.answered, first + i);
            EXPECT_EQ(tell.responses.at[0].partition_responses.at[0].base_offset,
                      round * 3001 + (uint32_t)i * 3000);
        }
    }
    end();
}
