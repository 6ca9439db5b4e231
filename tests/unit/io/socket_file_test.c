/* socket_file_test.c -- files through the page cache, and onto a connection: what io.h and socket.h
 * promise, asked of whichever implementation is linked. */
#include "tests/unit/io/net.h"

#include <signal.h>

#define FILE_BYTES MIB(1)

/* A file of whole blocks, written directly where that is possible; `bytes` is what it has. */
static int file_make(struct world *w, const char *name, const uint8_t *bytes, uint64_t len)
{
    int fd = world_file(w, name, IO_CREATE | IO_DIRECT);
    EXPECT_OK(world_write(w, fd, bytes, len, 0, 0));
    EXPECT_OK(world_sync(w, fd));
    return fd;
}

TEST(socket_file, arrives_whole_from_any_place)
{
    static const struct {
        uint64_t pos, len;
    } rows[] = {
        { 0, FILE_BYTES }, { 0, 1 }, { 4095, 2 }, { 70001, 300000 }, { FILE_BYTES - 1, 1 }
    };
    struct world w;
    struct pair p;
    signal(SIGPIPE, SIG_IGN);
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    uint8_t *out = world_bytes(FILE_BYTES, 1), *in = world_bytes(FILE_BYTES, 2);
    int fd = file_make(&w, "f", out, FILE_BYTES);
    int file = io_cache_open(w.io, w.dir, "f");
    REQUIRE(file >= 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct op send = { 0 }, head = { 0 }, recv = { 0 };
        struct iovec iov = { (char[]){ "head" }, 4 };
        char four[4];
        io_send(w.io, &head, p.fd[0], &iov, 1, IO_MORE, NULL);
        EXPECT_OK(io_wait(w.io, &head));
        io_send_file(w.io, &send, p.fd[0], file, rows[i].pos, rows[i].len, NULL);
        EXPECT(send.busy);
        EXPECT_EQ(net_recv(w.io, p.fd[1], four, 4, IO_FULL), 4);
        EXPECT_BYTES(four, "head", 4);
        io_recv(w.io, &recv, p.fd[1], in, rows[i].len, IO_FULL, NULL);
        EXPECT_OK(io_wait(w.io, &send));
        EXPECT_EQ(send.got, rows[i].len);
        EXPECT_OK(io_wait(w.io, &recv));
        EXPECT_BYTES(in, out + rows[i].pos, rows[i].len);
    }
    io_fd_close(w.io, file);
    io_fd_close(w.io, fd);
    pair_close(w.io, &p);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

TEST(socket_file, waits_for_a_slow_reader_and_lets_others_go_on)
{
    // Goal: a full connection parks the op; receiving on the same descriptor works meanwhile.
    // Method: much more than a connection holds; the peer reads only after it has sent something.
    struct world w;
    struct pair p;
    REQUIRE(world_open(&w));
    REQUIRE(pair_open(w.io, &p));
    uint8_t *out = world_bytes(16 * FILE_BYTES, 1), *in = world_bytes(16 * FILE_BYTES, 2);
    int fd = file_make(&w, "f", out, 16 * FILE_BYTES);
    int file = io_cache_open(w.io, w.dir, "f");
    struct op send = { 0 }, recv = { 0 };
    char text[4] = "";
    io_send_file(w.io, &send, p.fd[0], file, 0, 16 * FILE_BYTES, NULL);
    EXPECT(!done_within(&w, &send, 50));
    EXPECT_OK(net_send(w.io, p.fd[1], "ping", 4));
    EXPECT_EQ(net_recv(w.io, p.fd[0], text, 4, IO_FULL), 4);
    EXPECT_BYTES(text, "ping", 4);
    io_recv(w.io, &recv, p.fd[1], in, 16 * FILE_BYTES, IO_FULL, NULL);
    EXPECT_OK(io_wait(w.io, &recv));
    EXPECT_OK(io_wait(w.io, &send));
    EXPECT_BYTES(in, out, 16 * FILE_BYTES);
    io_fd_close(w.io, file);
    io_fd_close(w.io, fd);
    pair_close(w.io, &p);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

TEST(socket_file, says_when_the_connection_is_gone_and_when_the_file_is_too_short)
{
    struct world w;
    struct pair p;
    signal(SIGPIPE, SIG_IGN);
    REQUIRE(world_open(&w));
    uint8_t *out = world_bytes(16 * FILE_BYTES, 1);
    int fd = file_make(&w, "f", out, 16 * FILE_BYTES);
    int file = io_cache_open(w.io, w.dir, "f");
    for (int round = 0; round < 2; round++) {
        struct op send = { 0 };
        REQUIRE(pair_open(w.io, &p));
        uint64_t pos = round == 0 ? 0 : 16 * FILE_BYTES - 10;
        io_send_file(w.io, &send, p.fd[0], file, pos, round == 0 ? 16 * FILE_BYTES : 20, NULL);
        if (round == 0)
            io_shutdown(w.io, p.fd[0]);
        enum err err = io_wait(w.io, &send);
        if (round == 0)
            EXPECT_EQ(err, ERR_RESET);
        else
            EXPECT_EQ(err, ERR_IO);
        pair_close(w.io, &p);
    }
    io_fd_close(w.io, file);
    io_fd_close(w.io, fd);
    io_buffer_give(out);
    world_close(&w);
}

TEST(socket_file, a_large_page_is_brought_in_with_what_is_read_of_it_and_nothing_beside)
{
    // Method: three of them; some bytes of the one in the middle are read, and then all of it is
    // resident. Without large pages, or where the kernel has no memory for one, a read is a read.
    struct world w;
    struct op op = { 0 };
    REQUIRE(world_open(&w));
    int made = world_file(&w, "large", IO_CREATE | IO_DIRECT);
    int file = io_cache_open(w.io, w.dir, "large");
    REQUIRE(file >= 0);
    uint64_t told = io_cache_large(w.io, file), size = told ? told : MIB(2);
    uint8_t *out = world_bytes(3 * size, 1), *in = world_bytes(KIB(16), 2);
    EXPECT_OK(world_write(&w, made, out, 3 * size, 0, 0));
    EXPECT_OK(world_sync(&w, made));
    io_cache_drop(w.io, file, 0, 3 * size);
    bool lacked = io_cache_lacks(w.io, file, 0, 3 * size); /* not on a file system in memory */
    io_read_large(w.io, &op, file, in, KIB(16), size + KIB(8), size, NULL);
    EXPECT_OK(io_wait(w.io, &op));
    EXPECT_EQ(op.got, KIB(16));
    EXPECT_BYTES(in, out + size + KIB(8), KIB(16));
    if (lacked && io_features(w.io).large_pages) {
        bool holds = io_cache_holds(w.io, file, size, size);
        for (int i = 0; i < 10 && !holds; i++) { /* the kernel may take them at any time */
            io_cache_drop(w.io, file, size, size);
            io_read_large(w.io, &op, file, in, KIB(16), size + KIB(8), size, NULL);
            EXPECT_OK(io_wait(w.io, &op));
            holds = io_cache_holds(w.io, file, size, size);
        }
        EXPECT(holds);
        EXPECT(io_cache_lacks(w.io, file, 0, size));
        EXPECT(!io_cache_lacks(w.io, file, size - 1, 2));
    }
    if (lacked && told) /* else it is reason enough to read ahead */
        EXPECT(io_cache_lacks(w.io, file, 2 * size, size));
    /* Where something is resident, and at the end of the file. */
    EXPECT_EQ(world_read(&w, file, in, BLOCK_BYTES, KIB(4)), BLOCK_BYTES);
    io_read_large(w.io, &op, file, in, KIB(16), size - KIB(24), 0, NULL);
    EXPECT_OK(io_wait(w.io, &op));
    EXPECT_BYTES(in, out + size - KIB(24), KIB(16));
    io_read_large(w.io, &op, file, in, KIB(16), 3 * size - KIB(8), 2 * size, NULL);
    EXPECT_OK(io_wait(w.io, &op));
    EXPECT_EQ(op.got, KIB(8));
    EXPECT_BYTES(in, out + 3 * size - KIB(8), KIB(8));
    io_fd_close(w.io, file);
    io_fd_close(w.io, made);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

TEST(socket_file, the_page_cache_holds_what_was_read_until_it_is_dropped_or_written)
{
    struct world w;
    REQUIRE(world_open(&w));
    uint8_t *out = world_bytes(FILE_BYTES, 1), *in = world_bytes(FILE_BYTES, 2);
    int fd = file_make(&w, "f", out, FILE_BYTES);
    int file = io_cache_open(w.io, w.dir, "f");
    if (!io_features(w.io).page_cache) {
        EXPECT(!io_cache_holds(w.io, file, 0, 1));
    } else {
        io_cache_drop(w.io, file, 0, FILE_BYTES);
        EXPECT(!io_cache_holds(w.io, file, 0, FILE_BYTES));
        EXPECT_EQ(world_read(&w, file, in, KIB(256), KIB(64)), KIB(256));
        EXPECT_BYTES(in, out + KIB(64), KIB(256));
        bool holds = false;
        for (int i = 0; i < 10 && !holds; i++) { /* the kernel may take them at any time */
            EXPECT_EQ(world_read(&w, file, in, KIB(256), KIB(64)), KIB(256));
            holds = io_cache_holds(w.io, file, KIB(64), KIB(256));
        }
        EXPECT(holds);
        EXPECT(!io_cache_holds(w.io, file, 0, KIB(256)));
        if (io_features(w.io).direct) {
            EXPECT_OK(world_write(&w, fd, out, BLOCK_BYTES, KIB(128), 0));
            EXPECT(!io_cache_holds(w.io, file, KIB(64), KIB(256)));
            EXPECT_EQ(world_read(&w, file, in, BLOCK_BYTES, KIB(128)), BLOCK_BYTES);
            EXPECT_BYTES(in, out, BLOCK_BYTES);
        }
    }
    EXPECT_EQ(io_cache_open(w.io, w.dir, "missing"), -ERR_NOT_FOUND);
    io_fd_close(w.io, file);
    io_fd_close(w.io, fd);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}
