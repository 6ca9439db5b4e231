/* io_uring.c -- io on a ring: one system call a turn that submits and waits.
 *
 * Happy path
 *   - start: the op goes to `pending`
 *   - turn, push: pending ops become submissions; one io_uring_enter submits them. While the disk
 *     works, and after a socket has answered, the wait spins with sched_yield() for SPIN_NS first,
 *     then blocks in io_uring_enter; an idle ring, one whose core is wanted by others, and one that
 *     streams, blocks at once
 *   - every completion is reported; what io_common.c starts again is pending for the next turn
 *
 * Wake-ups: an eventfd that the ring polls. The poll consumes nothing, so that a ring torn down
 * with its poll in flight takes no wake-up with it.
 *
 * Threads: with SINGLE_ISSUER a ring belongs to the thread that made it. An io that was opened by
 * one thread and is turned by another gets a new ring, which is legal with nothing in flight.
 *
 * Refusals (no kernel support, seccomp, sysctl, limits) are told to io_open(), which takes plain.
 */
#include "engine/io/io_uring_in.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define CQ_ENTRIES_MAX 32768 /* the kernel keeps what overflows */
#define IOWQ_THREADS   8     /* kernel threads for syncs and names */
#define YIELD_EVERY_NS (20 * 1000ull)
#define YIELD_LATE_NS  (200 * 1000ull)
#define SHARED_NS      (20 * MS_NS)
#define STREAM_LOOK_NS (1 * MS_NS)
#define STREAM_BYTES   MIB(2) /* in one look: about half of what one core can move */

/* How a ring is made, best first; `defer` is SINGLE_ISSUER | DEFER_TASKRUN, since Linux 6.1. */
static const uint32_t ring_flags[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    0,
};
#define RING_KINDS (sizeof(ring_flags) / sizeof(ring_flags[0]))

static int ring_make(struct uring *u);
static void ring_destroy(struct uring *u);
static void ring_own(struct uring *u);
static bool ring_complete(struct uring *u);
static void refusal_say(struct why *lack, int sys);
static void uring_start(struct io *io, struct op *op);
static void uring_push(struct io *io);
static void uring_turn(struct io *io, uint64_t wait_ns);
static bool uring_prepare_all(struct uring *u);
static bool uring_prepare(struct uring *u);
static void op_prepare(struct uring *u, struct io_uring_sqe *sqe, struct op *op);
static void uring_enter(struct uring *u, uint64_t wait_ns);
static bool uring_submit(struct uring *u);
static bool answer_transient(int result);
static bool uring_streams(struct uring *u);
static void uring_yield(struct uring *u);
static void uring_spin(struct uring *u, uint64_t *wait_ns);
static void uring_block(struct uring *u, uint64_t wait_ns);
static void uring_reap(struct uring *u);
static void wake_take(struct uring *u);
static void uring_wake(struct io *io);
static void uring_close(struct io *io);

static const struct io_raw raw = {
    .start = uring_start,
    .turn = uring_turn,
    .push = uring_push,
    .clock = kernel_clock,
    .random = kernel_random,
    .wake = uring_wake,
    .shutdown = net_shutdown,
    .pool_offer = uring_pool_offer,
    .close = uring_close,
};

/* Never reused, unlike pthread_self() and the ids of the kernel. */
static uint64_t thread_number(void)
{
    static _Atomic uint64_t last;
    static _Thread_local uint64_t mine;
    if (mine == 0)
        mine = atomic_fetch_add(&last, 1) + 1;
    return mine;
}

enum err uring_open(struct io **io, const struct io_opts *opts, struct why *lack)
{
    struct uring *u = calloc(1, sizeof(*u));
    if (!u)
        return ERR_NO_MEMORY;
    io_common_open(&u->io, &raw, opts);
    kernel_probe(&u->io);
    kernel_clock(&u->io);
    u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int result = u->wake_fd < 0 ? -errno : -EINVAL;
    u->kind = io_masked("defer_taskrun") ? 1 : 0;
    while (u->wake_fd >= 0 && u->kind < RING_KINDS && (result = ring_make(u)) == -EINVAL)
        u->kind++;
    if (result < 0) {
        refusal_say(lack, -result);
        if (u->wake_fd >= 0)
            close(u->wake_fd);
        free(u);
        return ERR_UNSUPPORTED;
    }
    u->io.features.io_uring = true;
    u->io.features.defer_taskrun = u->kind == 0;
    if (!ring_complete(u)) {
        why_set(lack, "io_uring (the kernel is older than Linux 5.11)");
        uring_close(&u->io);
        return ERR_UNSUPPORTED;
    }
    *io = &u->io;
    return ERR_OK;
}

/* 0 or a negative errno; EINVAL means that the kernel lacks a flag of this kind. */
static int ring_make(struct uring *u)
{
    uint32_t depth = min_u64(u->io.queue_depth, CQ_ENTRIES_MAX / 4);
    struct io_uring_params params = {
        .flags = ring_flags[u->kind] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = max_u64(2 * depth, 16),
    };
    uint32_t entries = min_u64(max_u64(depth, 8), SQ_ENTRIES_MAX);
    int result = io_uring_queue_init_params(entries, &u->ring, &params);
    if (result < 0)
        return result;
    check(*u->ring.sq.kring_entries <= SQ_ENTRIES_MAX);
    u->thread = thread_number();
    uint32_t threads[2] = { IOWQ_THREADS, IOWQ_THREADS };
    (void)io_uring_register_iowq_max_workers(&u->ring, threads); /* else: the kernel's choice */
    return 0;
}

/* A registered descriptor belongs to its thread: another one must not give it back. The slot goes
 * with the thread. */
static void ring_destroy(struct uring *u)
{
    if (u->ring_registered && u->thread != thread_number()) {
        u->ring.int_flags = u->unregistered;
        u->ring.enter_ring_fd = u->unregistered_fd;
    }
    io_uring_queue_exit(&u->ring);
    u->ring_registered = u->polling = u->net.registered = false;
}

/* Makes the ring this thread's. A ring as large as the one just given back is never refused, but
 * by a system without memory, where nothing can go on. */
static void ring_own(struct uring *u)
{
    if (u->thread != thread_number()) {
        check(u->submitted == 0);
        ring_destroy(u);
        check(ring_make(u) == 0);
    }
    if (!u->ring_registered) {
        u->unregistered = u->ring.int_flags;
        u->unregistered_fd = u->ring.enter_ring_fd;
        u->ring_registered = true;
        (void)io_uring_register_ring_fd(&u->ring); /* else: a look-up in each call */
    }
}

/* Sets msg_ring and recv_ring; false if an operation that every program needs is missing. */
static bool ring_complete(struct uring *u)
{
    static const int needed[] = { IORING_OP_READ,      IORING_OP_WRITE,    IORING_OP_FSYNC,
                                  IORING_OP_OPENAT,    IORING_OP_RENAMEAT, IORING_OP_UNLINKAT,
                                  IORING_OP_FALLOCATE, IORING_OP_POLL_ADD, IORING_OP_ACCEPT,
                                  IORING_OP_CONNECT,   IORING_OP_RECV,     IORING_OP_SEND,
                                  IORING_OP_SENDMSG };
    struct io_uring_probe *probe = io_uring_get_probe_ring(&u->ring);
    bool complete = probe != NULL && (u->ring.features & IORING_FEAT_EXT_ARG) != 0 &&
                    (u->ring.features & IORING_FEAT_NODROP) != 0;
    for (size_t i = 0; complete && i < sizeof(needed) / sizeof(needed[0]); i++)
        complete = io_uring_opcode_supported(probe, needed[i]);
    u->io.features.msg_ring =
        complete && !io_masked("msg_ring") && io_uring_opcode_supported(probe, IORING_OP_MSG_RING);
    u->io.features.recv_ring = complete && !io_masked("recv_ring") && uring_net_probe(u);
    io_uring_free_probe(probe);
    return complete;
}

static void refusal_say(struct why *lack, int sys)
{
    char level = '0';
    FILE *f = fopen("/proc/sys/kernel/io_uring_disabled", "re");
    if (f) {
        level = (char)fgetc(f);
        fclose(f);
    }
    if (sys == ENOSYS)
        why_set(lack, "io_uring (the kernel has none, or a seccomp filter hides it)");
    else if (sys == EPERM && level > '0')
        why_set(lack, "io_uring (refused by sysctl kernel.io_uring_disabled=%c)", level);
    else if (sys == EPERM || sys == EACCES)
        why_set(lack, "io_uring (refused by a seccomp filter or security policy)");
    else if (sys == ENOMEM)
        why_set(lack, "io_uring (no locked memory left for it, ulimit -l)");
    else if (sys == EMFILE || sys == ENFILE)
        why_set(lack, "io_uring (no descriptors left for it, ulimit -n)");
    else
        why_set(lack, "io_uring (refused: %s)", strerror(sys));
}

static void uring_close(struct io *io)
{
    struct uring *u = container_of(io, struct uring, io);
    ring_destroy(u);
    uring_net_close(u);
    close(u->wake_fd);
    free(u);
}

static void uring_start(struct io *io, struct op *op)
{
    struct uring *u = container_of(io, struct uring, io);
    if (op_step(op) == IO_ALLOCATE && !io->features.fallocate)
        io_complete(io, op, file_grow(op->fd, op->len)); /* the ring has no truncate before 6.9 */
    else if ((op->verb != IO_CONNECT && op->verb != IO_SEND_FILE) || uring_net_start(u, op))
        op_queue_push(&u->pending, op);
}

static void uring_turn(struct io *io, uint64_t wait_ns)
{
    struct uring *u = container_of(io, struct uring, io);
    ring_own(u);
    uring_enter(u, uring_prepare_all(u) ? wait_ns : 0);
    uring_reap(u);
}

static void uring_push(struct io *io)
{
    struct uring *u = container_of(io, struct uring, io);
    ring_own(u);
    uring_prepare_all(u);
    uring_submit(u);
}

/* False: the kernel takes no more for now, and some are left. */
static bool uring_prepare_all(struct uring *u)
{
    bool all = uring_prepare(u);
    while (!all && uring_submit(u)) {
        probe("io_uring: more submissions than the queue holds");
        all = uring_prepare(u);
    }
    return all;
}

/* Turns pending ops into submissions; false when the queue is full and some are left. */
static bool uring_prepare(struct uring *u)
{
    struct io_uring_sqe *sqe;
    if (!u->polling) {
        if ((sqe = io_uring_get_sqe(&u->ring)) == NULL)
            return false;
        io_uring_prep_poll_add(sqe, u->wake_fd, POLLIN);
        io_uring_sqe_set_data(sqe, NULL);
        u->polling = true;
    }
    while (u->pending.head) {
        if ((sqe = io_uring_get_sqe(&u->ring)) == NULL)
            return false;
        struct op *op = op_queue_pop(&u->pending);
        op_prepare(u, sqe, op);
        io_uring_sqe_set_data(sqe, op);
        u->submitted++;
    }
    return true;
}

static void op_prepare(struct uring *u, struct io_uring_sqe *sqe, struct op *op)
{
    const struct io *io = &u->io;
    struct io_part part = io_rest(op);
    switch (op_step(op)) {
    case IO_READ:
        io_uring_prep_read(sqe, op->fd, part.at, (unsigned)part.len, part.pos);
        break;
    case IO_FILL:
        if (cache_map(op))
            io_uring_prep_madvise(sqe, cache_mapping(op), CACHE_MAP_BYTES, MADV_POPULATE_READ);
        else
            io_uring_prep_nop(sqe);
        break;
    case IO_WRITE:
        io_uring_prep_write(sqe, op->fd, part.at, (unsigned)part.len, part.pos);
        sqe->rw_flags = op_dsync(io, op) ? RWF_DSYNC : 0;
        break;
    case IO_SYNC:
        io_uring_prep_fsync(sqe, op->fd, file_sync_all(op->fd) ? 0 : IORING_FSYNC_DATASYNC);
        break;
    case IO_OPEN:
        io_uring_prep_openat(sqe, op->fd, op->name, file_open_flags(io, op), FILE_MODE);
        break;
    case IO_ALLOCATE:
        io_uring_prep_fallocate(sqe, op->fd, 0, 0, (off_t)op->len);
        break;
    case IO_RENAME:
        io_uring_prep_renameat(sqe, op->fd, op->name, op->fd, op->name_to, 0);
        break;
    case IO_UNLINK:
        io_uring_prep_unlinkat(sqe, op->fd, op->name, 0);
        break;
    default:
        uring_net_prepare(u, sqe, op);
    }
}

/* Submits what is prepared and waits for the first completion. Returns early when the kernel did
 * not take everything: the rest goes with the next turn. */
static void uring_enter(struct uring *u, uint64_t wait_ns)
{
    bool soon = (u->io.raw_count > 0 || u->heard) && !uring_streams(u);
    u->heard = false;
    if (soon || wait_ns == 0) {
        uring_submit(u);
        if (wait_ns == 0 || io_uring_sq_ready(&u->ring) > 0) {
            uring_yield(u);
            return;
        }
        uring_spin(u, &wait_ns);
    }
    if (wait_ns > 0)
        uring_block(u, wait_ns);
}

/* False when the kernel took nothing. */
static bool uring_submit(struct uring *u)
{
    if (io_uring_sq_ready(&u->ring) == 0)
        return false;
    int result = io_uring_submit_and_get_events(&u->ring);
    if (result < 0) {
        probe("io_uring: submission put off");
        check(answer_transient(result));
    }
    return result > 0;
}

/* Short of memory, interrupted, or time is up: the next turn tries again. */
static bool answer_transient(int result)
{
    return result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY ||
           result == -ENOMEM;
}

/* So much goes through that others are behind whatever completes next: a wake-up keeps nobody
 * waiting then, and spinning would only cost what moving bytes could use
 * (docs/decisions/0013). */
static bool uring_streams(struct uring *u)
{
    uint64_t now_ns = u->io.now_ns, looked_ns = now_ns - u->looked_ns;
    if (looked_ns >= STREAM_LOOK_NS) {
        u->streams = u->moved_bytes / (looked_ns / STREAM_LOOK_NS) >= STREAM_BYTES;
        u->moved_bytes = 0;
        u->looked_ns = now_ns;
    }
    return u->streams;
}

/* A thread that always has something to do would keep the kernel threads that complete its direct
 * writes off its core until the scheduler's next tick, 4 ms (docs/decisions/0009). */
static void uring_yield(struct uring *u)
{
    if (u->submitted == 0 || u->io.now_ns < u->yielded_ns + YIELD_EVERY_NS)
        return;
    u->yielded_ns = u->io.now_ns;
    sched_yield();
}

/* io_uring_peek_cqe() enters the kernel only when it has work for this thread. Leaves in wait_ns
 * what is left to block: nothing if something completed. A yield that comes back late says that
 * others want this core: then blocking, whose end preempts them, is the quicker way. */
static void uring_spin(struct uring *u, uint64_t *wait_ns)
{
    uint64_t start_ns = kernel_now_ns(), now_ns = start_ns;
    uint64_t end_ns = start_ns + min_u64(*wait_ns, SPIN_NS);
    struct io_uring_cqe *cqe;
    while (now_ns < end_ns && now_ns >= u->shared_until_ns) {
        if (io_uring_peek_cqe(&u->ring, &cqe) == 0) {
            *wait_ns = 0;
            return;
        }
        sched_yield();
        uint64_t before_ns = now_ns;
        now_ns = kernel_now_ns();
        if (now_ns - before_ns > YIELD_LATE_NS)
            u->shared_until_ns = now_ns + SHARED_NS;
    }
    *wait_ns -= min_u64(*wait_ns, now_ns - start_ns);
}

static void uring_block(struct uring *u, uint64_t wait_ns)
{
    wait_ns = min_u64(wait_ns, WAIT_NS_MAX);
    struct __kernel_timespec left = { (long long)(wait_ns / SEC_NS),
                                      (long long)(wait_ns % SEC_NS) };
    struct io_uring_cqe *cqe;
    int result = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &left, NULL);
    check(result >= 0 || answer_transient(result));
}

static void uring_reap(struct uring *u)
{
    struct io_uring_cqe *cqe;
    while (io_uring_peek_cqe(&u->ring, &cqe) == 0) {
        struct op *op = io_uring_cqe_get_data(cqe);
        int result = cqe->res;
        uint32_t flags = cqe->flags;
        io_uring_cqe_seen(&u->ring, cqe);
        if (!op) {
            wake_take(u);
            continue;
        }
        check(u->submitted > 0);
        u->submitted--;
        u->moved_bytes += result > 0 ? (uint32_t)result : 0;
        if (op_step(op) == IO_FILL)
            cache_unmap(op);
        if (op_on_socket(op))
            uring_net_answer(u, op, result, flags);
        else
            io_complete(&u->io, op, result);
    }
    if (u->io.pool.parked_count > 0)
        io_pool_unpark(&u->io);
}

/* The poll is armed again by the next turn. The eventfd is read before the flag goes down: a wake
 * that finds the flag up is answered by this turn, a later one writes and is polled. */
static void wake_take(struct uring *u)
{
    uint64_t count;
    u->polling = false;
    (void)!read(u->wake_fd, &count, sizeof(count));
    atomic_exchange(&u->woken, false);
}

static void uring_wake(struct io *io)
{
    struct uring *u = container_of(io, struct uring, io);
    uint64_t one = 1;
    if (!atomic_exchange(&u->woken, true))
        check(write(u->wake_fd, &one, sizeof(one)) == sizeof(one));
}
