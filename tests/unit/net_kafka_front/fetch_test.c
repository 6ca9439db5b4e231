/* fetch_test.c -- what a fetch gives, when it waits, and what it says of places that are none. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define NOW_MS 1700000000000

static struct guest g, other;
static struct id16 topic;

static void begin(uint32_t shards, const struct door_opts *opts)
{
    inn_open(51, shards, opts);
    guest_open(&g);
    guest_open(&other);
    topic = guest_topic(&g, "t", 4);
}

static void end(void)
{
    guest_close(&other);
    guest_close(&g);
    inn_close();
}

static int64_t put(int32_t partition, uint32_t count, size_t bytes)
{
    struct kafka_produce_response_partition_response p =
        guest_produce(&other, 8, "t", partition, guest_batch(count, bytes, NOW_MS));
    EXPECT_EQ(p.error_code, KAFKA_NONE);
    return p.base_offset;
}

/* ---- a request of several partitions, all from offset 0 ---- */

static struct kafka_fetch_request_partition parts[24];
static struct kafka_fetch_request_topic of_topic;

static struct kafka_fetch_request request_of(uint32_t count, int16_t version)
{
    REQUEST(fetch, ask);
    for (uint32_t i = 0; i < count; i++) {
        kafka_unset(kafka_fetch_request_partition_shape(), &parts[i]);
        parts[i].partition = (int32_t)i;
        parts[i].partition_max_bytes = (int32_t)MIB(1);
    }
    of_topic = (struct kafka_fetch_request_topic){ .topic = text_bytes("t") };
    of_topic.topic_id = topic;
    if (version >= 13)
        of_topic.topic = (struct bytes){ (const uint8_t *)kafka_nothing, 0 };
    of_topic.partitions.at = parts;
    of_topic.partitions.count = count;
    ask.min_bytes = 1;
    ask.max_bytes = (int32_t)MIB(8);
    ask.topics.at = &of_topic;
    ask.topics.count = 1;
    return ask;
}

static struct kafka_fetch_response_partition *part_of(struct kafka_fetch_response *tell, uint32_t i)
{
    static struct kafka_fetch_response_partition none = { .error_code = -1 };
    bool there = EXPECT_EQ(tell->error_code, KAFKA_NONE) && EXPECT_EQ(tell->responses.count, 1) &&
                 EXPECT(i < tell->responses.at[0].partitions.count);
    return there ? &tell->responses.at[0].partitions.at[i] : &none;
}

TEST(fetch, every_version_gives_the_same)
{
    /* Goal: batches as they were sent, in all versions and both encodings, of all partitions of a
     * request, wherever they lie. */
    struct kafka_fetch_response tell;
    begin(3, NULL);
    for (int32_t i = 0; i < 4; i++)
        put(i, 3 + (uint32_t)i, 100);
    for (int16_t version = 4; version <= 13; version++) {
        struct kafka_fetch_request ask = request_of(4, version);
        guest_call(&g, KEY(fetch), version, &ask, &tell);
        for (uint32_t i = 0; i < 4; i++) {
            struct kafka_fetch_response_partition *p = part_of(&tell, i);
            struct batch_info info;
            EXPECT_EQ(p->error_code, KAFKA_NONE);
            EXPECT_EQ(p->high_watermark, 3 + i);
            EXPECT_EQ(p->last_stable_offset, 3 + i);
            REQUIRE_OK(batch_peek(p->records, &info));
            EXPECT_EQ(info.record_count, 3 + i);
            EXPECT_EQ(info.bytes, p->records.len);
            EXPECT(batch_crc_ok(p->records));
        }
    }
    end();
}

TEST(fetch, begins_with_the_batch_that_has_the_offset)
{
    struct batch_info info;
    begin(2, NULL);
    put(0, 10, 50);
    put(0, 10, 50);
    struct kafka_fetch_response_partition p = guest_fetch(&g, "t", 0, 15, 0);
    REQUIRE_OK(batch_peek(p.records, &info));
    EXPECT_EQ(info.base_off, 10);
    EXPECT_EQ(info.bytes, p.records.len);
    end();
}

TEST(fetch, waits_for_records)
{
    /* Goal: a fetch at the end is answered when something comes, not before, and empty when the
     * time is over; requests behind it are answered after it. */
    struct kafka_fetch_response tell;
    struct kafka_api_versions_response versions;
    begin(2, NULL);
    put(1, 1, 50);
    struct kafka_fetch_request ask = request_of(2, 11);
    parts[1].fetch_offset = 1;
    ask.max_wait_ms = 5000;
    guest_ask(&g, KEY(fetch), 11, &ask);
    int32_t first = g.correlation;
    REQUEST(api_versions, hello);
    guest_ask(&g, KEY(api_versions), 2, &hello);
    EXPECT(!guest_answer(&g, 2 * SEC_NS, KEY(fetch), 11, &tell));
    put(1, 1, 50);
    REQUIRE(guest_answer(&g, 100 * MS_NS, KEY(fetch), 11, &tell));
    EXPECT_EQ(g.answered, first);
    EXPECT_EQ(part_of(&tell, 0)->records.len, 0);
    EXPECT(part_of(&tell, 1)->records.len > 0);
    REQUIRE(guest_answer(&g, 100 * MS_NS, KEY(api_versions), 2, &versions));
    EXPECT_EQ(g.answered, first + 1);
    struct kafka_fetch_response_partition p = guest_fetch(&g, "t", 1, 2, 300);
    EXPECT_EQ(p.error_code, KAFKA_NONE);
    EXPECT_EQ(p.records.len, 0);
    EXPECT_EQ(p.high_watermark, 2);
    end();
}

TEST(fetch, waits_for_as_much_as_was_asked_for)
{
    struct kafka_fetch_response tell;
    begin(1, NULL);
    struct kafka_fetch_request ask = request_of(1, 11);
    ask.max_wait_ms = 5000;
    ask.min_bytes = 1000;
    guest_ask(&g, KEY(fetch), 11, &ask);
    put(0, 1, 400);
    EXPECT(!guest_answer(&g, SEC_NS, KEY(fetch), 11, &tell));
    put(0, 1, 600);
    REQUIRE(guest_answer(&g, SEC_NS, KEY(fetch), 11, &tell));
    EXPECT(part_of(&tell, 0)->records.len >= 1000);
    end();
}

TEST(fetch, gives_one_batch_whatever_its_size)
{
    /* Goal: KIP-74: the first partition that has something gives a batch over every limit; what
     * then passes max_bytes is left out, and comes with the next one. */
    struct kafka_fetch_response tell;
    begin(2, NULL);
    put(1, 1, 60000);
    put(2, 1, 40000);
    struct kafka_fetch_request ask = request_of(4, 11);
    ask.max_bytes = 1000;
    for (uint32_t i = 0; i < 4; i++)
        parts[i].partition_max_bytes = 10;
    guest_call(&g, KEY(fetch), 11, &ask, &tell);
    EXPECT(part_of(&tell, 1)->records.len > 60000);
    EXPECT_EQ(part_of(&tell, 2)->records.len, 0);
    EXPECT_EQ(part_of(&tell, 2)->error_code, KAFKA_NONE);
    parts[1].fetch_offset = 1;
    guest_call(&g, KEY(fetch), 11, &ask, &tell);
    EXPECT(part_of(&tell, 2)->records.len > 40000);
    end();
}

/* A restart of the broker takes the connections. */
static void restart(void)
{
    struct guest before[2] = { g, other };
    inn_restart();
    for (uint32_t i = 0; i < 2; i++) {
        free(before[i].in);
        free(before[i].arena.at);
    }
    guest_open(&g);
    guest_open(&other);
}

#define WIDE 24u /* partitions: more pieces than one send takes */

TEST(fetch, is_whole_where_answers_are_larger_than_one_send)
{
    /* Goal: an answer of more pieces and bytes than a send takes arrives whole and in order, hot
     * and cold. */
    struct kafka_fetch_response tell;
    begin(2, NULL);
    guest_topic(&g, "w", (int32_t)WIDE);
    for (uint32_t k = 0; k < 2 * WIDE; k++)
        EXPECT_EQ(
            guest_produce(&g, 8, "w", (int32_t)(k % WIDE), guest_batch(10, 3000, k)).error_code,
            KAFKA_NONE);
    for (uint32_t pass = 0; pass < 2; pass++) {
        struct kafka_fetch_request ask = request_of(WIDE, 12);
        of_topic.topic = text_bytes("w");
        guest_call(&g, KEY(fetch), 12, &ask, &tell);
        for (uint32_t i = 0; i < WIDE; i++) {
            struct bytes left = part_of(&tell, i)->records;
            struct batch_info info;
            EXPECT(left.len > 60000);
            for (uint32_t k = 0; k < 2; k++) {
                REQUIRE_OK(batch_peek(left, &info));
                EXPECT_EQ(info.base_off, 10 * k);
                EXPECT_EQ(info.base_time, i + k * WIDE);
                EXPECT(batch_crc_ok(left));
                left = (struct bytes){ left.at + info.bytes, left.len - info.bytes };
            }
            EXPECT_EQ(left.len, 0);
        }
        if (pass == 0)
            restart();
    }
    end();
}

TEST(fetch, says_what_is_wrong_with_a_place)
{
    struct kafka_fetch_response tell;
    begin(2, NULL);
    put(0, 3, 50);
    EXPECT_EQ(guest_fetch(&g, "t", 0, 4, 0).error_code, KAFKA_OFFSET_OUT_OF_RANGE);
    EXPECT_EQ(guest_fetch(&g, "t", 0, -5, 0).error_code, KAFKA_OFFSET_OUT_OF_RANGE);
    EXPECT_EQ(guest_fetch(&g, "t", 0, 3, 0).error_code, KAFKA_NONE);
    EXPECT_EQ(guest_fetch(&g, "t", 9, 0, 5000).error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    EXPECT_EQ(guest_fetch(&g, "none", 0, 0, 5000).error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    struct kafka_fetch_request ask = request_of(1, 13);
    of_topic.topic_id = (struct id16){ { 9, 9, 9 } };
    guest_call(&g, KEY(fetch), 13, &ask, &tell);
    EXPECT_EQ(part_of(&tell, 0)->error_code, KAFKA_UNKNOWN_TOPIC_ID);
    ask = request_of(1, 11);
    ask.session_id = 5;
    ask.session_epoch = 1;
    guest_call(&g, KEY(fetch), 11, &ask, &tell);
    EXPECT_EQ(tell.error_code, KAFKA_FETCH_ID_NOT_FOUND);
    ask.session_id = 0;
    guest_call(&g, KEY(fetch), 11, &ask, &tell);
    EXPECT_EQ(tell.error_code, KAFKA_FETCH_ID_NOT_FOUND);
    end();
}

TEST(fetch, a_stop_ends_the_waiting)
{
    struct kafka_fetch_response tell;
    begin(2, NULL);
    struct kafka_fetch_request ask = request_of(4, 11);
    ask.max_wait_ms = 500000;
    guest_ask(&g, KEY(fetch), 11, &ask);
    EXPECT(!guest_answer(&g, SEC_NS, KEY(fetch), 11, &tell));
    inn_close();
    free(g.in);
    free(g.arena.at);
    free(other.in);
    free(other.arena.at);
}

TEST(fetch, many_that_hold_memory_do_not_wait_for_each_other)
{
    /* Goal: no standstill where the memory of reads is much less than what is asked for. Method:
     * cold data, guests that ask for all partitions at once, little memory; all are answered. */
    struct guest guests[6];
    struct kafka_fetch_response tell;
    begin(2, &(struct door_opts){ .memory_bytes = MIB(2) });
    for (uint32_t k = 0; k < 12; k++)
        for (int32_t i = 0; i < 4; i++)
            put(i, 1, 60000);
    restart();
    for (uint32_t i = 0; i < 6; i++)
        guest_open(&guests[i]);
    for (uint32_t i = 0; i < 6; i++) {
        struct kafka_fetch_request ask = request_of(4, 11);
        ask.max_wait_ms = 1000;
        guest_ask(&guests[i], KEY(fetch), 11, &ask);
    }
    for (uint32_t i = 0; i < 6; i++) {
        uint64_t bytes = 0;
        if (!EXPECT(guest_answer(&guests[i], 60 * SEC_NS, KEY(fetch), 11, &tell)))
            continue;
        for (uint32_t k = 0; k < 4; k++)
            bytes += part_of(&tell, k)->records.len;
        EXPECT(bytes > 60000);
    }
    for (uint32_t i = 0; i < 6; i++)
        guest_close(&guests[i]);
    end();
}
