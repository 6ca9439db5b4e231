/* feed.c -- see feed.h.
 *
 * Frames lie one behind the other in one block; a round goes through them in order, so that one
 * system call sends what the window lets go, and only the correlation id of a frame changes. */
#include "bench/net/feed.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/common/socket.h"
#include "bench/net/raw.h"
#include "engine/base/le.h"
#include "engine/base/types.h"

#define WARM_S      0.2
#define SEND_MAX    KIB(256)
#define FIXED_BYTES (FRAME_HEADER_BYTES + 8u)
#define ANSWERS_MAX 512u

struct line {
    struct feed *feed;
    int fd;
    uint8_t *frames;
    size_t frame_bytes;
    struct frame heads[POOL_MAX];
    uint64_t queued, answered;   /* frames */
    uint64_t queued_at, sent_at; /* bytes, since the beginning */
    uint64_t asked_ns[FEED_WINDOW_MAX];
    uint64_t next_off[FEED_PARTS_MAX];
    bool known[FEED_PARTS_MAX];
    uint8_t in[ANSWERS_MAX * RAW_HEAD_BYTES];
    size_t have;
    bool counting, feeding;
    uint64_t count_from_ns;
};

/* ---- frames ---- */

static void line_open(struct line *l, struct feed *f)
{
    const struct pool *p = f->pool;
    l->feed = f;
    l->frame_bytes = FIXED_BYTES + p->bytes;
    l->frames = malloc(p->count * l->frame_bytes);
    if (!l->frames || f->topic.partitions > FEED_PARTS_MAX || f->window > FEED_WINDOW_MAX)
        die("a feed of %u partitions and %u in flight is not possible", f->topic.partitions,
            f->window);
    for (uint32_t i = 0; i < p->count; i++) {
        struct append_request ask = { .batch = { p->at[i], p->bytes } };
        struct fault fault;
        uint8_t *at = l->frames + i * l->frame_bytes;
        l->heads[i] = raw_frame(VERB_APPEND, &f->topic, i % f->topic.partitions, 0);
        if (!frame_make(at, l->frame_bytes, &l->heads[i], &ask, FRAME_PAYLOAD_MAX, &fault))
            die("a frame cannot be made");
        memcpy(at + FIXED_BYTES, p->at[i], p->bytes);
    }
    l->fd = raw_open(f->broker->port);
}

/* ---- out ---- */

static bool line_may(const struct line *l)
{
    const struct feed *f = l->feed;
    uint64_t unsent = (l->queued_at - l->sent_at) / l->frame_bytes;
    if (!l->feeding || l->queued - l->answered >= f->window || unsent + 1 >= f->pool->count)
        return false;
    double s = (double)(now_ns() - l->count_from_ns) / 1e9;
    return f->rate == 0 || (double)l->queued_at <= f->rate * s;
}

static void line_queue(struct line *l)
{
    while (line_may(l)) {
        uint32_t slot = (uint32_t)(l->queued % l->feed->pool->count);
        l->heads[slot].correlation = l->queued;
        frame_encode(&l->heads[slot], l->frames + slot * l->frame_bytes);
        l->asked_ns[l->queued % FEED_WINDOW_MAX] = now_ns();
        l->queued++;
        l->queued_at += l->frame_bytes;
    }
}

static bool line_send(struct line *l)
{
    size_t all = l->feed->pool->count * l->frame_bytes, at = l->sent_at % all;
    size_t len = min_u64(min_u64(l->queued_at - l->sent_at, all - at), SEND_MAX);
    if (!len)
        return false;
    size_t got = socket_send_some(l->fd, l->frames + at, len);
    l->sent_at += got;
    return got > 0;
}

/* ---- in ---- */

static void line_answer(struct line *l, const uint8_t *at)
{
    struct feed *f = l->feed;
    struct frame head = raw_answer(l->fd, at, l->have);
    uint64_t base_off = le64_get(at + FRAME_HEADER_BYTES);
    uint8_t bought = at[FRAME_HEADER_BYTES + 20];
    uint64_t asked = l->asked_ns[head.correlation % FEED_WINDOW_MAX];
    if (head.verb != VERB_APPEND || head.correlation >= l->queued ||
        bought != NATIVE_DURABILITY_MAX)
        die("an answer that does not fit: verb %u, durability %u", head.verb, bought);
    if (l->known[head.partition] && l->next_off[head.partition] != base_off)
        die("offset %llu acknowledged where %llu was next", (unsigned long long)base_off,
            (unsigned long long)l->next_off[head.partition]);
    l->known[head.partition] = true;
    l->next_off[head.partition] = base_off + f->pool->offsets;
    l->answered++;
    if (!l->counting)
        return;
    histogram_add(&f->latency, now_ns() - asked);
    f->bytes += (double)f->pool->bytes;
    f->records += f->pool->offsets;
}

static bool line_receive(struct line *l)
{
    bool wait =
        l->queued_at == l->sent_at && l->queued > l->answered && !line_may(l) && !l->feed->rate;
    size_t got = socket_receive(l->fd, l->in + l->have, sizeof(l->in) - l->have, wait), at = 0;
    l->have += got;
    for (; l->have - at >= RAW_HEAD_BYTES; at += RAW_HEAD_BYTES)
        line_answer(l, l->in + at);
    memmove(l->in, l->in + at, l->have - at);
    l->have -= at;
    return got > 0;
}

static void line_turn(struct line *l)
{
    line_queue(l);
    bool moved = line_send(l);
    if (line_receive(l) || moved)
        return;
    bool unsent = l->queued_at > l->sent_at;
    struct pollfd p = { .fd = l->fd, .events = (short)(POLLIN | (unsent ? POLLOUT : 0)) };
    poll(&p, 1, 1);
}

/* ---- one run ---- */

static bool feed_over(const struct line *l)
{
    const struct feed *f = l->feed;
    return (double)(now_ns() - l->count_from_ns) / 1e9 >= f->seconds ||
           (f->bytes_max > 0 && f->bytes >= f->bytes_max);
}

void feed_run(struct feed *f)
{
    struct line *l = calloc(1, sizeof(*l));
    if (!l)
        die("out of memory");
    line_open(l, f);
    l->feeding = true;
    l->count_from_ns = now_ns();
    l->counting = f->bytes_max > 0; /* what is to be there, counts from the first byte */
    while (!l->counting && now_ns() - l->count_from_ns < WARM_S * 1e9)
        line_turn(l);
    l->counting = true;
    double machine = machine_s(), client = cpu_s(), broker = broker_cpu_s(f->broker);
    l->count_from_ns = now_ns();
    while (!feed_over(l))
        line_turn(l);
    f->took_s += (double)(now_ns() - l->count_from_ns) / 1e9;
    f->broker_cpu_s += broker_cpu_s(f->broker) - broker;
    f->machine_cpu_s += machine_s() - machine - (cpu_s() - client);
    l->counting = f->bytes_max > 0;
    l->feeding = false;
    while (l->queued > l->answered)
        line_turn(l);
    close(l->fd);
    free(l->frames);
    free(l);
}
