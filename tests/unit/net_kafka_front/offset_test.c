/* offset_test.c -- places: both ends, by time, by epoch; and what is deleted from the beginning. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define NOW_MS 1700000000000

static struct guest g;

static void begin(uint32_t shards)
{
    inn_open(61, shards, NULL);
    guest_open(&g);
    guest_topic(&g, "t", 2);
}

static void end(void)
{
    guest_close(&g);
    inn_close();
}

static struct kafka_list_offsets_response_partition offset_of(int64_t time, int32_t epoch)
{
    REQUEST(list_offsets, ask);
    RESPONSE(list_offsets, tell);
    struct kafka_list_offsets_request_partition part = { 0, epoch, time };
    struct kafka_list_offsets_request_topic topic = { .name = text_bytes("t") };
    struct kafka_list_offsets_response_partition none = { .error_code = -1 };
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.replica_id = -1;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(list_offsets), 7, &ask, &tell);
    return EXPECT_EQ(tell.topics.count, 1) ? tell.topics.at[0].partitions.at[0] : none;
}

static void put(struct bytes batch)
{
    EXPECT_EQ(guest_produce(&g, 8, "t", 0, batch).error_code, KAFKA_NONE);
}

/* ---- by time ---- */

static void times_found(int codec, uint32_t count, size_t bytes)
{
    begin(2);
    for (uint32_t i = 0; i < 3; i++) {
        int64_t base_ms = NOW_MS + i * 100000;
        put(codec ? guest_packed(count, bytes, base_ms, codec, false)
                  : guest_batch(count, bytes, base_ms));
    }
    int64_t last = NOW_MS + 200000 + count - 1;
    EXPECT_EQ(offset_of(-1, -1).offset, 3 * count);
    EXPECT_EQ(offset_of(-2, -1).offset, 0);
    EXPECT_EQ(offset_of(0, -1).offset, 0);
    EXPECT_EQ(offset_of(NOW_MS + 5, -1).offset, 5);
    EXPECT_EQ(offset_of(NOW_MS + 5, -1).timestamp, NOW_MS + 5);
    EXPECT_EQ(offset_of(NOW_MS + count, -1).offset, count); /* between two batches */
    EXPECT_EQ(offset_of(NOW_MS + 100000 + count - 1, -1).offset, 2 * count - 1);
    EXPECT_EQ(offset_of(last, -1).offset, 3 * count - 1);
    EXPECT_EQ(offset_of(-3, -1).offset, 3 * count - 1);
    EXPECT_EQ(offset_of(-3, -1).timestamp, last);
    EXPECT_EQ(offset_of(last + 1, -1).offset, -1);
    EXPECT_EQ(offset_of(last + 1, -1).error_code, KAFKA_NONE);
    EXPECT_EQ(offset_of(-4, -1).error_code, KAFKA_UNSUPPORTED_VERSION);
    end();
}

TEST(offsets, by_time_find_the_record)
{
    /* Goal: the record, not the batch: plain, compressed, and compressed so that it is looked into
     * elsewhere. */
    times_found(0, 10, 50);
    for (int codec = 1; codec <= 4; codec++)
        times_found(codec, 10, 50);
    times_found(4, 3000, 100);
}

TEST(offsets, by_time_where_the_client_did_not_say_it)
{
    /* Goal: a compressed batch whose header lacks its largest time is found. */
    begin(1);
    struct bytes batch = guest_packed(10, 50, NOW_MS, 1, false);
    be64_put((uint8_t *)(uintptr_t)batch.at + 35, 0);
    batch_mend(batch);
    put(batch);
    EXPECT_EQ(offset_of(NOW_MS + 7, -1).offset, 7);
    end();
}

TEST(offsets, of_an_empty_partition)
{
    begin(1);
    EXPECT_EQ(offset_of(-1, -1).offset, 0);
    EXPECT_EQ(offset_of(-2, -1).offset, 0);
    EXPECT_EQ(offset_of(NOW_MS, -1).offset, -1);
    EXPECT_EQ(offset_of(-3, -1).offset, -1);
    EXPECT_EQ(offset_of(-3, -1).error_code, KAFKA_NONE);
    end();
}

TEST(offsets, who_is_named_twice_is_refused)
{
    /* Goal: as in Kafka, in whatever place it stands; all others are answered. */
    REQUEST(list_offsets, ask);
    RESPONSE(list_offsets, tell);
    struct kafka_list_offsets_request_partition twice[] = { { 1, -1, 5 }, { 0, -1, 5 } };
    struct kafka_list_offsets_request_partition once[] = { { 2, -1, 5 }, { 1, -1, -1 } };
    static struct kafka_list_offsets_request_topic topics[3];
    begin(1);
    guest_topic(&g, "u", 2);
    for (uint32_t i = 0; i < 3; i++) {
        topics[i].name = text_bytes(i == 1 ? "u" : "t");
        topics[i].partitions.at = i == 2 ? once : twice;
        topics[i].partitions.count = 2;
    }
    ask.topics.at = topics;
    ask.topics.count = 3;
    guest_call(&g, KEY(list_offsets), 7, &ask, &tell);
    static const int16_t errors[] = {
        KAFKA_INVALID_REQUEST, KAFKA_NONE, KAFKA_NONE, KAFKA_NONE, KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
        KAFKA_INVALID_REQUEST
    };
    for (uint32_t i = 0; i < 6; i++)
        EXPECT_EQ(tell.topics.at[i / 2].partitions.at[i % 2].error_code, errors[i]);
    end();
}

/* ---- epochs ---- */

static int32_t epoch_now(void)
{
    REQUEST(metadata, ask);
    RESPONSE(metadata, tell);
    struct kafka_metadata_request_topic topic = { .name = text_bytes("t") };
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(metadata), 12, &ask, &tell);
    return EXPECT_EQ(tell.topics.count, 1) ? tell.topics.at[0].partitions.at[0].leader_epoch : -2;
}

static struct kafka_offset_for_leader_epoch_response_partition end_of(int32_t epoch, int32_t now)
{
    REQUEST(offset_for_leader_epoch, ask);
    RESPONSE(offset_for_leader_epoch, tell);
    struct kafka_offset_for_leader_epoch_request_partition part = { 0, now, epoch };
    struct kafka_offset_for_leader_epoch_request_topic topic = { .topic = text_bytes("t") };
    struct kafka_offset_for_leader_epoch_response_partition none = { .error_code = -1 };
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(offset_for_leader_epoch), 4, &ask, &tell);
    return EXPECT_EQ(tell.topics.count, 1) ? tell.topics.at[0].partitions.at[0] : none;
}

static void restart(void)
{
    struct guest before = g;
    inn_restart();
    free(before.in);
    free(before.arena.at);
    guest_open(&g);
}

TEST(epochs, rise_with_each_start_and_say_where_they_ended)
{
    /* Goal: metadata's epoch never falls, is the same before and after the first append, and a
     * client's older or newer one is told apart. */
    begin(2);
    int32_t first = epoch_now();
    EXPECT(first >= 0);
    put(guest_batch(5, 50, NOW_MS));
    EXPECT_EQ(epoch_now(), first);
    EXPECT_EQ(end_of(first, first).end_offset, 5);
    EXPECT_EQ(end_of(first, first).leader_epoch, first);
    restart();
    int32_t second = epoch_now();
    EXPECT(second > first);
    EXPECT_EQ(end_of(first, second).end_offset, 5);
    EXPECT_EQ(end_of(first, second).leader_epoch, first);
    EXPECT_EQ(end_of(second, second).end_offset, 5); /* nothing was appended in it */
    EXPECT_EQ(end_of(second, second).leader_epoch, second);
    put(guest_batch(5, 50, NOW_MS));
    EXPECT_EQ(epoch_now(), second);
    EXPECT_EQ(end_of(first, -1).end_offset, 5);
    EXPECT_EQ(end_of(second, -1).end_offset, 10);
    EXPECT_EQ(end_of(second + 1, -1).end_offset, -1);
    EXPECT_EQ(end_of(second, first).error_code, KAFKA_FENCED_LEADER_EPOCH);
    EXPECT_EQ(end_of(second, second + 1).error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
    EXPECT_EQ(offset_of(-1, first).error_code, KAFKA_FENCED_LEADER_EPOCH);
    EXPECT_EQ(offset_of(-1, second + 1).error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
    EXPECT_EQ(offset_of(-1, second).offset, 10);
    end();
}

static struct kafka_fetch_response_partition fetch_after(int64_t off, int32_t last, int32_t now)
{
    REQUEST(fetch, ask);
    RESPONSE(fetch, tell);
    struct kafka_fetch_request_partition part;
    struct kafka_fetch_request_topic topic = { .topic = text_bytes("t") };
    struct kafka_fetch_response_partition none = { .error_code = -1 };
    kafka_unset(kafka_fetch_request_partition_shape(), &part);
    part.fetch_offset = off;
    part.last_fetched_epoch = last;
    part.current_leader_epoch = now;
    part.partition_max_bytes = 1000;
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.max_bytes = 10000;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(fetch), 12, &ask, &tell);
    return EXPECT_EQ(tell.responses.count, 1) ? tell.responses.at[0].partitions.at[0] : none;
}

TEST(epochs, a_fetch_is_told_where_logs_part)
{
    begin(2);
    put(guest_batch(5, 50, NOW_MS));
    int32_t first = epoch_now();
    restart();
    int32_t second = epoch_now();
    put(guest_batch(5, 50, NOW_MS));
    EXPECT_EQ(fetch_after(0, -1, first).error_code, KAFKA_FENCED_LEADER_EPOCH);
    EXPECT_EQ(fetch_after(0, -1, second + 1).error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
    EXPECT(fetch_after(5, first, second).records.len > 0);
    struct kafka_fetch_response_partition p = fetch_after(8, first, second);
    EXPECT_EQ(p.error_code, KAFKA_NONE);
    EXPECT_EQ(p.records.len, 0);
    EXPECT_EQ(p.diverging_epoch.epoch, first);
    EXPECT_EQ(p.diverging_epoch.end_offset, 5);
    end();
}

/* ---- DeleteRecords ---- */

static struct kafka_delete_records_response_partition trimmed(int64_t off)
{
    REQUEST(delete_records, ask);
    RESPONSE(delete_records, tell);
    struct kafka_delete_records_request_partition part = { 0, off };
    struct kafka_delete_records_request_topic topic = { .name = text_bytes("t") };
    struct kafka_delete_records_response_partition none = { .error_code = -1 };
    topic.partitions.at = &part;
    topic.partitions.count = 1;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    guest_call(&g, KEY(delete_records), 2, &ask, &tell);
    return EXPECT_EQ(tell.topics.count, 1) ? tell.topics.at[0].partitions.at[0] : none;
}

TEST(trim, moves_the_beginning)
{
    begin(2);
    put(guest_batch(10, 50, NOW_MS));
    EXPECT_EQ(trimmed(4).low_watermark, 4);
    EXPECT_EQ(offset_of(-2, -1).offset, 4);
    EXPECT_EQ(offset_of(0, -1).offset, 4);
    EXPECT_EQ(guest_fetch(&g, "t", 0, 3, 0).error_code, KAFKA_OFFSET_OUT_OF_RANGE);
    EXPECT_EQ(trimmed(11).error_code, KAFKA_OFFSET_OUT_OF_RANGE);
    EXPECT_EQ(trimmed(-2).error_code, KAFKA_OFFSET_OUT_OF_RANGE);
    EXPECT_EQ(trimmed(-1).low_watermark, 10);
    EXPECT_EQ(offset_of(-2, -1).offset, 10);
    end();
}
