/* sim_listen.c -- listeners of simulated processes, and the control plane of sockets.
 *
 * Several listeners may share an address if all of them said reuse_port; a call finds one of them
 * by chance.
 */
#include "engine/io/sim_net_in.h"

#include <errno.h>
#include <stdlib.h>

#define PORT_FIRST      32768u
#define BACKLOG_DEFAULT 1024u

static struct sim_node *node_of(const struct io *io)
{
    return container_of(io, struct sim_io, io)->node;
}

struct io_address sim_address(const struct sim_node *n, uint16_t port)
{
    check(n->index < 255);
    return (struct io_address){
        .ip = { 10, 0, 0, (uint8_t)(n->index + 1) },
        .port = port,
        .version = 4,
    };
}

uint16_t sim_port_take(struct sim_node *node)
{
    node->port_last = node->port_last < PORT_FIRST ? PORT_FIRST : (uint16_t)(node->port_last + 1);
    return max_u64(node->port_last, PORT_FIRST);
}

static bool address_own(const struct sim_node *node, const struct io_address *a)
{
    struct io_address own = sim_address(node, a->port);
    return io_address_is_loopback(a) || io_address_is_any(a) || io_address_equal(a, &own);
}

/* True if a call to `to` can reach a listener at `at`. */
static bool address_covers(const struct io_address *at, const struct io_address *to)
{
    return at->version == to->version && at->port == to->port &&
           (io_address_is_any(at) || io_address_equal(at, to));
}

static bool address_taken(struct sim_node *node, const struct io_address *at, bool reuse_port)
{
    list_each (&node->sim->listeners, n) {
        const struct sim_listener *l = container_of(n, struct sim_listener, in_sim);
        bool meets = address_covers(&l->name, at) || address_covers(at, &l->name);
        if (l->node == node && !l->shut && meets && !(reuse_port && l->reuse_port))
            return true;
    }
    return false;
}

int io_listen(struct io *io, const struct io_address *at, const struct io_listen_opts *opts,
              struct why *why)
{
    static const struct io_listen_opts defaults;
    struct sim_node *node = node_of(io);
    char text[IO_ADDRESS_TEXT_BYTES];
    opts = opts ? opts : &defaults;
    if (io->dead)
        return -ERR_DEAD;
    if (!address_own(node, at)) {
        why_set(why, "cannot listen on %s: no such address here", io_address_text(at, text));
        return -(int)err_from_errno(EADDRNOTAVAIL);
    }
    if (at->port && address_taken(node, at, opts->reuse_port)) {
        why_set(why, "cannot listen on %s: the port is in use", io_address_text(at, text));
        return -(int)err_from_errno(EADDRINUSE);
    }
    struct sim_listener *l = calloc(1, sizeof *l);
    check(l);
    l->node = node;
    l->name = *at;
    l->backlog = opts->backlog ? opts->backlog : BACKLOG_DEFAULT;
    l->reuse_port = opts->reuse_port;
    if (at->port == 0)
        l->name.port = sim_port_take(node);
    list_init(&l->queue);
    list_push(&node->sim->listeners, &l->in_sim);
    return sim_fd_take(node, &(struct sim_fd){ .listener = l });
}

int sim_listener_call(struct sim_side *called)
{
    struct sim_link *link = sim_link_of(called);
    struct sim_listener *chosen = NULL;
    uint32_t count = 0;
    list_each (&link->sim->listeners, n) {
        struct sim_listener *l = container_of(n, struct sim_listener, in_sim);
        if (l->node != called->node || l->shut || !address_covers(&l->name, &called->name))
            continue;
        if (rng_below(&link->rng, ++count) == 0)
            chosen = l;
    }
    if (!chosen)
        return ECONNREFUSED;
    if (chosen->queued == chosen->backlog)
        return EAGAIN;
    called->open = true;
    list_push(&chosen->queue, &called->in_queue);
    chosen->queued++;
    sim_listener_serve(chosen);
    return 0;
}

void sim_listener_shut(struct sim_listener *l)
{
    struct node *n;
    l->shut = true;
    while ((n = list_pop(&l->queue)))
        sim_side_close(container_of(n, struct sim_side, in_queue), true);
    l->queued = 0;
    sim_wait_answer(&l->accepter, -EINVAL); /* as Linux does */
}

void sim_listener_close(struct sim_listener *l)
{
    check(!l->accepter.io); /* an op in flight on a closed descriptor */
    sim_listener_shut(l);
    node_unlink(&l->in_sim);
    free(l);
}

void sim_socket_close(struct sim_fd *fd, bool reset)
{
    if (fd->listener)
        sim_listener_close(fd->listener);
    else
        sim_side_close(fd->side, reset);
}

void io_socket_tune(struct io *io, int fd, const struct io_socket_opts *opts)
{
    (void)io; /* the simulated network has its own measures */
    (void)fd;
    (void)opts;
}

enum err io_socket_name(struct io *io, int number, struct io_address *out)
{
    const struct sim_fd *fd = sim_fd_get(node_of(io), number);
    if (io->dead)
        return ERR_DEAD;
    if (!fd || fd->inode)
        return err_from_errno(ENOTSOCK);
    *out = fd->listener ? fd->listener->name : fd->side->name;
    return ERR_OK;
}

enum err io_socket_peer(struct io *io, int number, struct io_address *out)
{
    const struct sim_fd *fd = sim_fd_get(node_of(io), number);
    if (io->dead)
        return ERR_DEAD;
    if (!fd || !fd->side)
        return err_from_errno(ENOTCONN);
    *out = sim_side_peer(fd->side)->name;
    return ERR_OK;
}
