/* Lists of all topics were in no budget before they were there, any number of them was under way at
 * once, and what a request for all topics took then was not waited for: some dozen at once, or one
 * connection with many, took gigabytes, and then all connections were cut. Goal: they are listed
 * one after another, wait for memory, and are answered. Method: a small memory, and many requests
 * for all topics: pipelined, while memory is away, and of one that goes while it waits for its
 * turn. */
#include <malloc.h>
#include <stdio.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

enum { TOPICS = 200, REQUESTS = 100, GUESTS = 8 };

static struct guest guests[GUESTS];
static uint64_t most;
static uint32_t (*beside)(void);

static uint64_t heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static uint32_t look(void)
{
    most = max_u64(most, heap());
    return beside();
}

static void begin(uint64_t seed, uint32_t shards, uint64_t memory)
{
    char name[220];
    inn_open(seed, shards, &(struct door_opts){ .memory_bytes = shards * memory });
    for (uint32_t i = 0; i < TOPICS; i++) {
        snprintf(name, sizeof(name), "%0200u", i);
        EXPECT_OK(node_create(&inn.node, name, 1, NULL, NULL));
    }
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_open(&guests[i]);
}

static void end(void)
{
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_close(&guests[i]);
    inn_close();
}

static void ask_all(struct guest *g, uint32_t count)
{
    static uint8_t at[KIB(64)];
    size_t len = 0;
    REQUEST(metadata, ask);
    ask.topics.at = NULL;
    for (uint32_t i = 0; i < count; i++)
        len += guest_make(g, KEY(metadata), 1, &ask, at + len, sizeof(at) - len);
    guest_put(g, at, len);
}

static bool told_all(struct guest *g, uint64_t ns)
{
    static struct kafka_metadata_response tell;
    if (!guest_answer(g, ns, KEY(metadata), 1, &tell))
        return false;
    return EXPECT_EQ(tell.topics.count, TOPICS) && EXPECT_EQ(tell.topics.at[7].error_code, 0);
}

TEST(r0229, many_at_once)
{
    begin(229, 2, MIB(2));
    beside = inn.node.beside;
    inn.node.beside = look;
    most = 0;
    uint64_t before = heap();
    for (uint32_t i = 0; i < GUESTS; i++)
        ask_all(&guests[i], REQUESTS);
    node_pass(&inn.node, SEC_NS);
    EXPECT(most <= before + MIB(6));
    inn.node.beside = beside;
    for (uint32_t i = 0; i < GUESTS; i++)
        for (uint32_t k = 0; k < REQUESTS; k++)
            REQUIRE(EXPECT(told_all(&guests[i], SEC_NS)));
    end();
}

TEST(r0229, memory_comes_back)
{
    begin(2290, 1, MIB(1));
    struct door_desk *d = &inn.door->desks[0];
    uint64_t away = MIB(1) - MIB(1) / 8 - KIB(32);
    ask_all(&guests[0], 1);
    EXPECT(told_all(&guests[0], SEC_NS)); /* all are known */
    memory_move(d, away);
    ask_all(&guests[0], 2);
    EXPECT(!told_all(&guests[0], 3 * SEC_NS));
    EXPECT(guest_heard(&guests[1])); /* small ones go on */
    memory_give(d, away);
    EXPECT(told_all(&guests[0], SEC_NS) && told_all(&guests[0], SEC_NS));
    end();
}

TEST(r0229, who_goes_meanwhile)
{
    begin(2291, 1, MIB(2));
    for (uint32_t i = 0; i < GUESTS; i++)
        ask_all(&guests[i], 2);
    for (uint32_t i = 0; i < GUESTS; i += 2)
        guest_close(&guests[i]);
    for (uint32_t i = 1; i < GUESTS; i += 2)
        EXPECT(told_all(&guests[i], SEC_NS) && told_all(&guests[i], SEC_NS));
    end();
}
