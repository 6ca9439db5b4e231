/* rows.c -- the four comparisons. */
#include "bench/embed/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/types.h"

#define RATE_WIDE   1e5  /* records per second */
#define WINDOW_WIDE 8192 /* more than that in flight is not keeping up */
#define WINDOW_HOSE 256

static double us(const struct histogram *h, double share)
{
    return (double)histogram_at(h, share) / 1e3;
}

static struct stream *stream_new(struct sl_topic *topic, const struct pool *pool, uint32_t window)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (!s)
        die("out of memory");
    *s = (struct stream){ .topic = topic, .pool = pool, .window = window };
    return s;
}

/* ---- a: 64 KiB batches against one core and the disk ---- */

static double engine_large(struct setting *s, struct world *w)
{
    struct stream *bulk = stream_new(w->bulk, &w->large, s->bench->window);
    bulk->trims = true;
    struct loaded l = load_run(w, bulk, 1, s->bench->seconds);
    double got = (double)bulk->acked_bytes / l.seconds;
    say("    engine %6.0f MB/s  %.3f CPU-s/GB  p50 %.0f p99 %.0f us", got / 1e6,
        l.cpu_s * 1e9 / (double)bulk->acked_bytes, us(&bulk->latency, .5), us(&bulk->latency, .99));
    free(bulk);
    return got;
}

static double limit_large(struct setting *s, struct world *w)
{
    struct fio_speed fio =
        fio_move(FIO_WRITE, s->ceiling_path, CEILING_BYTES, s->cell, s->bench->seconds);
    double core = 1 / (fio.cpu_s_per_byte + limit_copy_crc(&w->large));
    s->ceiling = fio.bytes_s;
    say("    disk   %6.0f MB/s; one core %6.0f MB/s", fio.bytes_s / 1e6, core / 1e6);
    return core < fio.bytes_s ? core : fio.bytes_s;
}

void pair_large(struct setting *s, struct world *w, bool first, struct row_result *results)
{
    double ours = first ? engine_large(s, w) : 0;
    double limit = limit_large(s, w);
    ours = first ? ours : engine_large(s, w);
    row_add(&results[0], ours / 1e6, limit / 1e6);
}

/* ---- b: one 1 KiB append at a time against write + fdatasync ---- */

static double engine_single(struct setting *s, struct world *w)
{
    struct stream *one = stream_new(w->one, &w->small, 1);
    load_run(w, one, 1, s->bench->seconds);
    double p50 = us(&one->latency, .5);
    say("    engine p50 %.1f p99 %.1f us", p50, us(&one->latency, .99));
    free(one);
    return p50;
}

static double fio_single(struct setting *s)
{
    struct fio_latency l = fio_durable(s->durable_path, DURABLE_BYTES, s->bench->cpu, NULL, 0, NULL,
                                       s->bench->seconds);
    say("    fio    p50 %.1f p99 %.1f us", l.p50_us, l.p99_us);
    return l.p50_us;
}

void pair_single(struct setting *s, struct world *w, bool first, struct row_result *results)
{
    double ours = first ? engine_single(s, w) : 0;
    double theirs = fio_single(s);
    ours = first ? ours : engine_single(s, w);
    row_add(&results[0], ours, theirs);
}

/* ---- c: 1,024 partitions against one ---- */

struct spread {
    double p50, p99;
};

static struct spread engine_rate(struct setting *s, struct world *w, struct sl_topic *topic)
{
    struct stream *x = stream_new(topic, &w->small, WINDOW_WIDE);
    x->rate = RATE_WIDE;
    struct loaded l = load_run(w, x, 1, s->bench->seconds);
    struct spread r = { us(&x->latency, .5), us(&x->latency, .99) };
    say("    %4u partitions: %.0f k/s p50 %.0f p99 %.0f max %.0f us%s", sl_topic_partitions(topic),
        (double)x->acks / l.seconds / 1e3, r.p50, r.p99, (double)x->latency.max / 1e3,
        x->behind ? " (the window was full)" : "");
    free(x);
    return r;
}

void pair_wide(struct setting *s, struct world *w, bool first, struct row_result *results)
{
    struct spread wide = { 0 };
    if (first)
        wide = engine_rate(s, w, w->wide);
    struct spread one = engine_rate(s, w, w->one);
    if (!first)
        wide = engine_rate(s, w, w->wide);
    row_add(&results[0], wide.p50, one.p50);
    row_add(&results[1], wide.p99, one.p99);
}

/* ---- d: a durable 1 KiB beside a firehose ---- */

static struct spread engine_beside(struct setting *s, struct world *w, double rate)
{
    struct stream *both = calloc(2, sizeof(*both));
    if (!both)
        die("out of memory");
    both[0] = (struct stream){ .topic = w->bulk,
                               .pool = &w->large,
                               .window = WINDOW_HOSE,
                               .rate = rate / (double)w->large.bytes,
                               .trims = true };
    both[1] = (struct stream){ .topic = w->drip, .pool = &w->small, .window = 1 };
    struct loaded l = load_run(w, both, 2, s->bench->seconds);
    struct spread r = { us(&both[1].latency, .5), us(&both[1].latency, .99) };
    say("    engine p50 %.0f p99 %.0f us beside %.0f MB/s (p50 %.0f p99 %.0f us)%s", r.p50, r.p99,
        (double)both[0].acked_bytes / l.seconds / 1e6, us(&both[0].latency, .5),
        us(&both[0].latency, .99), both[0].behind ? " (the window was full)" : "");
    free(both);
    return r;
}

static struct fio_latency fio_beside(struct setting *s, double rate)
{
    struct fio_latency l = fio_durable(s->durable_path, DURABLE_BYTES, s->bench->cpu,
                                       s->ceiling_path, CEILING_BYTES, &rate, s->bench->seconds);
    say("    fio    p50 %.0f p99 %.0f us beside %.0f MB/s", l.p50_us, l.p99_us, rate / 1e6);
    return l;
}

void pair_beside(struct setting *s, struct world *w, bool first, struct row_result *results)
{
    double rate = s->ceiling / 2;
    struct spread ours = { 0 };
    if (first)
        ours = engine_beside(s, w, rate);
    struct fio_latency theirs = fio_beside(s, rate);
    if (!first)
        ours = engine_beside(s, w, rate);
    row_add(&results[0], ours.p50, theirs.p50_us);
    row_add(&results[1], ours.p99, theirs.p99_us);
}
