/* Where memory.network was used up, by long polls for instance, requests were not put off: their
 * connections were cut, and cut again when they came back. Goal: a request waits until there is as
 * much as it takes, and is answered; only what can never have it, or waits for too long, ends its
 * connection. Method: fetches of many partitions that fill a small memory, one more; and memory
 * that comes back, or does not. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define MEMORY MIB(2)
#define GUESTS 5u

static struct guest guests[GUESTS];

static void begin(uint64_t seed)
{
    inn_open(seed, 1, &(struct door_opts){ .memory_bytes = MEMORY });
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_open(&guests[i]);
    guest_topic(&guests[0], "t", 4);
}

static void end(void)
{
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_close(&guests[i]);
    inn_close();
}

TEST(r0217, one_more_long_poll)
{
    begin(217);
    for (uint32_t i = 0; i < GUESTS; i++)
        guest_fetch_many(&guests[i], 500, 15000);
    for (uint32_t i = 0; i < GUESTS; i++)
        EXPECT(guest_fetched(&guests[i], 20 * SEC_NS));
    end();
}

TEST(r0217, memory_comes_back)
{
    struct door_desk *d;
    begin(2170);
    d = &inn.door->desks[0];
    memory_move(d, MEMORY - MEMORY / 8 - KIB(64));
    guest_fetch_many(&guests[0], 500, 0);
    guest_fetch_many(&guests[1], 500, 0);
    EXPECT(!guest_fetched(&guests[0], 3 * SEC_NS));
    EXPECT(!guest_fetched(&guests[1], SEC_NS));
    EXPECT(guest_heard(&guests[2])); /* small ones go on */
    memory_give(d, MEMORY - MEMORY / 8 - KIB(64));
    EXPECT(guest_fetched(&guests[0], SEC_NS));
    EXPECT(guest_fetched(&guests[1], SEC_NS));
    end();
}

TEST(r0217, memory_does_not_come_back)
{
    begin(2171);
    struct door_desk *d = &inn.door->desks[0];
    guest_fetch_many(&guests[0], 2000, 0); /* more than there is */
    EXPECT(!guest_fetched(&guests[0], SEC_NS));
    EXPECT(guests[0].ended);
    memory_move(d, MEMORY - MEMORY / 8 - KIB(64));
    guest_fetch_many(&guests[1], 500, 0);
    guest_fetch_many(&guests[2], 500, 0);
    guest_close(&guests[2]); /* while it waits */
    EXPECT(!guest_fetched(&guests[1], 5 * SEC_NS));
    EXPECT(!guests[1].ended);
    EXPECT(!guest_fetched(&guests[1], 10 * SEC_NS));
    EXPECT(guests[1].ended);
    memory_give(d, MEMORY - MEMORY / 8 - KIB(64));
    EXPECT(guest_heard(&guests[3]));
    end();
}
