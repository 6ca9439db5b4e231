/* demo.c -- real files through the log, with a writer that is killed twice.
 *
 *     shardlog_demo --dir DIR [--from PATH]... [--bytes N] [--durability WORD] [--flip] [--seed N]
 *
 * DIR is an empty directory, kept when the demo ends; scripts/run makes one and removes it.
 *
 *   - lists the inputs, measures what the disk can do
 *   - starts a writer, kills it twice at random moments, lets the third one finish
 *   - starts a reader, which rebuilds every input and looks for everything that was acknowledged
 *   - exit status 0 only if nothing is lost, altered, twice or out of order */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tools/demo/ceiling.h"
#include "tools/demo/collect.h"
#include "tools/demo/watch.h"

#define GIB               (1024.0 * 1024.0 * 1024.0)
#define DEFAULT_BYTES_MAX (1ull << 30) /* of the default input: some machines have a lot of it */
#define RECORD_OVERHEAD   45u /* bytes of a record besides its value and file name, about */

struct demo {
    const char *dir, *durability;
    const char **from; /* NULL-terminated; empty: the default input */
    uint64_t bytes;    /* 0: as many as there are */
    unsigned seed;
    bool flip, lost;
    char *bin, *log, *list, *acks;
    struct collect collect;
    struct ceiling ceiling;
    struct watch watch;
};

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...)
{
    char *out;
    va_list args;
    va_start(args, format);
    if (vasprintf(&out, format, args) < 0)
        die("out of memory");
    va_end(args);
    return out;
}

static double mb(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

static double per_s(uint64_t what, uint64_t ns)
{
    return ns ? (double)what * 1e9 / (double)ns : 0;
}

/* ---- options ---- */

static const char usage[] =
    "shardlog demo: real files through the log, with a writer that is killed twice\n"
    "\n"
    "  --from PATH        a file or a directory instead of the documentation and the logs of this\n"
    "                     system; may be given more than once\n"
    "  --bytes N          so many bytes of input (4G, 64M, ...): repeats it, or cuts it\n"
    "  --durability WORD  synced (default), written or memory: what an acknowledgement waits for\n"
    "  --flip             damages one live byte before reading: the demo must fail\n"
    "  --seed N           draws the moments of the kills, and the byte; default: the time\n"
    "  --embedded         the engine inside the writer (the only way so far)\n"
    "  --dir DIR          works in this empty directory, and leaves it\n";

static uint64_t bytes_parse(const char *word)
{
    char *end;
    uint64_t n = strtoull(word, &end, 10);
    const char *units = "KMGT", *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        n <<= 10 * (unit - units + 1);
        end++;
    }
    if (!n || *end)
        die("--bytes %s: a number is wanted, like 4G or 500M", word);
    return n;
}

static const char *durability_parse(const char *word)
{
    if (strcmp(word, "synced") && strcmp(word, "written") && strcmp(word, "memory"))
        die("--durability %s: synced, written or memory is wanted", word);
    return word;
}

static void options_parse(struct demo *d, int argc, char **argv)
{
    static const struct option options[] = {
        { "from", required_argument, NULL, 'f' },
        { "bytes", required_argument, NULL, 'b' },
        { "dir", required_argument, NULL, 'd' },
        { "durability", required_argument, NULL, 'k' },
        { "flip", no_argument, NULL, 'x' },
        { "seed", required_argument, NULL, 's' },
        { "embedded", no_argument, NULL, 'e' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    int option, from_count = 0;
    d->from = need(calloc((size_t)argc, sizeof(*d->from)));
    d->durability = "synced";
    d->seed = (unsigned)now_ns();
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'f':
            d->from[from_count++] = optarg;
            break;
        case 'b':
            d->bytes = bytes_parse(optarg);
            break;
        case 'd':
            d->dir = optarg;
            break;
        case 'k':
            d->durability = durability_parse(optarg);
            break;
        case 'x':
            d->flip = true;
            break;
        case 's':
            d->seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'e':
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind != argc || !d->dir) {
        fputs(usage, stderr);
        exit(2);
    }
}

static void paths_make(struct demo *d)
{
    char *self = need(realpath("/proc/self/exe", NULL));
    char *snapshots = text("%s/inputs", d->dir);
    d->bin = text("%s", dirname(self));
    d->log = text("%s/log", d->dir);
    d->list = text("%s/inputs.list", d->dir);
    d->acks = text("%s/acks", d->dir);
    if (mkdir(d->log, 0700) || mkdir(snapshots, 0700))
        die("%s: %s", d->dir, strerror(errno));
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
static double space_wanted(const struct demo *d)
{
    const struct inputs *in = &d->collect.inputs;
    double all = 0;
    for (size_t i = 0; i < in->count; i++)
        all += (double)in->at[i].bytes +
               (double)in->at[i].lines * (double)(strlen(in->at[i].name) + RECORD_OVERHEAD);
    if (d->bytes > in->bytes)
        all *= (double)d->bytes / (double)in->bytes;
    return all * 1.125 / GIB + 0.5 + 2;
}

static void space_check(const struct demo *d)
{
    struct statvfs fs;
    if (statvfs(d->dir, &fs) != 0)
        die("%s: %s", d->dir, strerror(errno));
    double available = (double)fs.f_bavail * (double)fs.f_frsize / GIB, wanted = space_wanted(d);
    printf("directory  %s, %.1f GiB free, %.1f wanted\n", d->dir, available, wanted);
    if (available < wanted)
        die("%s has %.1f GiB of free space and the demo needs about %.1f: set TMPDIR to a "
            "directory "
            "on another disk, or choose less input with --bytes or --from",
            d->dir, available, wanted);
}

static void inputs_collect(struct demo *d)
{
    struct collect *c = &d->collect;
    c->bytes_max = d->bytes ? d->bytes : UINT64_MAX;
    for (int i = 0; d->from[i]; i++)
        collect_path(c, d->from[i]);
    if (!d->from[0]) {
        c->bytes_max = c->bytes_max < DEFAULT_BYTES_MAX ? c->bytes_max : DEFAULT_BYTES_MAX;
        collect_changing(c, "/var/log");
        collect_path(c, "/usr/share/doc");
    }
    if (c->unreadable)
        printf("left out   %" PRIu64 " unreadable files (%s)\n", c->unreadable,
               c->unreadable_first);
    if (!c->inputs.bytes)
        die("there is nothing to read: name files with --from");
    space_check(d);
    collect_repeat(c, d->bytes);
    printf("input      %zu files, %.1f MB, %" PRIu64 " lines%s; seed %u\n", c->inputs.count,
           mb(c->inputs.bytes), c->inputs.lines, d->from[0] ? "" : " (/var/log, /usr/share/doc)",
           d->seed);
    if (!inputs_save(&c->inputs, d->list))
        exit(1);
}

static void ceiling_find(struct demo *d)
{
    d->ceiling = ceiling_measure(d->dir, ceiling_bytes(d));
    if (d->ceiling.bytes_s > 0)
        printf(
            "ceiling    %.0f MB/s: O_DIRECT writes of %u KiB, %u at a time, over a written file\n",
            d->ceiling.bytes_s / 1e6, d->ceiling.write_bytes >> 10, d->ceiling.writers);
    else
        printf("ceiling    unknown: the file system refuses O_DIRECT\n");
}

/* ---- writing ---- */

/* After a kill: everything that was acknowledged has to be in what the log holds now. */
static void ends_compare(struct demo *d)
{
    for (uint32_t i = 0; i < DEMO_PARTITIONS; i++) {
        uint64_t acked = d->watch.acked_before[i], held = d->watch.log_end[i];
        if (held >= acked)
            continue;
        d->lost = true;
        printf("LOST       partition %u ended at offset %" PRIu64
               " after the kill, and offsets up to "
               "%" PRIu64 " had been acknowledged\n",
               i, held, acked);
    }
}

static void writer_run(struct demo *d, unsigned run, uint64_t kill_at)
{
    struct watch *w = &d->watch;
    /* Some hundred batches at least, so that a kill has something to interrupt. */
    uint64_t batch = d->collect.inputs.bytes / 512;
    batch = batch < 1024 ? 1024 : batch > 128 << 10 ? 128 << 10 : batch;
    char *words[] = {
        text("%s/demo_writer", d->bin), d->log,          d->list, (char *)d->durability,
        text("%" PRIu64, batch),        text("%u", run), "",      NULL
    };
    bool ok = watch_run(w, words, kill_at);
    ends_compare(d);
    if (!ok)
        die("writer %u failed", run + 1);
    if (w->killed)
        printf("writer %u   open in %.0f ms; killed with %.1f MB acknowledged (%" PRIu64
               " records) and %u batches in flight\n",
               run + 1, (double)w->open_ns / 1e6, mb(w->acked_bytes), w->acked_records,
               w->in_flight);
    else
        printf("writer %u   open in %.0f ms; done%s\n", run + 1, (double)w->open_ns / 1e6,
               kill_at != UINT64_MAX ? " before it could be killed: the input is small" : "");
    free(words[0]);
    free(words[4]);
    free(words[5]);
}

/* Two kills. At `memory`, where a kill may by chance lose nothing: as many as it takes to lose
 * something, and DEMO_RUNS_MAX - 1 at most. */
static void write_all(struct demo *d)
{
    bool memory = strcmp(d->durability, "memory") == 0;
    uint64_t all = d->collect.inputs.bytes, kills = memory ? DEMO_RUNS_MAX - 1 : 2;
    unsigned run = 0;
    for (; run < kills && !d->lost; run++) {
        uint64_t step = all * 80 / 100 / kills; /* the last fifth is for the last writer */
        writer_run(d, run, run * step + step / 4 + (uint64_t)random() % (step / 2 + 1));
    }
    writer_run(d, run, UINT64_MAX);
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

static void acks_print(struct demo *d)
{
    struct watch *w = &d->watch;
    if (!w->ack_count)
        return;
    qsort(w->acks, w->ack_count, sizeof(*w->acks), ns_order);
    printf("acks       %zu batches, `%s`: p50 %.2f ms, p99 %.2f ms\n", w->ack_count, d->durability,
           (double)w->acks[w->ack_count / 2].ns / 1e6,
           (double)w->acks[w->ack_count * 99 / 100].ns / 1e6);
}

/* ---- reading ---- */

static bool reader_run(struct demo *d)
{
    char *words[] = { text("%s/demo_reader", d->bin), d->log, d->list, d->acks, "", NULL };
    bool ok = watch_run(&d->watch, words, UINT64_MAX);
    free(words[0]);
    return ok;
}

static bool flip_run(struct demo *d)
{
    struct watch w = { 0 };
    char *words[] = { text("%s/demo_flip", d->bin), d->log, text("%u", d->seed), "", NULL };
    bool ok = watch_run(&w, words, UINT64_MAX);
    free(words[0]);
    free(words[2]);
    return ok;
}

/* Input bytes are what the user sees moving; batches carry headers too, and are what is written. */
static void speed_print(const struct demo *d, uint64_t write_ns)
{
    const struct watch *w = &d->watch;
    if (!w->is_done)
        return;
    printf("speed      %.0f records/s, %.0f MB/s of input, %.0f MB/s of batches",
           per_s(w->acked_records, write_ns), per_s(w->acked_bytes, write_ns) / 1e6,
           per_s(w->done.bytes, write_ns) / 1e6);
    if (d->ceiling.bytes_s > 0)
        printf(": %.0f %% of the ceiling",
               100 * per_s(w->done.bytes, write_ns) / d->ceiling.bytes_s);
    printf("; read back at %.0f MB/s, open in %.0f ms\n", per_s(w->done.bytes, w->done.ns) / 1e6,
           (double)w->open_ns / 1e6);
}

static void demo_free(struct demo *d)
{
    free(d->from);
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
    options_parse(&d, argc, argv);
    srandom(d.seed);
    paths_make(&d);
    inputs_collect(&d);
    ceiling_find(&d);
    write_all(&d);
    acks_save(&d);
    acks_print(&d);
    if (d.flip && !flip_run(&d))
        die("could not damage the log");
    uint64_t write_ns = d.watch.write_ns;
    bool ok = reader_run(&d) && !d.lost;
    speed_print(&d, write_ns);
    printf(ok ? "OK         nothing acknowledged was lost, altered, repeated or moved\n"
              : "FAIL       see the lines above\n");
    demo_free(&d);
    return ok ? 0 : 1;
}
