/* loads.c -- see loads.h. */
#include "bench/kafka/loads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "bench/kafka/cost.h"
#include "bench/kafka/fetch.h"
#include "bench/kafka/produce.h"
#include "bench/kafka/request.h"
#include "engine/base/types.h"

#define RETENTION     "268435456"
#define READ_BATCHES  768u /* of 64 KiB, in each partition: 192 MiB in all */
#define FETCH_BYTES   (uint32_t)MIB(1)
#define REST_S        2 /* after a pause: timers that are due at once */
#define WARM_SHARDLOG 6 /* it needs no more of bench.warm_s: its space is full after some GiB */

uint32_t peers_count(const struct bench *b)
{
    return b->alone > 0 ? PEER_SHARDLOG + 1 : PEERS;
}

/* ---- the table ---- */

#define AT_LEAST(what, units, times) \
    { .name = what, .unit = units, .goal = times, .at_least = true }
#define AT_MOST(what, units, times, or_so) \
    { .name = what, .unit = units, .goal = times, .or_below = or_so }

const struct load loads[LOADS] = {
    { 'a',
      "produce, 64 KiB batches",
      "bulk",
      POOL_LARGE,
      PARTITIONS,
      16,
      0,
      false,
      { AT_LEAST("produce 64 KiB batches, of Kafka's", "MB/s", 3),
        AT_MOST("CPU of 64 KiB batches, of Kafka's", "CPU-s/GB", 0.25, 0) },
      { RATE, CPU } },
    { 'b',
      "produce, 1 MB batches",
      "bulk",
      POOL_HUGE,
      PARTITIONS,
      3,
      0,
      false,
      { AT_LEAST("produce 1 MB batches, of Kafka's", "MB/s", 2),
        AT_MOST("CPU of 1 MB batches", "CPU-s/GB", 0, 0.45) },
      { RATE, CPU } },
    { 'c',
      "produce, 100 B records, 1,000 a batch",
      "bulk",
      POOL_SHORT,
      PARTITIONS,
      16,
      0,
      false,
      { AT_LEAST("produce 100 B records, of Kafka's", "MB/s", 2),
        AT_MOST("CPU of 100 B records, of Kafka's", "CPU-s/GB", 0.25, 0) },
      { RATE, CPU } },
    { 'd',
      "produce, 1 KiB, one a request, 16 in flight",
      "one",
      POOL_SINGLE,
      1,
      16,
      0,
      false,
      { AT_LEAST("produce 1 KiB, one a request, of Kafka's", "MB/s", 3),
        AT_MOST("CPU of 1 KiB, one a request, of Kafka's", "CPU-s/GB", 0.25, 0) },
      { RATE, CPU } },
    { 'e',
      "a quarter of Kafka's maximum, 64 KiB batches",
      "bulk",
      POOL_LARGE,
      PARTITIONS,
      1024,
      0.25,
      false,
      { AT_MOST("a quarter of Kafka's maximum: p50, of Kafka's", "ms", 1.5, 0),
        AT_MOST("a quarter of Kafka's maximum: p99, of Kafka's", "ms", 0.125, 1) },
      { P50, P99 } },
    { 'f',
      "half of Kafka's maximum, 64 KiB batches",
      "bulk",
      POOL_LARGE,
      PARTITIONS,
      1024,
      0.5,
      false,
      { AT_MOST("half of Kafka's maximum: p50, of Kafka's", "ms", 1.5, 0),
        AT_MOST("half of Kafka's maximum: p99, of Kafka's", "ms", 0.125, 1) },
      { P50, P99 } },
    { 'g',
      "fetch, 1 MiB",
      "read",
      POOL_LARGE,
      PARTITIONS,
      1,
      0,
      true,
      { AT_LEAST("fetch 1 MiB, of Kafka's", "MB/s", 1),
        AT_MOST("CPU of fetch, of Kafka's", "CPU-s/GB", 1.2, 0) },
      { RATE, CPU } },
};

void loads_open(struct setting *s)
{
    pool_open_bytes(&s->pools[POOL_LARGE], 32, 64, 1000, KIB(64));
    pool_open_bytes(&s->pools[POOL_HUGE], 6, 980, 1000, 1000000);
    pool_open(&s->pools[POOL_SHORT], 32, 1000, 100);
    pool_open(&s->pools[POOL_SINGLE], 64, 1, 1024);
    if (s->bench->alone > 0)
        ratios_add(&s->kafka_large, s->bench->alone * 1e6 / (double)s->pools[POOL_LARGE].bytes);
    for (uint32_t i = 0; i < peers_count(s->bench); i++) {
        topic_make(s->peers[i].port, "bulk", PARTITIONS, RETENTION);
        topic_make(s->peers[i].port, "read", PARTITIONS, RETENTION);
        topic_make(s->peers[i].port, "one", 1, RETENTION);
    }
}

void loads_close(struct setting *s)
{
    for (uint32_t i = 0; i < POOLS; i++)
        pool_close(&s->pools[i]);
}

/* ---- turns ---- */

void turn_take(struct setting *s, enum peer_kind kind)
{
    for (uint32_t i = 0; i < peers_count(s->bench); i++)
        if (i != (uint32_t)kind)
            peer_pause(&s->peers[i]);
    if (peer_resume(&s->peers[kind]))
        sleep(REST_S);
}

/* ---- one load at one broker ---- */

struct slice {
    struct cost cost;
    double bytes, records;
    double p50_ms, p99_ms, late_p99_ms;
};

static void produce_slice(struct setting *s, const struct load *l, struct peer *p, double seconds,
                          struct slice *out)
{
    struct produce *run = calloc(1, sizeof(*run));
    if (!run)
        die("out of memory");
    run->port = p->port;
    run->topic = l->topic;
    run->pool = &s->pools[l->pool];
    run->connections = l->connections;
    run->window = l->window;
    run->rate = l->share * median_of(s->kafka_large.at, s->kafka_large.count);
    run->seconds = seconds;
    if (l->share > 0 && run->rate <= 0)
        die("load %c needs load a before it: Kafka's maximum", l->letter);
    produce_run(run);
    out->bytes = run->bytes;
    out->records = run->records;
    out->p50_ms = (double)histogram_at(&run->latency, .5) / 1e6;
    out->p99_ms = (double)histogram_at(&run->latency, .99) / 1e6;
    out->late_p99_ms = (double)histogram_at(&run->late, .99) / 1e6;
    free(run);
}

/* Writes what is to be read; where it begins and ends. */
static void read_fill(struct setting *s, const struct load *l, struct peer *p, struct fetch *f)
{
    const struct pool *pool = &s->pools[l->pool];
    struct produce *run = calloc(1, sizeof(*run));
    if (!run)
        die("out of memory");
    run->port = p->port;
    run->topic = l->topic;
    run->pool = pool;
    run->connections = PARTITIONS;
    run->window = 8;
    run->seconds = 600;
    run->requests_max = READ_BATCHES;
    produce_run(run);
    free(run);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        f->to[i] = topic_end(p->port, (struct place){ l->topic, i });
        f->from[i] = f->to[i] - (uint64_t)READ_BATCHES * pool->offsets;
    }
    f->batch_bytes = pool->bytes;
    f->batch_offsets = pool->offsets;
}

static void fetch_slice(const struct load *l, struct peer *p, struct fetch *f, double seconds,
                        struct slice *out)
{
    f->port = p->port;
    f->topic = l->topic;
    f->connections = l->connections;
    f->bytes_max = FETCH_BYTES;
    f->seconds = seconds;
    f->bytes = 0;
    fetch_run(f);
    out->bytes = f->bytes;
}

static double slice_s(const struct slice *c)
{
    return c->cost.load_s + c->cost.sync_s;
}

static void slice_say(const struct load *l, const struct peer *p, const struct slice *c)
{
    double gb = c->bytes / 1e9;
    char more[120] = "";
    if (!l->fetch)
        snprintf(more, sizeof(more), ", %.1f k records/s, p50 %.3f, p99 %.3f ms",
                 c->records / slice_s(c) / 1e3, c->p50_ms, c->p99_ms);
    if (l->share > 0)
        snprintf(more + strlen(more), sizeof(more) - strlen(more), " (sent late: p99 %.3f ms)",
                 c->late_p99_ms);
    say("    %-8s %6.0f MB/s%s; %.3f CPU-s/GB (process %.3f); client %.0f %%; sync %.2f s, %.2f "
        "bytes to disk each",
        p->name, c->bytes / slice_s(c) / 1e6, more, c->cost.cpu_s / gb, c->cost.broker_cpu_s / gb,
        c->cost.client_cpu_s / c->cost.load_s * 100, c->cost.sync_s, c->cost.disk_bytes / c->bytes);
}

static struct slice slice_run(struct setting *s, struct load *l, enum peer_kind kind)
{
    struct slice c = { 0 };
    struct peer *p = &s->peers[kind];
    struct fetch f = { 0 };
    turn_take(s, kind);
    if (l->fetch)
        read_fill(s, l, p, &f);
    sync(); /* what was before does not count */
    cost_open(&c.cost, p->pid, s->bench->dir);
    if (l->fetch)
        fetch_slice(l, p, &f, s->bench->seconds, &c);
    else
        produce_slice(s, l, p, s->bench->seconds, &c);
    cost_close(&c.cost);
    slice_say(l, p, &c);
    return c;
}

static double slice_figure(const struct slice *c, enum load_figure which)
{
    switch (which) {
    case RATE:
        return c->bytes / slice_s(c) / 1e6;
    case CPU:
        return c->cost.cpu_s / (c->bytes / 1e9);
    case P50:
        return c->p50_ms;
    case P99:
        return c->p99_ms;
    }
    die("no such figure");
}

void load_alone(struct setting *s, struct load *l)
{
    slice_run(s, l, PEER_SHARDLOG);
}

void load_pair(struct setting *s, struct load *l, enum peer_kind first)
{
    struct slice c[PEERS];
    enum peer_kind second = first == PEER_KAFKA ? PEER_SHARDLOG : PEER_KAFKA;
    c[first] = slice_run(s, l, first);
    c[second] = slice_run(s, l, second);
    for (uint32_t i = 0; i < 2; i++)
        row_add(&l->results[i], slice_figure(&c[PEER_SHARDLOG], l->figures[i]),
                slice_figure(&c[PEER_KAFKA], l->figures[i]));
    if (l->letter == 'a')
        ratios_add(&s->kafka_large,
                   c[PEER_KAFKA].bytes / slice_s(&c[PEER_KAFKA]) / (double)s->pools[l->pool].bytes);
}

/* ---- warm ---- */

/* The produce path in four equal parts, then the fetch path. */
static void peer_warm(struct setting *s, enum peer_kind kind, double path_s)
{
    struct slice c = { 0 };
    const struct load *l = &loads[LOADS - 1];
    struct fetch f = { 0 };
    struct peer *p = &s->peers[kind];
    turn_take(s, kind);
    for (uint32_t i = 0; i < POOLS; i++)
        produce_slice(s, &loads[i], p, path_s / POOLS, &c);
    read_fill(s, l, p, &f);
    fetch_slice(l, p, &f, path_s, &c);
    say("  %-8s is warm: %.0f s of produce, %.0f s of fetch", p->name, path_s, path_s);
}

void loads_warm(struct setting *s)
{
    if (peers_count(s->bench) == PEERS)
        peer_warm(s, PEER_KAFKA, s->bench->warm_s);
    peer_warm(s, PEER_SHARDLOG, s->bench->warm_s / WARM_SHARDLOG);
}
