/* demo.c -- real files through the log, with two kills in the middle.
 *
 *     shardlog_demo --dir DIR [--embedded] [--from PATH]... [--bytes N] [--durability WORD]
 * [--flip]
 *                   [--seed N]
 *
 * DIR is an empty directory, kept when the demo ends; scripts/run makes one and removes it.
 *
 *   - lists the inputs, measures what the machine can do
 *   - a writer loads them; the broker is killed twice at random moments, or, with --embedded, the
 *     writer is
 *   - starts a reader, which rebuilds every input and looks for everything that was acknowledged
 *   - exit status 0 only if nothing is lost, altered, twice or out of order */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tools/demo/story.h"

#define GIB (1024.0 * 1024.0 * 1024.0)
#define DEFAULT_BYTES_MAX \
    (1ull << 30) /* of the default input: some machines have a lot of it ... */
#define DEFAULT_BYTES_LEAST (256ull << 20) /* ... and some little: then it is repeated */
#define RECORD_OVERHEAD     45u /* bytes of a record besides its value and file name, about */

char *text(const char *format, ...)
{
    char *out;
    va_list args;
    va_start(args, format);
    if (vasprintf(&out, format, args) < 0)
        die("out of memory");
    va_end(args);
    return out;
}

double mb(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

static double per_s(uint64_t what, uint64_t ns)
{
    return ns ? (double)what * 1e9 / (double)ns : 0;
}

static void paths_make(struct demo *d)
{
    char *self = need(realpath("/proc/self/exe", NULL));
    char *snapshots = text("%s/inputs", d->options.dir);
    d->bin = text("%s", dirname(self));
    d->log = text("%s/log", d->options.dir);
    d->list = text("%s/inputs.list", d->options.dir);
    d->acks = text("%s/acks", d->options.dir);
    if (mkdir(d->log, 0700) || mkdir(snapshots, 0700))
        die("%s: %s", d->options.dir, strerror(errno));
    d->collect.snapshots = snapshots;
    free(self);
}

/* ---- inputs, space ---- */

static uint64_t ceiling_bytes(const struct demo *d)
{
    uint64_t least = 16u << 20, most = 256u << 20, all = d->collect.inputs.bytes;
    return all < least ? least : all < most ? all : most;
}

/* What the log will take in GiB: records, journal and ceiling, a volume being filled and the next.
 */
static double space_wanted(const struct demo *d, uint64_t bytes)
{
    const struct inputs *in = &d->collect.inputs;
    double all = 0;
    for (size_t i = 0; i < in->count; i++)
        all += (double)in->at[i].bytes +
               (double)in->at[i].lines * (double)(strlen(in->at[i].name) + RECORD_OVERHEAD);
    if (bytes > in->bytes)
        all *= (double)bytes / (double)in->bytes;
    return all * 1.125 / GIB + 0.5 + 2;
}

static void space_check(const struct demo *d, uint64_t bytes)
{
    struct statvfs fs;
    if (statvfs(d->options.dir, &fs) != 0)
        die("%s: %s", d->options.dir, strerror(errno));
    double available = (double)fs.f_bavail * (double)fs.f_frsize / GIB,
           wanted = space_wanted(d, bytes);
    printf("directory  %s, %.1f GiB free, %.1f wanted\n", d->options.dir, available, wanted);
    if (available < wanted)
        die("%s has %.1f GiB of free space and the demo needs about %.1f: set TMPDIR to a "
            "directory "
            "on another disk, or choose less input with --bytes or --from",
            d->options.dir, available, wanted);
}

static void inputs_collect(struct demo *d)
{
    struct collect *c = &d->collect;
    uint64_t least = d->options.bytes;
    c->bytes_max = least ? least : UINT64_MAX;
    for (int i = 0; d->options.from[i]; i++)
        collect_path(c, d->options.from[i]);
    if (!d->options.from[0]) {
        c->bytes_max = c->bytes_max < DEFAULT_BYTES_MAX ? c->bytes_max : DEFAULT_BYTES_MAX;
        collect_changing(c, "/var/log");
        collect_path(c, "/usr/share/doc");
        least = least || d->options.embedded ? least : DEFAULT_BYTES_LEAST;
    }
    if (c->unreadable)
        printf("left out   %" PRIu64 " unreadable files (%s)\n", c->unreadable,
               c->unreadable_first);
    if (!c->inputs.bytes)
        die("there is nothing to read: name files with --from");
    space_check(d, least);
    collect_repeat(c, least);
    printf("input      %zu files, %.1f MB, %" PRIu64 " lines%s; seed %u\n", c->inputs.count,
           mb(c->inputs.bytes), c->inputs.lines,
           d->options.from[0] ? "" : " (/var/log, /usr/share/doc)", d->options.seed);
    if (!inputs_save(&c->inputs, d->list))
        exit(1);
}

static void ceiling_find(struct demo *d)
{
    d->ceiling = ceiling_measure(d->options.dir, ceiling_bytes(d));
    if (d->ceiling.bytes_s > 0)
        printf(
            "ceiling    %.0f MB/s: O_DIRECT writes of %u KiB, %u at a time, over a written file\n",
            d->ceiling.bytes_s / 1e6, d->ceiling.write_bytes >> 10, d->ceiling.writers);
    else
        printf("ceiling    unknown: the file system refuses O_DIRECT\n");
    if (d->options.embedded)
        return;
    d->wire_bytes_s = ceiling_wire();
    printf("ceiling    %.0f MB/s: one thread sends 64 KiB at a time over TCP, one receives\n",
           d->wire_bytes_s / 1e6);
}

/* ---- writing ---- */

void demo_ends_compare(struct demo *d, const uint64_t held[DEMO_PARTITIONS],
                       const uint64_t acked[DEMO_PARTITIONS])
{
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++) {
        if (held[i] >= acked[i])
            continue;
        d->lost = true;
        printf("LOST       partition %u ended at offset %" PRIu64
               " after the kill, and offsets up to "
               "%" PRIu64 " had been acknowledged\n",
               i, held[i], acked[i]);
    }
}

bool demo_writer(struct demo *d, const char *at, unsigned run, const struct watch_plan *plan)
{
    /* Some hundred batches at least, so that a kill has something to interrupt. */
    uint64_t batch = d->collect.inputs.bytes / 512;
    batch = batch < 1024 ? 1024 : batch > 128 << 10 ? 128 << 10 : batch;
    char *words[] = { text("%s/%s", d->bin, d->way->writer),
                      text("%s", at), /* the broker's may change meanwhile */
                      d->list,
                      (char *)d->options.durability,
                      text("%" PRIu64, batch),
                      text("%u", run),
                      "",
                      NULL };
    bool ok = watch_run(&d->watch, words, plan);
    free(words[0]);
    free(words[1]);
    free(words[4]);
    free(words[5]);
    return ok;
}

/* Two kills. At `memory`, where a kill may by chance lose nothing: as many as it takes to lose
 * something, and DEMO_RUNS_MAX - 1 at most. */
static void write_all(struct demo *d)
{
    bool memory = strcmp(d->options.durability, "memory") == 0;
    uint64_t marks[DEMO_RUNS_MAX], all = d->collect.inputs.bytes;
    unsigned kills = memory ? DEMO_RUNS_MAX - 1 : KILLS;
    uint64_t step = all * 80 / 100 / kills; /* the last fifth is undisturbed */
    for (unsigned i = 0; i < kills; i++)
        marks[i] = i * step + step / 4 + (uint64_t)random() % (step / 2 + 1);
    d->way->write(d, marks, kills);
    d->way->close(d);
}

static int ns_order(const void *a, const void *b)
{
    const struct message *x = a, *y = b;
    return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static void acks_save(const struct demo *d)
{
    FILE *f = fopen(d->acks, "w");
    const struct watch *w = &d->watch;
    if (!f || fwrite(w->acks, sizeof(*w->acks), w->ack_count, f) != w->ack_count || fclose(f))
        die("%s: %s", d->acks, strerror(errno));
}

/* Those that a kill made wait for the next broker would be the p99 of a short run: they are told
 * apart. */
static size_t waited_to_end(struct watch *w, uint64_t *longest_ns)
{
    size_t undisturbed = 0;
    *longest_ns = 0;
    for (size_t i = 0; i < w->ack_count; i++) {
        struct message ack = w->acks[i];
        if (watch_ack_waited(w, &ack)) {
            if (ack.ns > *longest_ns)
                *longest_ns = ack.ns;
            continue;
        }
        w->acks[i] = w->acks[undisturbed];
        w->acks[undisturbed++] = ack;
    }
    return undisturbed;
}

static void acks_print(struct demo *d)
{
    struct watch *w = &d->watch;
    uint64_t longest_ns;
    size_t n = waited_to_end(w, &longest_ns);
    if (!n)
        return;
    qsort(w->acks, n, sizeof(*w->acks), ns_order);
    printf("acks       %zu batches, `%s`: p50 %.2f ms, p99 %.2f ms", w->ack_count,
           d->options.durability, (double)w->acks[n / 2].ns / 1e6,
           (double)w->acks[n * 99 / 100].ns / 1e6);
    if (n < w->ack_count)
        printf("; not counted: %zu under way at a kill, at most %.0f ms", w->ack_count - n,
               (double)longest_ns / 1e6);
    printf("\n");
}

/* ---- reading ---- */

static bool reader_run(struct demo *d)
{
    char *words[] = { text("%s/%s", d->bin, d->way->reader),
                      text("%s", d->way->open(d)),
                      d->list,
                      d->acks,
                      "",
                      NULL };
    bool ok = watch_run(&d->watch, words, NULL);
    d->way->close(d);
    free(words[0]);
    free(words[1]);
    return ok;
}

static bool flip_run(struct demo *d)
{
    struct watch w = { 0 };
    char *words[] = { text("%s/demo_flip", d->bin), d->log, text("%u", d->options.seed), "", NULL };
    bool ok = watch_run(&w, words, NULL);
    free(words[0]);
    free(words[2]);
    return ok;
}

/* Of the limits that are known, the lowest. */
static double lowest_ceiling(const struct demo *d)
{
    double disk = d->ceiling.bytes_s, wire = d->wire_bytes_s;
    return disk > 0 && (wire <= 0 || disk < wire) ? disk : wire;
}

/* Input bytes are what the user sees moving; batches carry headers too, and are what is written. */
static void speed_print(const struct demo *d, uint64_t write_ns)
{
    const struct watch *w = &d->watch;
    double ceiling = lowest_ceiling(d), batches = per_s(w->done.bytes, write_ns);
    if (!w->is_done)
        return;
    printf("speed      %.0f records/s, %.0f MB/s of input, %.0f MB/s of batches",
           per_s(w->acked_records, write_ns), per_s(w->acked_bytes, write_ns) / 1e6, batches / 1e6);
    if (ceiling > 0)
        printf(": %.0f %% of the %sceiling", 100 * batches / ceiling,
               d->options.embedded ? "" : "lower ");
    if (w->pause_count)
        printf("; not counted: %.0f ms without a broker", (double)watch_paused_ns(w) / 1e6);
    printf("; read back at %.0f MB/s, open in %.0f ms\n", per_s(w->done.bytes, w->done.ns) / 1e6,
           (double)w->open_ns / 1e6);
}

static void demo_free(struct demo *d)
{
    node_end(&d->node);
    free((void *)(uintptr_t)d->node.program);
    free((void *)(uintptr_t)d->node.log);
    free(d->at);
    free(d->options.from);
    free((void *)d->collect.snapshots);
    free(d->bin);
    free(d->log);
    free(d->list);
    free(d->acks);
    inputs_free(&d->collect.inputs);
    watch_free(&d->watch);
}

int main(int argc, char **argv)
{
    static struct demo d;
    setvbuf(stdout, NULL, _IOLBF, 0);
    options_parse(&d.options, argc, argv);
    d.way = d.options.embedded ? &way_embedded : &way_served;
    srandom(d.options.seed);
    paths_make(&d);
    inputs_collect(&d);
    ceiling_find(&d);
    write_all(&d);
    acks_save(&d);
    acks_print(&d);
    if (d.options.flip && !flip_run(&d))
        die("could not damage the log");
    uint64_t write_ns = d.watch.write_ns - watch_paused_ns(&d.watch);
    bool ok = reader_run(&d) && !d.lost;
    speed_print(&d, write_ns);
    printf(ok ? "OK         nothing acknowledged was lost, altered, repeated or moved\n"
              : "FAIL       see the lines above\n");
    demo_free(&d);
    return ok ? 0 : 1;
}
