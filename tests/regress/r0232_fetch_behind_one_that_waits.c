/* Answers go out in the order of requests, so a fetch that had its batches kept them for as long as
 * an older one of its connection waited for records: up to ten minutes, in which the memory of all
 * reads could be held by few clients. Goal: the older one waits no longer. Method: a fetch of an
 * empty partition that may wait, and one of a partition with records behind it. */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

static struct guest g;

static void fetch_ask(int32_t partition)
{
    guest_fetch_ask(&g, "t", partition, 0, KAFKA_WAIT_MAX_MS, (int32_t)MIB(1));
}

static size_t fetched(void)
{
    RESPONSE(fetch, tell);
    if (!EXPECT(guest_answer(&g, 5 * SEC_NS, KEY(fetch), 11, &tell)))
        return 0;
    EXPECT_EQ(tell.responses.at[0].partitions.at[0].error_code, KAFKA_NONE);
    return tell.responses.at[0].partitions.at[0].records.len;
}

TEST(r0232, fetch_behind_one_that_waits)
{
    inn_open(232, 1, NULL);
    guest_open(&g);
    (void)guest_topic(&g, "t", 2);
    struct bytes batch = guest_batch(3, 1000, 0);
    EXPECT_EQ(guest_produce(&g, 8, "t", 1, batch).error_code, KAFKA_NONE);
    fetch_ask(0);
    fetch_ask(1);
    EXPECT_EQ(fetched(), 0);
    EXPECT_EQ(fetched(), batch.len);
    guest_close(&g);
    inn_close();
}
