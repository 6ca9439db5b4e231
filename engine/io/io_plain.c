/* io_plain.c -- io without a ring: a few threads that make the system calls.
 *
 * Happy path
 *   - start: the op goes to `todo`, a list of the turning thread; turn() hands the list over to
 *     the workers under one lock
 *   - a worker takes an op, makes one system call, puts the op on `ended` and rings the
 *     bell, an eventfd that is written once until it is heard
 *   - turn: spins, then polls the eventfd; takes `ended` under the lock and reports each
 *
 * Sockets have no workers: io_plain_net.c tries them in the turn and waits by epoll.
 *
 * The baseline that shows what io_uring gives, and a working program where it is refused. Workers
 * block every signal: those are the business of the caller's threads.
 */
#include "engine/io/io_plain_in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define WORKERS     8 /* one sync must not keep reads waiting, nor must four large pages */
#define STACK_BYTES KIB(256)

/* Words of op.private_. Features may change while workers run, so what depends on them is decided
 * by the turning thread. */
#define HOW    OP_PRIVATE_FIRST       /* flags of the call; allocate: has fallocate */
#define ANSWER (OP_PRIVATE_FIRST + 1) /* what the call returned, or a negative errno */

struct plain {
    struct io io;
    struct plain_net net;  /* sockets; the turning thread's, like todo */
    bool heard;            /* a socket answered in the last turn: more may come soon */
    struct op_queue todo;  /* started since the last turn */
    pthread_mutex_t lock;  /* for work, ended, stop */
    pthread_cond_t more;   /* work or stop */
    struct op_queue work;  /* for the workers */
    struct op_queue ended; /* from the workers */
    bool stop;
    _Atomic bool bell;     /* the eventfd is readable, or about to be */
    int bell_fd;           /* eventfd */
    uint32_t worker_count; /* threads that run */
    pthread_t workers[WORKERS];
};

static void plain_start(struct io *io, struct op *op);
static void plain_push(struct io *io);
static void plain_turn(struct io *io, uint64_t wait_ns);
static void plain_wait(struct plain *p, uint64_t wait_ns);
static void bell_ring(struct plain *p);
static void plain_wake(struct io *io);
static void plain_close(struct io *io);
static enum err workers_open(struct plain *p);
static void *worker_run(void *arg);
static int64_t op_run(struct op *op);

static const struct io_raw raw = {
    .start = plain_start,
    .turn = plain_turn,
    .push = plain_push,
    .clock = kernel_clock,
    .random = kernel_random,
    .wake = plain_wake,
    .shutdown = net_shutdown,
    .close = plain_close,
};

enum err plain_open(struct io **io, const struct io_opts *opts)
{
    struct plain *p = calloc(1, sizeof(*p));
    if (!p)
        return ERR_NO_MEMORY;
    io_common_open(&p->io, &raw, opts);
    kernel_probe(&p->io);
    kernel_clock(&p->io);
    plain_net_open(&p->net);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    p->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err err = p->bell_fd < 0 ? err_from_errno(errno) : workers_open(p);
    if (err != ERR_OK) {
        plain_close(&p->io);
        return err;
    }
    *io = &p->io;
    return ERR_OK;
}

static enum err workers_open(struct plain *p)
{
    sigset_t all, before;
    pthread_attr_t attr;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    while (p->worker_count < WORKERS &&
           pthread_create(&p->workers[p->worker_count], &attr, worker_run, p) == 0)
        p->worker_count++;
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p->worker_count > 0 ? ERR_OK : ERR_LIMIT;
}

static void plain_close(struct io *io)
{
    struct plain *p = container_of(io, struct plain, io);
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    while (p->worker_count > 0)
        pthread_join(p->workers[--p->worker_count], NULL);
    if (p->bell_fd >= 0)
        close(p->bell_fd);
    plain_net_close(&p->net);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static void plain_start(struct io *io, struct op *op)
{
    struct plain *p = container_of(io, struct plain, io);
    uint64_t how = 0;
    if (op_on_socket(op)) {
        op_queue_push(&p->net.fresh, op);
        return;
    }
    if (op_dsync(io, op))
        how = RWF_DSYNC;
    else if (op->verb == IO_OPEN)
        how = (uint64_t)file_open_flags(io, op);
    else if (op->verb == IO_ALLOCATE)
        how = io->features.fallocate;
    op->private_[HOW] = how;
    op_queue_push(&p->todo, op);
}

static void plain_push(struct io *io)
{
    struct plain *p = container_of(io, struct plain, io);
    struct op *op;
    if (!p->todo.head)
        return;
    pthread_mutex_lock(&p->lock);
    while ((op = op_queue_pop(&p->todo)) != NULL)
        op_queue_push(&p->work, op);
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
}

static void plain_turn(struct io *io, uint64_t wait_ns)
{
    struct plain *p = container_of(io, struct plain, io);
    struct op *op;
    plain_push(io);
    uint32_t before = io->completed_count;
    plain_net_try(io, &p->net);
    plain_wait(p, p->net.fresh.head || io->completed_count > before ? 0 : wait_ns);
    plain_net_ready(&p->net);
    plain_net_try(io, &p->net);
    p->heard = io->completed_count > before;
    pthread_mutex_lock(&p->lock);
    struct op_queue ended = p->ended;
    p->ended = (struct op_queue){ 0 };
    pthread_mutex_unlock(&p->lock);
    while ((op = op_queue_pop(&ended)) != NULL)
        io_complete(io, op, (int64_t)op->private_[ANSWER]);
}

/* Returns when the bell has rung, a socket is ready or time is up. The flag goes down before the
 * eventfd is read: a ring in between raises the flag again, whether or not its write is still there
 * to be read. */
static void plain_wait(struct plain *p, uint64_t wait_ns)
{
    uint64_t start_ns = kernel_now_ns(), spent_ns = 0;
    uint64_t spin_ns = p->io.raw_count > 0 || p->heard ? min_u64(wait_ns, SPIN_NS) : 0;
    while (!atomic_load(&p->bell) && spent_ns < spin_ns) {
        if (plain_net_ready(&p->net))
            return;
        sched_yield();
        spent_ns = kernel_now_ns() - start_ns;
    }
    bool rang = false;
    if (!atomic_load(&p->bell) && spent_ns < wait_ns) {
        uint64_t left_ns = min_u64(wait_ns - spent_ns, WAIT_NS_MAX);
        struct pollfd fds[] = {
            { .fd = p->bell_fd, .events = POLLIN },
            { .fd = p->net.waiting > 0 ? p->net.epoll_fd : -1, .events = POLLIN },
        };
        struct timespec left = { (time_t)(left_ns / SEC_NS), (long)(left_ns % SEC_NS) };
        int ready = ppoll(fds, 2, &left, NULL); /* EINTR: an early return is legal */
        rang = ready > 0 && fds[0].revents != 0;
    }
    if (atomic_exchange(&p->bell, false) || rang) {
        uint64_t count;
        (void)!read(p->bell_fd, &count, sizeof(count)); /* EAGAIN: the write is still to come */
    }
}

static void bell_ring(struct plain *p)
{
    uint64_t one = 1;
    if (!atomic_exchange(&p->bell, true))
        check(write(p->bell_fd, &one, sizeof(one)) == sizeof(one));
}

static void plain_wake(struct io *io)
{
    bell_ring(container_of(io, struct plain, io));
}

static void *worker_run(void *arg)
{
    struct plain *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct op *op = op_queue_pop(&p->work);
        if (!op && p->stop)
            break;
        if (!op) {
            pthread_cond_wait(&p->more, &p->lock);
            continue;
        }
        pthread_mutex_unlock(&p->lock);
        int64_t result = op_run(op);
        pthread_mutex_lock(&p->lock);
        op->private_[ANSWER] = (uint64_t)result;
        op_queue_push(&p->ended, op);
        bell_ring(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* One answer: of one system call, but for large pages. */
static int64_t op_run(struct op *op)
{
    struct io_part part = io_rest(op);
    struct iovec iov = { .iov_base = part.at, .iov_len = part.len };
    off_t pos = (off_t)part.pos;
    int how = (int)op->private_[HOW];
    int64_t result = -1;
    switch (op_step(op)) {
    case IO_READ:
        result = preadv(op->fd, &iov, 1, pos);
        break;
    case IO_FILL:
        return cache_fill(op);
    case IO_WRITE:
        result = pwritev2(op->fd, &iov, 1, pos, how);
        break;
    case IO_SYNC:
        result = file_sync_all(op->fd) ? fsync(op->fd) : fdatasync(op->fd);
        break;
    case IO_OPEN:
        result = openat(op->fd, op->name, how, FILE_MODE);
        break;
    case IO_ALLOCATE:
        if (!how)
            return file_grow(op->fd, op->len);
        result = fallocate(op->fd, 0, 0, (off_t)op->len);
        break;
    case IO_RENAME:
        result = renameat(op->fd, op->name, op->fd, op->name_to);
        break;
    case IO_UNLINK:
        result = unlinkat(op->fd, op->name, 0);
        break;
    default:
        check(!"a verb of files");
    }
    return result >= 0 ? result : -errno;
}
