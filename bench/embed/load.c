/* load.c -- streams of appends, fed between turns and, in a closed loop, as answers come. */
#include "bench/embed/load.h"

#include <stdlib.h>
#include <string.h>

#include "bench/common/common.h"
#include "engine/base/types.h"

#define WARM_NS    (200 * MS_NS)
#define TURN_NS    MS_NS
#define TRIM_BYTES MIB(128) /* of a partition, between two trims */

struct token {
    struct stream *stream;
    struct token *next;
    uint64_t due_ns;
    uint32_t lane;
};

/* A partition, as its client sees it. */
struct lane {
    uint64_t next_off; /* that an acknowledgement must begin with; UINT64_MAX: not known yet */
    uint64_t trimmed_off;
    uint64_t bytes; /* acknowledged since the last trim */
};

static void stream_feed(struct stream *s, uint64_t now);

static void stream_acked(void *arg, const struct sl_appended *r)
{
    struct token *t = arg;
    struct stream *s = t->stream;
    struct lane *lane = &s->lanes[t->lane];
    uint64_t now = now_ns();
    if (r->err != SL_ERR_OK || r->bought != SL_SYNCED)
        die("an append ended with error %d, durability %d", r->err, r->bought);
    if (lane->next_off != UINT64_MAX && lane->next_off != r->base_offset)
        die("offset %llu acknowledged where %llu was next", (unsigned long long)r->base_offset,
            (unsigned long long)lane->next_off);
    lane->next_off = r->base_offset + r->count;
    lane->bytes += s->pool->bytes;
    s->in_flight--;
    if (s->counting) {
        histogram_add(&s->latency, now - t->due_ns);
        s->acked_bytes += s->pool->bytes;
        s->acks++;
    }
    t->next = s->free;
    s->free = t;
    stream_feed(s, now);
}

static void stream_append(struct stream *s, uint64_t due_ns)
{
    struct token *t = s->free;
    uint32_t batch = s->batch_next++ % s->pool->count;
    s->free = t->next;
    t->due_ns = due_ns;
    t->lane = s->lane_next++ % s->lane_count;
    s->in_flight++;
    enum sl_err err = sl_append_batch(s->topic, t->lane, s->pool->at[batch], s->pool->bytes, NULL,
                                      stream_acked, t);
    if (err != SL_ERR_OK)
        die("an append was refused: %s", sl_err_text(err));
}

/* All that is due, as far as the window lets it. */
static void stream_feed(struct stream *s, uint64_t now)
{
    while (s->feeding && s->free && (!s->interval_ns || s->due_ns <= now)) {
        stream_append(s, s->interval_ns ? s->due_ns : now);
        s->due_ns += s->interval_ns;
    }
    s->behind += s->feeding && s->interval_ns && !s->free && s->counting;
}

/* ---- trims: they wait, so they are made between two turns; answers and feeding go on ---- */

static void lane_trim(struct stream *s, uint32_t i)
{
    struct lane *lane = &s->lanes[i];
    uint64_t keep = TRIM_BYTES / s->pool->bytes * s->pool->offsets;
    lane->bytes = 0;
    if (lane->next_off <= lane->trimmed_off + keep)
        return;
    lane->trimmed_off = lane->next_off - keep;
    if (sl_trim(s->topic, i, lane->trimmed_off, NULL) != SL_ERR_OK)
        die("a trim failed");
}

static void stream_trim(struct stream *s)
{
    for (uint32_t i = 0; s->trims && i < s->lane_count; i++)
        if (s->lanes[i].bytes >= TRIM_BYTES)
            lane_trim(s, i);
}

/* ---- one run ---- */

static void stream_open(struct stream *s, struct world *w, uint64_t now)
{
    s->world = w;
    s->lane_count = sl_topic_partitions(s->topic);
    s->lanes = calloc(s->lane_count, sizeof(*s->lanes));
    s->tokens = calloc(s->window, sizeof(*s->tokens));
    if (!s->lanes || !s->tokens)
        die("out of memory");
    for (uint32_t i = 0; i < s->lane_count; i++)
        s->lanes[i].next_off = UINT64_MAX;
    for (uint32_t i = 0; i < s->window; i++) {
        s->tokens[i] = (struct token){ .stream = s, .next = s->free };
        s->free = &s->tokens[i];
    }
    s->interval_ns = s->rate > 0 ? (uint64_t)(1e9 / s->rate) : 0;
    s->due_ns = now;
    s->feeding = true;
}

static void stream_close(struct stream *s)
{
    free(s->lanes);
    free(s->tokens);
    s->lanes = NULL;
    s->tokens = s->free = NULL;
}

/* Until the next append is due, or something completes. */
static uint64_t turn_wait_ns(const struct stream *streams, uint32_t count, uint64_t now)
{
    uint64_t wait = TURN_NS;
    for (uint32_t i = 0; i < count; i++)
        if (streams[i].feeding && streams[i].interval_ns && streams[i].free)
            wait = min_u64(wait, streams[i].due_ns > now ? streams[i].due_ns - now : 0);
    return wait;
}

static void load_until(struct world *w, struct stream *streams, uint32_t count, uint64_t end_ns)
{
    for (uint64_t now; (now = now_ns()) < end_ns;) {
        for (uint32_t i = 0; i < count; i++) {
            stream_feed(&streams[i], now);
            stream_trim(&streams[i]);
        }
        sl_engine_turn(w->engine, 0, turn_wait_ns(streams, count, now));
    }
}

static bool load_idle(const struct stream *streams, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (streams[i].in_flight)
            return false;
    return true;
}

struct loaded load_run(struct world *w, struct stream *streams, uint32_t count, double seconds)
{
    struct loaded l;
    uint64_t start = now_ns();
    for (uint32_t i = 0; i < count; i++)
        stream_open(&streams[i], w, start);
    load_until(w, streams, count, start + WARM_NS);
    for (uint32_t i = 0; i < count; i++)
        streams[i].counting = true;
    start = now_ns();
    l.cpu_s = cpu_s();
    load_until(w, streams, count, start + (uint64_t)(seconds * 1e9));
    l.seconds = (double)(now_ns() - start) / 1e9;
    l.cpu_s = cpu_s() - l.cpu_s;
    for (uint32_t i = 0; i < count; i++)
        streams[i].counting = streams[i].feeding = false;
    while (!load_idle(streams, count))
        sl_engine_turn(w->engine, 0, TURN_NS);
    for (uint32_t i = 0; i < count; i++)
        stream_close(&streams[i]);
    return l;
}
