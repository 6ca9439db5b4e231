/* native_stream.c -- hostile streams at the native protocol's server, in the simulator.
 *
 * Input: a list of steps, each a byte and what it needs; see enum step. They make a stream out of
 * raw bytes, frames whose checksums fit, and sound requests; it is sent in the pieces that the
 * input says, to a broker that lives on from input to input. What must hold:
 *
 * - memory stays within the shard's budget and one frame;
 * - when the connection is gone, nothing is left of it: no request, no memory, no connection;
 * - another connection is served as before.
 */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "tests/fuzz/steps.h"
#include "tests/unit/net_server/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BROKER_MEMORY MIB(1)
#define FRAME_LARGEST KIB(128)
#define OUT_MAX       KIB(256)
#define INPUT_MAX     ((size_t)1 << 14)
#define INPUTS_MAX    2000u /* then the broker is stopped, and another one started */

enum step {
    STEP_RAW,      /* count, bytes: as they are */
    STEP_FRAME,    /* verb, flags, partition, count, bytes: a frame whose checksums fit */
    STEP_CUT,      /* the same, and its length says more than follows */
    STEP_HELLO,    /* shard */
    STEP_APPEND,   /* partition, count: a sound batch */
    STEP_FETCH,    /* partition, offset, wait */
    STEP_PING,     /* count */
    STEP_PASS,     /* milliseconds, times four */
    STEP_END,      /* nothing more is sent */
    STEP_QUIET,    /* reads no more, or reads again */
    STEP_DESCRIBE, /* by name */
    STEP_TOPICS,
    STEPS
};
#define STEP_FLUSH 0x80u /* what was made goes out, then a millisecond passes */

static struct peer good, bad;
static struct id16 topic;
static uint32_t inputs;
static uint8_t out[OUT_MAX];
static size_t out_len;

/* ---- the broker ---- */

static void broker_fresh(void)
{
    if (inputs++ % INPUTS_MAX)
        return;
    if (inputs > 1) {
        peer_close(&good);
        broker_end();
    }
    broker_groups = true;
    broker_start(inputs, 2,
                 &(struct door_opts){ .memory_bytes = BROKER_MEMORY, .frame_max = FRAME_LARGEST });
    peer_open(&good);
    topic = peer_topic(&good, "t", 2);
}

static void memory_expect(void)
{
    for (uint32_t i = 0; i < 2; i++)
        check(world.door->desks[i].memory_used <= BROKER_MEMORY / 2 + FRAME_LARGEST);
}

/* ---- steps ---- */

static void flush(void)
{
    if (out_len && !bad.send.busy && !bad.ended) {
        static uint8_t sent[OUT_MAX]; /* borrowed until it is gone */
        memcpy(sent, out, out_len);
        peer_put_start(&bad, sent, out_len);
    }
    out_len = 0;
    node_pass(&world.node, MS_NS);
    memory_expect();
}

static void put(struct bytes b)
{
    if (out_len + b.len > OUT_MAX)
        flush();
    memcpy(out + out_len, b.at, b.len);
    out_len += b.len;
}

static void put_frame(struct input *in, bool cut)
{
    uint8_t at[FRAME_HEADER_BYTES];
    struct frame f = { .version = FRAME_VERSION, .correlation = 1, .topic = topic };
    f.verb = input_byte(in);
    f.flags = input_byte(in) & 3;
    f.partition = input_byte(in) % 3;
    struct bytes payload = input_bytes(in, input_byte(in));
    f.payload_bytes = (uint32_t)payload.len + (cut ? 100u * input_byte(in) : 0);
    f.payload_crc = crc32c(0, payload.at, min_u64(frame_checked_bytes(&f), payload.len));
    frame_encode(&f, at);
    put((struct bytes){ at, sizeof(at) });
    if (payload.len)
        put(payload);
}

static void put_request(uint32_t verb, uint32_t partition, const void *payload)
{
    static uint8_t at[KIB(80)];
    put((struct bytes){ at, peer_make(&bad, at, sizeof(at), verb, topic, partition, payload) });
}

static void step_sound(struct input *in, uint8_t what)
{
    uint32_t a = input_byte(in), b = input_byte(in);
    struct hello_request hello = peer_hello(a % 3);
    struct append_request append = { .durability = (uint8_t)(a % 4), .batch = peer_batch(b * 200) };
    struct fetch_request fetch = { .offset = b, .bytes_max = 1u << b % 21, .bytes_min = 1 };
    struct ping ping = { .bytes = { out, b * 100 } };
    struct describe_request describe = { .name = text_of("t") };
    struct topics_request topics = { .count_max = a };
    fetch.wait_ms = a * 100;
    switch (what) {
    case STEP_HELLO:
        put_request(VERB_HELLO, 0, &hello);
        break;
    case STEP_APPEND:
        put_request(VERB_APPEND, a % 2, &append);
        break;
    case STEP_FETCH:
        put_request(VERB_FETCH, a % 2, &fetch);
        break;
    case STEP_PING:
        put_request(VERB_PING, 0, &ping);
        break;
    case STEP_DESCRIBE:
        put_request(VERB_DESCRIBE, 0, &describe);
        break;
    default:
        put_request(VERB_TOPICS, 0, &topics);
        break;
    }
}

static bool step(struct input *in)
{
    uint8_t head = input_byte(in), what = (head & ~STEP_FLUSH) % STEPS;
    switch (what) {
    case STEP_RAW:
        put(input_bytes(in, input_byte(in)));
        break;
    case STEP_FRAME:
    case STEP_CUT:
        put_frame(in, what == STEP_CUT);
        break;
    case STEP_PASS:
        flush();
        node_pass(&world.node, 4 * MS_NS * input_byte(in));
        break;
    case STEP_END:
        flush();
        if (bad.send.busy || bad.ended)
            return false;
        io_send_end(world.io, bad.fd);
        node_pass(&world.node, 10 * MS_NS);
        return false;
    case STEP_QUIET:
        bad.quiet = !bad.quiet;
        break;
    default:
        step_sound(in, what);
        break;
    }
    if (head & STEP_FLUSH)
        flush();
    bad.in_len = bad.in_at = 0; /* what it is told is not looked at */
    return true;
}

static void left_nothing(void)
{
    for (uint32_t i = 0; i < 20 && broker_memory(); i++)
        node_pass(&world.node, SEC_NS);
    check(broker_memory() == 0);
    check(broker_figure(METRIC_CONNECTIONS) == 1 && broker_figure(METRIC_REQUESTS) == 0);
    peer_ping(&good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    if (size > INPUT_MAX)
        return 0;
    broker_fresh();
    peer_connect(&bad);
    while (in.left && step(&in) && !bad.ended)
        continue;
    flush();
    peer_close(&bad);
    left_nothing();
    return 0;
}
