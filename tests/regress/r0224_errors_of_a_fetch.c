/* Where memory was too short to look a topic up, a fetch was answered with REQUEST_TIMED_OUT for
 * the partition: Java's consumer knows no such answer of a fetch, and threw out of poll(). Goal: a
 * fetch is answered with what clients take for "try again", and never with a code that Java does
 * not know there. Method: a topic of many partitions, forgotten by the shard, is asked for with
 * more and more memory left; and the table of errors is gone through. */
#include "tests/test.h"
#include "tests/unit/net_kafka_front/guest.h"

#define MEMORY MIB(1)

static struct guest g;

/* Java's consumer goes on, or tells the application something that it can handle. */
static bool java_knows(int16_t code)
{
    static const int16_t known[] = {
        KAFKA_UNKNOWN_SERVER_ERROR, KAFKA_NONE,
        KAFKA_OFFSET_OUT_OF_RANGE,  KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
        KAFKA_KAFKA_STORAGE_ERROR,  KAFKA_NOT_LEADER_OR_FOLLOWER,
        KAFKA_UNKNOWN_TOPIC_ID,     KAFKA_FENCED_LEADER_EPOCH,
        KAFKA_UNKNOWN_LEADER_EPOCH,
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i] == code)
            return true;
    return false;
}

TEST(r0224, every_error)
{
    static const enum err all[] = {
#define ERR(name, code, retriable, text) ERR_##name,
#include <shardlog/err.def>
#undef ERR
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        EXPECT(java_knows((int16_t)kafka_error_of_fetch(all[i])));
}

/* With so many bytes left, and all topics to be looked up again; false: the connection ended. */
static bool fetched(uint64_t left, int16_t *code)
{
    static struct kafka_fetch_response tell;
    struct door_desk *d = &inn.door->desks[0];
    struct desk_kafka *k = d->own[0];
    guest_open(&g);
    uint64_t filled = d->memory_max - left - d->memory_used;
    k->topics_seen--;
    memory_move(d, filled);
    guest_fetch_ask(&g, "t", 0, 0, 10, KIB(64));
    bool answered = guest_answer(&g, SEC_NS, KEY(fetch), 11, &tell);
    memory_give(d, filled);
    guest_close(&g);
    if (answered)
        *code = tell.responses.at[0].partitions.at[0].error_code;
    return answered;
}

TEST(r0224, no_memory_for_the_topic)
{
    uint32_t again = 0, fine = 0;
    int16_t code;
    inn_open(224, 1, &(struct door_opts){ .memory_bytes = MEMORY });
    guest_open(&g);
    guest_topic(&g, "t", 1000);
    guest_close(&g);
    for (uint64_t left = MEMORY / 8 + KIB(4); left < MEMORY; left += KIB(8)) {
        if (!fetched(left, &code))
            continue;
        again += code == KAFKA_NOT_LEADER_OR_FOLLOWER;
        fine += code == KAFKA_NONE;
        EXPECT(java_knows(code));
    }
    EXPECT(again && fine);
    inn_close();
}
