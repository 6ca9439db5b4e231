/* fetch.c -- see fetch.h. */
#include "bench/kafka/fetch.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "bench/common/socket.h"
#include "bench/kafka/request.h"
#include "engine/base/le.h"

#define RECEIVE_BYTES KIB(256)
#define FIRST_MAX     128u /* the head of an answer, and the base offset of its first batch */

struct line {
    struct fetch *run;
    uint32_t partition;
    int fd;
    uint32_t asked, answered;
    uint64_t at_off;
    uint8_t first[FIRST_MAX];
    size_t first_len;
    uint64_t skip; /* bytes that are still to come */
};

static void line_ask(struct line *l)
{
    uint8_t frame[FETCH_FRAME_MAX];
    size_t len = fetch_make(frame, (struct place){ l->run->topic, l->partition }, l->at_off,
                            l->run->bytes_max);
    frame_number(frame, l->asked++);
    socket_send(l->fd, frame, len);
}

static size_t first_bytes(const struct line *l)
{
    return FETCH_HEAD_BYTES(l->run->topic) + 8;
}

/* The head of an answer is there; its batches are counted as if they had come. */
static void line_answer(struct line *l)
{
    struct fetch *run = l->run;
    struct fetch_head h =
        fetch_answer(l->first, (struct place){ run->topic, l->partition }, l->answered++);
    uint64_t base_off = be64_get(l->first + FETCH_HEAD_BYTES(run->topic));
    uint64_t batches = h.batches_bytes / run->batch_bytes;
    if (!batches || base_off != l->at_off)
        die("partition %u: offset %llu was asked for, %llu came, %u bytes", l->partition,
            (unsigned long long)l->at_off, (unsigned long long)base_off, h.batches_bytes);
    l->at_off += batches * run->batch_offsets;
    if (l->at_off >= run->to[l->partition])
        l->at_off = run->from[l->partition];
    l->skip = h.batches_bytes - 8;
    run->bytes += (double)(batches * run->batch_bytes);
    run->answers++;
}

/* True when an answer has come to its end. */
static bool line_take(struct line *l, const uint8_t *at, size_t len)
{
    size_t want = first_bytes(l) - l->first_len, n = len < want ? len : want;
    memcpy(l->first + l->first_len, at, n);
    l->first_len += n;
    if (l->first_len >= 4 && be32_get(l->first) + 4 < first_bytes(l))
        die("partition %u: no batch at offset %llu, or an error", l->partition,
            (unsigned long long)l->at_off);
    if (n && l->first_len == first_bytes(l))
        line_answer(l);
    if (len - n > l->skip)
        die("more bytes than an answer has");
    l->skip -= len - n;
    if (l->first_len < first_bytes(l) || l->skip)
        return false;
    l->first_len = 0;
    return true;
}

static void line_turn(struct line *l, bool over)
{
    static uint8_t buf[RECEIVE_BYTES];
    size_t got = socket_receive(l->fd, buf, sizeof(buf), false);
    if (got && line_take(l, buf, got) && !over)
        line_ask(l);
}

static void lines_open(struct fetch *f, struct line *lines)
{
    if (f->connections > FETCH_LINES_MAX || FETCH_HEAD_BYTES(f->topic) + 8 > FIRST_MAX)
        die("%u connections to topic %s are not possible", f->connections, f->topic);
    for (uint32_t i = 0; i < f->connections; i++) {
        lines[i] = (struct line){
            .run = f, .partition = i, .fd = socket_open(f->port), .at_off = f->from[i]
        };
        line_ask(&lines[i]);
    }
}

void fetch_run(struct fetch *f)
{
    static struct line lines[FETCH_LINES_MAX];
    struct pollfd fds[FETCH_LINES_MAX];
    uint64_t end = now_ns() + (uint64_t)(f->seconds * 1e9);
    lines_open(f, lines);
    for (bool open = true; open;) {
        open = false;
        for (uint32_t i = 0; i < f->connections; i++)
            fds[i] = (struct pollfd){ lines[i].fd, POLLIN, 0 };
        poll(fds, f->connections, 100);
        bool over = now_ns() >= end;
        for (uint32_t i = 0; i < f->connections; i++) {
            if (fds[i].revents)
                line_turn(&lines[i], over);
            open = open || lines[i].answered < lines[i].asked || lines[i].skip || !over;
        }
    }
    for (uint32_t i = 0; i < f->connections; i++)
        close(lines[i].fd);
}
