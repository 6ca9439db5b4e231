/* bench.c -- `shardlog bench append|fetch`: what a client of one connection sees, in a closed loop.
 *
 * A number of requests is in flight; when one is answered, the next one starts. So it measures how
 * quick answers are at that depth, not what happens when more arrives than can be answered. */
#include <stdlib.h>
#include <time.h>

#include "engine/base/check.h"
#include "engine/base/rng.h"
#include "tools/remote.h"

#define FLIGHT_MAX  256u /* what a server takes of one connection */
#define BATCH_MAX   MIB(8)
#define SECONDS_MAX 86400u

/* ---- latencies: log-linear, 32 steps to each power of two, so 3 % ---- */

#define STEP_BITS 5u
#define STEPS     (1u << STEP_BITS)

struct latencies {
    uint64_t count, max_ns;
    uint64_t slots[STEPS * 60];
};

static uint32_t slot_of(uint64_t ns)
{
    uint32_t power = ns < STEPS ? 0 : 63u - (uint32_t)__builtin_clzll(ns) - STEP_BITS + 1;
    return power ? power * STEPS + (uint32_t)(ns >> (power - 1)) - STEPS : (uint32_t)ns;
}

static uint64_t slot_ns(uint32_t slot)
{
    uint32_t power = slot / STEPS;
    return power ? (uint64_t)(slot % STEPS + STEPS) << (power - 1) : slot;
}

static void latency_add(struct latencies *l, uint64_t ns)
{
    l->count++;
    l->max_ns = max_u64(l->max_ns, ns);
    l->slots[slot_of(ns)]++;
}

static uint64_t latency_at(const struct latencies *l, double share)
{
    uint64_t want = (uint64_t)(share * (double)l->count), seen = 0;
    for (uint32_t i = 0; i < STEPS * 60; i++)
        if ((seen += l->slots[i]) > want)
            return min_u64(slot_ns(i), l->max_ns);
    return l->max_ns;
}

/* ---- a run ---- */

struct bench;

/* One request after another. */
struct lane {
    struct bench *bench;
    uint32_t partition;
    uint64_t asked_ns, offset;
};

struct bench {
    struct remote remote;
    struct sl_client_topic topic;
    struct latencies latency;
    struct lane *lanes;
    void (*ask)(struct lane *l);
    /* Words. */
    uint64_t seconds, in_flight, partition, records, bytes;
    bool partition_given, json;
    const char *durability;
    /* append */
    struct sl_append_options append;
    struct sl_record *batch;
    enum sl_durability bought; /* the least */
    /* fetch */
    uint64_t *starts; /* of each partition */
    /* So far. */
    uint64_t end_ns, from_ns, took_ns, sum_records, sum_bytes;
    enum sl_err err; /* the first */
    char why[sizeof(((struct sl_client_error *)0)->text)];
};

static uint64_t clock_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SEC_NS + (uint64_t)t.tv_nsec;
}

static void bench_fail(struct bench *b, enum sl_err err)
{
    if (b->err != SL_ERR_OK || err == SL_ERR_OK)
        return;
    b->err = err;
    snprintf(b->why, sizeof(b->why), "%s", sl_client_error(b->remote.client)->text);
}

/* True: another one is to be asked for. */
static bool lane_answered(struct lane *l, enum sl_err err)
{
    struct bench *b = l->bench;
    uint64_t now = clock_now_ns();
    bench_fail(b, err);
    if (b->err != SL_ERR_OK)
        return false;
    latency_add(&b->latency, now - l->asked_ns);
    b->took_ns = now - b->from_ns;
    return now < b->end_ns;
}

static void bench_run(struct bench *b)
{
    b->lanes = calloc(b->in_flight, sizeof(*b->lanes));
    check(b->lanes);
    b->from_ns = clock_now_ns();
    b->end_ns = b->from_ns + b->seconds * SEC_NS;
    for (uint32_t i = 0; i < b->in_flight && b->err == SL_ERR_OK; i++) {
        b->lanes[i].bench = b;
        b->lanes[i].partition =
            b->partition_given ? (uint32_t)b->partition : i % b->topic.partitions;
        b->lanes[i].offset = b->starts ? b->starts[b->lanes[i].partition] : 0;
        b->ask(&b->lanes[i]);
    }
    bench_fail(b, sl_client_flush(b->remote.client));
}

/* ---- append ---- */

static void append_answered(void *arg, const struct sl_appended *a)
{
    struct lane *l = arg;
    struct bench *b = l->bench;
    bool more = lane_answered(l, a->err);
    if (a->err != SL_ERR_OK)
        return;
    b->sum_records += a->count;
    b->sum_bytes += a->count * b->bytes;
    b->bought = a->bought < b->bought ? a->bought : b->bought;
    if (!b->partition_given)
        l->partition = (l->partition + 1) % b->topic.partitions;
    if (more)
        b->ask(l);
}

static void append_ask(struct lane *l)
{
    struct bench *b = l->bench;
    l->asked_ns = clock_now_ns();
    bench_fail(b, sl_client_append(b->remote.client, &b->topic, l->partition, b->batch,
                                   (uint32_t)b->records, &b->append, append_answered, l));
}

/* Bytes that no compression would make less of; the same ones in every record. */
static void batch_open(struct bench *b)
{
    struct rng rng;
    uint8_t *value = malloc(max_u64(b->bytes, 1));
    b->batch = calloc(b->records, sizeof(*b->batch));
    check(value && b->batch);
    rng_seed(&rng, 1);
    rng_fill(&rng, value, b->bytes);
    for (uint32_t i = 0; i < b->records; i++)
        b->batch[i] =
            (struct sl_record){ .value = value, .value_bytes = b->bytes, .time_ms = sl_time_ms() };
}

static void batch_close(struct bench *b)
{
    if (b->batch)
        free((void *)(uintptr_t)b->batch[0].value);
    free(b->batch);
}

/* ---- fetch ---- */

static void fetch_answered(void *arg, const struct sl_client_batches *f)
{
    struct lane *l = arg;
    struct bench *b = l->bench;
    bool more = lane_answered(l, f->err);
    if (f->err != SL_ERR_OK)
        return;
    b->sum_bytes += f->bytes;
    b->sum_records += f->next_offset - l->offset;
    l->offset = f->next_offset < f->high_offset ? f->next_offset : f->start_offset;
    if (more)
        b->ask(l);
}

static void fetch_ask(struct lane *l)
{
    struct bench *b = l->bench;
    struct sl_fetch_options o = { .size = sizeof(o),
                                  .offset = l->offset,
                                  .bytes_max = (uint32_t)b->bytes };
    l->asked_ns = clock_now_ns();
    bench_fail(b,
               sl_client_fetch(b->remote.client, &b->topic, l->partition, &o, fetch_answered, l));
}

/* Every lane begins at its partition's start. */
static int lanes_place(struct bench *b, const char *topic)
{
    uint64_t end;
    b->starts = calloc(b->topic.partitions, sizeof(*b->starts));
    check(b->starts);
    for (uint32_t i = 0; i < b->topic.partitions; i++) {
        if (b->partition_given && i != b->partition)
            continue;
        enum sl_err err = sl_client_offset(b->remote.client, &b->topic, i, SL_OFFSET_EARLIEST, 0,
                                           &b->starts[i], NULL);
        if (err == SL_ERR_OK)
            err = sl_client_offset(b->remote.client, &b->topic, i, SL_OFFSET_LATEST, 0, &end, NULL);
        if (err != SL_ERR_OK)
            return remote_exit(&b->remote, err, topic);
        if (end == b->starts[i]) {
            complain("%s: partition %u is empty; `shardlog bench append %s` fills it", topic, i,
                     topic);
            return EXIT_NOT_FOUND;
        }
    }
    return EXIT_CLEAN;
}

/* ---- what it says ---- */

static void micros(struct out *o, const char *key, const char *label, uint64_t ns)
{
    if (o->json)
        out_count(o, key, label, ns / 1000);
    else
        out_text(o, key, label, "%.1f us", (double)ns / 1e3);
}

static int bench_tell(struct bench *b, const char *topic, bool appends)
{
    static const char *const words[] = { "topic", "memory", "written", "synced" };
    double s = (double)b->took_ns / 1e9;
    struct out o;
    if (b->err != SL_ERR_OK)
        complain("%s: %s (%s)", topic, b->why, sl_err_name(b->err));
    if (!b->latency.count)
        return remote_code(b->err);
    out_open(&o, stdout, b->json);
    out_count(&o, "requests", "answers", b->latency.count);
    out_count(&o, "records", "records", b->sum_records);
    out_count(&o, "bytes", "bytes", b->sum_bytes);
    out_count(&o, "milliseconds", "milliseconds", b->took_ns / MS_NS);
    out_count(&o, "records_per_second", "records/s", (uint64_t)((double)b->sum_records / s));
    out_count(&o, "bytes_per_second", "bytes/s", (uint64_t)((double)b->sum_bytes / s));
    micros(&o, "p50_us", "p50", latency_at(&b->latency, .5));
    micros(&o, "p99_us", "p99", latency_at(&b->latency, .99));
    micros(&o, "max_us", "max", b->latency.max_ns);
    if (appends)
        out_text(&o, "durability", "durability", "%s", words[b->bought]);
    out_close(&o);
    return remote_code(b->err);
}

/* ---- the commands ---- */

static bool number_within(const char *name, uint64_t value, uint64_t most)
{
    if (value >= 1 && value <= most)
        return true;
    complain("%s is 1 to %llu, not %llu", name, (unsigned long long)most,
             (unsigned long long)value);
    return false;
}

static bool durability_take(struct bench *b)
{
    static const char *const words[] = { "topic", "memory", "written", "synced" };
    for (uint32_t i = 0; i < 4; i++)
        if (!b->durability || strcmp(b->durability, words[i]) == 0) {
            b->append.durability = (enum sl_durability)i;
            return true;
        }
    complain("--durability wants topic, memory, written or synced, not `%s`", b->durability);
    return false;
}

static int bench_topic(struct bench *b, const char *topic, bool appends)
{
    int code = remote_topic(&b->remote, topic, &b->topic);
    if (code == EXIT_CLEAN && b->partition_given && b->partition >= b->topic.partitions) {
        complain("%s has the partitions 0 to %u", topic, b->topic.partitions - 1);
        code = EXIT_NOT_FOUND;
    }
    if (code == EXIT_CLEAN && !appends)
        code = lanes_place(b, topic);
    if (code != EXIT_CLEAN)
        return code;
    bench_run(b);
    return bench_tell(b, topic, appends);
}

static int bench_words(struct bench *b, bool appends, int argc, char **argv)
{
    const struct option_row rows[] = {
        OPTIONS_OUT(&b->json),
        OPTIONS_REMOTE(&b->remote),
        { .name = "--seconds", .number = &b->seconds },
        { .name = "--in-flight", .number = &b->in_flight },
        { .name = "--partition", .number = &b->partition, .given = &b->partition_given },
        { .name = "--bytes", .number = &b->bytes },
        { .name = "--records", .number = &b->records }, /* append's alone: see below */
        { .name = "--durability", .text = &b->durability },
    };
    uint32_t known = OPTION_COUNT(rows) - (appends ? 0 : 2);
    if (!options_take(rows, known, &argc, argv) ||
        !number_within("--seconds", b->seconds, SECONDS_MAX) ||
        !number_within("--in-flight", b->in_flight, FLIGHT_MAX) ||
        !number_within("--bytes", b->bytes, BATCH_MAX) ||
        !number_within("--records", b->records, 100000) || !durability_take(b))
        return EXIT_TROUBLE;
    if (argc != 1) {
        complain(argc < 1 ? "which topic?" : "one topic at a time");
        return EXIT_TROUBLE;
    }
    int code = remote_open(&b->remote);
    if (code == EXIT_CLEAN && appends)
        batch_open(b);
    if (code == EXIT_CLEAN)
        code = bench_topic(b, argv[0], appends);
    remote_close(&b->remote);
    batch_close(b);
    free(b->lanes);
    free(b->starts);
    return code;
}

static int append_command(int argc, char **argv)
{
    static struct bench b; /* its latencies have 15 KiB */
    b = (struct bench){ .seconds = 5,
                        .in_flight = 1,
                        .records = 1,
                        .bytes = 1024,
                        .append.size = sizeof(b.append),
                        .bought = SL_SYNCED,
                        .ask = append_ask };
    return bench_words(&b, true, argc, argv);
}

static int fetch_command(int argc, char **argv)
{
    static struct bench b;
    b = (struct bench){
        .seconds = 5, .in_flight = 1, .records = 1, .bytes = MIB(1), .ask = fetch_ask
    };
    return bench_words(&b, false, argc, argv);
}

const struct command bench_commands[] = {
    { "append", "TOPIC", "how quick a node acknowledges", append_command,
      "  --seconds S    for so long (5)\n"
      "  --in-flight N  appends that wait for their acknowledgement at a time (1)\n"
      "  --records N    in a batch (1)\n"
      "  --bytes N      of a record's value (1024)\n"
      "  --partition N  all to this one; else round\n"
      "  --durability W what an acknowledgement waits for: topic, memory, written, synced\n"
      "  -o json|table  how the answer is written\n" HELP_REMOTE "\n"
      "  A closed loop over one connection: when one append is acknowledged, the next one\n"
      "  starts. It leaves its records in the topic.\n"
      "\n"
      "  shardlog topic create speed && shardlog bench append speed --in-flight 16\n",
      NULL },
    { "fetch", "TOPIC", "how quick a node delivers", fetch_command,
      "  --seconds S    for so long (5)\n"
      "  --in-flight N  fetches that wait for their answer at a time (1)\n"
      "  --bytes N      of an answer at most (1048576)\n"
      "  --partition N  only this one; else each fetch in flight has its own, as far as there are\n"
      "                 as many\n"
      "  -o json|table  how the answer is written\n" HELP_REMOTE "\n"
      "  A closed loop over one connection, from the start of the topic to its end, again and\n"
      "  again. What comes is not looked at.\n"
      "\n"
      "  shardlog bench fetch speed --in-flight 4 -o json\n",
      NULL },
    { 0 },
};
