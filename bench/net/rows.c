/* rows.c -- what is measured through the steady broker: rows in, rows out of memory, latencies. */
#include "bench/net/rows.h"

#include <stdlib.h>

#include "bench/net/bare.h"
#include "engine/base/types.h"

#define TAIL_BYTES    MIB(48) /* written just before it is read: half of a tail */
#define FETCH_BYTES   ((uint32_t)MIB(2))
#define INGEST_ROUNDS 3u

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

static void cost_add(struct row_result *results, struct cost ours, struct cost limit)
{
    row_add(&results[0], ours.bytes_s / 1e6, limit.bytes_s / 1e6);
    row_add(&results[1], ours.cpu * 1e9, limit.cpu * 1e9);
}

/* What one of them did in all its turns, each as long as the others. */
struct turns {
    uint32_t count;
    double bytes_s, cpu, machine; /* sums: the latter per byte, times bytes a second */
};

static void turns_add(struct turns *t, double bytes_s, double cpu, double machine)
{
    t->count++;
    t->bytes_s += bytes_s;
    t->cpu += cpu * bytes_s;
    t->machine += machine * bytes_s;
}

struct ingest {
    struct feed *broker;
    struct turns receive, disk, bare;
};

static void turn_broker(struct setting *s, struct ingest *i)
{
    (void)s;
    feed_run(i->broker);
}

static void turn_receive(struct setting *s, struct ingest *i)
{
    struct stream_figure f =
        stream_run(STREAM_IN, STREAM_CALLS, s->bench->server_cpu, i->broker->seconds);
    turns_add(&i->receive, f.bytes_s, f.server_cpu, f.machine_cpu);
}

static void turn_disk(struct setting *s, struct ingest *i)
{
    struct fio_speed f =
        fio_move(FIO_WRITE, s->ceiling_path, CEILING_BYTES, s->write_cell, i->broker->seconds);
    turns_add(&i->disk, f.bytes_s, f.cpu_s_per_byte, f.machine_s_per_byte);
}

static void turn_bare(struct setting *s, struct ingest *i)
{
    struct stream_figure f =
        bare_in(s->ceiling_path, CEILING_BYTES, s->bench->server_cpu, i->broker->seconds);
    turns_add(&i->bare, f.bytes_s, f.server_cpu, f.machine_cpu);
}

typedef void ingest_turn(struct setting *s, struct ingest *i);
static ingest_turn *const ingest_turns[] = { turn_broker, turn_receive, turn_disk, turn_bare };
#define INGEST_KINDS (sizeof(ingest_turns) / sizeof(ingest_turns[0]))

/* The rate is that of the slowest primitive, each alone, and the cost is the sum of theirs. */
static struct cost limit_ingest(struct setting *s, const struct ingest *i)
{
    const struct turns *in = &i->receive, *disk = &i->disk;
    double copy = limit_copy_crc(&s->large);
    double core = 1 / (in->cpu / in->bytes_s + copy + disk->cpu / disk->bytes_s);
    double in_s = in->bytes_s / in->count, disk_s = disk->bytes_s / disk->count;
    struct cost c = { least(least(in_s, disk_s), core),
                      in->machine / in->bytes_s + copy + disk->machine / disk->bytes_s };
    say("    disk   %6.0f MB/s (%.3f CPU-s/GB); stream %6.0f MB/s (%.3f); copy and CRC %.3f: "
        "machine %.3f; one core %6.0f MB/s",
        disk_s / 1e6, disk->machine / disk->bytes_s * 1e9, in_s / 1e6,
        in->machine / in->bytes_s * 1e9, copy * 1e9, c.cpu * 1e9, core / 1e6);
    say("    bare   %6.0f MB/s  all of them in one loop: machine %.3f CPU-s/GB",
        i->bare.bytes_s / i->bare.count / 1e6, i->bare.machine / i->bare.bytes_s * 1e9);
    return c;
}

static struct cost broker_ingest(const struct feed *f)
{
    struct cost c = { f->bytes / f->took_s, f->machine_cpu_s / f->bytes };
    say("    broker %6.0f MB/s  broker %.3f, machine %.3f CPU-s/GB  p50 %.0f p99 %.0f us",
        c.bytes_s / 1e6, f->broker_cpu_s * 1e9 / f->bytes, c.cpu * 1e9, us(&f->latency, .5),
        us(&f->latency, .99));
    return c;
}

/* They take turns: what a byte costs changes within seconds on a shared machine. */
void pair_ingest(struct setting *s, bool first, struct row_result *results)
{
    struct ingest i = { .broker = feed_new(s, &s->bulk, &s->large, s->bench->window) };
    i.broker->seconds /= INGEST_ROUNDS;
    for (uint32_t turn = 0; turn < INGEST_ROUNDS * INGEST_KINDS; turn++) {
        uint32_t kind = turn % INGEST_KINDS;
        ingest_turns[first ? kind : INGEST_KINDS - 1 - kind](s, &i);
    }
    struct cost ours = broker_ingest(i.broker), limit = limit_ingest(s, &i);
    cost_add(results, ours, limit);
    free(i.broker);
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
