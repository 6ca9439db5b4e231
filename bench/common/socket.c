/* socket.c -- see socket.h. */
#include "bench/common/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "engine/io/socket.h"

static const struct io_socket_opts settings = { .congestion = "cubic" };

int socket_open(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    io_socket_tune(NULL, fd, &settings);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect: %s", strerror(errno));
    return fd;
}

void socket_send(int fd, const void *at, size_t len)
{
    for (const uint8_t *from = at; len;) {
        ssize_t got = send(fd, from, len, MSG_NOSIGNAL);
        if (got <= 0)
            die("the broker is gone: %s", strerror(errno));
        from += got;
        len -= (size_t)got;
    }
}

size_t socket_send_some(int fd, const void *at, size_t len)
{
    ssize_t got = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        die("the broker is gone: %s", strerror(errno));
    return got > 0 ? (size_t)got : 0;
}

size_t socket_receive(int fd, void *at, size_t len, bool wait)
{
    ssize_t got = recv(fd, at, len, wait ? 0 : MSG_DONTWAIT);
    if (got > 0)
        return (size_t)got;
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        die("the broker is gone: %s", got ? strerror(errno) : "it closed");
    return 0;
}

void socket_receive_all(int fd, void *at, size_t len)
{
    for (uint8_t *to = at; len;) {
        size_t got = socket_receive(fd, to, len, true);
        to += got;
        len -= got;
    }
}
