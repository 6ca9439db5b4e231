/* kafka_stream.c -- hostile streams at the Kafka protocol's front, in the simulator.
 *
 * Input: a list of steps, each a byte and what it needs; see enum step. They make a stream out of
 * raw bytes, frames of any content, and sound requests; it is sent in the pieces that the input
 * says, to a broker that lives on from input to input. What must hold:
 *
 * - memory stays within the shard's budget and one frame;
 * - when the connection is gone, nothing is left of it: no request, no memory, no connection;
 * - another connection is served as before.
 */
#include "tests/fuzz/broker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX   KIB(256)
#define INPUT_MAX ((size_t)1 << 14)

enum step {
    STEP_RAW,   /* count, bytes: as they are */
    STEP_FRAME, /* count (two bytes), bytes: a request, header and body; its length is put before */
    STEP_PRODUCE, /* partition, codec: a sound batch */
    STEP_FETCH,   /* offset, wait: of all partitions */
    STEP_TOPICS,  /* metadata of all topics, or makes one */
    STEP_PASS,    /* milliseconds, times four */
    STEP_END,     /* nothing more is sent */
    STEPS
};
#define STEP_FLUSH 0x80u /* what was made goes out, then a millisecond passes */

static uint8_t out[OUT_MAX];
static size_t out_len;

/* ---- steps ---- */

static void flush(void)
{
    if (out_len && !bad.send.busy && !bad.ended) {
        static uint8_t sent[OUT_MAX]; /* borrowed until it is gone */
        memcpy(sent, out, out_len);
        guest_put_start(&bad, sent, out_len);
    }
    out_len = 0;
    broker_pass();
}

static void put(struct bytes b)
{
    if (out_len + b.len > OUT_MAX)
        flush();
    if (b.len)
        memcpy(out + out_len, b.at, b.len);
    out_len += b.len;
}

static void put_frame(struct input *in)
{
    uint8_t length[4];
    uint32_t count = input_byte(in);
    count |= (uint32_t)input_byte(in) << 8;
    struct bytes frame = input_bytes(in, count);
    be32_put(length, (uint32_t)frame.len);
    put((struct bytes){ length, sizeof(length) });
    put(frame);
}

static void put_request(int16_t key, int16_t version, const void *request)
{
    static uint8_t at[KIB(80)];
    put((struct bytes){ at, guest_make(&bad, key, version, request, at, sizeof(at)) });
}

static void put_produce(struct input *in)
{
    REQUEST(produce, ask);
    uint8_t a = input_byte(in), b = input_byte(in);
    struct bytes batch =
        b % 5 ? guest_packed(1 + a, 100, 5, b % 5, a & 1) : guest_batch(1 + a % 20, 100, 5);
    struct kafka_produce_request_partition_data part = { a % 3, batch };
    struct kafka_produce_request_topic_data data = { .name = text_bytes("t") };
    data.partition_data.at = &part;
    data.partition_data.count = 1;
    ask.acks = (int16_t)(b % 3 - 1);
    ask.topic_data.at = &data;
    ask.topic_data.count = 1;
    put_request(KEY(produce), 3 + a % 9, &ask);
}

static void put_fetch(struct input *in)
{
    REQUEST(fetch, ask);
    uint8_t a = input_byte(in), b = input_byte(in);
    struct kafka_fetch_request_partition parts[2];
    struct kafka_fetch_request_topic topic = { .topic = text_bytes("t") };
    for (int32_t i = 0; i < 2; i++) {
        kafka_unset(kafka_fetch_request_partition_shape(), &parts[i]);
        parts[i].partition = i;
        parts[i].fetch_offset = a;
        parts[i].partition_max_bytes = 1 << b % 21;
    }
    topic.partitions.at = parts;
    topic.partitions.count = 2;
    ask.max_wait_ms = b * 100;
    ask.min_bytes = 1;
    ask.max_bytes = 1 << a % 24;
    ask.topics.at = &topic;
    ask.topics.count = 1;
    put_request(KEY(fetch), 4 + a % 9, &ask);
}

static void put_topics(struct input *in)
{
    REQUEST(metadata, ask);
    uint8_t a = input_byte(in);
    char name[2] = { (char)('a' + a % 20), 0 };
    struct kafka_metadata_request_topic topic = { .name = text_bytes(name) };
    ask.topics.at = a & 0x80 ? &topic : NULL;
    ask.topics.count = a & 0x80 ? 1 : 0;
    put_request(KEY(metadata), 1 + a % 12, &ask);
}

static bool step(struct input *in)
{
    uint8_t head = input_byte(in), what = (head & ~STEP_FLUSH) % STEPS;
    if (what == STEP_RAW) {
        put(input_bytes(in, input_byte(in)));
    } else if (what == STEP_FRAME) {
        put_frame(in);
    } else if (what == STEP_PRODUCE) {
        put_produce(in);
    } else if (what == STEP_FETCH) {
        put_fetch(in);
    } else if (what == STEP_TOPICS) {
        put_topics(in);
    } else if (what == STEP_PASS) {
        flush();
        node_pass(&inn.node, 4 * MS_NS * input_byte(in));
    } else {
        flush();
        if (!bad.send.busy && !bad.ended)
            io_send_end(inn.io, bad.fd);
        node_pass(&inn.node, 10 * MS_NS);
        return false;
    }
    if (head & STEP_FLUSH)
        flush();
    bad.in_len = bad.in_at = 0; /* what it is told is not looked at */
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    if (size > INPUT_MAX)
        return 0;
    broker_fresh("t");
    guest_open(&bad);
    while (in.left && step(&in) && !bad.ended)
        continue;
    flush();
    guest_close(&bad);
    broker_left_nothing();
    broker_serves();
    return 0;
}
