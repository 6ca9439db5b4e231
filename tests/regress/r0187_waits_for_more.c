/* A request that waited for memory began again, needed more than it knew and waited again: it
 * started the timer that looks after those who wait, and so did the look that had begun it; the
 * broker ended. Goal: it goes on waiting, and is answered. Method: memory that comes back in small
 * pieces. */
#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define MEMORY MIB(2)
#define PIECE  KIB(16)

TEST(r0187, waits_for_more)
{
    struct guest g;
    inn_open(187, 1, &(struct door_opts){ .memory_bytes = MEMORY });
    guest_open(&g);
    guest_topic(&g, "t", 4);
    struct door_desk *d = &inn.door->desks[0];
    uint64_t held = MEMORY - MEMORY / 8 - KIB(64);
    memory_move(d, (int64_t)held);
    guest_fetch_many(&g, 500, 0);
    bool told = false;
    for (; held && !told; held -= min_u64(held, PIECE)) {
        told = guest_fetched(&g, 200 * MS_NS);
        memory_give(d, min_u64(held, PIECE));
    }
    EXPECT(told || guest_fetched(&g, SEC_NS));
    if (held)
        memory_give(d, held);
    guest_close(&g);
    inn_close();
}
