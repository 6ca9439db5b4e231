/* conn.c -- the client's socket: connect with a deadline, receive into one buffer.
 *
 * The socket never blocks; waiting is poll() alone. Small frames go out at once (TCP_NODELAY). */
#include "net/client/client_in.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_BYTES_MIN (64u << 10) /* many small answers with one receive */

uint64_t client_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SEC_NS + (uint64_t)now.tv_nsec;
}

/* Rounded up, so that a wait never ends early and spins. */
static int wait_ms(uint64_t due_ns)
{
    uint64_t now = client_now_ns();
    return due_ns <= now ? 0 : (int)min_u64((due_ns - now + MS_NS - 1) / MS_NS, 60000);
}

bool wire_wait(int fd, short events, uint64_t due_ns)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = events };
        int n = poll(&p, fd < 0 ? 0 : 1, wait_ms(due_ns));
        if (n > 0)
            return true;
        if (client_now_ns() >= due_ns)
            return false;
    }
}

/* ---- connect ---- */

static int wire_try(const struct addrinfo *a, uint64_t due_ns)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1, error = 0;
    socklen_t len = sizeof(error);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    error = errno;
    if (error == EINPROGRESS) {
        error = ETIMEDOUT;
        if (wire_wait(fd, POLLOUT, due_ns))
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

int wire_open(const char *host, const char *port, uint64_t due_ns, struct why *why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    int fd = -1, err = getaddrinfo(host, port, &hints, &list);
    if (err) {
        why_set(why, "%s: %s", host, gai_strerror(err));
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = wire_try(a, due_ns);
    if (fd < 0)
        why_set(why, "cannot connect to %s port %s: %s", host, port, strerror(errno));
    freeaddrinfo(list);
    return fd;
}

/* ---- receive ---- */

enum err wire_room(struct sl_client *c, size_t bytes)
{
    if (c->in_from && (c->in_from == c->in_to || c->in_cap - c->in_from < bytes)) {
        memmove(c->in, c->in + c->in_from, c->in_to - c->in_from);
        c->in_to -= c->in_from;
        c->in_from = 0;
    }
    if (c->in_cap - c->in_from >= bytes)
        return ERR_OK;
    bytes = max_u64(bytes, IN_BYTES_MIN);
    uint8_t *more = realloc(c->in, bytes);
    if (!more)
        return ERR_NO_MEMORY;
    c->in = more;
    c->in_cap = bytes;
    return ERR_OK;
}

long wire_receive(struct sl_client *c)
{
    if (c->in_to == c->in_cap)
        return 0; /* a frame lies there: it is taken first */
    for (;;) {
        ssize_t n = recv(c->fd, c->in + c->in_to, c->in_cap - c->in_to, 0);
        if (n > 0) {
            c->in_to += (size_t)n;
            return n;
        }
        if (n == 0)
            return -1;
        if (errno == EINTR)
            continue;
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
}
