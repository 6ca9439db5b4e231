/* listen.c -- a listener for each shard and address; accepts one connection after another.
 *
 * All are made before the first thread starts: an address in use is told at once, and a port 0 is
 * the same for all shards. Who connects before the instance is ready waits in the backlog. */
#include "engine/base/check.h"
#include "net/native/server_in.h"

#define BACKLOG 1024u

/* Another program's listener: SO_REUSEPORT would share the port with it, so ask without it first.
 */
static enum err address_free(struct io *io, const struct io_address *at, struct why *why)
{
    int fd = at->port ? io_listen(io, at, NULL, why) : -1;
    if (fd >= 0)
        io_fd_close(io, fd);
    return at->port && fd < 0 ? (enum err) - fd : ERR_OK;
}

static enum err address_listen(struct native *n, struct io *io, uint32_t which, struct why *why)
{
    struct io_address *at = &n->at[which];
    const struct io_listen_opts opts = { .backlog = BACKLOG, .reuse_port = true };
    TRY(address_free(io, at, why));
    for (uint32_t i = 0; i < n->opts.shards; i++) {
        int fd = io_listen(io, at, &opts, why);
        if (fd < 0)
            return (enum err) - fd;
        n->desks[i].listeners[which].fd = fd;
        if (at->port == 0)
            TRY(io_socket_name(io, fd, at));
    }
    return ERR_OK;
}

enum err listeners_open(struct native *n, struct io *io, struct why *why)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < n->opts.at_count && err == ERR_OK; i++)
        err = address_listen(n, io, i, why);
    for (uint32_t i = 0; err != ERR_OK && i < n->opts.shards * NATIVE_ADDRESSES_MAX; i++) {
        struct listener *l =
            &n->desks[i / NATIVE_ADDRESSES_MAX].listeners[i % NATIVE_ADDRESSES_MAX];
        if (l->fd >= 0)
            io_fd_close(io, l->fd);
        l->fd = -1;
    }
    return err;
}

static void listener_again(struct timer *t)
{
    listener_start(container_of(t, struct listener, again));
}

/* More connections than there may be: closed without a word, which costs least. */
static void connection_take(struct listener *l, int fd)
{
    struct desk_native *d = l->desk;
    struct native *n = d->native;
    if (atomic_fetch_add(&n->connections, 1) >= n->opts.connections_max) {
        atomic_fetch_sub(&n->connections, 1);
        atomic_fetch_add(&n->turned_away, 1);
        desk_say(d, LOG_LEVEL_WARN, NULL, ERR_LIMIT,
                 "connections.max is reached: a connection was turned away");
        io_fd_close(d->shard->io, fd);
        return;
    }
    atomic_fetch_add(&n->accepted, 1);
    conn_open(d, fd);
}

static void accept_done(struct op *op)
{
    struct listener *l = container_of(op, struct listener, op);
    struct desk_native *d = l->desk;
    if (op->err == ERR_OK && d->closing)
        io_fd_close(d->shard->io, (int)op->got);
    else if (op->err == ERR_OK)
        connection_take(l, (int)op->got);
    if (d->closing) {
        listener_stop(l);
        desk_settle(d);
    } else if (op->err == ERR_OK || op->err == ERR_RESET) {
        listener_start(l);
    } else {
        desk_say(d, LOG_LEVEL_WARN, NULL, op->err, "accepting failed; trying again");
        l->again.fire = listener_again;
        timer_start(&d->shard->timers, &l->again, desk_now(d) + ACCEPT_AGAIN_NS);
    }
}

void listener_start(struct listener *l)
{
    io_accept(l->desk->shard->io, &l->op, l->fd, accept_done);
}

void listener_stop(struct listener *l)
{
    struct shard *at = l->desk->shard;
    if (l->fd < 0)
        return;
    timer_stop(&at->timers, &l->again);
    if (l->op.busy) {
        io_shutdown(at->io, l->fd); /* comes back through accept_done() */
        return;
    }
    io_fd_close(at->io, l->fd);
    l->fd = -1;
}
