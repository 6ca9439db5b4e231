/* listen.c -- see listen.h.
 *
 *   CLOSED --listener_start()--> ACCEPT --connection, reset--> take() --more--> ACCEPT
 *                                  |  ^                          \--full--> WAIT --start--> ACCEPT
 *                          failed  v  | 100 ms
 *                                 AGAIN         from every state: listener_stop() --> CLOSED */
#include "net/listen/listen.h"

#include <string.h>

#include "engine/base/check.h"

/* Another program's listener: SO_REUSEPORT would share the port with it, so ask without it first.
 */
static enum err address_free(struct io *io, const struct io_address *at, struct why *why)
{
    int fd = at->port ? io_listen(io, at, NULL, why) : -1;
    if (fd >= 0)
        io_fd_close(io, fd);
    return at->port && fd < 0 ? (enum err) - fd : ERR_OK;
}

/* Within one machine there is no path to probe and nothing to pace: what is made for that (BBR)
 * costs up to three times the CPU. For all others the system's choice stands. */
static struct io_socket_opts socket_opts(const struct io_address *at)
{
    struct io_socket_opts opts = { .congestion = "" };
    if (io_address_is_loopback(at))
        memcpy(opts.congestion, LISTEN_LOCAL_CONGESTION, sizeof(LISTEN_LOCAL_CONGESTION));
    return opts;
}

static enum err listen_each(struct io *io, struct io_address *at, int *fds, uint32_t count,
                            struct why *why)
{
    const struct io_listen_opts opts = { .backlog = LISTEN_BACKLOG,
                                         .reuse_port = count > 1,
                                         .socket = socket_opts(at) };
    if (opts.reuse_port)
        TRY(address_free(io, at, why));
    for (uint32_t i = 0; i < count; i++) {
        int fd = io_listen(io, at, &opts, why);
        if (fd < 0)
            return (enum err) - fd;
        fds[i] = fd;
        if (at->port == 0)
            TRY(io_socket_name(io, fd, at));
    }
    return ERR_OK;
}

enum err listen_at(struct io *io, struct io_address *at, int *fds, uint32_t count, struct why *why)
{
    for (uint32_t i = 0; i < count; i++)
        fds[i] = -1;
    enum err err = listen_each(io, at, fds, count, why);
    for (uint32_t i = 0; err != ERR_OK && i < count; i++) {
        if (fds[i] >= 0)
            io_fd_close(io, fds[i]);
        fds[i] = -1;
    }
    return err;
}

static void accept_start(struct listener *l);

static void accept_again(struct timer *t)
{
    accept_start(container_of(t, struct listener, again));
}

static void listener_close(struct listener *l)
{
    io_fd_close(l->shard->io, l->fd);
    l->fd = -1;
    l->closed(l);
}

static void accept_failed(struct listener *l, enum err err)
{
    probe("listen: an accept failed");
    if (l->failed)
        l->failed(l, err);
    l->again.fire = accept_again;
    uint64_t at_ns = io_now_ns(l->shard->io) + LISTEN_AGAIN_NS;
    if (timer_start(&l->shard->timers, &l->again, at_ns) != ERR_OK)
        accept_start(l); /* no memory for a timer either: the next turn must do */
}

static void accept_done(struct op *op)
{
    struct listener *l = container_of(op, struct listener, op);
    bool more = true;
    if (l->stopping && op->err == ERR_OK)
        io_fd_close(l->shard->io, (int)op->got);
    else if (op->err == ERR_OK)
        more = l->take(l, (int)op->got);
    if (l->stopping)
        listener_close(l);
    else if (op->err != ERR_OK && op->err != ERR_RESET)
        accept_failed(l, op->err);
    else if (more)
        accept_start(l);
}

static void accept_start(struct listener *l)
{
    if (l->fd < 0 || l->stopping || l->op.busy)
        return;
    timer_stop(&l->shard->timers, &l->again);
    io_accept(l->shard->io, &l->op, l->fd, accept_done);
}

void listener_start(struct listener *l, struct shard *at)
{
    l->shard = at;
    accept_start(l);
}

void listener_stop(struct listener *l)
{
    if (l->fd < 0 || l->stopping)
        return;
    l->stopping = true;
    timer_stop(&l->shard->timers, &l->again);
    if (l->op.busy)
        io_shutdown(l->shard->io, l->fd); /* comes back through accept_done() */
    else
        listener_close(l);
}
