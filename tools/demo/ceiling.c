/* ceiling.c -- threads that write a file from its start to its end, again and again; and one that
 * sends. */
#include "tools/demo/ceiling.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/demo/demo.h"

#define WRITERS_MAX 4u
#define WRITE_MAX   (1u << 20)
#define CELL_NS     250000000u
#define WIRE_BYTES  (64u << 10)

struct cell {
    int fd;
    uint64_t bytes; /* of the file */
    uint32_t write_bytes;
    uint64_t stop_ns; /* 0: once over the file */
    void *from;
    _Atomic uint64_t next, written;
    atomic_bool failed;
};

static void *cell_write(void *arg)
{
    struct cell *c = arg;
    while (!c->failed && (c->stop_ns == 0 || now_ns() < c->stop_ns)) {
        uint64_t at = atomic_fetch_add(&c->next, c->write_bytes);
        if (c->stop_ns == 0 && at >= c->bytes)
            break;
        if (pwrite(c->fd, c->from, c->write_bytes, (off_t)(at % c->bytes)) == c->write_bytes)
            c->written += c->write_bytes;
        else
            c->failed = true;
    }
    return NULL;
}

static double cell_run(struct cell *c, uint32_t writers)
{
    pthread_t threads[WRITERS_MAX];
    uint64_t start = now_ns();
    c->next = c->written = 0;
    for (uint32_t i = 0; i < writers; i++)
        if (pthread_create(&threads[i], NULL, cell_write, c) != 0)
            die("cannot start a thread");
    for (uint32_t i = 0; i < writers; i++)
        pthread_join(threads[i], NULL);
    if (c->failed || fdatasync(c->fd) != 0)
        return 0;
    return (double)c->written * 1e9 / (double)(now_ns() - start);
}

static void cells_run(struct cell *c, struct ceiling *best)
{
    static const uint32_t sizes[] = { 64u << 10, 256u << 10, 1u << 20 };
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t writers = 1; writers <= WRITERS_MAX; writers *= 4) {
            c->write_bytes = sizes[i];
            c->stop_ns = now_ns() + CELL_NS;
            double got = cell_run(c, writers);
            if (got > best->bytes_s)
                *best = (struct ceiling){ got, sizes[i], writers };
        }
}

struct ceiling ceiling_measure(const char *dir, uint64_t bytes)
{
    struct ceiling best = { 0 };
    char *path;
    struct cell c = { .bytes = bytes - bytes % WRITE_MAX, .write_bytes = WRITE_MAX };
    if (asprintf(&path, "%s/ceiling", dir) < 0 || posix_memalign(&c.from, 4096, WRITE_MAX) != 0)
        die("out of memory");
    memset(c.from, 0xa5, WRITE_MAX);
    c.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT, 0600);
    unlink(path);
    if (c.fd >= 0 && cell_run(&c, 1) > 0) /* the first pass gives the file its blocks */
        cells_run(&c, &best);
    if (c.fd >= 0)
        close(c.fd);
    free(c.from);
    free(path);
    return best;
}

/* ---- TCP ---- */

/* Two ends of one connection; false: there is no loopback. */
static bool wire_pair(int ends[2])
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[1] = -1;
    if (bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0 &&
        getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
        connect(ends[0], (struct sockaddr *)&at, len) == 0)
        ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (listener >= 0)
        close(listener);
    setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (ends[1] < 0 && ends[0] >= 0)
        close(ends[0]);
    return ends[1] >= 0;
}

/* Until the other end closes. */
static void *wire_drain(void *arg)
{
    static uint8_t to[WIRE_BYTES];
    const int *fd = arg;
    while (recv(*fd, to, sizeof(to), 0) > 0)
        continue;
    return NULL;
}

double ceiling_wire(void)
{
    static uint8_t from[WIRE_BYTES];
    int ends[2];
    pthread_t thread;
    uint64_t sent = 0, start = now_ns(), took;
    if (!wire_pair(ends))
        return 0;
    if (pthread_create(&thread, NULL, wire_drain, &ends[1]) != 0)
        die("cannot start a thread");
    for (ssize_t n = 1; n > 0 && now_ns() - start < CELL_NS; sent += n > 0 ? (uint64_t)n : 0)
        n = send(ends[0], from, sizeof(from), MSG_NOSIGNAL);
    shutdown(ends[0], SHUT_WR);
    pthread_join(thread, NULL);
    took = now_ns() - start;
    close(ends[0]);
    close(ends[1]);
    return (double)sent * 1e9 / (double)took;
}
