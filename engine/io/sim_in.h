/* sim_in.h -- the running half of the simulated world: machines, processes, I/O under way, events.
 *
 *   sim ── nodes ── disks ── inodes ── pages ── sheets (versions of one block)
 *    │       │        ├───── directories (names now, names on media, changes between)
 *    │       ├─ ios   └───── flights (I/O under way)
 *    │       └─ descriptors
 *    └─ events: a heap by time, then by order of creation
 *
 * A write is three moments: its bytes are captured when it starts, become the device's newest
 * version when it lands, and reach the media when a flush that began after that ends.
 *
 * Thread     the one thread of the world.
 * Memory     sheets and flights are recycled within a world and freed with it.
 * Invariant  no address and no uninitialised byte enters a decision or the trace.
 */
#ifndef IO_SIM_IN_H
#define IO_SIM_IN_H

#include "engine/io/io_in.h"
#include "engine/io/sim_disk_in.h"

#define SIM_NEVER      UINT64_MAX
#define SIM_FAULTS_MAX 16u
#define SIM_ANSWER     OP_PRIVATE_FIRST

struct sim_side;
struct sim_listener;

/* One of the three is set. */
struct sim_fd {
    struct sim_inode *inode;
    struct sim_side *side; /* of a connection */
    struct sim_listener *listener;
    bool direct, readonly;
    bool random; /* no read-ahead */
};

enum sim_phase {
    FLIGHT_MOVING,   /* lands when its event comes */
    FLIGHT_FLUSHING, /* a dsync write that has landed; its flush is under way */
};

/* One attempt of an op under way. */
struct sim_flight {
    struct node in_disk;
    struct node in_inode; /* writes of living processes */
    struct node in_io;    /* ended: waits for the io's turn. Free: in sim.flights_free */
    uint64_t order;       /* of its event; 0: none. An event of another order is stale */
    struct sim_io *io;    /* NULL: late */
    struct op *op;        /* NULL: late */
    struct sim_disk *disk;
    struct sim_inode *inode;  /* file, or directory of the names */
    struct sim_sheet *sheets; /* captured bytes, in order, from block_floor(pos) */
    const uint8_t *buf;       /* the caller's */
    uint64_t pos, len;
    uint64_t effect; /* bytes of len that take effect */
    int fd;
    int64_t result; /* as decided at the start; reads and opens: when they land */
    uint64_t size, alloc;
    uint32_t sync_seq; /* what landed up to here is covered by the sync */
    enum io_verb verb;
    enum sim_phase phase;
    bool direct, random, dsync, late, skipped, holds_lock;
};

struct sim_io {
    struct io io; /* first: io_in.h */
    struct sim_node *node;
    struct node in_sim;
    struct list landed;       /* flights by in_io */
    struct op_queue answered; /* ops on sockets; private_[SIM_ANSWER] is the result */
    uint64_t deadline_ns;
    bool woken;
};

struct sim_fault_order {
    const struct io_site *site;
    int sys;
    uint64_t left; /* SIM_NEVER: for ever */
};

struct sim_node {
    struct sim *sim;
    uint32_t index;
    struct rng rng; /* what io_random() gives */
    struct list disks;
    struct sim_fd **fds; /* of the running process */
    uint32_t fd_cap;
    bool dead;
    bool rebooting;         /* ended by more than a kill: the clock starts anew */
    uint32_t life;          /* counts ends; a crash order of an earlier life is void */
    uint32_t crash_order;   /* counts sim_crash_at() */
    uint64_t crash_io_left; /* 0: no order */
    enum sim_end crash_io_end;
    uint16_t port_last;     /* handed out by the kernel */
    uint64_t clock_base_ns; /* monotonic clock minus world time; drawn at each boot */
    int64_t wall_base_ms;
    uint64_t disk_limit; /* bytes; 0: none */
    struct sim_fault_order faults[SIM_FAULTS_MAX];
    uint32_t fault_count;
    uint64_t fault_hits;
    struct sim_watch *watch; /* NULL: none */
};

struct sim_event {
    uint64_t at_ns, order;
    enum { EVENT_FLIGHT, EVENT_WAKE, EVENT_CRASH, EVENT_LINK } kind;
    uint32_t what;              /* EVENT_LINK: enum sim_link_event */
    enum sim_end end;           /* EVENT_CRASH */
    uint32_t life, crash_order; /* EVENT_CRASH: void when the node's differ */
    struct sim_node *node;      /* EVENT_CRASH */
    struct sim_flight *flight;  /* EVENT_FLIGHT */
    struct sim_side *side;      /* EVENT_LINK */
};

struct sim {
    struct sim_opts opts;
    struct rng rng;
    uint64_t now_ns, hash, order_next;
    struct sim_counts counts;
    struct sim_node **nodes;
    struct sim_event *heap;
    uint32_t heap_count, heap_cap;
    struct list ios;
    struct list links, listeners; /* sim_net_in.h */
    uint64_t link_count;
    struct list flights_free;
    struct sim_sheet *sheets_free;
    struct sim_slab *slabs; /* memory of sheets and flights */
};

/* sim.c: the world. */
uint64_t sim_seed_for(const struct sim *sim, uint64_t tag_a, uint64_t tag_b);
void sim_event_push(struct sim *sim, struct sim_event event); /* sets its order if 0 */
uint64_t sim_order_take(struct sim *sim);

/* sim_memory.c: recycled memory. */
struct sim_sheet *sim_sheet_take(struct sim *sim);
void sim_sheet_give(struct sim *sim, struct sim_sheet *sheet);
void sim_sheets_give(struct sim *sim, struct sim_sheet *chain); /* and everything older */
struct sim_flight *sim_flight_take(struct sim *sim);            /* zeroed */
void sim_flight_give(struct sim *sim, struct sim_flight *f);
void sim_memory_close(struct sim *sim);
void *sim_grow(void *at, uint32_t *cap, uint32_t need, size_t each);

/* sim_node.c: machines and processes. */
struct sim_node *sim_node_open(struct sim *sim, uint32_t index);
void sim_node_close(struct sim_node *node);
uint64_t sim_node_used(const struct sim_node *node);
uint64_t sim_node_left(const struct sim_node *node); /* bytes; SIM_NEVER: no limit */
bool sim_node_room(const struct sim_node *node, uint64_t blocks);
bool sim_node_crash_due(struct sim_node *node);
int sim_node_fault(struct sim_node *node, const struct op *op); /* errno, or 0 */
int sim_fd_open(struct sim_node *node, struct sim_inode *inode, uint32_t flags);
int sim_fd_take(struct sim_node *node, const struct sim_fd *what); /* no inode */
struct sim_fd *sim_fd_get(const struct sim_node *node, int fd);    /* NULL: not open */
void sim_fd_free(struct sim_node *node, int fd);

/* sim_flight.c: I/O under way. */
void sim_flight_fly(struct sim_flight *f, uint64_t delay_ns);
void sim_flight_land(struct sim_flight *f);   /* its event came */
void sim_flight_orphan(struct sim_flight *f); /* its process was killed */
void sim_flight_cut(struct sim_flight *f);    /* its machine stopped */

/* sim_net.c, sim_socket.c: connections, as the rest of the world sees them. */
void sim_link_event_run(const struct sim_event *e);
void sim_links_end(struct sim_node *node); /* its process is gone: the peers see resets */
void sim_socket_start(struct sim_io *s, struct op *op);
void sim_socket_shutdown(struct io *io, int fd, bool both); /* raw.shutdown */
void sim_socket_close(struct sim_fd *fd, bool reset);

#endif
