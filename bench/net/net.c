/* net.c -- what TCP gives on this machine: streams in and out of a server, and echoes of 64 bytes.
 *
 *     shardlog-bench-net [seconds]        default: 2 for each figure
 *
 * The server has the second CPU and the broker's socket settings; the client, the first CPU and
 * plain system calls. Each figure is taken three ways: by system calls that block (the ceiling),
 * on the ring, and by the plain io.
 */
#include "bench/common.h"
#include "engine/io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STREAM_BYTES KIB(256)
#define ECHO_BYTES   64
#define ECHOES_MAX   1000000

enum way { CALLS, RING, PLAIN, WAYS };
enum figure { IN, OUT, ECHO, FIGURES };
static const char *const way_names[] = { "calls", "ring", "plain" };
static const struct io_socket_opts settings = { .congestion = "cubic" };
static uint8_t block[STREAM_BYTES];

/* What the client saw; told through a pipe. */
struct seen {
    uint64_t bytes, ns;
    uint64_t p50_ns, p99_ns, count;
};

static void cpu_take(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set); /* one CPU: both share it, and the figures say so */
}

/* ---- the client: system calls ---- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool all_moved(int fd, bool out, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got =
            out ? send(fd, block + at, len - at, MSG_NOSIGNAL) : recv(fd, block + at, len - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static void client_echo(int fd, uint64_t end_ns, struct seen *seen)
{
    uint64_t *took = malloc(ECHOES_MAX * sizeof(*took));
    if (!took)
        die("no memory");
    for (uint64_t at = now_ns(); at < end_ns && seen->count < ECHOES_MAX;) {
        if (!all_moved(fd, true, ECHO_BYTES) || !all_moved(fd, false, ECHO_BYTES))
            die("the server is gone");
        uint64_t now = now_ns();
        took[seen->count++] = now - at;
        at = now;
    }
    qsort(took, seen->count, sizeof(*took), by_value);
    seen->p50_ns = took[seen->count / 2];
    seen->p99_ns = took[seen->count * 99 / 100];
    free(took);
}

static void client_run(enum figure figure, uint16_t port, uint64_t ns, int tell)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct seen seen = { 0 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cpu_take(0);
    io_socket_tune(NULL, fd, &settings);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect: %s", strerror(errno));
    uint64_t start_ns = now_ns(), end_ns = start_ns + ns;
    if (figure == ECHO)
        client_echo(fd, end_ns, &seen);
    while (figure != ECHO && now_ns() < end_ns && all_moved(fd, figure == IN, STREAM_BYTES))
        seen.bytes += STREAM_BYTES;
    seen.ns = now_ns() - start_ns;
    if (write(tell, &seen, sizeof(seen)) != sizeof(seen))
        _exit(1);
    _exit(0); /* closes: the server's stream ends, or is reset */
}

/* ---- the server ---- */

static void server_calls(enum figure figure, int fd)
{
    static uint8_t buf[STREAM_BYTES];
    ssize_t got = 1;
    while (got > 0) {
        if (figure != OUT)
            got = recv(fd, buf, KIB(64), 0);
        if (figure != IN && got > 0)
            got = send(fd, buf, figure == OUT ? sizeof(buf) : (size_t)got, MSG_NOSIGNAL);
    }
}

static void server_io(enum figure figure, struct io *io, int fd)
{
    struct op any = { 0 }, send = { 0 };
    struct iovec iov = { block, STREAM_BYTES };
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        if (figure != OUT) {
            io_recv_any(io, &any, fd, NULL);
            if (io_wait(io, &any) != ERR_OK || any.got == 0)
                return;
            iov = (struct iovec){ any.buf, any.got };
        }
        if (figure != IN) {
            io_send(io, &send, fd, &iov, 1, 0, NULL);
            err = io_wait(io, &send);
        }
        if (figure != OUT)
            io_recv_give(io, any.buf);
    }
}

static void figure_say(enum figure figure, enum way way, const struct seen *seen, double cpu)
{
    double s = (double)seen->ns / 1e9, gb = (double)seen->bytes / 1e9;
    if (figure == ECHO)
        say("echo 64 B   %-6s %7.0f /s   p50 %5.1f us   p99 %6.1f us   server %4.1f us each",
            way_names[way], (double)seen->count / s, (double)seen->p50_ns / 1e3,
            (double)seen->p99_ns / 1e3, cpu * 1e6 / (double)seen->count);
    else
        say("stream %-4s %-6s %7.0f MB/s   server %.3f CPU-s/GB", figure == IN ? "in" : "out",
            way_names[way], gb * 1e3 / s, cpu / gb);
}

static void figure_run(enum figure figure, enum way way, uint64_t ns)
{
    struct io *io;
    struct io_address at;
    struct op accept = { 0 };
    struct why why = { "" };
    struct seen seen = { 0 };
    int pipes[2];
    io_address_parse("127.0.0.1:0", &at, NULL);
    if (io_open(&io, &(struct io_opts){ .plain = way == PLAIN }) != ERR_OK || pipe(pipes) != 0)
        die("cannot begin");
    int listener = io_listen(io, &at, &(struct io_listen_opts){ .socket = settings }, &why);
    if (listener < 0 || io_socket_name(io, listener, &at) != ERR_OK)
        die("%s", why.text);
    pid_t client = fork();
    if (client == 0)
        client_run(figure, at.port, ns, pipes[1]);
    io_accept(io, &accept, listener, NULL);
    if (client < 0 || io_wait(io, &accept) != ERR_OK)
        die("no client");
    double cpu = cpu_s();
    if (way == CALLS)
        server_calls(figure, (int)accept.got);
    else
        server_io(figure, io, (int)accept.got);
    cpu = cpu_s() - cpu;
    waitpid(client, NULL, 0);
    if (read(pipes[0], &seen, sizeof(seen)) != sizeof(seen) || seen.bytes + seen.count == 0)
        die("the client failed");
    figure_say(figure, way, &seen, cpu);
    io_fd_close(io, (int)accept.got);
    io_fd_close(io, listener);
    io_close(&io);
    close(pipes[0]);
    close(pipes[1]);
}

int main(int count, char **words)
{
    double seconds = count > 1 ? atof(words[1]) : 2;
    cpu_take(1);
    for (int figure = 0; figure < FIGURES; figure++)
        for (int way = 0; way < WAYS; way++)
            figure_run((enum figure)figure, (enum way)way, (uint64_t)(seconds * 1e9));
    return 0;
}
