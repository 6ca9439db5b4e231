/* stream.c -- see stream.h. */
#include "bench/net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common/common.h"
#include "bench/common/figure.h"
#include "engine/io/socket.h"

#define STREAM_BYTES KIB(256)
#define ECHO_BYTES   64

static const char *const way_names[] = { "calls", "ring", "plain" };
static const struct io_socket_opts settings = { .congestion = "cubic" };
static uint8_t block[STREAM_BYTES];

/* ---- the client: system calls ---- */

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

static int client_connect(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    io_socket_tune(NULL, fd, &settings);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect: %s", strerror(errno));
    return fd;
}

static void client_echo(int fd, uint64_t end_ns, struct histogram *took)
{
    for (uint64_t at = now_ns(), now; at < end_ns; at = now) {
        if (!all_moved(fd, true, ECHO_BYTES) || !all_moved(fd, false, ECHO_BYTES))
            die("the server is gone");
        now = now_ns();
        histogram_add(took, now - at);
    }
}

static uint64_t client_stream(int fd, bool out, uint64_t end_ns)
{
    uint64_t bytes = 0;
    while (now_ns() < end_ns && all_moved(fd, out, STREAM_BYTES))
        bytes += STREAM_BYTES;
    return bytes;
}

/* ---- the server, in a child ---- */

static void server_calls(enum stream_kind kind, int fd)
{
    static uint8_t buf[STREAM_BYTES];
    ssize_t got = 1;
    while (got > 0) {
        if (kind != STREAM_OUT)
            got = recv(fd, buf, sizeof(buf), 0);
        if (kind != STREAM_IN && got > 0)
            got = send(fd, buf, kind == STREAM_OUT ? sizeof(buf) : (size_t)got, MSG_NOSIGNAL);
    }
}

static void server_io(enum stream_kind kind, struct io *io, int fd)
{
    struct op any = { 0 }, send = { 0 };
    struct iovec iov = { block, STREAM_BYTES };
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        if (kind != STREAM_OUT) {
            io_recv_any(io, &any, fd, NULL);
            if (io_wait(io, &any) != ERR_OK || any.got == 0)
                return;
            iov = (struct iovec){ any.buf, any.got };
        }
        if (kind != STREAM_IN) {
            io_send(io, &send, fd, &iov, 1, 0, NULL);
            err = io_wait(io, &send);
        }
        if (kind != STREAM_OUT)
            io_recv_give(io, any.buf);
    }
}

/* What the child does with its connection. */
struct service {
    enum stream_kind kind;
    enum stream_way way;
    const struct stream_server *server; /* NULL: `way` of `kind` */
};

static void serve_fd(const struct service *v, struct io *io, int fd)
{
    if (v->server)
        v->server->serve(v->server->arg, fd);
    else if (v->way == STREAM_CALLS)
        server_calls(v->kind, fd);
    else
        server_io(v->kind, io, fd);
}

_Noreturn static void server_run(const struct service *v, int cpu, int tell)
{
    struct io *io;
    struct io_address at;
    struct op accept = { 0 };
    struct why why = { "" };
    child_dies_too();
    cpu_take(cpu);
    if (v->server)
        v->server->open(v->server->arg);
    io_address_parse("127.0.0.1:0", &at, NULL);
    if (io_open(&io, &(struct io_opts){ .plain = v->way == STREAM_PLAIN }) != ERR_OK)
        die("no io");
    int listener = io_listen(io, &at, &(struct io_listen_opts){ .socket = settings }, &why);
    if (listener < 0 || io_socket_name(io, listener, &at) != ERR_OK)
        die("%s", why.text);
    if (write(tell, &at.port, sizeof(at.port)) != sizeof(at.port))
        _exit(1);
    io_accept(io, &accept, listener, NULL);
    if (io_wait(io, &accept) != ERR_OK)
        die("no client");
    double cpu_used = cpu_s();
    serve_fd(v, io, (int)accept.got);
    cpu_used = cpu_s() - cpu_used;
    _exit(write(tell, &cpu_used, sizeof(cpu_used)) != sizeof(cpu_used));
}

/* ---- one run ---- */

static struct stream_figure figure_of(enum stream_kind kind, const struct histogram *took,
                                      uint64_t bytes, double seconds)
{
    struct stream_figure f = { 0 };
    if (kind == STREAM_ECHO) {
        f.p50_us = (double)histogram_at(took, .5) / 1e3;
        f.p99_us = (double)histogram_at(took, .99) / 1e3;
        f.count_s = (double)took->count / seconds;
    } else {
        f.bytes_s = (double)bytes / seconds;
    }
    return f;
}

static struct stream_figure run(const struct service *v, int server_cpu, double seconds)
{
    enum stream_kind kind = v->kind;
    int pipes[2];
    uint16_t port;
    double server_s;
    uint64_t bytes = 0;
    struct histogram *took = calloc(1, sizeof(*took));
    if (!took || pipe(pipes) != 0)
        die("cannot begin");
    pid_t server = fork();
    if (server == 0)
        server_run(v, server_cpu, pipes[1]);
    if (server < 0 || read(pipes[0], &port, sizeof(port)) != sizeof(port))
        die("no server");
    int fd = client_connect(port);
    double machine = machine_s(), client = cpu_s();
    uint64_t start_ns = now_ns(), end_ns = start_ns + (uint64_t)(seconds * 1e9);
    if (kind == STREAM_ECHO)
        client_echo(fd, end_ns, took);
    else
        bytes = client_stream(fd, kind == STREAM_IN, end_ns);
    double took_s = (double)(now_ns() - start_ns) / 1e9;
    machine = machine_s() - machine - (cpu_s() - client);
    close(fd);
    waitpid(server, NULL, 0);
    if (read(pipes[0], &server_s, sizeof(server_s)) != sizeof(server_s) || bytes + took->count == 0)
        die("the server failed");
    struct stream_figure f = figure_of(kind, took, bytes, took_s);
    double each = kind == STREAM_ECHO ? (double)took->count : (double)bytes;
    f.server_cpu = server_s / each;
    f.machine_cpu = machine / each;
    close(pipes[0]);
    close(pipes[1]);
    free(took);
    return f;
}

struct stream_figure stream_run(enum stream_kind kind, enum stream_way way, int server_cpu,
                                double seconds)
{
    return run(&(struct service){ .kind = kind, .way = way }, server_cpu, seconds);
}

struct stream_figure stream_serve(enum stream_kind kind, const struct stream_server *server,
                                  int server_cpu, double seconds)
{
    return run(&(struct service){ kind, STREAM_CALLS, server }, server_cpu, seconds);
}

void stream_table(int server_cpu, double seconds)
{
    static const char *const kinds[] = { "stream in ", "stream out", "echo 64 B " };
    for (int kind = 0; kind < STREAM_KINDS; kind++)
        for (int way = 0; way < STREAM_WAYS; way++) {
            struct stream_figure f =
                stream_run((enum stream_kind)kind, (enum stream_way)way, server_cpu, seconds);
            if (kind == STREAM_ECHO)
                say("%s %-6s %7.0f /s   p50 %5.1f us   p99 %6.1f us   server %4.1f us each",
                    kinds[kind], way_names[way], f.count_s, f.p50_us, f.p99_us, f.server_cpu * 1e6);
            else
                say("%s %-6s %7.0f MB/s   server %.3f, machine %.3f CPU-s/GB", kinds[kind],
                    way_names[way], f.bytes_s / 1e6, f.server_cpu * 1e9, f.machine_cpu * 1e9);
        }
}
