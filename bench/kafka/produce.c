/* produce.c -- see produce.h.
 *
 * The frames of a connection lie one behind the other in one block; a round goes through them in
 * order, so that one system call sends what the window lets go, and only the number of a frame
 * changes. */
#include "bench/kafka/produce.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "bench/common/socket.h"
#include "bench/kafka/request.h"
#include "engine/base/le.h"

#define SEND_MAX KIB(256)
#define IN_BYTES KIB(16)

struct line {
    struct producers *of;
    uint32_t partition;
    int fd;
    uint8_t *frames;
    size_t frame_bytes;
    uint64_t queued, answered;   /* requests */
    uint64_t queued_at, sent_at; /* bytes, since the beginning */
    uint64_t asked_ns[PRODUCE_WINDOW_MAX];
    uint64_t next_off;
    bool known; /* next_off */
    bool held;  /* the next request was due, and something was in its way */
    uint8_t in[IN_BYTES];
    size_t have;
};

struct producers {
    struct produce *run;
    struct line *lines;
    uint64_t start_ns;
    bool over;
};

/* ---- frames ---- */

static void line_open(struct line *l, struct producers *of, uint32_t partition)
{
    const struct produce *run = of->run;
    const struct pool *p = run->pool;
    size_t cap = p->bytes + PRODUCE_MORE_BYTES;
    l->of = of;
    l->partition = partition;
    l->frames = malloc(p->count * cap);
    if (!l->frames)
        die("out of memory");
    for (uint32_t i = 0; i < p->count; i++)
        l->frame_bytes = produce_make(l->frames + i * l->frame_bytes, cap,
                                      (struct place){ run->topic, partition },
                                      (struct bytes){ p->at[i], p->bytes });
    l->fd = socket_open(run->port);
}

static void line_close(struct line *l)
{
    close(l->fd);
    free(l->frames);
}

/* ---- out ---- */

/* When the next request of a line is due: they take turns. */
static uint64_t line_due_ns(const struct line *l)
{
    const struct producers *of = l->of;
    double turn = (double)(l->queued * of->run->connections + l->partition);
    return of->start_ns + (uint64_t)(turn / of->run->rate * 1e9);
}

static bool line_is_full(const struct line *l)
{
    return l->of->run->requests_max && l->queued == l->of->run->requests_max;
}

static bool line_has_room(const struct line *l)
{
    uint64_t unsent = (l->queued_at - l->sent_at) / l->frame_bytes;
    return !line_is_full(l) && l->queued - l->answered < l->of->run->window &&
           unsent + 1 < l->of->run->pool->count;
}

static void line_queue_one(struct line *l, uint64_t asked_ns)
{
    size_t slot = l->queued % l->of->run->pool->count;
    frame_number(l->frames + slot * l->frame_bytes, (uint32_t)l->queued);
    l->asked_ns[l->queued % PRODUCE_WINDOW_MAX] = asked_ns;
    l->queued++;
    l->queued_at += l->frame_bytes;
}

static void line_queue_due(struct line *l)
{
    struct produce *run = l->of->run;
    for (uint64_t due, now; (due = line_due_ns(l)) <= (now = now_ns());) {
        if (!line_has_room(l)) {
            l->held = true;
            return;
        }
        if (!l->held)
            histogram_add(&run->late, now - due);
        l->held = false;
        line_queue_one(l, due);
    }
}

static void line_queue(struct line *l)
{
    if (l->of->over)
        return;
    if (l->of->run->rate > 0)
        line_queue_due(l);
    else
        while (line_has_room(l))
            line_queue_one(l, now_ns());
}

static bool line_send(struct line *l)
{
    size_t all = l->of->run->pool->count * l->frame_bytes, at = l->sent_at % all;
    size_t len = l->queued_at - l->sent_at;
    len = len < all - at ? len : all - at;
    if (!len)
        return false;
    size_t got = socket_send_some(l->fd, l->frames + at, len < SEND_MAX ? len : SEND_MAX);
    l->sent_at += got;
    return got > 0;
}

/* ---- in ---- */

static void line_answer(struct line *l, struct bytes frame)
{
    struct produce *run = l->of->run;
    uint64_t base_off = produce_answer(frame, (uint32_t)l->answered, l->partition);
    if (l->known && l->next_off != base_off)
        die("partition %u: offset %llu acknowledged where %llu was next", l->partition,
            (unsigned long long)base_off, (unsigned long long)l->next_off);
    l->known = true;
    l->next_off = base_off + run->pool->offsets;
    histogram_add(&run->latency, now_ns() - l->asked_ns[l->answered % PRODUCE_WINDOW_MAX]);
    l->answered++;
    run->bytes += (double)run->pool->bytes;
    run->records += run->pool->offsets;
}

static bool line_receive(struct line *l)
{
    if (l->queued == l->answered)
        return false;
    size_t got = socket_receive(l->fd, l->in + l->have, sizeof(l->in) - l->have, false), at = 0;
    l->have += got;
    for (uint32_t len; l->have - at >= 4 && l->have - at - 4 >= (len = be32_get(l->in + at));
         at += 4 + len)
        line_answer(l, (struct bytes){ l->in + at + 4, len });
    if (l->have - at >= 4 && be32_get(l->in + at) > PRODUCE_ANSWER_MAX)
        die("an answer has %u bytes", be32_get(l->in + at));
    memmove(l->in, l->in + at, l->have - at);
    l->have -= at;
    return got > 0;
}

/* ---- one run ---- */

/* Until something can be done; in an open loop at most until the next request is due. */
static void producers_wait(struct producers *of)
{
    struct pollfd fds[PRODUCE_LINES_MAX];
    uint32_t count = of->run->connections;
    uint64_t now = now_ns(), until = now + 100 * MS_NS;
    for (uint32_t i = 0; i < count; i++) {
        const struct line *l = &of->lines[i];
        bool unsent = l->queued_at > l->sent_at;
        fds[i] = (struct pollfd){ l->fd, (short)(POLLIN | (unsent ? POLLOUT : 0)), 0 };
        if (of->run->rate > 0 && !of->over && !l->held && line_due_ns(l) < until)
            until = line_due_ns(l);
    }
    uint64_t left = until > now ? until - now : 0;
    struct timespec t = { (time_t)(left / SEC_NS), (long)(left % SEC_NS) };
    ppoll(fds, count, &t, NULL);
}

static bool producers_turn(struct producers *of)
{
    bool moved = false;
    for (uint32_t i = 0; i < of->run->connections; i++) {
        struct line *l = &of->lines[i];
        line_queue(l);
        moved = line_send(l) || moved;
        moved = line_receive(l) || moved;
    }
    return moved;
}

static bool producers_over(const struct producers *of)
{
    const struct produce *run = of->run;
    bool full = true;
    for (uint32_t i = 0; i < run->connections; i++)
        full = full && line_is_full(&of->lines[i]);
    return full || (double)(now_ns() - of->start_ns) / 1e9 >= run->seconds;
}

static bool producers_idle(const struct producers *of)
{
    for (uint32_t i = 0; i < of->run->connections; i++)
        if (of->lines[i].answered < of->lines[i].queued)
            return false;
    return true;
}

void produce_run(struct produce *p)
{
    struct producers of = { .run = p, .lines = calloc(p->connections, sizeof(*of.lines)) };
    if (!of.lines || p->connections > PRODUCE_LINES_MAX || p->window > PRODUCE_WINDOW_MAX)
        die("%u connections with %u in flight are not possible", p->connections, p->window);
    for (uint32_t i = 0; i < p->connections; i++)
        line_open(&of.lines[i], &of, i);
    if (p->rate > 0)
        cpu_first(true);
    of.start_ns = now_ns();
    while (!of.over || !producers_idle(&of)) {
        if (!producers_turn(&of))
            producers_wait(&of);
        of.over = of.over || producers_over(&of);
    }
    if (p->rate > 0)
        cpu_first(false);
    for (uint32_t i = 0; i < p->connections; i++)
        line_close(&of.lines[i]);
    free(of.lines);
}
