/* listen.h -- listeners of the fronts: accept one connection after another, on a shard each.
 *
 *     listen_at(io, &at, fds, shards, &why);          before the instance runs
 *     l = (struct listener){ .fd = fds[i], .take = ..., .failed = ..., .closed = ... };
 *     listener_start(&l, shard);                      the instance is ready
 *     listener_stop(&l);                              l.closed runs once, l.fd is -1 by then
 *
 * After an accept that failed (no descriptor is left, say) the next one is tried a moment later:
 * whoever connects waits in the backlog, and is served when the trouble is over.
 *
 * Owner      a front; a listener whose fd is -1 is closed and harmless.
 * Thread     listen_at() one, before the shards run; the rest on the listener's shard.
 * Memory     the caller's.
 * Fails      listen_at() as io_listen() does, with the address in `why`; nothing stays open then.
 */
#ifndef NET_LISTEN_LISTEN_H
#define NET_LISTEN_LISTEN_H

#include "engine/io/socket.h"
#include "engine/serve/serve.h"

#define LISTEN_BACKLOG          1024u         /* who connects before an accept waits there */
#define LISTEN_AGAIN_NS         (100 * MS_NS) /* after an accept that failed */
#define LISTEN_LOCAL_CONGESTION "cubic" /* of connections within one machine, where it exists */

/* Makes `count` descriptors that listen at one address, one for each shard (SO_REUSEPORT if there
 * is more than one); a port 0 is chosen once, and is known in *at afterwards. What a loopback
 * address accepts uses LISTEN_LOCAL_CONGESTION, everything else the system's congestion control. */
enum err listen_at(struct io *io, struct io_address *at, int *fds, uint32_t count, struct why *why);

struct listener {
    int fd; /* -1: none */
    /* A connection: the descriptor is the front's from here on. False: it can take no more until
     * it says listener_start() again. */
    bool (*take)(struct listener *l, int fd);
    void (*failed)(struct listener *l, enum err err); /* it is tried again; NULL: nobody cares */
    void (*closed)(struct listener *l);               /* after listener_stop(), maybe inside it */
    void *arg;
    /* Its own. */
    struct shard *shard;
    bool stopping;
    struct op op;
    struct timer again;
};

/* Accepts, if it does not already; after a stop it does nothing. */
void listener_start(struct listener *l, struct shard *at);
void listener_stop(struct listener *l);

#endif
