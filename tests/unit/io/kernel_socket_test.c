/* kernel_socket_test.c -- connections and what only a kernel has: threads, limits, signals. */
#ifndef TEST_IO_SIM
#include "engine/io/socket.h"
#include "tests/unit/io/net.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A shard of its own thread: takes over connections by number and echoes until they end. */
struct shard {
    pthread_t thread;
    int fds[2]; /* a pipe of descriptors */
    uint64_t echoed;
};

static void *shard_run(void *arg)
{
    struct shard *s = arg;
    struct io *io;
    int fd;
    if (!EXPECT_OK(io_open(&io, NULL)))
        return NULL;
    while (read(s->fds[0], &fd, sizeof(fd)) == sizeof(fd)) {
        struct op any = { 0 };
        for (;;) {
            io_recv_any(io, &any, fd, NULL);
            if (!EXPECT_OK(io_wait(io, &any)) || any.got == 0)
                break;
            EXPECT_OK(net_send(io, fd, any.buf, any.got));
            s->echoed += any.got;
            io_recv_give(io, any.buf);
        }
        io_fd_close(io, fd);
    }
    io_close(&io);
    return NULL;
}

TEST(kernel_socket, connections_are_handed_to_another_thread)
{
    /* Goal: accept here, read a little here, go on there. Method: 20 connections to one shard of
     * another thread, one after the other. */
    struct world w;
    struct shard s = { 0 };
    uint8_t *out = world_bytes(KIB(200), 1), *in = world_bytes(KIB(200), 2);
    REQUIRE(world_open(&w));
    REQUIRE(pipe(s.fds) == 0);
    REQUIRE(pthread_create(&s.thread, NULL, shard_run, &s) == 0);
    for (uint32_t i = 0; i < 20; i++) {
        struct pair p;
        struct op send = { 0 };
        struct iovec iov = { out, KIB(200) };
        REQUIRE(pair_open(w.io, &p));
        EXPECT_OK(net_send(w.io, p.fd[0], out, 64));
        EXPECT_EQ(net_recv(w.io, p.fd[1], in, 64, IO_FULL), 64);
        EXPECT_EQ(write(s.fds[1], &p.fd[1], sizeof(p.fd[1])), sizeof(p.fd[1]));
        io_send(w.io, &send, p.fd[0], &iov, 1, 0, NULL);
        EXPECT_EQ(net_recv(w.io, p.fd[0], in, KIB(200), IO_FULL), KIB(200));
        EXPECT_OK(io_wait(w.io, &send));
        EXPECT_BYTES(in, out, KIB(200));
        io_send_end(w.io, p.fd[0]);
        EXPECT_EQ(net_recv(w.io, p.fd[0], in, 1, 0), 0);
        io_fd_close(w.io, p.fd[0]);
    }
    close(s.fds[1]);
    pthread_join(s.thread, NULL);
    close(s.fds[0]);
    EXPECT_EQ(s.echoed, 20 * KIB(200));
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

struct moved {
    struct world w;
    struct pair p;
    void *kept;
};

static void *use_elsewhere(void *arg)
{
    struct moved *m = arg;
    struct op any = { 0 };
    EXPECT_OK(net_send(m->w.io, m->p.fd[0], "B", 1));
    io_recv_any(m->w.io, &any, m->p.fd[1], NULL);
    EXPECT_OK(io_wait(m->w.io, &any));
    EXPECT_EQ(*(char *)any.buf, 'B');
    io_recv_give(m->w.io, m->kept);
    m->kept = any.buf;
    return NULL;
}

TEST(kernel_socket, an_idle_io_changes_threads_with_its_pool)
{
    /* Goal: a buffer that is held while the io moves is neither lost nor given out twice. Method:
     * a pool of two, one held across each move. */
    struct moved m;
    pthread_t thread;
    struct op any = { 0 };
    struct io_opts opts = { .recv_buffers = 2, .recv_buffer_bytes = 64 };
    REQUIRE(world_open_with(&m.w, opts));
    REQUIRE(pair_open(m.w.io, &m.p));
    EXPECT_OK(net_send(m.w.io, m.p.fd[0], "A", 1));
    io_recv_any(m.w.io, &any, m.p.fd[1], NULL);
    EXPECT_OK(io_wait(m.w.io, &any));
    m.kept = any.buf;
    for (int i = 0; i < 5; i++) {
        REQUIRE(pthread_create(&thread, NULL, use_elsewhere, &m) == 0);
        pthread_join(thread, NULL);
    }
    EXPECT_OK(net_send(m.w.io, m.p.fd[0], "C", 1));
    io_recv_any(m.w.io, &any, m.p.fd[1], NULL);
    EXPECT_OK(io_wait(m.w.io, &any));
    EXPECT(any.buf != m.kept);
    io_recv_give(m.w.io, m.kept);
    io_recv_give(m.w.io, any.buf);
    pair_close(m.w.io, &m.p);
    world_close(&m.w);
}

TEST(kernel_socket, a_descriptor_that_does_not_wait_is_waited_for)
{
    /* Goal: descriptors of another origin, opened with O_NONBLOCK, keep the contract. */
    struct world w;
    struct pair p;
    struct op recv = { 0 }, send = { 0 };
    char text[4];
    REQUIRE(world_open(&w));
    uint8_t *out = world_bytes(MIB(16), 1), *in = world_bytes(MIB(16), 2);
    struct iovec iov = { out, MIB(16) };
    REQUIRE(pair_open(w.io, &p));
    for (int i = 0; i < 2; i++)
        REQUIRE(fcntl(p.fd[i], F_SETFL, O_NONBLOCK) == 0);
    for (int any = 0; any < 2; any++) {
        if (any)
            io_recv_any(w.io, &recv, p.fd[1], NULL);
        else
            io_recv(w.io, &recv, p.fd[1], text, 4, 0, NULL);
        EXPECT(!done_within(&w, &recv, 5));
        EXPECT_OK(net_send(w.io, p.fd[0], "A", 1));
        EXPECT_OK(io_wait(w.io, &recv));
        EXPECT_EQ(recv.got, 1);
        if (any)
            io_recv_give(w.io, recv.buf);
    }
    io_send(w.io, &send, p.fd[0], &iov, 1, 0, NULL);
    EXPECT(!done_within(&w, &send, 5));
    EXPECT_EQ(net_recv(w.io, p.fd[1], in, MIB(16), IO_FULL), MIB(16));
    EXPECT_OK(io_wait(w.io, &send));
    EXPECT(memcmp(in, out, MIB(16)) == 0);
    pair_close(w.io, &p);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

/* The child has few descriptors: its accept says so, and goes on when one was closed. */
static int limited_run(void)
{
    struct rlimit files = { 24, 24 };
    struct world w = { 0 };
    struct op accept = { 0 };
    struct io_address at;
    int count = 0, last = -1;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 || io_open(&w.io, NULL) != ERR_OK)
        return 20;
    int listener = net_listen(w.io, &at);
    for (enum err err = ERR_OK; err == ERR_OK && count < 10; count++) {
        io_connect(w.io, &accept, &at, NULL);
        if ((err = io_wait(w.io, &accept)) == ERR_LIMIT)
            break;
        last = (int)accept.got;
        io_accept(w.io, &accept, listener, NULL);
        if ((err = io_wait(w.io, &accept)) == ERR_LIMIT)
            break;
    }
    if (count == 0 || count == 10)
        return 21;
    io_fd_close(w.io, last);
    io_connect(w.io, &accept, &at, NULL);
    return io_wait(w.io, &accept) == ERR_OK ? 0 : 22;
}

TEST(kernel_socket, a_limit_of_descriptors_is_told_and_passes)
{
    pid_t child = fork();
    if (child == 0)
        _exit(limited_run());
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}
#endif
