/* hold.h -- a broker with memory for one fetch and a half on each shard, and fetches of one large
 * batch: who holds one keeps the next one waiting. For regression tests of the Kafka front.
 *
 * Topic "t" has partitions on every shard; hold_partition(shard, i) is the i-th one there. */
#ifndef TESTS_REGRESS_HOLD_H
#define TESTS_REGRESS_HOLD_H

#include <stdlib.h>

#include "engine/serve/serve_in.h"
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define HOLD_BYTES      64000u /* of a batch; from 64 KiB on it would be lent, without memory */
#define HOLD_WAIT_MS    60000
#define HOLD_PARTITIONS 8

static struct guest hold_writer;
static struct topic_info *hold_topic;

static inline int32_t hold_partition(uint32_t shard, uint32_t i)
{
    for (int32_t p = 0; p < HOLD_PARTITIONS; p++)
        if (hold_topic->places[p].shard == shard && !i--)
            return p;
    EXPECT(!"a shard has too few partitions");
    return -1;
}

/* One batch into the i-th partition of a shard. */
static inline void hold_fill(uint32_t shard, uint32_t i)
{
    struct bytes batch = guest_batch(1, HOLD_BYTES, 5);
    int32_t partition = hold_partition(shard, i);
    EXPECT_EQ(guest_produce(&hold_writer, 9, "t", partition, batch).error_code, KAFKA_NONE);
}

static inline void hold_open(uint64_t seed, uint32_t shards)
{
    inn_open(seed, shards, NULL);
    for (uint32_t i = 0; i < shards; i++)
        inn.node.serve->desks[i].reads.max = KIB(100);
    guest_open(&hold_writer);
    guest_topic(&hold_writer, "t", HOLD_PARTITIONS);
    hold_topic = node_topic(&inn.node, "t");
    REQUIRE(hold_topic);
}

static inline void hold_close(void)
{
    guest_close(&hold_writer);
    for (uint32_t i = 0; i < inn.node.shards; i++)
        EXPECT_EQ(inn.node.serve->desks[i].reads.used, 0);
    free(hold_topic);
    inn_close();
}

/* Asks for the first batch of a partition. */
static inline void hold_ask(struct guest *g, int32_t partition, int32_t wait_ms)
{
    guest_fetch_ask(g, "t", partition, 0, wait_ms, (int32_t)MIB(1));
}

/* Bytes of records in the next answer. */
static inline size_t hold_told(struct guest *g)
{
    RESPONSE(fetch, tell);
    if (!EXPECT(guest_answer(g, 20 * SEC_NS, KEY(fetch), 11, &tell)) ||
        !EXPECT_EQ(tell.responses.count, 1))
        return 0;
    EXPECT_EQ(tell.responses.at[0].partitions.at[0].error_code, KAFKA_NONE);
    return tell.responses.at[0].partitions.at[0].records.len;
}

#endif
