/* drain.c -- see drain.h. */
#include "bench/net/drain.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/common/socket.h"
#include "bench/net/raw.h"
#include "engine/base/le.h"
#include "engine/base/types.h"

#define RECEIVE_BYTES KIB(256)

struct sink {
    struct drain *drain;
    int fd;
    uint32_t asked; /* fetches in flight */
    uint64_t at[FEED_PARTS_MAX];
    uint8_t head[RAW_HEAD_BYTES];
    size_t head_len;
    uint64_t skip; /* bytes of batches that are still to come */
    bool over;
};

static void sink_ask(struct sink *s, uint32_t partition)
{
    const struct drain *d = s->drain;
    uint8_t bytes[FRAME_HEADER_BYTES + 24];
    struct fetch_request ask = { .offset = s->at[partition], .bytes_max = d->bytes_max };
    struct frame f = raw_frame(VERB_FETCH, &d->topic, partition, partition);
    struct fault fault;
    size_t len = frame_make(bytes, sizeof(bytes), &f, &ask, FRAME_PAYLOAD_MAX, &fault);
    socket_send(s->fd, bytes, len);
    s->asked++;
}

static void sink_answer(struct sink *s)
{
    struct drain *d = s->drain;
    struct frame f = raw_answer(s->fd, s->head, s->head_len);
    uint32_t p = f.partition;
    uint64_t next = le64_get(s->head + FRAME_HEADER_BYTES);
    if (f.verb != VERB_FETCH || p >= d->topic.partitions || next < s->at[p])
        die("an answer that does not fit: verb %u, next offset %llu", f.verb,
            (unsigned long long)next);
    s->skip = f.payload_bytes - 24;
    if (next == s->at[p] && next < d->to[p])
        die("partition %u ends at offset %llu of %llu", p, (unsigned long long)next,
            (unsigned long long)d->to[p]);
    s->at[p] = next;
    d->bytes += (double)s->skip;
    d->answers++;
    s->asked--;
    if (s->at[p] >= d->to[p] && d->again)
        s->at[p] = d->from[p];
    if (s->at[p] < d->to[p] && !s->over)
        sink_ask(s, p);
    s->head_len = 0;
}

static void sink_take(struct sink *s, const uint8_t *at, size_t len)
{
    while (len) {
        size_t n = min_u64(s->skip, len);
        s->skip -= n;
        if (!n) {
            n = min_u64(RAW_HEAD_BYTES - s->head_len, len);
            memcpy(s->head + s->head_len, at, n);
            s->head_len += n;
            if (s->head_len == RAW_HEAD_BYTES)
                sink_answer(s);
        }
        at += n;
        len -= n;
    }
}

void drain_run(struct drain *d)
{
    static uint8_t buf[RECEIVE_BYTES];
    struct sink *s = calloc(1, sizeof(*s));
    if (!s)
        die("out of memory");
    s->drain = d;
    s->fd = raw_open(d->broker->port);
    memcpy(s->at, d->from, sizeof(s->at));
    double machine = machine_s(), client = cpu_s(), broker = broker_cpu_s(d->broker);
    uint64_t start = now_ns(), end = start + (uint64_t)(d->seconds * 1e9);
    for (uint32_t i = 0; i < d->topic.partitions; i++)
        if (d->from[i] < d->to[i])
            sink_ask(s, i);
    while (s->asked || s->skip) {
        sink_take(s, buf, socket_receive(s->fd, buf, sizeof(buf), true));
        s->over = now_ns() >= end;
    }
    d->took_s = (double)(now_ns() - start) / 1e9;
    d->broker_cpu_s = broker_cpu_s(d->broker) - broker;
    d->machine_cpu_s = machine_s() - machine - (cpu_s() - client);
    close(s->fd);
    free(s);
}
