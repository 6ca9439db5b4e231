/* world.c -- see world.h. */
#include "tests/sim/world.h"

#include <stdio.h>

#include "engine/base/check.h"
#include "tests/sim/verdict.h"

#define SPIN_TURNS   200000u /* turns without a step of time: the engine spins */
#define STOP_NS      (600 * SEC_NS)
#define LOCK_WAIT_NS (300 * SEC_NS)

void world_open(struct world *w, uint64_t seed)
{
    *w = (struct world){ .worst = END_CLEAN };
    w->sim = sim_open(&(struct sim_opts){ .seed = seed });
    w->node = sim_node(w->sim, 0);
    w->rng = sim_rng(w->sim);
    list_init(&w->ops);
}

void world_close(struct world *w)
{
    oracle_close(&w->oracle);
    sim_close(&w->sim);
}

bool world_dead(const struct world *w)
{
    return sim_dead(w->node);
}

bool world_failed(const struct world *w, enum err err)
{
    return w->eio && err != ERR_OK && (err == ERR_IO || err == w->fault);
}

void world_faults(struct world *w, const struct sim_opts *chances)
{
    sim_chances(w->sim, chances);
    w->eio |= chances->error_per_million > 0;
}

enum sim_end sim_end_of(enum end end)
{
    static const enum sim_end ends[] = { SIM_KILL, SIM_KILL, SIM_KERNEL, SIM_POWER };
    return ends[end];
}

void world_crash(struct world *w, enum end end)
{
    if (!world_dead(w))
        sim_crash(w->node, sim_end_of(end));
    trace("%llu crash %d", (unsigned long long)sim_now_ns(w->sim), end);
}

void world_answered(struct world *w, enum durability bought)
{
    if (w->answers_early && bought != DURABILITY_WRITTEN)
        return;
    if (w->answers_left && !--w->answers_left)
        world_crash(w, w->answers_end);
}

void world_freeing(struct world *w, uint32_t store)
{
    if (w->end_on_free)
        sim_crash_at(w->node, sim_now_ns(w->sim) + rng_below(w->rng, MS_NS),
                     sim_end_of(w->answers_end));
    if (w->end_on_free || rng_chance(w->rng, 1, 4))
        w->burst = 8; /* whoever takes the space that is not free yet */
    w->burst_store = store;
    w->end_on_free = false;
}

/* ---- start ---- */

static bool open_failed(struct world *w, const struct world_store *ws, enum err err,
                        const struct why *why)
{
    trace("  store %s does not open: %s (%s)", ws->path, err_name(err), why->text);
    demand(world_dead(w) || w->eio, "store %s does not open: %s (%s)", ws->path, err_text(err),
           why->text);
    return false;
}

static bool store_start(struct world *w, struct world_store *ws)
{
    struct why why = { 0 };
    struct io *io = w->shards[ws->shard].io;
    int dir = io_dir_open(io, ws->path, IO_CREATE, &why);
    if (dir < 0)
        return open_failed(w, ws, (enum err) - dir, &why);
    ws->dir = dir;
    ws->opts.lock_wait_ns = LOCK_WAIT_NS;
    enum err err = store_open(&ws->store, io, dir, &ws->opts, &why);
    if (err == ERR_NOT_FOUND && !ws->made) {
        err = store_create(io, dir, &(struct store_create){ .geometry = ws->geometry, .node = 1 },
                           &why);
        if (!err)
            err = store_open(&ws->store, io, dir, &ws->opts, &why);
    }
    if (err)
        return open_failed(w, ws, err, &why);
    demand(store_epoch(ws->store) > ws->epoch, "store %s: epoch %u follows %u", ws->path,
           store_epoch(ws->store), ws->epoch);
    ws->epoch = store_epoch(ws->store);
    ws->made = true;
    shard_add(&w->shards[ws->shard], &ws->berth, ws->store);
    trace("  store %s open: epoch %u, case %c, %llu entries", ws->path, ws->epoch,
          store_report(ws->store)->verdict, (unsigned long long)store_report(ws->store)->entries);
    return true;
}

bool world_start(struct world *w)
{
    w->stopping = false;
    trace("%llu start, %u shards", (unsigned long long)sim_now_ns(w->sim), w->shard_count);
    if (world_dead(w))
        sim_restart(w->node);
    for (uint32_t i = 0; i < w->shard_count; i++) {
        shard_open(&w->shards[i], i);
        check(shard_start(&w->shards[i], &(struct io_opts){ .node = w->node }) == ERR_OK);
    }
    for (uint32_t i = 0; i < w->store_count; i++) {
        w->stores[i].shard = i % w->shard_count;
        if (!store_start(w, &w->stores[i]))
            return false;
    }
    return true;
}

/* ---- end ---- */

void tally_store(struct tally *t, const struct store *s)
{
    struct store_counts c = store_counts(s);
    t->laps += c.laps;
    t->beside_direct += c.checkpoint_beside_direct;
    t->slot_flips += c.slot_flips;
    t->extents_reused += c.extents_reused;
    t->vols_made += c.vols_made;
    t->vols_removed += c.vols_removed;
    t->runs_unwritten += c.runs_unwritten;
    t->checkpoints += c.checkpoints;
    t->entries += c.entries;
    t->poisoned += store_poisoned(s, NULL);
}

static void store_end(struct world *w, struct world_store *ws)
{
    if (!ws->store)
        return;
    tally_store(&w->tally, ws->store);
    shard_remove(&ws->berth);
    store_close(&ws->store);
}

void world_end(struct world *w)
{
    if (!world_dead(w)) /* stopped, poisoned, or an opening failed: the process ends */
        sim_crash(w->node, SIM_KILL);
    for (uint32_t i = 0; i < w->store_count; i++)
        store_end(w, &w->stores[i]);
    for (struct node *n; (n = list_pop(&w->ops));) {
        struct world_op *op = container_of(n, struct world_op, node);
        op->forget(op);
    }
    w->op_bytes = 0;
    w->answers_left = 0;
    w->end_on_free = w->answers_early = false;
    w->burst = 0;
    for (uint32_t i = 0; i < w->shard_count; i++)
        shard_close(&w->shards[i]);
}

bool world_again(struct world *w)
{
    w->stopping = false;
    for (uint32_t i = 0; i < w->store_count; i++) {
        struct world_store *ws = &w->stores[i];
        demand(!ws->store || !io_inflight(w->shards[ws->shard].io),
               "store %s is stopped, and its I/O is not over", ws->path);
        store_end(w, ws);
        io_fd_close(w->shards[ws->shard].io, ws->dir);
        if (!store_start(w, ws))
            return false;
    }
    return true;
}

struct stopping {
    struct store_stop stop;
    bool done;
};

static void stop_done(struct store_stop *stop)
{
    container_of(stop, struct stopping, stop)->done = true;
}

bool world_stop(struct world *w)
{
    struct stopping stops[STORES_MAX] = { 0 };
    uint64_t until = sim_now_ns(w->sim) + STOP_NS;
    w->stopping = true;
    trace("%llu stop", (unsigned long long)sim_now_ns(w->sim));
    for (uint32_t i = 0; i < w->store_count; i++) {
        stops[i].stop.done = stop_done;
        store_stop(w->stores[i].store, &stops[i].stop);
    }
    for (uint32_t i = 0; i < w->store_count; i++) {
        while (!stops[i].done && world_turn(w, until))
            ;
        if (world_dead(w))
            return false;
        demand(stops[i].done, "store %s does not stop", w->stores[i].path);
        demand(!stops[i].stop.err || w->eio, "store %s stops with %s", w->stores[i].path,
               err_text(stops[i].stop.err));
    }
    return true;
}

/* ---- turns ---- */

static bool shards_due(const struct world *w)
{
    for (uint32_t i = 0; i < w->shard_count; i++)
        if (shard_due_ns(&w->shards[i]) <= io_now_ns(w->shards[i].io))
            return true;
    return false;
}

static void poison_check(struct world *w)
{
    struct why why;
    for (uint32_t i = 0; i < w->store_count && !w->eio; i++)
        if (w->stores[i].store && store_poisoned(w->stores[i].store, &why))
            violated("store %s is poisoned without a failed I/O: %s", w->stores[i].path, why.text);
}

bool world_turn(struct world *w, uint64_t until_ns)
{
    uint32_t did = 0;
    for (uint32_t i = 0; i < w->shard_count && !world_dead(w); i++)
        did += shard_turn(&w->shards[i], SEC_NS);
    if (world_dead(w))
        return false;
    poison_check(w);
    if (did || shards_due(w)) {
        demand(++w->turns_idle < SPIN_TURNS, "the engine spins: %u turns and no time passes",
               SPIN_TURNS);
        return true;
    }
    w->turns_idle = 0;
    bool more = sim_step(w->sim, until_ns);
    return !world_dead(w) && more;
}

bool world_until(struct world *w, bool (*wanted)(struct world *w), uint64_t limit_ns)
{
    uint64_t until = sim_now_ns(w->sim) + limit_ns;
    while (!wanted(w))
        if (!world_turn(w, until))
            return false;
    return true;
}

bool world_ops_done(struct world *w)
{
    return list_empty(&w->ops);
}

bool world_sleep(struct world *w, uint64_t ns)
{
    uint64_t until = sim_now_ns(w->sim) + ns;
    while (world_turn(w, until))
        ;
    return !world_dead(w);
}
