/* rows_disk.c -- what is measured through brokers of their own: reads that memory cannot answer. */
#include "bench/net/rows.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/net/punt.h"
#include "engine/base/types.h"

#define COLD_WINDOW  128u
#define BEHIND_BYTES MIB(160) /* more than the tail has: it is on disk alone */
#define BEHIND_FILL  (double)GIB(5)
#define BEHIND_RATE  400e6     /* what the writer is held to: readers have to keep up */
#define BEHIND_TAIL  "128 MiB" /* least there is, so that an extent behind is on disk alone */

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* ---- c: the first reader of what is on disk; d: the second one ---- */

static void cold_fill(struct setting *s, struct broker *k, const struct sl_client_topic *t)
{
    struct feed *f = feed_new(s, t, &s->large, COLD_WINDOW);
    double want = (double)s->bench->cold_mib * (double)MIB(1);
    if (broker_offset(k, t, 0, SL_OFFSET_LATEST) == 0) {
        f->broker = k;
        f->bytes_max = want;
        f->seconds = 600;
        feed_run(f);
    }
    free(f);
}

static double drain_say(const struct drain *d, const char *who)
{
    double speed = d->bytes / d->took_s;
    say("    %s %6.0f MB/s  broker %.3f, machine %.3f CPU-s/GB  %.0f KiB an answer", who,
        speed / 1e6, d->broker_cpu_s * 1e9 / d->bytes, d->machine_cpu_s * 1e9 / d->bytes,
        d->bytes / (double)d->answers / 1024);
    return speed;
}

/* A quarter of what is there, read once more, and again: the third time shows what is kept. */
static double second_reader(struct setting *s, struct broker *k, const struct drain *first)
{
    struct drain *d = drain_new(s, k, &first->topic);
    for (uint32_t i = 0; i < d->topic.partitions; i++)
        d->to[i] = d->from[i] + (d->to[i] - d->from[i]) / 4;
    d->seconds = 600;
    drain_run(d); /* the first reader of all of it, whatever was reached before */
    uint64_t before = broker_figure(k, "shardlog_cache_sent_bytes_total");
    d->bytes = 0;
    d->answers = 0;
    drain_run(d);
    drain_say(d, "second reader");
    double share =
        (double)(broker_figure(k, "shardlog_cache_sent_bytes_total") - before) / d->bytes;
    d->bytes = 0;
    d->answers = 0;
    drain_run(d);
    drain_say(d, "third reader ");
    free(d);
    return share;
}

/* The broker is started anew: nothing is in its memory, nothing was read before. */
static double broker_cold(struct setting *s, double *share)
{
    struct broker k;
    broker_start(&k, s->bench, "cold", NULL, NULL);
    struct sl_client_topic t = broker_topic(&k, "cold", PARTITIONS, NULL);
    cold_fill(s, &k, &t);
    broker_stop(&k);
    broker_start(&k, s->bench, "cold", NULL, NULL);
    struct drain *d = drain_new(s, &k, &t);
    drain_run(d);
    double speed = drain_say(d, "broker");
    *share = second_reader(s, &k, d);
    say("    second reader: %.1f %% of its bytes by sendfile", *share * 100);
    free(d);
    broker_stop(&k);
    return speed;
}

static double limit_cold(struct setting *s)
{
    double seconds = s->bench->seconds;
    struct stream_figure out = stream_run(STREAM_OUT, STREAM_CALLS, s->bench->server_cpu, seconds);
    struct fio_speed disk =
        fio_move(FIO_READ, s->ceiling_path, CEILING_BYTES, s->read_cell, seconds);
    double core = 1 / (out.server_cpu + disk.cpu_s_per_byte);
    say("    disk   %6.0f MB/s (%.3f CPU-s/GB); stream %6.0f MB/s (%.3f): one core %6.0f MB/s",
        disk.bytes_s / 1e6, disk.cpu_s_per_byte * 1e9, out.bytes_s / 1e6, out.server_cpu * 1e9,
        core / 1e6);
    return least(least(out.bytes_s, disk.bytes_s), core);
}

void pair_cold(struct setting *s, bool first, struct row_result *results)
{
    double share, ours = first ? broker_cold(s, &share) : 0;
    double limit = limit_cold(s);
    ours = first ? ours : broker_cold(s, &share);
    row_add(&results[0], ours / 1e6, limit / 1e6);
    row_add(&results[1], share * 100, 100);
}

/* ---- j: readers an extent behind the writer ---- */

/* Two of them, so that sealed extents are read again: reads what lies BEHIND_BYTES behind the end,
 * as far as the end has moved, until it is killed. An error ends it with status 1. */
_Noreturn static void reader_run(struct setting *s, struct broker *k,
                                 const struct sl_client_topic *t)
{
    uint64_t behind = BEHIND_BYTES / s->large.bytes * s->large.offsets;
    struct sl_client_options o = { .size = sizeof(o), .port = k->port, .id = "behind" };
    struct sl_why why;
    struct drain *d;
    child_dies_too();
    if (sl_client_open(&k->client, &o, &why) != SL_ERR_OK) /* its own: the parent's is not shared */
        die("%s", why.text);
    d = drain_new(s, k, t);
    d->seconds = 600;
    for (uint32_t i = 0; i < t->partitions; i++)
        d->from[i] = d->to[i] > behind ? d->to[i] - behind : 0;
    for (;;) {
        for (uint32_t i = 0; i < t->partitions; i++) {
            uint64_t end = broker_offset(k, t, i, SL_OFFSET_LATEST);
            d->to[i] = end > d->from[i] + behind ? end - behind : d->from[i];
        }
        drain_run(d);
        memcpy(d->from, d->to, sizeof(d->from));
        usleep(5000);
    }
}

static pid_t reader_start(struct setting *s, struct broker *k, const struct sl_client_topic *t)
{
    pid_t pid = fork();
    if (pid == 0)
        reader_run(s, k, t);
    return pid;
}

static bool reader_end(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

/* What the writer does for a while: how many of its writes were punted. */
static double writer_run(struct setting *s, struct feed *f, const struct punts *punts)
{
    double before = (double)punts_so_far(punts);
    f->bytes_max = 0;
    f->bytes = f->records = f->took_s = 0;
    f->rate = BEHIND_RATE;
    f->seconds = s->bench->seconds;
    feed_run(f);
    return (double)punts_so_far(punts) - before;
}

/* Writes until the space of what retention deletes is used again: new files are written by workers
 * of the kernel, with readers or without. */
static struct feed *writer_open(struct setting *s, struct broker *k,
                                const struct sl_client_topic *t)
{
    struct feed *f = feed_new(s, t, &s->large, COLD_WINDOW);
    f->broker = k;
    f->bytes_max = BEHIND_FILL;
    f->seconds = 600;
    feed_run(f);
    return f;
}

void pair_behind(struct setting *s, bool first, struct row_result *results)
{
    struct broker k;
    struct punts punts;
    (void)first;
    if (!punts_open(&punts))
        die("io_uring's tracepoint cannot be counted: be root, or set perf_event_paranoid to -1");
    broker_start(&k, s->bench, "behind", "--memory-tail", BEHIND_TAIL);
    struct sl_client_topic t = broker_topic(&k, "behind", 1, "536870912");
    struct feed *f = writer_open(s, &k, &t);
    double alone = writer_run(s, f, &punts);
    pid_t readers[2] = { reader_start(s, &k, &t), reader_start(s, &k, &t) };
    uint64_t cold = broker_figure(&k, "shardlog_reads_cold_total");
    double beside = writer_run(s, f, &punts);
    cold = broker_figure(&k, "shardlog_reads_cold_total") - cold;
    bool well = reader_end(readers[0]);
    well = reader_end(readers[1]) && well;
    say("    writer %6.0f MB/s, two readers %llu MiB behind: %llu reads of the disk, %.0f punted "
        "writes (%.0f without readers), %s",
        f->bytes / f->took_s / 1e6, (unsigned long long)(BEHIND_BYTES >> 20),
        (unsigned long long)cold, beside, alone, well ? "no error" : "a reader failed");
    row_add(&results[0], (beside > alone ? beside - alone : 0) + (well ? 0 : 1e9), 1);
    punts_close(&punts);
    free(f);
    broker_end(&k);
}
