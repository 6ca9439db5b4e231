/* sim_net.c -- connections between simulated processes: calls, bytes and bad news under way.
 *
 *   call ──> LINK_CALL at side 1: a listener's queue, or refused ──> LINK_OPENED at side 0
 *   send ──> LINK_ARRIVAL, as often as it takes: some of what was sent is there
 *   cut, reset ──> LINK_RESET: what had arrived can still be read, then RESET
 *
 * A side whose owner is gone answers bytes with a reset, as a kernel does.
 */
#include "engine/io/sim_net_in.h"

#include <errno.h>
#include <stdlib.h>

#define US            1000ull
#define ROOM_MIN      KIB(4)
#define ROOM_SPREAD   KIB(252)
#define CALLS_MAX     4u /* before a full queue counts as no answer */
#define CALL_AGAIN_NS SEC_NS
#define SLOW_ONE_IN   64u /* of events, ten times as late */
#define TAG_LINK      0x6c696e6bull

static void link_schedule(struct sim_side *at, enum sim_link_event what);
static void link_call(struct sim_side *side);
static void link_arrival(struct sim_side *side);
static void link_reset(struct sim_side *side);
static void link_drop(struct sim_link *link);

/* ---- life ---- */

static void pipe_open(struct sim_link *link, struct sim_pipe *pipe)
{
    pipe->room = (uint32_t)(ROOM_MIN + rng_log_uniform(&link->rng, ROOM_SPREAD));
    pipe->at = malloc(pipe->room);
    check(pipe->at);
}

static struct sim_node *node_at(struct sim *sim, struct sim_node *from, const struct io_address *to)
{
    if (io_address_is_loopback(to) || io_address_is_any(to))
        return from;
    for (uint32_t i = 0; i < sim->opts.nodes; i++) {
        struct io_address own = sim_address(sim->nodes[i], to->port);
        if (io_address_equal(&own, to))
            return sim->nodes[i];
    }
    return NULL;
}

struct sim_side *sim_link_open(struct sim_node *from, const struct io_address *to)
{
    struct sim *sim = from->sim;
    struct sim_link *link = calloc(1, sizeof *link);
    check(link);
    link->sim = sim;
    link->id = ++sim->link_count;
    rng_seed(&link->rng, sim_seed_for(sim, link->id, TAG_LINK));
    list_push(&sim->links, &link->in_sim);
    struct sim_side *caller = &link->side[0], *called = &link->side[1];
    called->index = 1;
    called->node = node_at(sim, from, to);
    called->name = *to;
    caller->node = from;
    caller->open = true;
    caller->name = io_address_is_loopback(to) ? *to : sim_address(from, 0);
    caller->name.port = sim_port_take(from);
    bool near = called->node == from;
    link->latency_ns = near ? 5 * US : 50 * US;
    link->latency_ns += rng_log_uniform(&link->rng, near ? 50 * US : 2000 * US);
    pipe_open(link, &caller->in);
    pipe_open(link, &called->in);
    sim_trace(sim, link->id << 32 ^ link->latency_ns);
    link_schedule(called, LINK_CALL);
    return caller;
}

/* Frees what nobody has and nothing is under way to. */
static void link_drop(struct sim_link *link)
{
    if (link->events > 0 || link->side[0].open || link->side[1].open)
        return;
    node_unlink(&link->in_sim);
    free(link->side[0].in.at);
    free(link->side[1].in.at);
    free(link);
}

void sim_link_close_all(struct sim *sim)
{
    list_each (&sim->links, n) {
        struct sim_link *link = container_of(n, struct sim_link, in_sim);
        link->events = 0; /* they never come */
        check(!link->side[0].open && !link->side[1].open);
        link_drop(link);
    }
}

bool sim_link_chance(struct sim_link *link, uint32_t per_million)
{
    return per_million > 0 && rng_chance(&link->rng, per_million, 1000000);
}

/* ---- events ---- */

static uint64_t latency_draw(struct sim_link *link)
{
    uint64_t ns = link->latency_ns / 2 + rng_below(&link->rng, link->latency_ns);
    return rng_chance(&link->rng, 1, SLOW_ONE_IN) ? 10 * ns : ns;
}

static void schedule_in(struct sim_side *at, enum sim_link_event what, uint64_t delay_ns)
{
    struct sim_link *link = sim_link_of(at);
    link->events++;
    sim_event_push(link->sim, (struct sim_event){
                                  .kind = EVENT_LINK,
                                  .at_ns = link->sim->now_ns + delay_ns,
                                  .side = at,
                                  .what = what,
                              });
}

static void link_schedule(struct sim_side *at, enum sim_link_event what)
{
    schedule_in(at, what, latency_draw(sim_link_of(at)));
}

void sim_link_event_run(const struct sim_event *e)
{
    struct sim_side *side = e->side;
    struct sim_link *link = sim_link_of(side);
    sim_trace(link->sim, link->sim->now_ns ^ (uint64_t)e->what << 56 ^ (uint64_t)side->index << 55);
    sim_trace(link->sim, link->id);
    if (e->what == LINK_CALL)
        link_call(side);
    else if (e->what == LINK_ARRIVAL)
        link_arrival(side);
    else if (e->what == LINK_RESET)
        link_reset(side);
    else
        sim_side_opened(side);
    link->events--;
    link_drop(link);
}

void sim_side_refuse(struct sim_side *side, int sys)
{
    side->error = sys;
    link_schedule(side, LINK_OPENED);
}

/* A dead machine says nothing: its caller is told by time, not by an answer. */
static void link_call(struct sim_side *called)
{
    struct sim_link *link = sim_link_of(called);
    struct sim_side *caller = sim_side_peer(called);
    struct sim_node *node = called->node;
    if (!caller->open)
        return;
    int sys = !node || (node->dead && node->rebooting) ? EHOSTUNREACH : ECONNREFUSED;
    if (node && !node->dead)
        sys = sim_listener_call(called);
    if (sys == EAGAIN && ++link->calls < CALLS_MAX) {
        probe("sim: a call found the queue full");
        schedule_in(called, LINK_CALL, CALL_AGAIN_NS);
        return;
    }
    if (sys == 0) {
        link->sim->counts.connections++;
        link_schedule(caller, LINK_OPENED);
    } else
        sim_side_refuse(caller, sys == EAGAIN ? ETIMEDOUT : sys);
}

void sim_pipe_move(struct sim_side *to)
{
    if (to->in.moving || sim_link_of(to)->cut)
        return;
    to->in.moving = true;
    link_schedule(to, LINK_ARRIVAL);
}

/* Some of what is under way, all of it half of the time; the end comes with the last byte or by
 * itself. */
static void link_arrival(struct sim_side *side)
{
    struct sim_link *link = sim_link_of(side);
    struct sim_pipe *pipe = &side->in;
    pipe->moving = false;
    uint64_t left = pipe->sent - pipe->arrived;
    if (link->cut || side->error)
        return;
    if (!side->open) {
        if (left > 0) {
            probe("sim: bytes came to a closed connection");
            link_schedule(sim_side_peer(side), LINK_RESET);
        }
        return;
    }
    uint64_t part = left;
    if (left > 1 && rng_chance(&link->rng, 1, 2))
        part = 1 + rng_below(&link->rng, left);
    pipe->arrived += part;
    bool all = pipe->arrived == pipe->sent;
    if (all && pipe->ended && (left == 0 || rng_chance(&link->rng, 1, 2)))
        pipe->end_arrived = true;
    sim_trace(link->sim, pipe->arrived << 1 ^ pipe->end_arrived);
    if (!all || (pipe->ended && !pipe->end_arrived))
        sim_pipe_move(side);
    sim_side_serve(side);
}

static void link_reset(struct sim_side *side)
{
    struct sim_link *link = sim_link_of(side);
    link->cut = true;
    if (!side->open || side->error)
        return;
    link->sim->counts.resets++;
    side->error = ECONNRESET;
    sim_side_serve(side);
}

/* ---- ends ---- */

void sim_link_cut(struct sim_link *link)
{
    if (link->cut)
        return;
    link->cut = true;
    link_schedule(&link->side[0], LINK_RESET);
    link_schedule(&link->side[1], LINK_RESET);
}

void sim_cut(struct sim_node *a, struct sim_node *b)
{
    list_each (&a->sim->links, n) {
        struct sim_link *link = container_of(n, struct sim_link, in_sim);
        struct sim_node *from = link->side[0].node, *to = link->side[1].node;
        bool chosen = b ? (from == a && to == b) || (from == b && to == a) : from == a || to == a;
        if (chosen)
            sim_link_cut(link);
    }
}

void sim_side_end(struct sim_side *side)
{
    struct sim_side *peer = sim_side_peer(side);
    if (peer->in.ended)
        return;
    peer->in.ended = true;
    sim_pipe_move(peer);
}

/* Bytes that nobody will read make a kernel answer with a reset. */
void sim_side_close(struct sim_side *side, bool reset)
{
    struct sim_link *link = sim_link_of(side);
    check(!side->receiver.io && !side->sender.io); /* an op in flight on a closed descriptor */
    side->open = false;
    node_unlink(&side->in_queue);
    if (reset || side->in.arrived > side->in.taken) {
        link->cut = true;
        link_schedule(sim_side_peer(side), LINK_RESET);
    } else
        sim_side_end(side);
    link_drop(link);
}

/* Ops of a process that ended wait for nothing any more; its connects have no descriptor. */
void sim_links_end(struct sim_node *node)
{
    list_each (&node->sim->links, n) {
        struct sim_link *link = container_of(n, struct sim_link, in_sim);
        for (int i = 0; i < 2; i++) {
            struct sim_side *side = &link->side[i];
            bool calling =
                side->open && i == 0 && side->sender.op && side->sender.op->verb == IO_CONNECT;
            if (side->node == node)
                side->receiver = side->sender = (struct sim_wait){ 0 };
            if (side->node == node && calling) {
                sim_side_close(side, true);
                break; /* the link may be gone */
            }
        }
    }
    list_each (&node->sim->listeners, n) {
        struct sim_listener *l = container_of(n, struct sim_listener, in_sim);
        if (l->node == node)
            l->accepter = (struct sim_wait){ 0 };
    }
}
