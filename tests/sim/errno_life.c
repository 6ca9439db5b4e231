/* errno_life.c -- see errno_in.h.
 *
 * What may not happen beside the oracle's promises: after a failed sync, or once the store is
 * poisoned, only reads start until it is opened again; a poisoned store acknowledges nothing; a
 * failed read, and a lack of space for growth, poison nothing; every operation is answered. */
#include <stdio.h>
#include <string.h>

#include "engine/base/check.h"
#include "engine/io/io_in.h"
#include "engine/log/capture.h"
#include "engine/log/store_in.h"
#include "tests/sim/errno_in.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

#define SETTLE_NS (60 * SEC_NS)
#define RETRY_NS  (3 * SEC_NS) /* who found no space looks again after a second */

const char *const life_end_names[LIFE_END_COUNT] = { "power", "kill", "again" };

struct store *life_store(struct life *l)
{
    return l->w.stores[0].store;
}

static bool life_poisoned(struct life *l)
{
    return life_store(l) && store_poisoned(life_store(l), NULL);
}

/* ---- the fault ---- */

/* Nothing but reads may start now. A sync that fails is heard of before time goes on; at the same
 * moment, only the same file may not be synced. */
static void quiet_check(struct life *l, const struct op *op)
{
    bool later = l->sync_failed && sim_now_ns(l->w.sim) > l->sync_ns;
    bool again = l->sync_failed && op->verb == IO_SYNC && op->fd == l->sync_fd;
    demand(!again, "%s:%d syncs again what failed to sync", op->site->file, op->site->line);
    demand(!later, "%s:%d starts a %s after a failed sync", op->site->file, op->site->line,
           errno_verb_name(op->site->verb));
    demand(!life_poisoned(l), "%s:%d starts a %s in a poisoned store", op->site->file,
           op->site->line, errno_verb_name(op->site->verb));
}

static uint32_t site_number(const struct io_site *site)
{
    uint32_t i = 0;
    while (i < SITE_COUNT && __start_io_sites[i] != site)
        i++;
    check(i < SITE_COUNT && i < SITES_MAX);
    return i;
}

/* Reads never poison. Growing may wait for space: for volumes, for slots, for a larger image; but
 * not for what a sync may have dropped. */
static bool may_poison(struct life *l, const struct op *op)
{
    const struct checkpoint *k = life_store(l) ? life_store(l)->ckpt : NULL;
    const char *file = op->site->file;
    bool grows = strstr(file, "log/grow.c") || strstr(file, "log/zero.c") ||
                 op->verb == IO_ALLOCATE || (strstr(file, "log/image_file.c") && k && k->grow_file);
    bool space = err_from_errno(l->fault.sys) == ERR_NO_SPACE;
    return op->verb != IO_READ && !(grows && space && op->verb != IO_SYNC);
}

static int op_starts(struct sim_watch *watch, const struct op *op)
{
    struct life *l = container_of(watch, struct life, watch);
    const struct fault *f = &l->fault;
    uint64_t hit = l->armed ? ++l->shared->hits[site_number(op->site)] : 0;
    bool due = hit >= f->from && (!f->count || hit < f->from + f->count);
    bool again = op->tries || op->got; /* io goes on with what was started before */
    if (op->verb != IO_READ && !again)
        quiet_check(l, op);
    if (!l->armed || op->site != f->site || !due)
        return 0;
    l->shared->faults++;
    l->poisons |= may_poison(l, op);
    return f->sys;
}

static void op_ends(struct sim_watch *watch, const struct op *op, int sys)
{
    struct life *l = container_of(watch, struct life, watch);
    if (!sys || op->verb != IO_SYNC)
        return;
    l->sync_failed = l->sync_ever = true;
    l->sync_fd = op->fd;
    l->sync_ns = sim_now_ns(l->w.sim);
}

void life_arm(struct life *l)
{
    l->armed = true;
    l->w.eio = l->fault.site != NULL;
    l->w.fault = err_from_errno(l->fault.sys);
    l->w.full = l->w.fault == ERR_NO_SPACE;
}

void life_disarm(struct life *l)
{
    l->armed = false;
}

/* ---- a life ---- */

void life_open(struct life *l, uint64_t seed, struct shared *shared)
{
    *l = (struct life){ .shared = shared, .watch = { op_starts, op_ends } };
    struct world *w = &l->w;
    world_open(w, seed);
    sim_watch(w->node, &l->watch);
    l->load = (struct load){ .w = w, .part_max = 1000, .record_max = 1u << 16 };
    w->store_count = w->shard_count = 1;
    struct world_store *ws = &w->stores[0];
    snprintf(ws->path, sizeof(ws->path), "/disk0");
    ws->geometry = (struct geometry){ .journal_bytes = BLOCK_BYTES + (256u << 10),
                                      .entry_max = 32u << 10,
                                      .extent_min = 16u << 10,
                                      .extent_max = 128u << 10,
                                      .slabs = 4,
                                      .batch_max = 64u << 10 };
    ws->opts = (struct store_opts){ .tail_bytes = MIB(1), .direct_min = 8u << 10 };
}

void life_settle(struct life *l)
{
    demand(!life_store(l) || world_until(&l->w, world_ops_done, SETTLE_NS),
           "operations are not answered");
}

void life_sleep(struct life *l, uint64_t ns)
{
    if (life_store(l))
        (void)world_sleep(&l->w, ns);
}

struct io *life_tools(struct life *l, int *dir)
{
    struct world *w = &l->w;
    if (world_dead(w))
        sim_restart(w->node);
    shard_open(&w->shards[0], 0);
    check(shard_start(&w->shards[0], &(struct io_opts){ .node = w->node }) == ERR_OK);
    *dir = w->stores[0].dir = io_dir_open(w->shards[0].io, w->stores[0].path, 0, NULL);
    check(*dir >= 0);
    return w->shards[0].io;
}

/* ---- the end ---- */

/* A poisoned store takes nothing, and reads go on: the load demands that they are answered, and
 * either give what was sent or say that the disk failed. */
static void poisoned_look(struct life *l)
{
    struct oracle *o = &l->w.oracle;
    uint64_t acked = o->acked;
    for (uint32_t i = 0; i < o->part_count; i++)
        load_append(&l->load, o->parts[i], 100, DURABILITY_MEMORY);
    demand(load_verify(&l->load), "the machine died, and nothing killed it");
    demand(o->acked == acked, "a poisoned store acknowledges an append");
}

/* What a failed sync may have taken, only a later sync would have promised. */
static enum end end_of(const struct life *l, enum end end)
{
    return l->sync_ever ? END_POWER : end;
}

static void look_after(struct life *l, enum end end)
{
    load_reopened(&l->load, end);
    demand(load_verify(&l->load) && load_alive(&l->load),
           "the machine died, and nothing killed it");
}

/* The disk works again: what waited for space goes on, and a store that is not poisoned by now
 * takes appends. */
static void fault_passes(struct life *l)
{
    life_disarm(l);
    life_sleep(l, RETRY_NS);
    if (life_poisoned(l)) {
        poisoned_look(l);
    } else if (life_store(l)) {
        l->w.full = l->w.eio = false;
        life_settle(l);
        demand(load_alive(&l->load), "the machine died, and nothing killed it");
    }
}

static void finish_again(struct life *l)
{
    fault_passes(l);
    enum end end = life_poisoned(l) || !life_store(l) ? END_KILL : END_CLEAN;
    if (life_store(l))
        demand(world_stop(&l->w), "the machine died, and nothing killed it");
    demand(world_ops_done(&l->w), "a stopped store owes an answer");
    l->sync_failed = l->w.eio = false;
    demand(world_again(&l->w), "the store does not open again");
    look_after(l, end_of(l, end));
}

static void finish_anew(struct life *l, enum end end)
{
    world_crash(&l->w, end);
    world_end(&l->w);
    life_disarm(l);
    l->sync_failed = l->w.eio = l->w.full = false;
    demand(world_start(&l->w), "the store does not open");
    look_after(l, end_of(l, end));
}

void life_finish(struct life *l)
{
    struct shared *s = l->shared;
    demand(!life_poisoned(l) || l->poisons, "the store is poisoned by what it can live with");
    if (!life_store(l))
        s->outcome = OUT_REFUSED;
    else if (life_poisoned(l))
        s->outcome = OUT_POISONED;
    if (l->end == LIFE_AGAIN)
        finish_again(l);
    else
        finish_anew(l, l->end == LIFE_POWER ? END_POWER : END_KILL);
}
