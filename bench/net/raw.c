/* raw.c -- see raw.h. */
#include "bench/net/raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "engine/base/le.h"
#include "engine/io/socket.h"

static const struct io_socket_opts settings = { .congestion = "cubic" };

void raw_send(int fd, const void *at, size_t len)
{
    for (const uint8_t *from = at; len;) {
        ssize_t got = send(fd, from, len, MSG_NOSIGNAL);
        if (got <= 0)
            die("the broker is gone: %s", strerror(errno));
        from += got;
        len -= (size_t)got;
    }
}

size_t raw_receive(int fd, void *at, size_t len, bool wait)
{
    ssize_t got = recv(fd, at, len, wait ? 0 : MSG_DONTWAIT);
    if (got > 0)
        return (size_t)got;
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        die("the broker is gone: %s", got ? strerror(errno) : "it closed");
    return 0;
}

static void receive_all(int fd, void *at, size_t len)
{
    for (uint8_t *to = at; len;) {
        size_t got = raw_receive(fd, to, len, true);
        to += got;
        len -= got;
    }
}

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
    raw_send(fd, bytes, len);
    receive_all(fd, bytes, FRAME_HEADER_BYTES);
    f.payload_bytes = le32_get(bytes + 36);
    if (f.payload_bytes > sizeof(bytes) - FRAME_HEADER_BYTES)
        die("the answer to hello has %u bytes", f.payload_bytes);
    receive_all(fd, bytes + FRAME_HEADER_BYTES, f.payload_bytes);
    raw_answer(fd, bytes, FRAME_HEADER_BYTES + f.payload_bytes);
}

int raw_open(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    io_socket_tune(NULL, fd, &settings);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect: %s", strerror(errno));
    hello(fd);
    return fd;
}

void raw_close(int fd)
{
    close(fd);
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
    receive_all(fd, text + got, len - got);
    if (payload_decode(&f, (struct bytes){ text, len }, &p, &fault) == ERR_OK)
        die("%s was refused: %.*s", verb_name(f.verb), (int)p.error.text.len,
            (const char *)p.error.text.at);
    die("%s was refused", verb_name(f.verb));
}
