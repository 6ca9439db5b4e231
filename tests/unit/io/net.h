/* net.h -- for tests of sockets: connections, waited for, whichever implementation is linked. */
#ifndef TESTS_UNIT_IO_NET_H
#define TESTS_UNIT_IO_NET_H

#include "engine/io/socket.h"
#include "tests/unit/io/world.h"

/* A listener of 127.0.0.1 at a port that the kernel chose, and its address. */
static inline int net_listen(struct io *io, struct io_address *at)
{
    struct why why = { "" };
    EXPECT_OK(io_address_parse("127.0.0.1:0", at, NULL));
    int fd = io_listen(io, at, NULL, &why);
    if (EXPECT(fd >= 0))
        EXPECT_OK(io_socket_name(io, fd, at));
    return fd;
}

static inline int net_result(struct io *io, struct op *op)
{
    enum err err = io_wait(io, op);
    return err == ERR_OK ? (int)op->got : -(int)err;
}

/* A connection of this io with itself: fd[0] called, fd[1] accepted. */
struct pair {
    int fd[2];
    struct io_address at;
};

static inline bool pair_open(struct io *io, struct pair *p)
{
    struct op call = { 0 }, accept = { 0 };
    int listener = net_listen(io, &p->at);
    if (listener < 0)
        return false;
    io_accept(io, &accept, listener, NULL);
    io_connect(io, &call, &p->at, NULL);
    p->fd[0] = net_result(io, &call);
    p->fd[1] = net_result(io, &accept);
    io_fd_close(io, listener);
    return EXPECT(p->fd[0] >= 0) && EXPECT(p->fd[1] >= 0);
}

static inline void pair_close(struct io *io, struct pair *p)
{
    io_fd_close(io, p->fd[0]);
    io_fd_close(io, p->fd[1]);
}

static inline enum err net_send(struct io *io, int fd, const void *buf, uint64_t len)
{
    struct op op = { 0 };
    struct iovec iov = { (void *)(uintptr_t)buf, len };
    io_send(io, &op, fd, &iov, 1, 0, NULL);
    return io_wait(io, &op);
}

/* Bytes, or a negative enum err. */
static inline int64_t net_recv(struct io *io, int fd, void *buf, uint64_t len, uint32_t flags)
{
    struct op op = { 0 };
    io_recv(io, &op, fd, buf, len, flags, NULL);
    enum err err = io_wait(io, &op);
    return err == ERR_OK ? (int64_t)op.got : -(int64_t)err;
}

/* Turns until `op` is done, or time is up; true if it is. In the simulator time moves by io_wait()
 * alone: so something that takes no time elsewhere is waited for. */
static inline bool done_within(struct world *w, struct op *op, uint32_t turns)
{
    struct op pause = { 0 };
    while (op->busy && turns-- > 0) {
        io_sync(w->io, &pause, w->dir, NULL);
        EXPECT_OK(io_wait(w->io, &pause));
        io_turn(w->io, 0);
    }
    return !op->busy;
}

#endif
