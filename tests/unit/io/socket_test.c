/* socket_test.c -- what socket.h promises, asked of whichever implementation is linked. */
#include "engine/io/socket.h"
#include "tests/unit/io/net.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t done_count;

static void done_counts(struct op *op)
{
    EXPECT_EQ(op->busy, false);
    done_count++;
}

TEST(socket, bytes_of_odd_sizes_come_back)
{
    /* Goal: an echo returns what was sent, in order and whole. Method: sizes around every limit,
     * through plain receives and through the pool. */
    static const uint64_t sizes[] = { 1,    2,    63,    64,    1447,  4095,
                                      4096, 4097, 65535, 65536, 65537, 200001 };
    struct world w;
    struct pair p;
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    uint8_t *out = world_bytes(KIB(256), 1), *in = world_bytes(KIB(256), 2);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct op send = { 0 }, any = { 0 };
        struct iovec iov = { out + i, sizes[i] };
        io_send(w.io, &send, p.fd[0], &iov, 1, 0, NULL);
        uint64_t echoed = 0;
        while (echoed < sizes[i]) {
            io_recv_any(w.io, &any, p.fd[1], NULL);
            REQUIRE_OK(io_wait(w.io, &any));
            REQUIRE(any.got > 0 && any.buf != NULL);
            EXPECT_BYTES(any.buf, out + i + echoed, any.got);
            echoed += any.got;
            EXPECT_OK(net_send(w.io, p.fd[1], any.buf, any.got));
            io_recv_give(w.io, any.buf);
            uint64_t had = echoed - any.got;
            EXPECT_EQ(net_recv(w.io, p.fd[0], in + had, any.got, IO_FULL), any.got);
        }
        EXPECT_OK(io_wait(w.io, &send));
        EXPECT_BYTES(in, out + i, sizes[i]);
    }
    pair_close(w.io, &p);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

TEST(socket, done_never_runs_inside_start)
{
    /* Goal: as for files, also where the answer is there at once. */
    struct world w;
    struct pair p;
    struct op ops[4] = { 0 };
    char text[4];
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    EXPECT_OK(net_send(w.io, p.fd[0], "AB", 2));
    done_count = 0;
    struct iovec iov = { (char[]){ "CD" }, 2 };
    io_send(w.io, &ops[0], p.fd[0], &iov, 1, 0, done_counts);
    io_recv(w.io, &ops[1], p.fd[1], text, 4, IO_FULL, done_counts);
    io_recv_any(w.io, &ops[2], p.fd[0], done_counts);
    io_shutdown(w.io, p.fd[1]);
    EXPECT_EQ(done_count, 0);
    EXPECT_EQ(io_inflight(w.io), 3);
    for (int i = 0; i < 3; i++)
        (void)io_wait(w.io, &ops[i]);
    EXPECT_EQ(done_count, 3);
    EXPECT_EQ(io_inflight(w.io), 0);
    if (ops[2].buf)
        io_recv_give(w.io, ops[2].buf);
    pair_close(w.io, &p);
    world_close(&w);
}

TEST(socket, a_send_of_many_pieces_is_one_stream)
{
    /* Goal: iovecs of any size, empty ones too, more than one call takes. Method: 3,000 of them,
     * with and without IO_MORE. */
    enum { PIECES = 3000 };
    static struct iovec iov[PIECES];
    struct world w;
    struct pair p;
    struct op send = { 0 }, recv = { 0 };
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    uint8_t *out = world_bytes(MIB(1), 3), *in = world_bytes(MIB(1), 4);
    uint64_t len = 0;
    for (uint32_t i = 0; i < PIECES; i++) {
        iov[i] = (struct iovec){ out + len, i % 7 == 3 ? 0 : i % 251 };
        len += iov[i].iov_len;
    }
    for (int round = 0; round < 2; round++) {
        memset(in, 0, len);
        io_send(w.io, &send, p.fd[0], iov, PIECES, round == 0 ? IO_MORE : 0, NULL);
        io_recv(w.io, &recv, p.fd[1], in, len, IO_FULL, NULL);
        EXPECT_OK(io_wait(w.io, &send));
        EXPECT_EQ(send.got, len);
        if (round == 0)
            io_send_end(w.io, p.fd[0]);
        EXPECT_OK(io_wait(w.io, &recv));
        EXPECT_EQ(recv.got, len);
        EXPECT_BYTES(in, out, len);
        pair_close(w.io, &p);
        if (round == 0)
            REQUIRE(pair_open(w.io, &p));
    }
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

TEST(socket, a_slow_reader_makes_the_sender_wait)
{
    /* Goal: nothing is lost and nothing piles up without bound. Method: 24 MiB at once, which no
     * kernel buffer holds, not read at first, then in small receives. */
    struct world w;
    struct pair p;
    struct op send = { 0 };
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    uint64_t len = MIB(24), at = 0;
    uint8_t *out = world_bytes(len, 5), *in = world_bytes(KIB(64), 6);
    struct iovec iov = { out, len };
    io_send(w.io, &send, p.fd[0], &iov, 1, 0, NULL);
    EXPECT(!done_within(&w, &send, 200));
    while (at < len) {
        int64_t got = net_recv(w.io, p.fd[1], in, at < KIB(20) ? 1000 : KIB(64), 0);
        REQUIRE(got > 0);
        EXPECT(memcmp(in, out + at, (uint64_t)got) == 0);
        at += (uint64_t)got;
    }
    EXPECT_OK(io_wait(w.io, &send));
    EXPECT_EQ(send.got, len);
    pair_close(w.io, &p);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

TEST(socket, an_end_comes_after_the_last_byte)
{
    /* Goal: half-close. Method: one side ends; the other reads everything, then 0 twice, and can
     * still send. */
    struct world w;
    struct pair p;
    struct op any = { 0 };
    char text[16] = "";
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    EXPECT_OK(net_send(w.io, p.fd[0], "last words", 10));
    io_send_end(w.io, p.fd[0]);
    EXPECT_EQ(net_recv(w.io, p.fd[1], text, 4, IO_FULL), 4);
    EXPECT_EQ(net_recv(w.io, p.fd[1], text + 4, 12, IO_FULL), 6); /* fewer: the end */
    EXPECT_STR(text, "last words");
    EXPECT_EQ(net_recv(w.io, p.fd[1], text, 16, 0), 0);
    io_recv_any(w.io, &any, p.fd[1], NULL);
    EXPECT_OK(io_wait(w.io, &any));
    EXPECT_EQ(any.got, 0);
    EXPECT(any.buf == NULL);
    EXPECT_OK(net_send(w.io, p.fd[1], "reply", 6));
    EXPECT_EQ(net_recv(w.io, p.fd[0], text, 6, IO_FULL), 6);
    EXPECT_STR(text, "reply");
    EXPECT_ERR(net_send(w.io, p.fd[0], "A", 1), ERR_RESET); /* it said it was its last */
    io_fd_close(w.io, p.fd[1]);
    EXPECT_EQ(net_recv(w.io, p.fd[0], text, 1, 0), 0);
    io_fd_close(w.io, p.fd[0]);
    world_close(&w);
}

TEST(socket, shutdown_ends_ops_in_flight)
{
    /* Goal: an owner can always get its ops back. Method: receives of each kind and a send that
     * cannot go on, shut down from this side. */
    struct world w;
    struct pair p;
    struct op recv = { 0 }, send = { 0 };
    char text[8];
    REQUIRE(world_open(&w));
    uint8_t *out = world_bytes(MIB(24), 5);
    struct iovec iov = { out, MIB(24) };
    for (int kind = 0; kind < 3; kind++) {
        REQUIRE(pair_open(w.io, &p));
        if (kind == 2)
            io_recv_any(w.io, &recv, p.fd[0], NULL);
        else
            io_recv(w.io, &recv, p.fd[0], text, 8, kind == 0 ? IO_FULL : 0, NULL);
        io_send(w.io, &send, p.fd[0], &iov, 1, 0, NULL);
        EXPECT(!done_within(&w, &recv, 20));
        EXPECT(!done_within(&w, &send, 20));
        io_shutdown(w.io, p.fd[0]);
        (void)io_wait(w.io, &recv);
        EXPECT_EQ(recv.got, 0);
        EXPECT(recv.err == ERR_OK || recv.err == ERR_RESET);
        EXPECT_ERR(io_wait(w.io, &send), ERR_RESET);
        EXPECT_EQ(net_recv(w.io, p.fd[0], text, 1, 0), 0);
        EXPECT_EQ(io_inflight(w.io), 0);
        pair_close(w.io, &p);
    }
    io_buffer_give(out);
    world_close(&w);
}

TEST(socket, a_listener_that_was_shut_down_is_closed)
{
    /* Goal: an accept in flight and a later one both end with CLOSED; nobody gets in. */
    struct world w;
    struct op accept = { 0 }, call = { 0 };
    struct io_address at;
    REQUIRE(world_open(&w));
    int listener = net_listen(w.io, &at);
    io_accept(w.io, &accept, listener, NULL);
    EXPECT(!done_within(&w, &accept, 5));
    io_shutdown(w.io, listener);
    EXPECT_ERR(io_wait(w.io, &accept), ERR_CLOSED);
    io_accept(w.io, &accept, listener, NULL);
    EXPECT_ERR(io_wait(w.io, &accept), ERR_CLOSED);
    io_fd_close(w.io, listener);
    io_connect(w.io, &call, &at, NULL);
    EXPECT_ERR(io_wait(w.io, &call), ERR_REFUSED);
    EXPECT_EQ(call.sys, ECONNREFUSED);
    world_close(&w);
}

TEST(socket, calls_are_refused_where_nobody_listens)
{
    /* Goal: REFUSED, each time, and no descriptor is lost. */
    struct world w;
    struct op call = { 0 };
    struct io_address at;
    REQUIRE(world_open(&w));
    int listener = net_listen(w.io, &at);
    io_fd_close(w.io, listener);
    for (int i = 0; i < 50; i++) {
        io_connect(w.io, &call, &at, NULL);
        EXPECT_ERR(io_wait(w.io, &call), ERR_REFUSED);
    }
    int again = net_listen(w.io, &at);
    EXPECT_EQ(again, listener);
    io_fd_close(w.io, again);
    world_close(&w);
}

TEST(socket, listening_says_what_is_wrong)
{
    struct world w;
    struct io_address at, other;
    struct why why = { "" };
    REQUIRE(world_open(&w));
    int listener = net_listen(w.io, &at);
    char text[IO_ADDRESS_TEXT_BYTES];
    EXPECT_NE(at.port, 0);
    EXPECT_EQ(io_listen(w.io, &at, NULL, &why), -(int)ERR_BUSY);
    EXPECT(strstr(why.text, io_address_text(&at, text)) != NULL);
    EXPECT(strstr(why.text, "use") != NULL);
    REQUIRE_OK(io_address_parse("192.0.2.1:9700", &other, NULL)); /* an address of examples */
    EXPECT_EQ(io_listen(w.io, &other, NULL, &why), -(int)ERR_NOT_FOUND);
    EXPECT(strstr(why.text, "192.0.2.1:9700") != NULL);
    io_fd_close(w.io, listener);
    world_close(&w);
}

TEST(socket, shards_listen_side_by_side)
{
    /* Goal: reuse_port. Method: two listeners on one port; each call reaches one of them. */
    struct world w;
    struct io_address at;
    struct op accept[2] = { 0 }, call = { 0 };
    struct io_listen_opts opts = { .reuse_port = true, .backlog = 16 };
    REQUIRE(world_open(&w));
    REQUIRE_OK(io_address_parse("127.0.0.1:0", &at, NULL));
    int a = io_listen(w.io, &at, &opts, NULL);
    REQUIRE(a >= 0);
    REQUIRE_OK(io_socket_name(w.io, a, &at));
    int b = io_listen(w.io, &at, &opts, NULL);
    REQUIRE(b >= 0);
    io_accept(w.io, &accept[0], a, NULL);
    io_accept(w.io, &accept[1], b, NULL);
    for (int left = 40; left > 0 && accept[0].busy && accept[1].busy; left--) {
        io_connect(w.io, &call, &at, NULL);
        int fd = net_result(w.io, &call);
        EXPECT(done_within(&w, &accept[0], 1) || done_within(&w, &accept[1], 1000));
        io_fd_close(w.io, fd);
    }
    io_shutdown(w.io, a);
    io_shutdown(w.io, b);
    int accepted = 0;
    for (int i = 0; i < 2; i++) {
        int fd = net_result(w.io, &accept[i]);
        accepted += fd >= 0;
        if (fd >= 0)
            io_fd_close(w.io, fd);
    }
    EXPECT_EQ(accepted, 1);
    io_fd_close(w.io, a);
    io_fd_close(w.io, b);
    world_close(&w);
}

TEST(socket, ends_know_their_names)
{
    struct world w;
    struct pair p;
    struct io_address name[2], peer[2];
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(io_socket_name(w.io, p.fd[i], &name[i]));
        EXPECT_OK(io_socket_peer(w.io, p.fd[i], &peer[i]));
        EXPECT(io_address_is_loopback(&name[i]));
    }
    EXPECT(io_address_equal(&name[0], &peer[1]));
    EXPECT(io_address_equal(&name[1], &peer[0]));
    EXPECT(io_address_equal(&name[1], &p.at));
    io_socket_tune(w.io, p.fd[0], &(struct io_socket_opts){ .congestion = "none such" });
    io_socket_tune(w.io, p.fd[0],
                   &(struct io_socket_opts){ "cubic", .send_bytes = KIB(64), .receive_bytes = 1 });
    EXPECT_OK(net_send(w.io, p.fd[0], "A", 1));
    pair_close(w.io, &p);
    world_close(&w);
}

TEST(socket, version_6_works_where_it_exists)
{
    struct world w;
    struct io_address at;
    struct op accept = { 0 }, call = { 0 };
    REQUIRE(world_open(&w));
    REQUIRE_OK(io_address_parse("[::1]:0", &at, NULL));
    int listener = io_listen(w.io, &at, NULL, NULL);
    if (listener < 0) {
        world_close(&w);
        SKIP("no IPv6 loopback here");
    }
    EXPECT_OK(io_socket_name(w.io, listener, &at));
    EXPECT_EQ(at.version, 6);
    io_accept(w.io, &accept, listener, NULL);
    io_connect(w.io, &call, &at, NULL);
    int a = net_result(w.io, &call), b = net_result(w.io, &accept);
    EXPECT_OK(net_send(w.io, a, "six", 4));
    char text[4] = "";
    EXPECT_EQ(net_recv(w.io, b, text, 4, IO_FULL), 4);
    EXPECT_STR(text, "six");
    io_fd_close(w.io, a);
    io_fd_close(w.io, b);
    io_fd_close(w.io, listener);
    world_close(&w);
}

TEST(socket, a_peer_that_closes_early_is_a_reset)
{
    /* Goal: bytes that nobody reads any more end in RESET, without a signal. Method: the peer
     * closes with unread bytes; this side sends until it hears. */
    struct world w;
    struct pair p;
    char text[8];
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    EXPECT_OK(net_send(w.io, p.fd[0], "unread", 6));
    EXPECT_EQ(net_recv(w.io, p.fd[1], text, 1, 0), 1);
    io_fd_close(w.io, p.fd[1]);
    enum err err = ERR_OK;
    for (int left = 1000; left > 0 && err == ERR_OK; left--) {
        struct op pause = { 0 };
        err = net_send(w.io, p.fd[0], "more", 4);
        io_sync(w.io, &pause, w.dir, NULL);
        EXPECT_OK(io_wait(w.io, &pause));
    }
    EXPECT_ERR(err, ERR_RESET);
    io_fd_close(w.io, p.fd[0]);
    world_close(&w);
}

TEST(socket, a_connection_may_change_ios)
{
    /* Goal: an idle descriptor works in another io, and after it was closed there its number may
     * come back here. Method: two ios in one thread; ten hand-overs. */
    struct world w;
    struct io *other;
    char text[4];
    REQUIRE(world_open(&w));
    struct io_opts opts = { 0 };
#ifdef TEST_IO_SIM
    opts.node = sim_node(w.sim, 0);
#endif
    REQUIRE_OK(io_open(&other, &opts));
    for (int i = 0; i < 10; i++) {
        struct pair p;
        struct op any = { 0 };
        REQUIRE(pair_open(w.io, &p));
        io_recv_any(w.io, &any, p.fd[1], NULL);
        EXPECT(!done_within(&w, &any, 3));
        EXPECT_OK(net_send(w.io, p.fd[0], "A", 1));
        EXPECT_OK(io_wait(w.io, &any));
        io_recv_give(w.io, any.buf);
        io_recv_any(other, &any, p.fd[1], NULL);
        EXPECT_OK(net_send(w.io, p.fd[0], "B", 1));
        EXPECT_OK(io_wait(other, &any));
        EXPECT_EQ(*(char *)any.buf, 'B');
        EXPECT_OK(net_send(other, p.fd[1], any.buf, 1));
        io_recv_give(other, any.buf);
        EXPECT_EQ(net_recv(w.io, p.fd[0], text, 4, 0), 1);
        io_fd_close(i % 2 ? other : w.io, p.fd[1]);
        io_fd_close(w.io, p.fd[0]);
    }
    io_close(&other);
    world_close(&w);
}
