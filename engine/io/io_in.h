/* io_in.h -- between the shared half of io and the three implementations of it.
 *
 * io_common.c owns an op from its start to its done: argument checks, the backlog beyond
 * queue_depth, resubmission of what came back short or interrupted, the queue of completions, the
 * running of dones. An implementation only moves what io_rest() says, once, and reports what the
 * kernel (or the simulated one) answered:
 *
 *   io_write() -> raw.start()                      queue one attempt; nothing is submitted yet
 *   io_turn()  -> raw.turn() -> io_complete()      submit, wait, report every answer
 *                    ^              |
 *                    '-- raw.start() '-> short, EINTR, EAGAIN: the rest is started again
 *              -> done()                           from io_turn() only
 *
 * Owner      an implementation embeds `struct io` as its first member and frees it in raw.close().
 * Thread     as io.h: one thread, but for raw.wake().
 * Invariant  raw_count <= queue_depth
 *            inflight - socket_count == raw_count + backlog + completed that are no sockets
 */
#ifndef IO_IO_IN_H
#define IO_IO_IN_H

#include "engine/base/check.h"
#include "engine/io/io.h"
#include "engine/io/socket.h"

struct io_raw {
    /* Queues one attempt at op_step(op), of io_rest(op) bytes. May call io_complete() at once,
     * where that is simpler. */
    void (*start)(struct io *io, struct op *op);
    /* Submits everything queued, waits at most wait_ns for the first completion or wake-up (0: does
     * not wait), then calls io_complete() once for every attempt that ended, in the order in which
     * they ended. Returns when at least one ended, or at a wake-up, or when time is up; always
     * returning early is legal. */
    void (*turn)(struct io *io, uint64_t wait_ns);
    /* Submits everything queued, without waiting; NULL where a turn is the only way. */
    void (*push)(struct io *io);
    void (*clock)(struct io *io); /* sets now_ns and wall_ms; called after every turn */
    uint64_t (*random)(struct io *io);
    void (*wake)(struct io *io); /* any thread */
    /* Ends the sending direction of a connection, or everything. */
    void (*shutdown)(struct io *io, int fd, bool both);
    /* A receive buffer is free again, on top of the pool's stack. With features.recv_ring only. */
    void (*pool_offer)(struct io *io);
    void (*close)(struct io *io);
};

struct op_queue {
    struct op *head, *tail;
};

/* The buffers of io_recv_any(). */
struct io_pool {
    uint8_t *memory; /* NULL: not in use so far */
    uint32_t count, buffer_bytes;
    uint32_t held_count;    /* with the owners of ops */
    bool *held;             /* by index */
    uint16_t *free;         /* a stack; with features.recv_ring: those that the kernel has not */
    uint32_t free_count;    /* of the stack */
    struct op_queue parked; /* bytes have come for them, no buffer is free */
    uint32_t parked_count;
};

struct io {
    const struct io_raw *raw; /* the implementation; set by its open */
    struct io_features features;
    struct op_queue completed; /* answered in full; their dones wait for io_turn() */
    struct op_queue backlog;   /* started beyond queue_depth */
    uint32_t completed_count;
    uint32_t inflight;       /* started, done not yet run */
    uint32_t raw_count;      /* with the implementation */
    uint32_t socket_count;   /* of inflight: on sockets, which wait for peers and have no limit */
    uint32_t queue_depth;    /* raw_count at most; never 0 */
    uint64_t now_ns;         /* raw.clock() only */
    int64_t wall_ms;         /* raw.clock() only */
    bool waiting;            /* inside io_wait(): raw.turn() must let the world move on */
    bool dead;               /* simulator: the machine is gone, nothing completes any more */
    bool direct_hidden;      /* by SHARDLOG_MASK; features.direct: no open refused it so far */
    struct op *writes;       /* audit builds: writes in flight, linked by private_[0] */
    uint64_t direct_fds[16]; /* bitmap: descriptors below 1,024 opened with O_DIRECT through here */
    char lack[160];          /* why io_uring is not in use; empty if it is */
    struct io_pool pool;
};

/* Private words of an op that belong to the implementation while the op is with it. */
#define OP_PRIVATE_FIRST 1 /* private_[0] is io_common.c's */
#define OP_PRIVATE_LARGE \
    3                /* of a read with IO_LARGE: where the large page begins; nobody else's then */
#define IO_LARGE 32u /* flag of a read: io_read_large() */

/* Most verbs are one step. The others go through these. */
enum op_stage {
    OP_FIRST,
    OP_SYNC_AFTER, /* a dsync write without RWF_DSYNC: written, now the file is synced */
    OP_FILLED,     /* io_read_large: the large page is there, or there is none; now the read */
    OP_BUFFERED,   /* an open that the file system refused with O_DIRECT: without it */
    OP_POLLING,    /* sockets: wait until the descriptor is ready, then try */
    OP_READY,      /* io_recv_any: bytes first, then a buffer: the kernel had none left to choose */
};

/* Fills the shared half. Call before anything else; raw must be complete. */
void io_common_open(struct io *io, const struct io_raw *raw, const struct io_opts *opts);

/* One attempt ended. `result` is what the system call would have returned: bytes moved (read,
 * write), a descriptor (open), 0 (the others), or a negative errno. */
void io_complete(struct io *io, struct op *op, int64_t result);

/* Between the files of the shared half: an op is filled, started, ended. */
void op_fill(struct op *op, const struct io_site *site, int fd, io_done *done);
void op_start(struct io *io, struct op *op);
void op_end(struct io *io, struct op *op, int sys);

static inline bool op_on_socket(const struct op *op)
{
    return op->verb >= IO_ACCEPT;
}

static inline bool op_sends(const struct op *op)
{
    return op->verb == IO_SEND || op->verb == IO_SEND_FILE;
}

/* io_socket.c: io_complete() for sockets. A descriptor is the result of an accept or a connect; an
 * io_recv_any has put its buffer into op.buf before. */
void io_socket_complete(struct io *io, struct op *op, int64_t result);

/* What this attempt of a send moves: whole iovecs, or the rest of one. */
struct send_part {
    const struct iovec *iov; /* NULL: `rest` alone */
    struct iovec rest;
    uint32_t count;
    bool more; /* the caller's IO_MORE, or another part follows */
};
struct send_part io_send_rest(const struct op *op);

/* io_pool.c. */
bool io_pool_open(struct io *io); /* at the first use; false: no memory */
void io_pool_close(struct io *io);
void io_pool_list_free(struct io_pool *pool);         /* what nobody holds goes to the stack */
uint8_t *io_pool_take(struct io *io);                 /* NULL: none is free */
uint8_t *io_pool_hold(struct io *io, uint32_t index); /* the kernel chose this one */
void io_pool_put(struct io *io, uint32_t index);      /* nobody holds it: to the stack */
void io_pool_park(struct io *io, struct op *op);      /* until a buffer is free */
void io_pool_unpark(struct io *io);                   /* starts as many as there are buffers */
void io_pool_cancel(struct io *io, int fd);           /* what is parked for fd ends */

/* What this attempt is to do. */
static inline enum io_verb op_step(const struct op *op)
{
    if (op->verb == IO_READ && (op->flags & IO_LARGE) && op->stage == OP_FIRST)
        return IO_FILL;
    return op->stage == OP_SYNC_AFTER ? IO_SYNC : (enum io_verb)op->verb;
}

/* True if this attempt must itself be durable (RWF_DSYNC). */
static inline bool op_dsync(const struct io *io, const struct op *op)
{
    return op->verb == IO_WRITE && (op->flags & IO_DSYNC) != 0 && io->features.dsync;
}

/* True if this open must ask for O_DIRECT. */
static inline bool op_direct(const struct io *io, const struct op *op)
{
    return (op->flags & IO_DIRECT) != 0 && op->stage != OP_BUFFERED && !io->direct_hidden;
}

/* The bytes that this attempt moves: what is left, at most 1 GiB. */
struct io_part {
    uint8_t *at;
    uint64_t len, pos;
};
struct io_part io_rest(const struct op *op);

/* A descriptor was closed: io_fd_close() of every implementation calls this. */
void io_fd_forget(struct io *io, int fd);

/* First in, first out, linked by op.next. */
void op_queue_push(struct op_queue *q, struct op *op);
struct op *op_queue_pop(struct op_queue *q); /* NULL when empty */

/* The error that a caller of shardlog sees for an errno; OK for 0. */
enum err err_from_errno(int sys);

/* True if SHARDLOG_MASK (names, separated by commas) names this feature. */
bool io_masked(const char *feature);

#endif
