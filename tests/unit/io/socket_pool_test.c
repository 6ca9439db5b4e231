/* socket_pool_test.c -- the buffers of io_recv_any(): shared by many, and sometimes gone. */
#include "engine/io/socket.h"
#include "tests/unit/io/net.h"

#include <stdlib.h>

#define MANY 200

struct many {
    struct world w;
    struct io_address at;
    int listener;
    uint32_t open, echoed;
    struct seat {
        struct op recv, send;
        struct iovec iov;
        struct many *m;
        int fd;
    } seats[MANY];
};

static void seat_received(struct op *op);

static void seat_sent(struct op *op)
{
    struct seat *s = container_of(op, struct seat, send);
    EXPECT_OK(op->err);
    s->m->echoed += (uint32_t)op->got;
    io_recv_give(s->m->w.io, s->iov.iov_base);
    io_recv_any(s->m->w.io, &s->recv, s->fd, seat_received);
}

static void seat_received(struct op *op)
{
    struct seat *s = container_of(op, struct seat, recv);
    EXPECT_OK(op->err);
    if (op->got == 0) {
        io_fd_close(s->m->w.io, s->fd);
        s->m->open--;
        return;
    }
    s->iov = (struct iovec){ op->buf, op->got };
    io_send(s->m->w.io, &s->send, s->fd, &s->iov, 1, 0, seat_sent);
}

TEST(socket_pool, many_connections_share_few_buffers)
{
    /* Goal: idle connections cost no buffer and do not count towards queue_depth; an empty pool is
     * a wait. Method: 200 connections, 4 buffers of 4 KiB, a queue of 8; all talk at once, and all
     * listen, for an echo that is not heard keeps its buffer. */
    struct many *m = calloc(1, sizeof(*m));
    static int callers[MANY];
    static struct op sends[MANY], recvs[MANY], call;
    static struct iovec iov[MANY];
    static uint8_t in[MANY][20000];
    REQUIRE(world_open_with(
        &m->w,
        (struct io_opts){ .queue_depth = 8, .recv_buffers = 4, .recv_buffer_bytes = KIB(4) }));
    struct io *io = m->w.io;
    m->listener = net_listen(io, &m->at);
    for (uint32_t i = 0; i < MANY; i++) {
        struct seat *s = &m->seats[i];
        struct op accept = { 0 };
        s->m = m;
        io_accept(io, &accept, m->listener, NULL);
        io_connect(io, &call, &m->at, NULL);
        REQUIRE((callers[i] = net_result(io, &call)) >= 0);
        REQUIRE((s->fd = net_result(io, &accept)) >= 0);
        io_recv_any(io, &s->recv, s->fd, seat_received);
        m->open++;
    }
    uint8_t *out = world_bytes(20000 + MANY, 7);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            iov[i] = (struct iovec){ out + i, 20000 };
            io_send(io, &sends[i], callers[i], &iov[i], 1, 0, NULL);
            io_recv(io, &recvs[i], callers[i], in[i], 20000, IO_FULL, NULL);
        }
        for (uint32_t i = MANY; i-- > 0;) {
            EXPECT_OK(io_wait(io, &recvs[i]));
            EXPECT_EQ(recvs[i].got, 20000);
            EXPECT_BYTES(in[i], out + i, 20000);
            EXPECT_OK(io_wait(io, &sends[i]));
        }
    }
    EXPECT_EQ(m->open, MANY);
    for (uint32_t i = 0; i < MANY; i++)
        io_fd_close(io, callers[i]);
    struct op pause = { 0 };
    for (int left = 10000; left > 0 && m->open > 0; left--) {
        io_sync(io, &pause, m->w.dir, NULL);
        EXPECT_OK(io_wait(io, &pause));
    }
    EXPECT_EQ(m->open, 0);
    EXPECT_EQ(m->echoed, 3 * MANY * 20000);
    io_fd_close(io, m->listener);
    io_buffer_give(out);
    world_close(&m->w);
    free(m);
}

TEST(socket_pool, one_connection_alone_receives_into_one_buffer)
{
    /* Goal: what is given back last, and is in the core's cache, is taken first. Method: two
     * connections that receive at once need two buffers; then one is left, for longer than a larger
     * number of buffers is kept at hand. */
    struct world w;
    struct pair p[2];
    struct op any[2] = { 0 };
    const void *last = NULL;
    uint32_t changes = 0;
    REQUIRE(world_open_with(&w, (struct io_opts){ .recv_buffers = 8, .recv_buffer_bytes = 100 }));
    for (int i = 0; i < 2; i++)
        REQUIRE(pair_open(w.io, &p[i]));
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(net_send(w.io, p[i].fd[0], "both", 4));
        io_recv_any(w.io, &any[i], p[i].fd[1], NULL);
    }
    for (int i = 0; i < 2; i++)
        EXPECT_OK(io_wait(w.io, &any[i]));
    EXPECT(any[0].buf != any[1].buf);
    for (int i = 0; i < 2; i++)
        io_recv_give(w.io, any[i].buf);
    for (int i = 0; i < 600; i++) {
        EXPECT_OK(net_send(w.io, p[0].fd[0], "one", 3));
        io_recv_any(w.io, &any[0], p[0].fd[1], NULL);
        EXPECT_OK(io_wait(w.io, &any[0]));
        EXPECT(any[0].got > 0);
        changes += i >= 500 && any[0].buf != last;
        last = any[0].buf;
        io_recv_give(w.io, any[0].buf);
    }
    EXPECT(changes <= 1);
    for (int i = 0; i < 2; i++)
        pair_close(w.io, &p[i]);
    world_close(&w);
}

TEST(socket_pool, an_empty_pool_makes_a_receive_wait)
{
    /* Goal: exhaustion and recovery, seen from outside; shutdown reaches what waits for a buffer.
     * Method: one buffer, three connections that have all been sent something. */
    struct world w;
    struct pair p[3];
    struct op any[3] = { 0 };
    REQUIRE(world_open_with(&w, (struct io_opts){ .recv_buffers = 1, .recv_buffer_bytes = 100 }));
    for (int i = 0; i < 3; i++)
        REQUIRE(pair_open(w.io, &p[i]));
    io_recv_any(w.io, &any[0], p[0].fd[1], NULL);
    EXPECT_OK(net_send(w.io, p[0].fd[0], "0", 1));
    EXPECT_OK(io_wait(w.io, &any[0]));
    EXPECT_EQ(any[0].got, 1);
    for (int i = 1; i < 3; i++) {
        io_recv_any(w.io, &any[i], p[i].fd[1], NULL);
        EXPECT_OK(net_send(w.io, p[i].fd[0], i == 1 ? "1" : "2", 1));
    }
    EXPECT(!done_within(&w, &any[1], 50));
    EXPECT(any[1].busy && any[2].busy);
    io_shutdown(w.io, p[2].fd[1]);
    (void)io_wait(w.io, &any[2]);
    EXPECT_EQ(any[2].got, 0);
    EXPECT(any[1].busy);
    io_recv_give(w.io, any[0].buf);
    EXPECT_OK(io_wait(w.io, &any[1]));
    EXPECT_EQ(any[1].got, 1);
    EXPECT_EQ(*(char *)any[1].buf, '1');
    /* An idle connection must not keep the one buffer from a busy one. */
    io_recv_any(w.io, &any[0], p[0].fd[1], NULL);
    io_recv_any(w.io, &any[2], p[1].fd[1], NULL);
    EXPECT(!done_within(&w, &any[0], 10));
    io_recv_give(w.io, any[1].buf);
    EXPECT_OK(net_send(w.io, p[1].fd[0], "3", 1));
    EXPECT_OK(io_wait(w.io, &any[2]));
    EXPECT_EQ(*(char *)any[2].buf, '3');
    EXPECT(any[0].busy);
    io_recv_give(w.io, any[2].buf);
    io_shutdown(w.io, p[0].fd[1]);
    (void)io_wait(w.io, &any[0]);
    for (int i = 0; i < 3; i++)
        pair_close(w.io, &p[i]);
    world_close(&w);
}
