/* kafka_api.c -- hostile requests of one Kafka API at a broker that remembers the ones before.
 *
 * KAFKA_API is the API's key; without it, each input keeps its own. Input: that of kafka.c, whose
 * corpus serves here, too: one byte that is passed over, then a request's header and body; the
 * version is brought into those that are served. What must hold: as for kafka_stream.c, and a
 * request is answered, or ends its connection, or waits for something that its API waits for.
 */
#include <stdlib.h>

#include "tests/fuzz/broker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX  ((size_t)1 << 14)
#define HEAD_BYTES 4u /* key and version */
#define WAITS_MS   4u /* so long an answer is waited for that may be none for now */
#define USES_MAX   64u
#define ENDS_HEARD 8u /* ends of bad connections between two questions of the good one */

static uint32_t uses; /* of the bad connection */
static uint32_t ends; /* of bad connections */

/* NULL: an API of no number, or one that nobody serves. */
static const struct kafka_api *api_of(const uint8_t *frame)
{
    const char *wanted = getenv("KAFKA_API");
    int16_t key = wanted ? (int16_t)atoi(wanted) : (int16_t)be16_get(frame);
    return handler_of(key) ? kafka_api(key) : NULL;
}

static bool waits(int16_t key)
{
    return key == KEY(join_group) || key == KEY(sync_group) || key == KEY(fetch);
}

static void bad_close(void)
{
    uses = 0;
    guest_close(&bad);
    broker_left_nothing();
    if (++ends % ENDS_HEARD == 0)
        broker_serves();
}

/* It is there, and has not been used too often. */
static void bad_ready(void)
{
    bool last = inputs % INPUTS_MAX == 0; /* of its broker */
    bool full = bad.in_len > GUEST_IN_BYTES / 2;
    if (uses && (uses == USES_MAX || bad.ended || full || last))
        bad_close();
    broker_fresh("t1");
    if (!uses++)
        guest_open(&bad);
}

/* The answer to what was asked last is there, all of it, and the request has left: else the rest of
 * either would be taken for the next one's. */
static bool bad_answered(void)
{
    size_t have = bad.in_len - bad.in_at;
    return !bad.send.busy && have >= 4 && have - 4 >= be32_get(bad.in + bad.in_at);
}

static bool bad_told(const void *none)
{
    (void)none;
    return bad_answered() || bad.ended;
}

static void ask(const struct kafka_api *api, const uint8_t *frame, size_t len)
{
    static uint8_t at[INPUT_MAX + HEAD_BYTES];
    int16_t versions = (int16_t)(api->last - api->served_first + 1);
    be32_put(at, (uint32_t)len);
    memcpy(at + 4, frame, len);
    be16_put(at + 4, (uint16_t)api->key);
    be16_put(at + 6, (uint16_t)(api->served_first + be16_get(frame + 2) % versions));
    bad.in_at = bad.in_len; /* a receive is under way behind what came so far */
    guest_put_start(&bad, at, 4 + len);
    node_within(&inn.node, waits(api->key) ? WAITS_MS * MS_NS : SEC_NS, bad_told, NULL);
    broker_memory_check();
    bool silent = api->key == KEY(produce); /* acks 0 */
    check(bad_answered() || bad.ended || silent || waits(api->key));
    if (!bad_answered())
        bad_close();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 + HEAD_BYTES || size > INPUT_MAX)
        return 0;
    const struct kafka_api *api = api_of(data + 1);
    if (!api)
        return 0;
    bad_ready();
    ask(api, data + 1, size - 1);
    return 0;
}
