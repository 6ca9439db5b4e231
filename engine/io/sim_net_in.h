/* sim_net_in.h -- the simulated network: connections between nodes, and listeners.
 *
 *   side 0 (called)                                  side 1 (accepted)
 *     send ──> side[1].in: sent ── arrived ── taken ──> recv
 *     recv <── side[0].in: taken ── arrived ── sent <── send
 *
 * What was sent arrives in pieces of any size, cut and joined without regard to sends. A pipe holds
 * a bounded number of bytes: a sender waits while its reader does not read.
 *
 * Owner      the world. A link lives while a side is open or an event of it is under way.
 * Invariant  taken <= arrived <= sent <= taken + room
 *            `moving` is true while an arrival is scheduled; it is when sent != arrived, or an end
 *            is to be told
 */
#ifndef IO_SIM_NET_IN_H
#define IO_SIM_NET_IN_H

#include "engine/io/sim_in.h"

struct sim_pipe {
    uint8_t *at;
    uint32_t room;                 /* bytes it holds */
    uint64_t sent, arrived, taken; /* positions in the stream */
    bool moving;
    bool ended;       /* the sender said so */
    bool end_arrived; /* and it is known here */
};

/* An op that waits for the network. */
struct sim_wait {
    struct sim_io *io; /* NULL: none waits */
    struct op *op;
};

struct sim_side {
    struct sim_node *node;
    struct io_address name;
    struct sim_pipe in;
    struct sim_wait receiver, sender; /* a connect waits as sender */
    struct node in_queue;             /* of a listener, until it is accepted */
    uint8_t index;                    /* in its link */
    bool open;                        /* has a descriptor, a place in a queue, or a connect */
    bool shut;                        /* both directions, by its owner */
    int error;                        /* errno that this side has been told; 0: none */
};

struct sim_link {
    struct node in_sim;
    struct sim *sim;
    uint64_t id;
    struct rng rng;
    uint64_t latency_ns;
    uint32_t events; /* under way */
    uint32_t calls;  /* of a connect that found no room */
    bool cut;        /* nothing passes any more */
    struct sim_side side[2];
};

enum sim_link_event {
    LINK_CALL,   /* at side 1: somebody wants to connect */
    LINK_OPENED, /* at side 0: accepted, or refused (side.error) */
    LINK_ARRIVAL,
    LINK_RESET,
};

struct sim_listener {
    struct node in_sim;
    struct sim_node *node;
    struct io_address name;
    struct list queue; /* sides by in_queue */
    uint32_t queued, backlog;
    struct sim_wait accepter;
    bool reuse_port, shut;
};

static inline struct sim_side *sim_side_peer(struct sim_side *side)
{
    return side->index == 0 ? side + 1 : side - 1;
}
static inline struct sim_link *sim_link_of(struct sim_side *side)
{
    return container_of(side - side->index, struct sim_link, side);
}

/* sim_net.c: connections. */
struct sim_side *sim_link_open(struct sim_node *from, const struct io_address *to); /* calls */
void sim_link_close_all(struct sim *sim);
bool sim_link_chance(struct sim_link *link, uint32_t per_million);
void sim_link_cut(struct sim_link *link);             /* both sides hear of it */
void sim_pipe_move(struct sim_side *to);              /* what was sent to this side is under way */
void sim_side_refuse(struct sim_side *side, int sys); /* of a caller: hears sys */
void sim_side_end(struct sim_side *side);             /* no more is sent from here */
void sim_side_close(struct sim_side *side, bool reset);

/* sim_listen.c: who waits for calls. */
int sim_listener_call(struct sim_side *called); /* 0; or an errno; EAGAIN: no room in the queue */
void sim_listener_shut(struct sim_listener *l);
void sim_listener_close(struct sim_listener *l);
uint16_t sim_port_take(struct sim_node *node);

/* sim_socket.c: the ops. */
void sim_wait_answer(struct sim_wait *wait, int64_t result); /* nothing, if none waits */
void sim_side_opened(struct sim_side *side); /* the connect that waits has its answer */
void sim_side_serve(struct sim_side *side);  /* what waits is tried again */
void sim_listener_serve(struct sim_listener *l);

#endif
