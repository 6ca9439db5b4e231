/* raw.c -- see raw.h. */
#include "bench/net/raw.h"

#include <string.h>

#include "bench/common/common.h"
#include "bench/common/socket.h"
#include "engine/base/le.h"

static void hello(int fd)
{
    uint8_t bytes[FRAME_HEADER_BYTES + 10000];
    struct hello_request ask = { .version_min = FRAME_VERSION,
                                 .version_max = FRAME_VERSION,
                                 .frame_max = (uint32_t)MIB(16),
                                 .wanted_shard = SHARD_ANY };
    struct frame f = { .version = FRAME_VERSION, .verb = VERB_HELLO };
    struct fault fault;
    size_t len = frame_make(bytes, sizeof(bytes), &f, &ask, FRAME_FIRST_MAX, &fault);
    socket_send(fd, bytes, len);
    socket_receive_all(fd, bytes, FRAME_HEADER_BYTES);
    f.payload_bytes = le32_get(bytes + 36);
    if (f.payload_bytes > sizeof(bytes) - FRAME_HEADER_BYTES)
        die("the answer to hello has %u bytes", f.payload_bytes);
    socket_receive_all(fd, bytes + FRAME_HEADER_BYTES, f.payload_bytes);
    raw_answer(fd, bytes, FRAME_HEADER_BYTES + f.payload_bytes);
}

int raw_open(uint16_t port)
{
    int fd = socket_open(port);
    hello(fd);
    return fd;
}

struct frame raw_frame(enum native_verb verb, const struct sl_client_topic *t, uint32_t partition,
                       uint64_t correlation)
{
    struct frame f = { .version = FRAME_VERSION,
                       .verb = (uint8_t)verb,
                       .partition = partition,
                       .correlation = correlation };
    memcpy(&f.topic, t->id, sizeof(t->id));
    return f;
}

struct frame raw_answer(int fd, const uint8_t *at, size_t have)
{
    const struct frame_gate gate = { .version = FRAME_VERSION,
                                     .answers = true,
                                     .payload_max = FRAME_PAYLOAD_MAX };
    uint8_t text[FRAME_ERROR_MAX];
    struct frame f;
    struct fault fault = { 0 };
    union payload p;
    if (frame_decode(at, &gate, &f, &fault) != ERR_OK)
        die("an answer of the broker is no frame");
    if (!frame_is_error(&f))
        return f;
    size_t len = min_u64(f.payload_bytes, sizeof(text)),
           got = min_u64(len, have - FRAME_HEADER_BYTES);
    memcpy(text, at + FRAME_HEADER_BYTES, got);
    socket_receive_all(fd, text + got, len - got);
    if (payload_decode(&f, (struct bytes){ text, len }, &p, &fault) == ERR_OK)
        die("%s was refused: %.*s", verb_name(f.verb), (int)p.error.text.len,
            (const char *)p.error.text.at);
    die("%s was refused", verb_name(f.verb));
}
