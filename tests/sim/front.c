/* front.c -- see front.h: the lives of a node that clients see through a network.
 *
 *   plan      shards, memory, times and faults are drawn
 *   lives     start (perhaps crash in it), audit, operations, end; again
 *   finish    no faults: every partition takes a record and gives it back; then all is deleted */
#include "tests/sim/front.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "tests/sim/member.h"
#include "tests/sim/pick.h"
#include "tests/sim/verdict.h"
#include "tests/sim/world.h"

#define LIVES        5u
#define OPS          150u /* of a life */
#define LAST_OPS     60u  /* after the end was ordered */
#define POISON_OPS   20u  /* after a store was stopped */
#define SPIN_TURNS   400000u
#define ANSWER_NS    (600 * SEC_NS)
#define STARTS_MAX   50u
#define FRONT_STORES 16u /* two directories, and as many shards as there ever were */

static const char *const dirs[] = { FRONT_DISK, "/disk1" };

/* ---- turns ---- */

bool front_dead(const struct front *f)
{
    return sim_dead(f->node);
}

uint64_t front_now(const struct front *f)
{
    return sim_now_ns(f->sim);
}

int64_t front_wall_ms(struct front *f)
{
    if (f->control && !front_dead(f))
        f->wall_ms = io_wall_ms(f->control);
    return f->wall_ms;
}

/* Turns of the shards, as long as they have something to do. */
static uint32_t shards_turn(struct front *f)
{
    uint32_t did = 0;
    for (uint32_t i = 0; f->serve && i < f->shards && !front_dead(f); i++)
        did += serve_turn(f->serve, i, SEC_NS);
    for (uint32_t i = 0; f->serve && i < f->shards && !did && !front_dead(f); i++)
        did = serve_due_ns(f->serve, i) <= front_now(f);
    return did;
}

bool front_turn(struct front *f, uint64_t until_ns)
{
    uint64_t now = front_now(f);
    uint32_t did = shards_turn(f); /* one after the other: both draw */
    if (f->failing && f->serve)
        front_poison_look(f);
    did += wires_turn(f);
    clients_turn(f);
    demand(++f->spins < SPIN_TURNS, "%u turns, and no time passes", SPIN_TURNS);
    if (did)
        return true;
    uint64_t due = min_u64(until_ns, clients_due_ns(f));
    bool more = sim_step(f->sim, max_u64(due, now + 1));
    if (front_now(f) > now)
        f->spins = 0;
    return more || due < until_ns;
}

/* Ends the node when as many were acknowledged as was ordered. */
void front_acked(struct front *f, enum durability bought)
{
    f->tally.acked++;
    if (!f->acks_left || front_dead(f) || (f->acks_early && bought == DURABILITY_SYNCED))
        return;
    if (--f->acks_left == 0)
        sim_crash(f->node, sim_end_of(f->acks_end));
}

bool front_until(struct front *f, bool (*wanted)(const struct front *f))
{
    uint64_t until = front_now(f) + ANSWER_NS;
    while (!wanted(f) && !front_dead(f) && front_turn(f, until))
        ;
    return wanted(f);
}

bool front_sleep(struct front *f, uint64_t ns)
{
    uint64_t until = front_now(f) + ns;
    while (!front_dead(f) && front_now(f) < until && front_turn(f, until))
        ;
    return !front_dead(f);
}

/* Who sends to a stopped store until it is answered is not quiet before the next life. */
static bool settled(const struct front *f)
{
    return f->poisoned || clients_quiet(f);
}

/* Waits until every request is answered. False: dead. */
bool front_settle(struct front *f)
{
    clients_wake(f);
    front_limit(f, false);
    bool quiet = front_until(f, settled);
    if (!quiet && !front_dead(f))
        clients_tell(f);
    demand(quiet || front_dead(f), "requests are not answered within %llu s",
           (unsigned long long)(ANSWER_NS / SEC_NS));
    return !front_dead(f);
}

/* ---- start ---- */

static void door_draw(struct front *f)
{
    f->opts.shards = f->shards;
    f->opts.memory_bytes = MIB(1) * f->shards << rng_below(f->rng, 5);
    bool idle = !f->finishing && rng_chance(f->rng, 1, 3);
    f->opts.idle_ns = idle ? SEC_NS + rng_below(f->rng, 20 * SEC_NS) : 0;
    f->opts.send_timeout_ns = rng_chance(f->rng, 1, 3) ? SEC_NS + rng_below(f->rng, 9 * SEC_NS) : 0;
    f->limited = !f->ledger.strict && !f->finishing && rng_chance(f->rng, 1, 2);
    f->opts.requests_max = f->limited ? 8 + (uint32_t)rng_below(f->rng, 60) : 0;
}

/* Little memory in half of the lives: fetches wait for it, and for each other. Through Kafka they
 * give back what they have, and are answered without records. */
static uint64_t reads_draw(struct front *f)
{
    bool little = !f->finishing && rng_chance(f->rng, 1, 2);
    f->reads_short = little && f->speech->kafka;
    return little ? KIB(256) * f->shards << rng_below(f->rng, 3) : 0;
}

static void front_open(struct front *f)
{
    struct why why = { "" };
    struct serve_opts opts = { .dirs = dirs,
                               .dir_count = 2,
                               .shards = f->shards,
                               .io = { .node = f->node },
                               .geometry = f->geometry,
                               .store = { .tail_bytes = MIB(PICK(f->rng, 2, 4)),
                                          .lock_wait_ns = 300 * SEC_NS },
                               .retention_ns = SEC_NS,
                               .read_bytes = reads_draw(f),
                               .groups = f->speech->kafka,
                               .group = f->groups,
                               .fronts = &f->hook,
                               .front_count = 1 };
    opts.io.recv_buffers = 2u << rng_below(f->rng, 6);
    opts.io.recv_buffer_bytes = 512u << rng_below(f->rng, 8);
    check(io_open(&f->control, &(struct io_opts){ .node = f->node }) == ERR_OK);
    check(metrics_board_open(&f->board, f->shards, 1) == ERR_OK);
    f->opts.board = &f->board;
    struct door_listen listen = { .at = f->at, .speaks = f->speech->protocol };
    f->opts.listen = &listen;
    f->opts.listen_count = 1;
    enum err err = door_open(&f->door, f->control, &f->opts, &why);
    demand(err == ERR_OK, "the node does not listen: %s", why.text);
    f->hook = door_front(f->door);
    check(serve_open(&f->serve, &opts, &why) == ERR_OK);
}

static bool front_ready(const struct front *f)
{
    return serve_state(f->serve, NULL, NULL) != SERVE_STARTING;
}

/* Up, and as far as READY. False: it died on the way. */
static bool front_start(struct front *f)
{
    struct why why = { "" };
    enum err err = ERR_OK;
    uint32_t shards = PICK(f->rng, 1, 2, 2, 3, 3, 4);
    f->tally.reshards += f->shards && f->shards != shards;
    f->shards = shards;
    door_draw(f);
    trace("%llu front starts with %u shards", (unsigned long long)front_now(f), f->shards);
    front_open(f);
    f->hold = false;
    front_until(f, front_ready);
    if (front_dead(f))
        return false;
    demand(serve_state(f->serve, &err, &why) == SERVE_READY, "the node does not start: %s (%s)",
           err_text(err), why.text);
    return true;
}

static bool front_verify(struct front *f)
{
    audit_begin(f);
    bool done = front_until(f, audit_done);
    demand(done || front_dead(f), "the audit does not end");
    if (front_dead(f))
        return false;
    f->worst = END_CLEAN;
    f->verified = true;
    return true;
}

/* ---- end ---- */

static bool wires_gone(const struct front *f)
{
    return list_empty(&f->wires);
}

/* Clients read what had arrived before they see the end: their answers count. */
static void wires_drain(struct front *f)
{
    uint64_t until = front_now(f) + ANSWER_NS;
    f->hold = true;
    clients_wake(f);
    while (!wires_gone(f) && front_turn(f, until))
        ;
    demand(wires_gone(f), "connections to a dead node do not end");
}

static void stores_count(struct front *f)
{
    for (uint32_t i = 0; i < FRONT_STORES; i++) {
        struct store *s = serve_store(f->serve, i);
        if (s)
            tally_store(&f->tally, s);
    }
}

void front_end(struct front *f, enum end end)
{
    trace("%llu front ends: %d", (unsigned long long)front_now(f), end);
    if (!front_dead(f))
        sim_crash(f->node, sim_end_of(end));
    front_limit(f, false);
    stores_count(f);
    sim_watch(f->node, NULL); /* no I/O of a start fails */
    serve_close(&f->serve);
    door_close(&f->door);
    metrics_board_close(&f->board);
    io_close(&f->control);
    f->acks_left = 0;
    wires_drain(f);
    members_life_ends(f);
    if (f->poisoned && end == END_CLEAN)
        end = END_KILL; /* what is in memory alone does not go to a stopped store */
    f->verified = f->stopping = f->acks_early = f->full = f->failing = false;
    f->poisoned = 0;
    f->worst = end > f->worst ? end : f->worst;
    f->tally.powers += end == END_POWER;
    f->tally.kernels += end == END_KERNEL;
    f->tally.kills += end == END_KILL;
}

static bool front_stopped(const struct front *f)
{
    return serve_state(f->serve, NULL, NULL) == SERVE_STOPPED;
}

static uint64_t memory_used(const struct front *f)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < f->shards; i++)
        used += f->door->desks[i].memory_used;
    return used;
}

static uint64_t requests_under_way(const struct front *f)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < f->shards; i++)
        sum += metrics_own(metrics_board_at(&f->board, i), METRIC_REQUESTS);
    return sum;
}

/* In order: what is under way is finished. False: it died. */
bool front_stop(struct front *f)
{
    f->stopping = true;
    front_limit(f, false);
    trace("%llu front stops", (unsigned long long)front_now(f));
    serve_stop(f->serve);
    bool stopped = front_until(f, front_stopped);
    demand(stopped || front_dead(f), "the node does not stop");
    if (front_dead(f))
        return false;
    demand(!f->door->connections && !requests_under_way(f) && !memory_used(f),
           "stopped with %llu connections, %llu requests, %llu bytes",
           (unsigned long long)f->door->connections, (unsigned long long)requests_under_way(f),
           (unsigned long long)memory_used(f));
    f->tally.stops++;
    return true;
}

/* ---- a life ---- */

void front_begin(struct front *f, bool may_crash)
{
    for (uint32_t i = 0;; i++) {
        enum end end = (enum end)(END_KILL + rng_below(f->rng, 3));
        demand(i < STARTS_MAX, "the node does not come up in %u starts", STARTS_MAX);
        if (front_dead(f))
            sim_restart(f->node);
        if (may_crash && rng_chance(f->rng, 1, 3))
            sim_crash_at_io(f->node, 1 + rng_below(f->rng, 300), sim_end_of(end));
        bool open = front_start(f);
        if (open && front_verify(f))
            return;
        f->tally.recovery_crashes++;
        front_end(f, end);
    }
}

static bool front_live(struct front *f, uint32_t ops)
{
    uint32_t after_poison = POISON_OPS;
    for (uint32_t i = 0; i < ops && !front_dead(f) && (!f->poisoned || after_poison--); i++) {
        if (f->limit_until_ns && f->limit_until_ns <= front_now(f))
            front_limit(f, false);
        if (f->spaces && !f->finishing && !f->limit_until_ns && rng_chance(f->rng, 1, 40))
            front_limit(f, true);
        client_op(f);
        uint64_t until = front_now(f) + ANSWER_NS;
        for (uint64_t n = rng_log_uniform(f->rng, 60); n && !front_dead(f); n--)
            front_turn(f, until);
        if (rng_chance(f->rng, 1, 40))
            front_sleep(f, rng_log_uniform(f->rng, 5 * SEC_NS));
    }
    return !front_dead(f);
}

/* Orders a crash; it comes among further operations. */
static void crash_order(struct front *f, enum end end)
{
    f->acks_end = end;
    switch (rng_below(f->rng, 5)) {
    case 0:
        sim_crash(f->node, sim_end_of(end));
        break;
    case 1:
        sim_crash_at_io(f->node, 1 + rng_log_uniform(f->rng, 60), sim_end_of(end));
        break;
    case 2:
        f->acks_left = 1 + (uint32_t)rng_below(f->rng, 10);
        break;
    case 3:
        f->acks_left = 1 + (uint32_t)rng_below(f->rng, 3);
        f->acks_early = true;
        break;
    default:
        sim_crash_at(f->node, front_now(f) + rng_log_uniform(f->rng, 20 * MS_NS), sim_end_of(end));
    }
}

static void front_life(struct front *f, enum end end)
{
    front_begin(f, true);
    front_faults(f);
    bool alive = front_live(f, OPS);
    if (alive && rng_chance(f->rng, 1, 2))
        alive = front_settle(f);
    if (!alive) {
        end = END_POWER; /* an order of its start came later */
    } else if (end == END_CLEAN) {
        end = front_stop(f) ? END_CLEAN : END_POWER;
    } else {
        crash_order(f, end);
        (void)front_live(f, LAST_OPS);
    }
    front_end(f, end);
}

/* ---- what only the node knows ---- */

struct probe_sum {
    const char *text;
    uint64_t hits;
    bool found;
};

static void probe_sum_add(const struct probe *p, void *arg)
{
    struct probe_sum *sum = arg;
    if (strcmp(p->text, sum->text) != 0)
        return;
    sum->hits += atomic_load_explicit(&p->hits, memory_order_relaxed);
    sum->found = true;
}

static uint64_t probe_hits(const char *text)
{
    struct probe_sum sum = { .text = text };
    probe_each(probe_sum_add, &sum);
    check(sum.found);
    return sum.hits;
}

static uint64_t throttled(void)
{
    return probe_hits("door: as many requests as may be");
}

static uint64_t handovers(void)
{
    return probe_hits("native: a connection moves");
}

/* ---- plan ---- */

static void front_make(struct front *f, const struct speech *speech, uint64_t seed)
{
    *f = (struct front){ .sim = sim_open(
                             &(struct sim_opts){ .seed = seed ^ speech->salt, .nodes = 2 }),
                         .speech = speech };
    f->node = sim_node(f->sim, 0);
    f->far = sim_node(f->sim, 1);
    f->rng = sim_rng(f->sim);
    f->at = sim_address(f->node, speech->port);
    list_init(&f->wires);
    check(io_open(&f->io, &(struct io_opts){ .node = f->far }) == ERR_OK);
    f->geometry = (struct geometry){ .journal_bytes = BLOCK_BYTES + KIB(512),
                                     .extent_min = 16u << 10,
                                     .batch_max = 80u << 10 };
    f->geometry.entry_max = PICK(f->rng, 32u << 10, 64u << 10);
    f->geometry.extent_max = PICK(f->rng, 256u << 10, 512u << 10);
    f->geometry.slabs = 2 + (uint32_t)rng_below(f->rng, 4);
    f->spaces = rng_chance(f->rng, 1, 5);
    f->errors = front_errors_draw(seed);
    f->ledger.strict = !f->spaces && !f->errors && !rng_chance(f->rng, 1, 5);
    front_chances_draw(f);
    for (uint32_t i = 0; i < FRONT_CLIENTS; i++)
        f->clients[i] = (struct client){ .f = f, .number = i, .producer = i % 2 };
    f->auditor = (struct client){ .f = f, .number = FRONT_CLIENTS };
    if (speech->kafka)
        members_open(f);
}

static void front_drop(struct front *f)
{
    io_close(&f->io);
    free(f->producers);
    members_close(f);
    ledger_close(&f->ledger);
    sim_close(&f->sim);
}

static void speech_run(const struct speech *speech, uint64_t seed, struct seed_result *out)
{
    static struct front f;
    uint64_t throttled_before = throttled(), handovers_before = handovers();
    front_make(&f, speech, seed);
    for (uint32_t life = 0; life < LIVES; life++)
        front_life(&f, (enum end)rng_below(f.rng, END_COUNT));
    front_finish(&f);
    f.tally.throttled = throttled() - throttled_before;
    f.tally.handovers = handovers() - handovers_before;
    struct sim_counts c = sim_counts(f.sim);
    f.tally.sectors_lost = c.sectors_lost;
    f.tally.unwritten_lost = c.unwritten_lost;
    f.tally.late_writes = c.late_writes;
    f.tally.io_starts = c.io_starts;
    f.tally.lost = f.ledger.lost;
    f.tally.read = f.ledger.read;
    f.tally.doubts_kept = f.ledger.doubts_kept;
    f.tally.doubts_lost = f.ledger.doubts_lost;
    out->tally = f.tally;
    out->hash = sim_hash(f.sim);
    front_drop(&f);
}

void kafka_run(uint64_t seed, struct seed_result *out)
{
    speech_run(&kafka_speech, seed, out);
}

void front_run(uint64_t seed, struct seed_result *out)
{
    speech_run(&native_speech, seed, out);
}
