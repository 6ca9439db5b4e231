/* kafka_holes_test.c -- answers around batches that are sent from where they lie. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "net/kafka/api.h"
#include "tests/test.h"

#define PARTS 5u

static struct kafka_fetch_response_partition parts[PARTS];
static struct kafka_fetch_response_response topic;
static struct kafka_fetch_response response;
static uint8_t records[PARTS][300];

static void response_make(void)
{
    kafka_unset(kafka_fetch_response_shape(), &response);
    kafka_unset(kafka_fetch_response_response_shape(), &topic);
    for (uint32_t i = 0; i < PARTS; i++) {
        kafka_unset(kafka_fetch_response_partition_shape(), &parts[i]);
        memset(records[i], (int)(0x40 + i), sizeof(records[i]));
        parts[i].partition_index = (int32_t)i;
        parts[i].records = (struct bytes){ records[i], i == 2 ? 0 : 60 * (i + 1) };
    }
    topic.topic = (struct bytes){ (const uint8_t *)"t", 1 };
    topic.partitions.at = parts;
    topic.partitions.count = PARTS;
    response.responses.at = &topic;
    response.responses.count = 1;
}

/* Bytes and batches, put together as a send does. */
static size_t join(uint8_t *to, const uint8_t *at, size_t len, const struct kafka_holes *holes,
                   const struct bytes *batches)
{
    size_t used = 0, from = 0;
    for (uint32_t i = 0; i < holes->count; i++) {
        memcpy(to + used, at + from, holes->pos[i] - from);
        used += holes->pos[i] - from;
        from = holes->pos[i];
        memcpy(to + used, batches[i].at, batches[i].len);
        used += batches[i].len;
    }
    memcpy(to + used, at + from, len - from);
    return used + len - from;
}

TEST(holes, joined_bytes_are_those_of_the_whole)
{
    /* Goal: in every version of Fetch, bytes around holes and the batches between them are what is
     * encoded with the batches inside. */
    const struct kafka_api *api = kafka_api(KAFKA_KEY_fetch);
    for (int16_t version = 4; version <= 13; version++) {
        static uint8_t whole[4096], around[4096], joined[8192];
        struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
        struct bytes batches[PARTS];
        uint64_t pos[PARTS], bytes, elsewhere = 0;
        struct kafka_holes holes = { .pos = pos, .cap = PARTS };
        size_t whole_len, len;
        uint32_t count = 0;
        response_make();
        EXPECT_OK(kafka_response_make(api, version, 9, &response, whole, sizeof(whole), &whole_len,
                                      &fault));
        for (uint32_t i = 0; i < PARTS; i++) {
            if (!parts[i].records.len)
                continue;
            batches[count++] = parts[i].records;
            elsewhere += parts[i].records.len;
            parts[i].records.at = kafka_elsewhere;
        }
        EXPECT_OK(kafka_response_size(api, version, &response, &bytes, &fault));
        EXPECT_EQ(bytes, whole_len - elsewhere);
        REQUIRE_OK(kafka_response_make_around(api, version, 9, &response, around, bytes, &len,
                                              &holes, elsewhere, &fault));
        EXPECT_EQ(len, bytes);
        EXPECT_EQ(holes.count, count);
        EXPECT_EQ(join(joined, around, len, &holes, batches), whole_len);
        EXPECT_BYTES(joined, whole, whole_len);
    }
}

TEST(holes, more_than_there_is_room_for_are_refused)
{
    const struct kafka_api *api = kafka_api(KAFKA_KEY_fetch);
    static uint8_t around[4096];
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    uint64_t pos[2];
    struct kafka_holes holes = { .pos = pos, .cap = 2 };
    size_t len;
    response_make();
    for (uint32_t i = 0; i < PARTS; i++)
        parts[i].records = (struct bytes){ kafka_elsewhere, 10 };
    EXPECT_ERR(kafka_response_make_around(api, 11, 9, &response, around, sizeof(around), &len,
                                          &holes, 50, &fault),
               ERR_TOO_LARGE);
    EXPECT_EQ(fault.kind, KAFKA_FAULT_SPACE);
}
