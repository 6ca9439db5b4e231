/* io_net.c -- sockets on the kernel: the control plane, and what io_uring and plain share.
 *
 * Options are set on the listener: what it accepts inherits them. A connection made by connect has
 * TCP_NODELAY, and gives up after TRIES_SYN unanswered calls.
 */
#include "engine/io/io_kernel_in.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#define BACKLOG_DEFAULT 1024
#define TRIES_SYN       3 /* answers are waited for 1 + 2 + 4 + 8 s */

static int listen_open(struct io *io, const struct io_address *at,
                       const struct io_listen_opts *opts);
static void listen_refused(const struct io_address *at, int sys, struct why *why);

uint32_t net_address_to(const struct io_address *a, union net_address *out)
{
    memset(out, 0, sizeof(*out));
    if (a->version == 6) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(a->port);
        memcpy(&out->v6.sin6_addr, a->ip, 16);
        return sizeof(out->v6);
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(a->port);
    memcpy(&out->v4.sin_addr, a->ip, 4);
    return sizeof(out->v4);
}

static enum err address_from(const union net_address *from, struct io_address *out)
{
    *out = (struct io_address){ .version = 0 };
    if (from->any.sa_family == AF_INET6) {
        out->version = 6;
        out->port = ntohs(from->v6.sin6_port);
        memcpy(out->ip, &from->v6.sin6_addr, 16);
    } else if (from->any.sa_family == AF_INET) {
        out->version = 4;
        out->port = ntohs(from->v4.sin_port);
        memcpy(out->ip, &from->v4.sin_addr, 4);
    } else
        return ERR_UNSUPPORTED;
    return ERR_OK;
}

static void option_set(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value)); /* a refusal costs speed only */
}

int net_socket(const struct io_address *a, bool nonblocking)
{
    int type = SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
    int fd = socket(a->version == 6 ? AF_INET6 : AF_INET, type, 0);
    if (fd < 0)
        return -errno;
    option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    option_set(fd, IPPROTO_TCP, TCP_SYNCNT, TRIES_SYN);
    return fd;
}

void io_socket_tune(struct io *io, int fd, const struct io_socket_opts *opts)
{
    (void)io;
    size_t len = strnlen(opts->congestion, sizeof(opts->congestion));
    if (len > 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, opts->congestion, (socklen_t)len);
    if (opts->send_bytes > 0)
        option_set(fd, SOL_SOCKET, SO_SNDBUF, (int)opts->send_bytes);
    if (opts->receive_bytes > 0)
        option_set(fd, SOL_SOCKET, SO_RCVBUF, (int)opts->receive_bytes);
}

int io_listen(struct io *io, const struct io_address *at, const struct io_listen_opts *opts,
              struct why *why)
{
    static const struct io_listen_opts defaults;
    int fd = listen_open(io, at, opts ? opts : &defaults);
    if (fd >= 0) {
        io_fd_forget(io, fd);
        return fd;
    }
    listen_refused(at, -fd, why);
    return -(int)err_from_errno(-fd);
}

/* A descriptor or a negative errno. Plain must not block in accept, which another io, or a
 * connection that is gone again, may have emptied; a ring waits by itself. */
static int listen_open(struct io *io, const struct io_address *at,
                       const struct io_listen_opts *opts)
{
    union net_address to;
    uint32_t len = net_address_to(at, &to);
    int fd = net_socket(at, !io->features.io_uring);
    if (fd < 0)
        return fd;
    option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (opts->reuse_port)
        option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (at->version == 6)
        option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    io_socket_tune(io, fd, &opts->socket);
    if (bind(fd, &to.any, len) == 0 &&
        listen(fd, opts->backlog ? (int)opts->backlog : BACKLOG_DEFAULT) == 0)
        return fd;
    int sys = errno;
    close(fd);
    return -sys;
}

static void listen_refused(const struct io_address *at, int sys, struct why *why)
{
    char text[IO_ADDRESS_TEXT_BYTES];
    io_address_text(at, text);
    if (sys == EADDRINUSE)
        why_set(why, "cannot listen on %s: another program uses this port, or this one already",
                text);
    else if (sys == EACCES || sys == EPERM)
        why_set(why,
                "cannot listen on %s: no permission for port %u; take one from 1024 on, or give "
                "the program CAP_NET_BIND_SERVICE",
                text, at->port);
    else if (sys == EADDRNOTAVAIL)
        why_set(why, "cannot listen on %s: this machine has no such address", text);
    else if (sys == EAFNOSUPPORT)
        why_set(why, "cannot listen on %s: this machine has no IPv%u", text, at->version);
    else
        why_set(why, "cannot listen on %s: %s", text, strerror(sys));
}

enum err io_socket_name(struct io *io, int fd, struct io_address *out)
{
    (void)io;
    union net_address from;
    socklen_t len = sizeof(from);
    if (getsockname(fd, &from.any, &len) != 0)
        return err_from_errno(errno);
    return address_from(&from, out);
}

enum err io_socket_peer(struct io *io, int fd, struct io_address *out)
{
    (void)io;
    union net_address from;
    socklen_t len = sizeof(from);
    if (getpeername(fd, &from.any, &len) != 0)
        return err_from_errno(errno);
    return address_from(&from, out);
}

/* A connection that is gone already has nothing left to end. */
void net_shutdown(struct io *io, int fd, bool both)
{
    (void)io;
    (void)shutdown(fd, both ? SHUT_RDWR : SHUT_WR);
}

int64_t net_recv_any(struct io *io, struct op *op)
{
    uint8_t *buf = io_pool_take(io);
    if (!buf)
        return -ENOBUFS;
    int64_t result = recv(op->fd, buf, io->pool.buffer_bytes, MSG_DONTWAIT);
    int sys = errno;
    if (result > 0)
        op->buf = buf;
    else
        io_recv_give(io, buf);
    return result >= 0 ? result : -sys;
}
