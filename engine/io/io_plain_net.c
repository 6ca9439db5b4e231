/* io_plain_net.c -- connections without a ring: system calls that do not wait, and one epoll.
 *
 * An op is tried by the turn that follows its start. If that would block, its descriptor is armed
 * for one event, and the op is tried again when it came. A descriptor stays in the epoll set,
 * disarmed, until it is closed, wherever that happens: so arming is a change, and an addition where
 * the number belongs to a new socket.
 */
#include "engine/io/io_plain_in.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 256 /* of one turn; more come with the next */

static void op_try(struct io *io, struct plain_net *net, struct op *op);
static int64_t op_attempt(struct io *io, struct op *op);
static int op_wait(struct plain_net *net, struct op *op);
static int fd_arm(struct plain_net *net, int fd);
static int64_t try_connect(struct op *op);
static int64_t try_send(const struct op *op);

void plain_net_open(struct plain_net *net)
{
    *net = (struct plain_net){ .epoll_fd = -1 };
}

void plain_net_close(struct plain_net *net)
{
    if (net->epoll_fd >= 0)
        close(net->epoll_fd);
    free(net->at);
    plain_net_open(net);
}

void plain_net_try(struct io *io, struct plain_net *net)
{
    struct op_queue fresh = net->fresh; /* what starts again meanwhile is for the next turn */
    struct op *op;
    net->fresh = (struct op_queue){ 0 };
    while ((op = op_queue_pop(&fresh)) != NULL)
        op_try(io, net, op);
}

static void op_try(struct io *io, struct plain_net *net, struct op *op)
{
    int64_t result = op_attempt(io, op);
    if (result == -ENOBUFS && op->verb == IO_RECV_ANY) {
        io_pool_park(io, op);
        return;
    }
    if (result == -EAGAIN)
        result = op_wait(net, op);
    if (result == -EAGAIN)
        return;
    if (op->verb == IO_CONNECT && result < 0 && op->fd >= 0) {
        close(op->fd);
        op->fd = -1;
        op->stage = OP_FIRST;
    }
    io_complete(io, op, result);
}

/* One system call, one answer; EAGAIN says that the descriptor is to be waited for. */
static int64_t op_attempt(struct io *io, struct op *op)
{
    int64_t result = -1;
    if (op->verb == IO_RECV_ANY)
        return net_recv_any(io, op);
    if (op->verb == IO_CONNECT)
        return try_connect(op);
    if (op->verb == IO_SEND)
        return try_send(op);
    if (op->verb == IO_SEND_FILE)
        return net_send_file(op);
    if (op->verb == IO_ACCEPT)
        result = accept4(op->fd, NULL, NULL, SOCK_CLOEXEC);
    else {
        struct io_part part = io_rest(op);
        result = recv(op->fd, part.at, part.len, MSG_DONTWAIT);
    }
    return result >= 0 ? result : -errno;
}

/* The first attempt calls, the second hears the answer. */
static int64_t try_connect(struct op *op)
{
    union net_address to;
    uint32_t len = net_address_to(op->buf, &to);
    int sys = 0;
    if (op->stage == OP_POLLING) {
        socklen_t room = sizeof(sys);
        if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &sys, &room) != 0)
            sys = errno;
        return sys == 0 ? op->fd : -sys;
    }
    op->fd = net_socket(op->buf, true);
    if (op->fd < 0)
        return op->fd;
    op->stage = OP_POLLING;
    if (connect(op->fd, &to.any, len) == 0)
        return op->fd;
    return errno == EINPROGRESS ? -EAGAIN : -errno;
}

static int64_t try_send(const struct op *op)
{
    struct send_part part = io_send_rest(op);
    struct msghdr msg = {
        .msg_iov = (struct iovec *)(uintptr_t)(part.iov ? part.iov : &part.rest),
        .msg_iovlen = part.count,
    };
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (part.more ? MSG_MORE : 0);
    int64_t result = sendmsg(op->fd, &msg, flags);
    return result >= 0 ? result : -errno;
}

static enum plain_way op_way(const struct op *op)
{
    return op_sends(op) || op->verb == IO_CONNECT ? WAY_OUT : WAY_IN;
}

/* EAGAIN when the op waits; else why it cannot. */
static int op_wait(struct plain_net *net, struct op *op)
{
    uint32_t fd = (uint32_t)op->fd;
    if (net->epoll_fd < 0 && (net->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
        return -errno;
    if (fd >= net->cap) {
        uint32_t cap = (uint32_t)max_u64(fd + 1, 2ull * net->cap);
        struct plain_wait *at = realloc(net->at, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        memset(at + net->cap, 0, (cap - net->cap) * sizeof(*at));
        net->at = at;
        net->cap = cap;
    }
    struct op **slot = &net->at[fd].op[op_way(op)];
    check(!*slot); /* one op in each direction */
    *slot = op;
    int armed = fd_arm(net, op->fd);
    if (armed != 0) {
        *slot = NULL;
        return armed;
    }
    net->waiting++;
    return -EAGAIN;
}

static int fd_arm(struct plain_net *net, int fd)
{
    const struct plain_wait *wait = &net->at[fd];
    struct epoll_event event = { .events = EPOLLONESHOT, .data.fd = fd };
    event.events |= wait->op[WAY_IN] ? EPOLLIN | EPOLLRDHUP : 0u;
    event.events |= wait->op[WAY_OUT] ? EPOLLOUT : 0u;
    if (epoll_ctl(net->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    if (errno == ENOENT && epoll_ctl(net->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    return -errno;
}

static void fd_ready(struct plain_net *net, int fd, uint32_t events)
{
    static const uint32_t of_way[WAYS] = { EPOLLIN | EPOLLRDHUP, EPOLLOUT };
    struct plain_wait *wait = &net->at[fd];
    for (int way = 0; way < WAYS; way++)
        if (wait->op[way] && events & (of_way[way] | EPOLLERR | EPOLLHUP)) {
            op_queue_push(&net->fresh, wait->op[way]);
            wait->op[way] = NULL;
            net->waiting--;
        }
    if (wait->op[WAY_IN] || wait->op[WAY_OUT])
        check(fd_arm(net, fd) == 0); /* it was armed, so it is known */
}

bool plain_net_ready(struct plain_net *net)
{
    struct epoll_event events[EVENTS_MAX];
    if (net->waiting == 0)
        return false;
    int count = epoll_wait(net->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++)
        fd_ready(net, events[i].data.fd, events[i].events);
    return count > 0;
}
