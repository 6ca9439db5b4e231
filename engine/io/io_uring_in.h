/* io_uring_in.h -- the ring, as its two files share it: io_uring.c, and io_uring_net.c for sockets.
 *
 * Thread     the owner of the ring alone, but for `woken`.
 */
#ifndef IO_IO_URING_IN_H
#define IO_IO_URING_IN_H

#include "engine/io/io_kernel_in.h"

#include <liburing.h>

#define SQ_ENTRIES_MAX 256 /* more are submitted in several calls of one turn */

/* What sockets need beside the ring. */
struct uring_net {
    /* What a submission points to, until the kernel has read it: one for each entry of the queue.
     */
    union uring_word {
        struct msghdr msg;
        union net_address address;
    } words[SQ_ENTRIES_MAX];
    struct io_uring_buf_ring *buffers; /* some free ones of the pool; NULL until it is used */
    uint32_t buffers_mask;
    uint32_t offered, wanted; /* in it now; in it if the pool has as many */
    uint32_t chosen;          /* by the kernel, so far */
    bool registered;          /* buffers are this ring's */
};

struct uring {
    struct io io;
    struct io_uring ring;
    int unregistered_fd;      /* ring.enter_ring_fd before the descriptor was registered */
    uint8_t unregistered;     /* ring.int_flags likewise */
    bool ring_registered;     /* by the owning thread, in its first turn */
    bool polling;             /* the poll of wake_fd is in flight */
    uint32_t submitted;       /* ops handed to the ring and not answered */
    uint32_t kind;            /* index of ring_flags */
    uint64_t thread;          /* owner of the ring: thread_number() */
    uint64_t shared_until_ns; /* others want this core: no spinning before */
    uint64_t yielded_ns;      /* when the core was last offered to kernel threads */
    uint64_t looked_ns;       /* when moved_bytes was 0 */
    uint64_t moved_bytes;     /* since then, about: what ops answered */
    bool streams;             /* by the last look: no spinning */
    struct op_queue pending;  /* started since the last turn */
    _Atomic bool woken;       /* wake_fd is readable, or about to be */
    int wake_fd;              /* eventfd */
    bool heard;               /* a socket answered in the last turn: more may come soon */
    struct uring_net net;
};

/* io_uring_net.c. */
bool uring_net_probe(struct uring *u); /* can the kernel choose receive buffers? */
void uring_net_close(struct uring *u); /* after the ring */
/* A connect: its socket is made; a file: it is sent. False: nothing is left to submit, the op is
 * answered. */
bool uring_net_start(struct uring *u, struct op *op);
void uring_net_prepare(struct uring *u, struct io_uring_sqe *sqe, struct op *op);
void uring_net_answer(struct uring *u, struct op *op, int result, uint32_t cqe_flags);
void uring_pool_offer(struct io *io); /* raw.pool_offer */

#endif
