/* town.c -- see town.h: the lives of a node. Its verbs are town_op.c's. */
#include "tests/sim/town.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/town_in.h"
#include "tests/sim/verdict.h"

#define TOWN_LIVES  6u
#define TOWN_OPS    60u
#define TOWN_FLIGHT 12u
#define SPIN_TURNS  200000u
#define ANSWER_NS   (600 * SEC_NS)
#define STARTS_MAX  50u

static const char *const dirs[] = { "/disk0", "/disk1" };
static const struct geometry small = { .journal_bytes = BLOCK_BYTES + KIB(512),
                                       .entry_max = 32u << 10,
                                       .extent_min = 16u << 10,
                                       .extent_max = 512u << 10,
                                       .slabs = 2,
                                       .batch_max = 80u << 10 };

/* ---- turns ---- */

bool town_dead(const struct town *t)
{
    return sim_dead(t->node);
}

bool town_turn(struct town *t, uint64_t until_ns)
{
    uint32_t did = 0;
    for (uint32_t i = 0; i < t->shards && !town_dead(t); i++)
        did += serve_turn(t->serve, i, SEC_NS);
    if (town_dead(t))
        return false;
    for (uint32_t i = 0; i < t->shards && !did; i++)
        did = serve_due_ns(t->serve, i) <= io_now_ns(serve_shard(t->serve, i)->io);
    if (did) {
        demand(++t->turns_idle < SPIN_TURNS, "the node spins");
        return true;
    }
    t->turns_idle = 0;
    return sim_step(t->sim, until_ns) && !town_dead(t);
}

/* Waits until nothing is under way. False: dead. */
static bool town_settle(struct town *t)
{
    uint64_t until = sim_now_ns(t->sim) + ANSWER_NS;
    while (t->op_count && town_turn(t, until))
        ;
    demand(!t->op_count || town_dead(t), "%u verbs are not answered", t->op_count);
    return !town_dead(t);
}

/* ---- starting ---- */

static void infos_forget(struct town *t)
{
    for (uint32_t i = 0; i < TOWN_TOPICS; i++) {
        free(t->topics[i].info);
        t->topics[i].info = NULL;
    }
}

static void town_end(struct town *t, enum end end)
{
    static const enum sim_end ends[] = { SIM_KILL, SIM_KILL, SIM_KERNEL, SIM_POWER };
    trace("%llu town ends: %d", (unsigned long long)sim_now_ns(t->sim), end);
    if (!town_dead(t))
        sim_crash(t->node, ends[end]);
    serve_close(&t->serve);
    town_forget(t);
    infos_forget(t);
    t->worst = end > t->worst ? end : t->worst;
    t->stopping = false;
    t->tally.powers += end == END_POWER;
    t->tally.kernels += end == END_KERNEL;
    t->tally.kills += end == END_KILL;
}

/* Opens the instance. False: it died on the way. */
static bool town_open(struct town *t)
{
    struct serve_opts opts = { .dirs = dirs,
                               .dir_count = 2,
                               .shards = t->shards = 1 + (uint32_t)rng_below(t->rng, TOWN_SHARDS),
                               .io = { .node = t->node },
                               .geometry = small,
                               .store = { .tail_bytes = MIB(4), .lock_wait_ns = 300 * SEC_NS },
                               .retention_ns = SEC_NS };
    struct why why = { 0 };
    enum err err = ERR_OK;
    uint64_t until = sim_now_ns(t->sim) + ANSWER_NS;
    if (town_dead(t))
        sim_restart(t->node);
    trace("%llu town starts with %u shards", (unsigned long long)sim_now_ns(t->sim), t->shards);
    check(serve_open(&t->serve, &opts, &why) == ERR_OK);
    while (serve_state(t->serve, &err, &why) == SERVE_STARTING && town_turn(t, until))
        ;
    if (town_dead(t))
        return false;
    demand(serve_state(t->serve, &err, &why) == SERVE_READY, "the node does not start: %s (%s)",
           err_text(err), why.text);
    return true;
}

/* What exists, what it holds, and all that can be read of it. False: it died. */
static bool town_verify(struct town *t)
{
    town_list(t);
    if (!town_settle(t)) /* the list, and the descriptions that it asked for */
        return false;
    for (uint32_t i = 0; i < TOWN_TOPICS; i++)
        for (uint32_t p = 0; t->topics[i].info && p < t->topics[i].count; p++)
            town_part(t, &t->topics[i], p);
    if (!town_settle(t))
        return false;
    t->worst = END_CLEAN;
    for (uint32_t i = 0; i < TOWN_TOPICS; i++)
        for (uint32_t p = 0; t->topics[i].info && p < t->topics[i].count; p++)
            town_fetch(t, &t->topics[i], p, t->topics[i].parts[p]->start_min, true);
    return town_settle(t);
}

static void town_begin(struct town *t, bool may_crash)
{
    static const enum sim_end ends[] = { SIM_KILL, SIM_KILL, SIM_KERNEL, SIM_POWER };
    for (uint32_t i = 0;; i++) {
        enum end end = (enum end)(END_KILL + rng_below(t->rng, 3));
        bool crash = may_crash && rng_chance(t->rng, 1, 3);
        demand(i < STARTS_MAX, "the node does not come up in %u starts", STARTS_MAX);
        if (town_dead(t))
            sim_restart(t->node);
        if (crash)
            sim_crash_at_io(t->node, 1 + rng_below(t->rng, 150), ends[end]);
        bool open = town_open(t);
        t->tally.recovery_crashes += !open;
        if (open && town_verify(t))
            return;
        town_end(t, end);
    }
}

/* ---- a life ---- */

static void town_op_draw(struct town *t)
{
    struct town_topic *topic = &t->topics[rng_below(t->rng, TOWN_TOPICS)];
    uint32_t part = (uint32_t)rng_below(t->rng, topic->count + !topic->count);
    uint64_t dice = rng_below(t->rng, 100);
    if (topic->state == TOPIC_GONE && dice < 60)
        town_create(t, topic);
    else if (topic->state != TOPIC_LIVE)
        return;
    else if (!topic->info)
        town_describe(t, topic);
    else if (dice < 70)
        town_append(t, topic, part);
    else if (dice < 85)
        town_fetch(t, topic, part, rng_below(t->rng, topic->parts[part]->visible_off + 1), false);
    else if (dice < 91)
        town_trim(t, topic, part);
    else if (dice < 93)
        town_alter(t, topic);
    else if (dice < 96 && !topic->busy)
        town_delete(t, topic);
    else if (dice >= 96 && topic->count < TOWN_PARTS && !topic->wanted)
        town_grow(t, topic);
}

/* Operations, then perhaps death among them. True: still alive. */
static bool town_live(struct town *t, uint32_t ops)
{
    uint64_t until = sim_now_ns(t->sim) + ANSWER_NS;
    for (uint32_t i = 0; i < ops && !town_dead(t); i++) {
        town_op_draw(t);
        t->tally.ops++;
        for (uint64_t steps = rng_log_uniform(t->rng, 60); steps && town_turn(t, until); steps--)
            ;
        while (t->op_count >= TOWN_FLIGHT && town_turn(t, until))
            ;
    }
    return !town_dead(t);
}

static bool town_stop(struct town *t)
{
    uint64_t until = sim_now_ns(t->sim) + ANSWER_NS;
    struct why why;
    enum err err;
    t->stopping = true;
    serve_stop(t->serve);
    while (serve_state(t->serve, &err, &why) != SERVE_STOPPED && town_turn(t, until))
        ;
    if (town_dead(t))
        return false;
    demand(serve_state(t->serve, &err, &why) == SERVE_STOPPED, "the node does not stop");
    t->tally.stops++;
    return true;
}

/* The metadata as it was some lives ago: the node starts, keeps what it does not know, and stops.
 * Then the metadata of today are put back. */
static void town_go_back(struct town *t, const struct town_copy *old)
{
    while (sim_step(t->sim, sim_now_ns(t->sim) + SEC_NS)) /* late writes */
        ;
    struct town_copy *now = town_copy_take(t);
    town_copy_put(t, old);
    trace("  town goes back");
    if (town_open(t)) {
        uint64_t until = sim_now_ns(t->sim) + SEC_NS;
        while (town_turn(t, until))
            ;
        check(town_stop(t));
    }
    enum end worst = t->worst;
    town_end(t, END_KILL);
    t->worst = worst;
    town_copy_put(t, now);
    town_copy_give(now);
    t->tally.rusts++;
}

static void town_life(struct town *t)
{
    static const enum sim_end ends[] = { SIM_KILL, SIM_KILL, SIM_KERNEL, SIM_POWER };
    enum end end = (enum end)rng_below(t->rng, END_COUNT);
    town_begin(t, true);
    (void)town_live(t, TOWN_OPS);
    if (end == END_CLEAN) {
        end = !town_dead(t) && town_stop(t) ? END_CLEAN : END_POWER;
    } else if (!town_dead(t)) {
        sim_crash_at_io(t->node, 1 + rng_log_uniform(t->rng, 40), ends[end]);
        (void)town_live(t, TOWN_OPS / 2);
    } else {
        end = END_POWER; /* an order of its start came later */
    }
    town_end(t, end);
}

void town_run(uint64_t seed, struct seed_result *out)
{
    struct town t = { .sim = sim_open(&(struct sim_opts){ .seed = seed ^ 0x70776e74ull }) };
    struct town_copy *old = NULL;
    t.node = sim_node(t.sim, 0);
    t.rng = sim_rng(t.sim);
    list_init(&t.ops);
    for (uint32_t i = 0; i < TOWN_TOPICS; i++)
        snprintf(t.topics[i].name, sizeof(t.topics[i].name), "topic-%u", i);
    for (uint32_t life = 0; life < TOWN_LIVES; life++) {
        town_life(&t);
        if (old && rng_chance(t.rng, 1, 2))
            town_go_back(&t, old);
        if (!old && life) {
            while (sim_step(t.sim, sim_now_ns(t.sim) + SEC_NS))
                ;
            old = town_copy_take(&t);
        }
    }
    town_begin(&t, false);
    check(town_stop(&t));
    town_end(&t, END_CLEAN);
    town_copy_give(old);
    t.tally.sent = t.oracle.sent;
    t.tally.acked = t.oracle.acked;
    t.tally.lost = t.oracle.lost;
    t.tally.read = t.oracle.read;
    tally_add(&out->tally, &t.tally);
    out->hash ^= sim_hash(t.sim);
    oracle_close(&t.oracle);
    sim_close(&t.sim);
}
