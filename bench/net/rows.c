/* rows.c -- what is measured through the steady broker: rows in, rows out of memory, latencies. */
#include "bench/net/rows.h"

#include <stdlib.h>

#include "bench/net/bare.h"
#include "engine/base/types.h"

#define TAIL_BYTES   MIB(48) /* written just before it is read: half of a tail */
#define FETCH_BYTES  ((uint32_t)MIB(2))
#define INGEST_TURNS 3

static double us(const struct histogram *h, double share)
{
    return (double)histogram_at(h, share) / 1e3;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

struct feed *feed_new(struct setting *s, const struct sl_client_topic *t, const struct pool *pool,
                      uint32_t window)
{
    struct feed *f = calloc(1, sizeof(*f));
    if (!f)
        die("out of memory");
    *f = (struct feed){ .broker = &s->steady,
                        .topic = *t,
                        .pool = pool,
                        .window = window,
                        .seconds = s->bench->seconds };
    return f;
}

struct drain *drain_new(struct setting *s, struct broker *k, const struct sl_client_topic *t)
{
    struct drain *d = calloc(1, sizeof(*d));
    if (!d)
        die("out of memory");
    *d = (struct drain){
        .broker = k, .topic = *t, .bytes_max = FETCH_BYTES, .seconds = s->bench->seconds
    };
    for (uint32_t i = 0; i < t->partitions; i++) {
        d->from[i] = broker_offset(k, t, i, SL_OFFSET_EARLIEST);
        d->to[i] = broker_offset(k, t, i, SL_OFFSET_LATEST);
    }
    return d;
}

/* ---- a: 64 KiB batches in; and what they cost ---- */

struct cost {
    double bytes_s, cpu; /* CPU seconds per byte, the whole machine without the client */
};

/* The lowest of what each primitive reaches alone, bytes a second. */
static double limit_ingest(struct setting *s)
{
    double seconds = s->bench->seconds;
    struct stream_figure in = stream_run(STREAM_IN, STREAM_CALLS, s->bench->server_cpu, seconds);
    struct fio_speed disk =
        fio_move(FIO_WRITE, s->ceiling_path, CEILING_BYTES, s->write_cell, seconds);
    double copy = limit_copy_crc(&s->large);
    double core = 1 / (in.server_cpu + copy + disk.cpu_s_per_byte);
    say("    disk   %6.0f MB/s (%.3f CPU-s/GB); stream %6.0f MB/s (%.3f); copy and CRC %.3f: one "
        "core %6.0f MB/s; machine, each alone, %.3f",
        disk.bytes_s / 1e6, disk.cpu_s_per_byte * 1e9, in.bytes_s / 1e6, in.server_cpu * 1e9,
        copy * 1e9, core / 1e6, (in.machine_cpu + copy + disk.machine_s_per_byte) * 1e9);
    return least(least(in.bytes_s, disk.bytes_s), core);
}

struct bare_sum {
    double bytes, cpu_s;
};

static void bare_run(struct setting *s, struct bare_sum *sum)
{
    double seconds = s->bench->seconds / INGEST_TURNS;
    struct stream_figure f = bare_in(s->ceiling_path, CEILING_BYTES, s->bench->server_cpu, seconds);
    sum->bytes += f.bytes_s * seconds;
    sum->cpu_s += f.machine_cpu * f.bytes_s * seconds;
}

/* Broker and bare loop take turns: what a byte costs changes within seconds where cores move. */
static struct cost broker_ingest(struct setting *s, bool first, struct bare_sum *bare)
{
    struct feed *f = feed_new(s, &s->bulk, &s->large, s->bench->window);
    f->seconds /= INGEST_TURNS;
    for (uint32_t i = 0; i < INGEST_TURNS; i++) {
        if (!first)
            bare_run(s, bare);
        feed_run(f);
        if (first)
            bare_run(s, bare);
    }
    struct cost c = { f->bytes / f->took_s, f->machine_cpu_s / f->bytes };
    say("    broker %6.0f MB/s  broker %.3f, machine %.3f CPU-s/GB  p50 %.0f p99 %.0f us",
        c.bytes_s / 1e6, f->broker_cpu_s * 1e9 / f->bytes, c.cpu * 1e9, us(&f->latency, .5),
        us(&f->latency, .99));
    say("    bare   %6.0f MB/s  machine %.3f CPU-s/GB", bare->bytes / s->bench->seconds / 1e6,
        bare->cpu_s * 1e9 / bare->bytes);
    free(f);
    return c;
}

static void cost_add(struct row_result *results, struct cost ours, struct cost limit)
{
    row_add(&results[0], ours.bytes_s / 1e6, limit.bytes_s / 1e6);
    row_add(&results[1], ours.cpu * 1e9, limit.cpu * 1e9);
}

void pair_ingest(struct setting *s, bool first, struct row_result *results)
{
    struct bare_sum bare = { 0 };
    struct cost ours = { 0 }, limit = { 0 };
    if (first)
        ours = broker_ingest(s, first, &bare);
    limit.bytes_s = limit_ingest(s);
    if (!first)
        ours = broker_ingest(s, first, &bare);
    limit.cpu = bare.cpu_s / bare.bytes;
    cost_add(results, ours, limit);
}

/* ---- b: out of the tail's memory; and what it costs ---- */

/* What is read was written just now. */
static struct drain *tail_fill(struct setting *s)
{
    struct drain *d = drain_new(s, &s->steady, &s->bulk);
    struct feed *f = feed_new(s, &s->bulk, &s->large, s->bench->window);
    f->bytes_max = TAIL_BYTES;
    feed_run(f);
    free(f);
    for (uint32_t i = 0; i < s->bulk.partitions; i++) {
        d->from[i] = d->to[i];
        d->to[i] = broker_offset(&s->steady, &s->bulk, i, SL_OFFSET_LATEST);
    }
    d->again = true;
    return d;
}

static struct cost broker_tail(struct setting *s)
{
    struct drain *d = tail_fill(s);
    uint64_t cold = broker_figure(&s->steady, "shardlog_reads_cold_total");
    drain_run(d);
    cold = broker_figure(&s->steady, "shardlog_reads_cold_total") - cold;
    struct cost c = { d->bytes / d->took_s, d->machine_cpu_s / d->bytes };
    say("    broker %6.0f MB/s  broker %.3f, machine %.3f CPU-s/GB  %.0f KiB an answer, %llu reads "
        "of the disk",
        c.bytes_s / 1e6, d->broker_cpu_s * 1e9 / d->bytes, c.cpu * 1e9,
        d->bytes / (double)d->answers / 1024, (unsigned long long)cold);
    if (cold)
        die("the tail was not in memory");
    free(d);
    return c;
}

static struct cost limit_tail(struct setting *s)
{
    struct stream_figure out =
        stream_run(STREAM_OUT, STREAM_CALLS, s->bench->server_cpu, s->bench->seconds);
    struct cost c = { least(out.bytes_s, 1 / out.server_cpu), out.machine_cpu };
    say("    stream %6.0f MB/s (%.3f CPU-s/GB): one core %6.0f MB/s", out.bytes_s / 1e6,
        out.server_cpu * 1e9, 1e-6 / out.server_cpu);
    return c;
}

void pair_tail(struct setting *s, bool first, struct row_result *results)
{
    struct cost ours = { 0 }, limit;
    if (first)
        ours = broker_tail(s);
    limit = limit_tail(s);
    if (!first)
        ours = broker_tail(s);
    cost_add(results, ours, limit);
}

/* ---- e, g: small records, synced ---- */

static struct feed *broker_small(struct setting *s, uint32_t window)
{
    struct feed *f = feed_new(s, &s->one, &s->small, window);
    feed_run(f);
    say("    broker p50 %.1f p99 %.1f us, %.0f records/s, %.1f CPU-us each", us(&f->latency, .5),
        us(&f->latency, .99), f->records / f->took_s, f->broker_cpu_s * 1e6 / f->records);
    return f;
}

/* fio's write and sync, and there and back over TCP: half of the time each. */
static double limit_small_us(struct setting *s)
{
    double seconds = s->bench->seconds / 2;
    struct fio_latency disk =
        fio_durable(s->durable_path, DURABLE_BYTES, s->bench->server_cpu, NULL, 0, NULL, seconds);
    struct stream_figure echo =
        stream_run(STREAM_ECHO, STREAM_CALLS, s->bench->server_cpu, seconds);
    say("    fio    p50 %.1f p99 %.1f us; echo p50 %.1f p99 %.1f us", disk.p50_us, disk.p99_us,
        echo.p50_us, echo.p99_us);
    return disk.p50_us + echo.p50_us;
}

static void pair_small(struct setting *s, bool first, uint32_t window, double *ours_us,
                       double *records_s, double *limit_us)
{
    struct feed *f = first ? broker_small(s, window) : NULL;
    *limit_us = limit_small_us(s);
    f = f ? f : broker_small(s, window);
    *ours_us = us(&f->latency, .5);
    *records_s = f->records / f->took_s;
    free(f);
}

void pair_durable(struct setting *s, bool first, struct row_result *results)
{
    double ours, records, limit;
    pair_small(s, first, 1, &ours, &records, &limit);
    row_add(&results[0], ours, limit);
}

void pair_pipelined(struct setting *s, bool first, struct row_result *results)
{
    double ours, records, limit;
    pair_small(s, first, 16, &ours, &records, &limit);
    row_add(&results[0], records / 1e3, 16 / limit * 1e3);
}

/* ---- f: 100 B records in batches of 1,000 ---- */

void pair_lines(struct setting *s, bool first, struct row_result *results)
{
    struct feed *f = feed_new(s, &s->bulk, &s->lines, s->bench->window);
    (void)first; /* the goal is a number, not a ceiling of this machine */
    feed_run(f);
    double got = f->records / f->took_s / 1e6;
    say("    broker %.2f million records/s  broker %.3f CPU-s/GB  p50 %.0f p99 %.0f us", got,
        f->broker_cpu_s * 1e9 / f->bytes, us(&f->latency, .5), us(&f->latency, .99));
    row_add(&results[0], got, 1);
    free(f);
}
