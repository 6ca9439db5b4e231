/* seed.c -- see seed.h.
 *
 *   plan     geometry, disks, faults and ends are drawn before anything happens
 *   lives    start (perhaps crash in it), verify, operations, end; again
 *   finish   no faults: liveness, then everything is deleted and space is counted */
#include "tests/sim/seed.h"

#include <stdio.h>

#include "engine/base/check.h"
#include "tests/sim/load.h"
#include "tests/sim/pick.h"
#include "tests/sim/rust.h"
#include "tests/sim/town.h"
#include "tests/sim/verdict.h"

#define OPS         2000u
#define LIVES_MIN   5u
#define LIVES_MAX   8u
#define STARTS_MAX  50u
#define MUD_FLIGHT  200u
#define MUD_OPS     300u
#define LAST_OPS    100u /* after the end was ordered */
#define TOWN_EVERY  4u   /* seeds; the others look at stores alone */
#define RECORD_MAX  (1u << 20)
#define BATCH_EXTRA (16u << 10) /* a batch of a largest record fits */

struct seed {
    struct world w;
    struct load load;
    struct sim_opts chances; /* of lives with faults */
    uint32_t lives;
    enum end ends[LIVES_MAX];
    bool eio;
    bool space_limits;
    enum end ordered; /* a crash that was ordered for this life's start and may come later */
    uint32_t recovery_crashes;
};

/* ---- plan ---- */

static struct geometry geometry_draw(struct rng *rng, bool large)
{
    struct geometry g = { .entry_max = PICK(rng, 16u << 10, 32u << 10, 64u << 10, 128u << 10) };
    g.journal_bytes = BLOCK_BYTES + g.entry_max * (8 + rng_below(rng, 5));
    g.extent_min = PICK(rng, 8u << 10, 16u << 10, 32u << 10, 64u << 10);
    if (large) {
        g.extent_max = 2u << 20;
        g.batch_max = RECORD_MAX + BATCH_EXTRA;
        g.slabs = 2 + (uint32_t)rng_below(rng, 3);
    } else {
        g.extent_max = PICK(rng, 128u << 10, 256u << 10, 512u << 10);
        g.batch_max = g.extent_max / 4;
        g.slabs = 4 + (uint32_t)rng_below(rng, 5);
    }
    return g;
}

static void stores_plan(struct seed *s)
{
    struct world *w = &s->w;
    uint32_t disks = s->eio ? STORES_MAX : 1 + (uint32_t)rng_below(w->rng, 2);
    w->store_count = 2 + (uint32_t)rng_below(w->rng, 2);
    for (uint32_t i = 0; i < w->store_count; i++) {
        struct world_store *ws = &w->stores[i];
        snprintf(ws->path, sizeof(ws->path), "/disk%u/store-%02u", i % disks, i);
        ws->geometry = geometry_draw(w->rng, i == 0);
    }
}

/* What an operator may change from start to start. */
static void opts_draw(struct seed *s, bool last)
{
    struct world *w = &s->w;
    for (uint32_t i = 0; i < w->store_count; i++) {
        const struct geometry *g = &w->stores[i].geometry;
        uint64_t vol = VOL_HEAD_BYTES + (uint64_t)g->slabs * g->extent_max;
        struct store_opts *o = &w->stores[i].opts;
        *o = (struct store_opts){ .tail_bytes = g->batch_max * 8ull };
        o->direct_min = PICK(w->rng, 4u << 10, 8u << 10, 16u << 10, 64u << 10);
        o->direct_flight = PICK(w->rng, 64u << 10, 256u << 10, 4u << 20);
        o->seal_idle_ns = PICK(w->rng, 2 * MS_NS, 50 * MS_NS);
        o->zero_ahead = 1 + (uint32_t)rng_below(w->rng, 2);
        if (s->space_limits && !last && rng_chance(w->rng, 1, 2)) {
            o->space_max = vol * (1 + rng_below(w->rng, 2));
            w->full = true;
        }
    }
}

bool seed_stops;

static void ends_plan(struct seed *s)
{
    struct rng *rng = s->w.rng;
    static const enum end must[] = { END_POWER, END_KERNEL, END_KILL, END_CLEAN };
    s->lives = LIVES_MIN + (uint32_t)rng_below(rng, LIVES_MAX - LIVES_MIN);
    for (uint32_t i = 0; i + 1 < s->lives; i++)
        s->ends[i] = seed_stops ? END_CLEAN : i < 4 ? must[i] : must[rng_below(rng, 4)];
    for (uint32_t i = s->lives - 2; i > 0; i--) {
        uint32_t j = (uint32_t)rng_below(rng, i + 1);
        enum end end = s->ends[i];
        s->ends[i] = s->ends[j];
        s->ends[j] = end;
    }
}

static void load_plan(struct seed *s)
{
    struct rng *rng = s->w.rng;
    struct load *l = &s->load;
    *l = (struct load){ .w = &s->w, .record_max = RECORD_MAX };
    l->part_max = 4 + (uint32_t)rng_below(rng, 20);
    l->flight_max = 1 + (uint32_t)rng_log_uniform(rng, 63);
    l->written_of_10 = PICK(rng, 1, 2, 2, 6);
    l->producers = rng_chance(rng, 2, 3);
    l->churn = rng_chance(rng, 1, 3);
    l->gaps = rng_chance(rng, 1, 3);
    l->seals = rng_chance(rng, 1, 2);
    l->idles = rng_chance(rng, 3, 4);
    l->disk_full = rng_chance(rng, 1, 3);
    l->clock_jumps = rng_chance(rng, 1, 4);
    s->space_limits = rng_chance(rng, 1, 4);
}

static void faults_plan(struct seed *s)
{
    struct rng *rng = s->w.rng;
    s->eio = rng_chance(rng, 1, 4);
    if (rng_chance(rng, 2, 3))
        s->chances.short_per_million = (uint32_t)rng_log_uniform(rng, 50000);
    if (rng_chance(rng, 2, 3))
        s->chances.again_per_million = (uint32_t)rng_log_uniform(rng, 50000);
    if (rng_chance(rng, 2, 3))
        s->chances.slow_per_million = (uint32_t)rng_log_uniform(rng, 20000);
    if (rng_chance(rng, 1, 4))
        s->chances.stuck_per_million = (uint32_t)rng_log_uniform(rng, 2000);
}

/* ---- lives ---- */

static void chances_draw(struct seed *s, bool last)
{
    struct sim_opts chances = s->chances;
    s->w.eio = false;
    if (s->eio && !last && rng_chance(s->w.rng, 1, 2))
        chances.error_per_million = 1 + (uint32_t)rng_log_uniform(s->w.rng, 10000);
    world_faults(&s->w, &chances);
}

static void shards_draw(struct seed *s)
{
    uint32_t count = PICK(s->w.rng, 2, 2, 2, 1, 3, 4);
    s->w.tally.reshards += s->w.shard_count && s->w.shard_count != count;
    s->w.shard_count = count;
}

static void worse(struct seed *s, enum end end)
{
    struct world *w = &s->w;
    if (w->eio && end == END_KILL)
        end = END_POWER; /* a failed sync took what the device held */
    if (w->eio && end == END_KERNEL)
        end = END_POWER;
    w->worst = end > w->worst ? end : w->worst;
}

static void died(struct seed *s, enum end end)
{
    struct tally *t = &s->w.tally;
    end = end > s->ordered ? end : s->ordered;
    t->powers += end == END_POWER;
    t->kernels += end == END_KERNEL;
    t->kills += end == END_KILL;
    worse(s, end);
    world_end(&s->w);
}

/* Opens; may be ordered to die in the middle. False: it did, and is to be started again. */
static bool life_start(struct seed *s, bool must_crash, bool last)
{
    struct world *w = &s->w;
    enum end end = (enum end)(END_KILL + rng_below(w->rng, 3));
    bool crash = must_crash || (!last && rng_chance(w->rng, 1, 4));
    s->ordered = crash ? end : END_CLEAN;
    shards_draw(s);
    opts_draw(s, last);
    chances_draw(s, last);
    if (crash)
        sim_crash_at_io(w->node, 1 + rng_below(w->rng, must_crash ? 8 : 60 * w->store_count),
                        sim_end_of(end));
    bool open = world_start(w);
    if (open && world_dead(w))
        open = false;
    if (!open) {
        bool died_in_recovery = world_dead(w);
        s->recovery_crashes += died_in_recovery;
        w->tally.recovery_crashes += died_in_recovery;
        died(s, END_KILL);
        return false;
    }
    return true;
}

static bool poisoned(const struct world *w)
{
    for (uint32_t i = 0; i < w->store_count; i++)
        if (store_poisoned(w->stores[i].store, NULL))
            return true;
    return false;
}

/* Operations until `ops` are done in all, or the machine died. */
static bool life_ops(struct seed *s, uint64_t ops)
{
    struct world *w = &s->w;
    uint32_t after_poison = 20;
    while (w->tally.ops < ops && (!poisoned(w) || after_poison--))
        if (!load_op(&s->load))
            return false;
    return !world_dead(w);
}

/* Many I/Os take 30 s, clients do not wait for each other, and the machine ends in the middle:
 * whatever was done before it might be is done long before it may be. */
static void mud(struct seed *s, enum end end)
{
    struct world *w = &s->w;
    struct sim_opts chances = s->chances;
    chances.stuck_per_million = 10000 + (uint32_t)rng_below(w->rng, 60000);
    world_faults(w, &chances);
    s->load.flight_max += MUD_FLIGHT;
    w->mud = true;
    sim_crash_at(w->node, sim_now_ns(w->sim) + rng_below(w->rng, 30 * SEC_NS), sim_end_of(end));
}

/* Orders the end, or (true) it is there already. Moments at which lies are found are drawn more
 * often than chance would. */
static bool crash_soon(struct seed *s, enum end end)
{
    struct world *w = &s->w;
    w->answers_end = end;
    switch (rng_below(w->rng, 8)) {
    case 0:
        world_crash(w, end);
        return true;
    case 1:
        sim_crash_at_io(w->node, 1 + rng_log_uniform(w->rng, 40), sim_end_of(end));
        break;
    case 2:
        w->answers_left = 1 + (uint32_t)rng_below(w->rng, 10);
        break;
    case 3:
        w->answers_left = 1 + (uint32_t)rng_below(w->rng, 3);
        w->answers_early = true;
        break;
    case 4:
        w->end_on_free = true;
        break;
    case 5:
    case 6:
        mud(s, end);
        break;
    default:
        sim_crash_at(w->node, sim_now_ns(w->sim) + rng_log_uniform(w->rng, 20 * MS_NS),
                     sim_end_of(end));
    }
    return false;
}

/* Ends a life as planned. The crash may come at an I/O or a moment during further operations. */
static void life_end(struct seed *s, enum end end)
{
    struct world *w = &s->w;
    if (end == END_CLEAN) {
        bool interrupted = rng_chance(w->rng, 1, 4);
        if (interrupted)
            sim_crash_at_io(w->node, 1 + rng_log_uniform(w->rng, 60), SIM_POWER);
        bool stopped = world_stop(w);
        if (stopped && !poisoned(w)) {
            w->tally.stops++;
            sim_crash(w->node, sim_end_of((enum end)(END_KILL + rng_below(w->rng, 3))));
            worse(s, END_CLEAN);
            world_end(w);
        } else {
            died(s, END_POWER);
        }
        return;
    }
    if (!crash_soon(s, end))
        for (uint32_t i = 0; i < (w->mud ? MUD_OPS : LAST_OPS) && load_op(&s->load); i++)
            ;
    if (w->mud)
        s->load.flight_max -= MUD_FLIGHT;
    w->mud = false;
    world_crash(w, end);
    died(s, end);
}

/* Up and verified after as many attempts as it takes. False: it died while it was verified. */
static bool life_begin(struct seed *s, bool must_crash, bool last)
{
    struct world *w = &s->w;
    if (!last && world_dead(w) && rng_chance(w->rng, 1, 4))
        rust_try(&s->load);
    for (uint32_t i = 0; !life_start(s, must_crash && !i, last && i < 2); i++) {
        demand(i < STARTS_MAX, "the stores do not open in %u starts", STARTS_MAX);
        if (i > 3)
            s->eio = false;
    }
    load_reopened(&s->load, w->worst);
    w->worst = END_CLEAN;
    if (load_verify(&s->load))
        return true;
    died(s, END_KILL);
    return false;
}

/* Begins a life and does its operations. False: it died, or has to (poison), before they were
 * done. */
static bool life_run(struct seed *s, uint64_t ops)
{
    while (!life_begin(s, false, false))
        ;
    load_resend(&s->load);
    while (s->load.topic_next < s->load.part_max / 2)
        load_add(&s->load);
    return life_ops(s, ops) && s->w.tally.ops >= ops;
}

/* ---- finish ---- */

static void name_check(const char *name, void *arg)
{
    const char *path = arg;
    bool known = !strcmp(name, "journal") || !strcmp(name, "image") || !strcmp(name, "tails") ||
                 !strncmp(name, "vol-", 4);
    demand(known, "store %s: file %s is left behind", path, name);
}

static void space_check(struct seed *s)
{
    struct world *w = &s->w;
    for (uint32_t i = 0; i < w->store_count; i++) {
        struct world_store *ws = &w->stores[i];
        struct store_counts c = store_counts(ws->store);
        demand(c.space_bytes - c.space_free_bytes < VOL_HEAD_BYTES * 64 &&
                   c.space_free_bytes % ws->geometry.extent_max == 0,
               "store %s: nothing is in it, and %llu of %llu bytes are free", ws->path,
               (unsigned long long)c.space_free_bytes, (unsigned long long)c.space_bytes);
        uint64_t slabs = c.space_free_bytes / ws->geometry.extent_max;
        uint64_t all = c.space_bytes /
                       (VOL_HEAD_BYTES + (uint64_t)ws->geometry.slabs * ws->geometry.extent_max) *
                       ws->geometry.slabs;
        demand(slabs == all, "store %s: nothing is in it, and %llu of %llu slabs are free",
               ws->path, (unsigned long long)slabs, (unsigned long long)all);
        sim_dir_each(w->node, ws->path, name_check, ws->path);
    }
}

static void seed_finish(struct seed *s)
{
    struct world *w = &s->w;
    sim_disk_limit(w->node, 0);
    s->load.disk_full = s->load.gaps = false;
    s->chances = (struct sim_opts){ 0 };
    s->eio = s->space_limits = false;
    while (!life_begin(s, !s->recovery_crashes, true))
        ;
    world_faults(w, &s->chances);
    w->full = false;
    demand(load_alive(&s->load), "the machine died, and nothing killed it");
    demand(load_drop_all(&s->load), "the machine died, and nothing killed it");
    demand(world_stop(w), "the machine died, and nothing killed it");
    worse(s, END_CLEAN);
    world_end(w);
    demand(life_start(s, false, true), "the emptied stores do not open");
    load_reopened(&s->load, END_CLEAN);
    space_check(s);
    demand(world_stop(w), "the machine died, and nothing killed it");
    world_end(w);
}

void seed_run(uint64_t seed, struct seed_result *out)
{
    static struct seed s;
    s = (struct seed){ 0 };
    struct world *w = &s.w;
    world_open(w, seed);
    faults_plan(&s);
    stores_plan(&s);
    ends_plan(&s);
    load_plan(&s);
    for (uint32_t life = 0; life + 1 < s.lives; life++) {
        while (!life_run(&s, (uint64_t)OPS * (life + 1) / (s.lives - 1)))
            died(&s, END_KILL);
        life_end(&s, s.ends[life]);
    }
    seed_finish(&s);
    struct sim_counts c = sim_counts(w->sim);
    w->tally.sectors_lost = c.sectors_lost;
    w->tally.unwritten_lost = c.unwritten_lost;
    w->tally.late_writes = c.late_writes;
    w->tally.io_starts = c.io_starts;
    w->tally.sent = w->oracle.sent;
    w->tally.acked = w->oracle.acked;
    w->tally.lost = w->oracle.lost;
    w->tally.read = w->oracle.read;
    out->tally = w->tally;
    out->hash = sim_hash(w->sim);
    world_close(w);
    if (seed % TOWN_EVERY == 0)
        town_run(seed, out);
}
