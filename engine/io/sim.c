/* sim.c -- the world: its nodes, its time, its events and its trace.
 *
 * Events are a binary heap by time, then by order of creation, so two events at one moment happen
 * in the order in which they were caused. An event whose cause is gone (a flight that was cut, a
 * crash ordered for a machine that ended otherwise) is skipped and moves no time.
 */
#include <stdlib.h>

#include "engine/io/sim_net_in.h"

#define GOLDEN      0x9e3779b97f4a7c15ull
#define LARGE_BYTES KIB(32) /* little, as extents here are small */

struct sim *sim_open(const struct sim_opts *opts)
{
    struct sim *sim = calloc(1, sizeof *sim);
    check(sim);
    sim->opts = *opts;
    if (!sim->opts.large_bytes)
        sim->opts.large_bytes = LARGE_BYTES;
    if (sim->opts.nodes == 0)
        sim->opts.nodes = 1;
    list_init(&sim->ios);
    list_init(&sim->links);
    list_init(&sim->listeners);
    list_init(&sim->flights_free);
    rng_seed(&sim->rng, sim_seed_for(sim, 0, 0));
    sim_trace(sim, opts->seed);
    sim->nodes = calloc(sim->opts.nodes, sizeof(struct sim_node *));
    check(sim->nodes);
    for (uint32_t i = 0; i < sim->opts.nodes; i++)
        sim->nodes[i] = sim_node_open(sim, i);
    return sim;
}

void sim_close(struct sim **sim)
{
    if (!*sim)
        return;
    check(list_empty(&(*sim)->ios)); /* ios are closed before their world */
    for (uint32_t i = 0; i < (*sim)->opts.nodes; i++)
        sim_node_close((*sim)->nodes[i]);
    sim_link_close_all(*sim);
    sim_memory_close(*sim);
    free((*sim)->nodes);
    free((*sim)->heap);
    free(*sim);
    *sim = NULL;
}

void sim_chances(struct sim *sim, const struct sim_opts *opts)
{
    sim->opts.short_per_million = opts->short_per_million;
    sim->opts.again_per_million = opts->again_per_million;
    sim->opts.error_per_million = opts->error_per_million;
    sim->opts.slow_per_million = opts->slow_per_million;
    sim->opts.stuck_per_million = opts->stuck_per_million;
    sim->opts.cut_per_million = opts->cut_per_million;
}

struct sim_node *sim_node(struct sim *sim, uint32_t i)
{
    check(i < sim->opts.nodes);
    return sim->nodes[i];
}

struct rng *sim_rng(struct sim *sim)
{
    return &sim->rng;
}

uint64_t sim_now_ns(const struct sim *sim)
{
    return sim->now_ns;
}

struct sim_counts sim_counts(const struct sim *sim)
{
    return sim->counts;
}

/* A generator of its own for every part of the world: one more I/O on a disk changes no other. */
uint64_t sim_seed_for(const struct sim *sim, uint64_t tag_a, uint64_t tag_b)
{
    uint64_t seed = (sim->opts.seed + tag_a * GOLDEN) ^ tag_b;
    return seed * GOLDEN ^ seed >> 31;
}

uint64_t sim_hash(const struct sim *sim)
{
    return sim->hash;
}

void sim_trace(struct sim *sim, uint64_t value)
{
    uint64_t h = (sim->hash ^ value) * GOLDEN;
    sim->hash = h ^ h >> 29;
}

/* ---- events ---- */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

uint64_t sim_order_take(struct sim *sim)
{
    return ++sim->order_next;
}

void sim_event_push(struct sim *sim, struct sim_event event)
{
    if (event.order == 0)
        event.order = sim_order_take(sim);
    sim->heap = sim_grow(sim->heap, &sim->heap_cap, sim->heap_count + 1, sizeof *sim->heap);
    uint32_t i = sim->heap_count++;
    for (; i > 0 && event_before(&event, &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
        sim->heap[i] = sim->heap[(i - 1) / 2];
    sim->heap[i] = event;
}

static struct sim_event event_pop(struct sim *sim)
{
    struct sim_event first = sim->heap[0], last = sim->heap[--sim->heap_count];
    uint32_t i = 0, count = sim->heap_count;
    for (uint32_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && event_before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!event_before(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
    }
    if (count > 0)
        sim->heap[i] = last;
    return first;
}

static bool event_stale(const struct sim_event *e)
{
    if (e->kind == EVENT_FLIGHT)
        return e->flight->order != e->order;
    if (e->kind == EVENT_CRASH)
        return e->node->life != e->life || e->node->crash_order != e->crash_order;
    return false;
}

/* When the next thing happens by itself; SIM_NEVER when nothing will. */
static uint64_t event_next_ns(struct sim *sim)
{
    while (sim->heap_count > 0 && event_stale(&sim->heap[0]))
        event_pop(sim);
    return sim->heap_count > 0 ? sim->heap[0].at_ns : SIM_NEVER;
}

static uint64_t deadline_next_ns(const struct sim *sim)
{
    uint64_t earliest = SIM_NEVER;
    list_each (&sim->ios, n)
        earliest = min_u64(earliest, container_of(n, struct sim_io, in_sim)->deadline_ns);
    return earliest;
}

static void deadlines_pass(struct sim *sim)
{
    list_each (&sim->ios, n) {
        struct sim_io *s = container_of(n, struct sim_io, in_sim);
        if (s->deadline_ns <= sim->now_ns)
            s->deadline_ns = SIM_NEVER;
    }
}

static void event_run(const struct sim_event *e)
{
    if (e->kind == EVENT_FLIGHT)
        sim_flight_land(e->flight);
    else if (e->kind == EVENT_CRASH)
        sim_crash(e->node, e->end);
    else if (e->kind == EVENT_LINK)
        sim_link_event_run(e);
}

bool sim_step(struct sim *sim, uint64_t until_ns)
{
    uint64_t event_ns = event_next_ns(sim), deadline_ns = deadline_next_ns(sim);
    uint64_t next_ns = min_u64(event_ns, deadline_ns);
    if (next_ns > until_ns || next_ns == SIM_NEVER) {
        if (until_ns != SIM_NEVER)
            sim->now_ns = max_u64(sim->now_ns, until_ns);
        return false;
    }
    sim->now_ns = max_u64(sim->now_ns, next_ns);
    if (event_ns <= deadline_ns) {
        struct sim_event e = event_pop(sim);
        event_run(&e);
    }
    deadlines_pass(sim);
    return true;
}
