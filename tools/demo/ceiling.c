/* ceiling.c -- threads that write a file from its start to its end, again and again. */
#include "tools/demo/ceiling.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/demo/demo.h"

#define WRITERS_MAX 4u
#define WRITE_MAX   (1u << 20)
#define CELL_NS     250000000u

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
