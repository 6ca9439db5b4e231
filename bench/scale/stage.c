/* stage.c -- the stages: each opens the engine, turns it itself, and says what it saw. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/embed/load.h"
#include "bench/scale/scale.h"
#include "engine/base/types.h"

#define PARTITIONS_FILL 1000u
#define IN_FLIGHT       4096u    /* appends of one_each */
#define SETTLE_S        6.0      /* until an idle engine has put everything to rest */
#define WATCH_S         5.0      /* and then nothing may be written */
#define JOURNAL_BYTES   MIB(118) /* since the last checkpoint: the next one is at 128 MiB */

void found_take(struct found *f, const char *line)
{
    char name[64];
    double value;
    const struct {
        const char *name;
        double *at;
    } all[] = { { "memory", &f->memory },
                { "idle_bytes", &f->idle_bytes },
                { "open_s", &f->open_s },
                { "fill_mb_s", &f->fill_mb_s },
                { "journal_mib", &f->journal_mib } };
    if (sscanf(line, "%63s %lf", name, &value) != 2)
        return;
    for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(name, all[i].name) == 0)
            *all[i].at = value;
}

/* Resident memory that is this process's own. */
static uint64_t memory_now(void)
{
    uint64_t total = 0, resident = 0, shared = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%lu %lu %lu", &total, &resident, &shared) != 3)
        die("/proc/self/statm cannot be read");
    fclose(f);
    return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Bytes that this process has had written to devices. */
static uint64_t written_now(void)
{
    char line[128];
    uint64_t bytes = 0;
    FILE *f = fopen("/proc/self/io", "re");
    if (!f)
        die("/proc/self/io cannot be read");
    while (fgets(line, sizeof(line), f))
        (void)sscanf(line, "write_bytes: %lu", &bytes);
    fclose(f);
    return bytes;
}

static void engine_open(struct world *w, const struct scale *s, FILE *out)
{
    struct sl_why why;
    const char *dir = s->store;
    struct sl_engine_options o = {
        .size = sizeof(o), .dirs = &dir, .dir_count = 1, .threads = SL_THREADS_CALLER
    };
    uint64_t start = now_ns();
    enum sl_err err = sl_engine_open(&w->engine, &o, &why);
    while (err == SL_ERR_OK && (err = sl_engine_ready(w->engine, &why)) == SL_ERR_BUSY) {
        sl_engine_turn(w->engine, 0, MS_NS);
        err = SL_ERR_OK;
    }
    if (err == SL_ERR_OK)
        err = sl_engine_ready(w->engine, &why);
    if (err != SL_ERR_OK)
        die("%s: %s", s->store, why.text);
    fprintf(out, "open_s %f\n", (double)(now_ns() - start) / 1e9);
}

static struct sl_topic *topic_take(struct world *w, const char *name, uint32_t partitions)
{
    struct sl_topic_options o = { .size = sizeof(o), .partitions = partitions };
    struct sl_topic *t;
    struct sl_why why;
    if (sl_topic_create(w->engine, name, &o, &why) != SL_ERR_OK ||
        sl_topic_open(w->engine, name, &t, &why) != SL_ERR_OK)
        die("topic %s: %s", name, why.text);
    return t;
}

/* Idle for a while, then watched. */
static void idle_watch(struct world *w, FILE *out, uint64_t memory_before)
{
    world_rest(w, SETTLE_S);
    uint64_t written = written_now();
    world_rest(w, WATCH_S);
    fprintf(out, "idle_bytes %lu\n", written_now() - written);
    uint64_t memory = memory_now();
    fprintf(out, "memory %lu\n", memory > memory_before ? memory - memory_before : 0);
}

/* ---- many partitions ---- */

struct count {
    uint64_t out, done;
};

static void appended(void *arg, const struct sl_appended *r)
{
    struct count *c = arg;
    if (r->err != SL_ERR_OK)
        die("an append ended with: %s", sl_err_text(r->err));
    c->done++;
}

/* One record to each partition, a few thousand at a time. */
static void one_each(struct world *w, struct sl_topic *t)
{
    struct count c = { 0 };
    const struct pool *pool = &w->small;
    for (uint32_t i = 0; i < sl_topic_partitions(t); i++, c.out++) {
        while (c.out - c.done >= IN_FLIGHT)
            sl_engine_turn(w->engine, 0, MS_NS);
        if (sl_append_batch(t, i, pool->at[i % pool->count], pool->bytes, NULL, appended, &c) !=
            SL_ERR_OK)
            die("an append was refused");
    }
    while (c.done < c.out)
        sl_engine_turn(w->engine, 0, MS_NS);
}

/* Lets the engine live once, so that what it needs itself is not counted as its partitions'. */
static uint64_t memory_base(struct world *w)
{
    struct sl_topic *t = topic_take(w, "base", 1);
    one_each(w, t);
    sl_topic_close(&t);
    world_rest(w, 0.3);
    return memory_now();
}

void stage_idle_make(const struct scale *s, FILE *out)
{
    struct world w = { 0 };
    pool_open(&w.small, 16, 1, 1024);
    engine_open(&w, s, out);
    uint64_t before = memory_base(&w);
    struct sl_topic *t = topic_take(&w, "many", s->idle);
    one_each(&w, t);
    idle_watch(&w, out, before);
    one_each(&w, t); /* so that recovery has something to do in every partition */
    fprintf(out, "ready\n");
    for (;;)
        one_each(&w, t);
}

void stage_idle_again(const struct scale *s, FILE *out)
{
    struct world w = { 0 };
    uint64_t before = memory_now();
    engine_open(&w, s, out);
    idle_watch(&w, out, before);
}

/* ---- much data ---- */

static void fill(struct world *w, struct sl_topic *t, double gib, FILE *out)
{
    struct stream *x = calloc(1, sizeof(*x));
    uint64_t bytes = 0, start = now_ns();
    if (!x)
        die("out of memory");
    while ((double)bytes < gib * (double)GIB(1)) {
        *x = (struct stream){ .topic = t, .pool = &w->large, .window = 256 };
        (void)load_run(w, x, 1, 0.8);
        bytes = world_stats(w).append_bytes;
    }
    fprintf(out, "fill_mb_s %f\n", (double)bytes * 1e3 / (double)(now_ns() - start));
    free(x);
}

/* Small appends until a checkpoint has ended and the journal is nearly at the next one. */
static void journal_fill(struct world *w, struct sl_topic *t, FILE *out)
{
    uint64_t checkpoints = world_stats(w).checkpoints, cut = 0, now;
    do {
        one_each(w, t);
        struct sl_stats st = world_stats(w);
        now = st.journal_bytes;
        cut = st.checkpoints != checkpoints ? now : cut;
        checkpoints = st.checkpoints;
    } while (!cut || now - cut < JOURNAL_BYTES);
    fprintf(out, "journal_mib %f\n", (double)(now - cut) / MIB(1));
}

void stage_fill_make(const struct scale *s, FILE *out)
{
    struct world w = { 0 };
    pool_open(&w.small, 16, 1, 1024);
    pool_open(&w.large, POOL_MAX, 64, 1014);
    engine_open(&w, s, out);
    struct sl_topic *t = topic_take(&w, "much", PARTITIONS_FILL);
    fill(&w, t, s->fill_gib, out);
    journal_fill(&w, t, out);
    fprintf(out, "ready\n");
    for (;;)
        one_each(&w, t);
}

void stage_fill_again(const struct scale *s, FILE *out)
{
    struct world w = { 0 };
    engine_open(&w, s, out);
}
