/* io_plain_in.h -- sockets of the plain io: tried at once, then waited for by epoll.
 *
 * Owner      struct plain embeds one; all of it belongs to the turning thread.
 * Invariant  an op is in `fresh`, in one slot of `at`, or parked for a buffer
 */
#ifndef IO_IO_PLAIN_IN_H
#define IO_IO_PLAIN_IN_H

#include "engine/io/io_kernel_in.h"

enum plain_way { WAY_IN, WAY_OUT, WAYS };

struct plain_net {
    struct op_queue fresh; /* to be tried */
    int epoll_fd;          /* -1 until a socket is used */
    struct plain_wait {
        struct op *op[WAYS];
    } *at;            /* by descriptor: who waits for what */
    uint32_t cap;     /* of at */
    uint32_t waiting; /* ops in it */
};

void plain_net_open(struct plain_net *net);
void plain_net_close(struct plain_net *net);
/* Tries what is fresh now; what would block waits in `at`, what ended is reported. */
void plain_net_try(struct io *io, struct plain_net *net);
/* Asks epoll, without waiting; what is ready becomes fresh. True if there was something. */
bool plain_net_ready(struct plain_net *net);

#endif
