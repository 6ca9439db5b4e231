/* broker.h -- what the harnesses share that ask a whole broker in the simulator: it lives on from
 * input to input, and what a connection leaves behind is nothing.
 *
 * Thread     one.
 * Fails      check(): a finding.
 */
#ifndef TESTS_FUZZ_BROKER_H
#define TESTS_FUZZ_BROKER_H

#include "engine/base/check.h"
#include "tests/fuzz/steps.h"
#include "tests/unit/net_kafka_front/guest.h"

#define BROKER_MEMORY MIB(2)
#define FRAME_LARGEST KIB(128)
#define BROKER_SHARDS 2u
#define INPUTS_MAX    2500u /* then the broker is stopped, and another one started */

static struct guest good, bad;
static uint32_t inputs;

/* Now and then it is a new one, with a topic of that name. */
static inline void broker_fresh(const char *topic)
{
    if (inputs++ % INPUTS_MAX)
        return;
    if (inputs > 1) {
        guest_close(&good);
        inn_close();
    }
    inn_open(inputs, BROKER_SHARDS,
             &(struct door_opts){ .memory_bytes = BROKER_MEMORY, .frame_max = FRAME_LARGEST });
    guest_open(&good);
    guest_topic(&good, topic, 2);
}

static inline uint64_t broker_memory(void)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < BROKER_SHARDS; i++)
        used += inn.door->desks[i].memory_used;
    return used;
}

/* Memory stays within the shard's budget and one frame. */
static inline void broker_memory_check(void)
{
    for (uint32_t i = 0; i < BROKER_SHARDS; i++)
        check(inn.door->desks[i].memory_used <= BROKER_MEMORY / BROKER_SHARDS + FRAME_LARGEST);
}

/* A millisecond passes. */
static inline void broker_pass(void)
{
    node_pass(&inn.node, MS_NS);
    broker_memory_check();
}

/* The bad connection is gone, its requests and its memory. */
static inline void broker_left_nothing(void)
{
    for (uint32_t i = 0; i < 60 && broker_memory(); i++)
        node_pass(&inn.node, SEC_NS);
    check(broker_memory() == 0);
    check(inn_figure(METRIC_CONNECTIONS) == 1 && inn_figure(METRIC_REQUESTS) == 0);
}

/* The good one is served as before. */
static inline void broker_serves(void)
{
    check(guest_heard(&good));
}

#endif
