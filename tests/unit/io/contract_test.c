/* contract_test.c -- what io.h promises, asked of whichever implementation is linked.
 *
 * In the simulator one transfer in twenty is short and one in twenty interrupted, so that "full or
 * failed" is worked for there and merely observed on the kernel.
 */
#include "engine/io/io.h"
#include "tests/unit/io/world.h"

#include <errno.h>

#define DIRECT (IO_CREATE | IO_DIRECT)

static uint32_t done_count;

static void done_counts(struct op *op)
{
    EXPECT_EQ(op->busy, false);
    done_count++;
}

TEST(contract, done_never_runs_inside_start)
{
    /* Goal: a start returns before its done. Method: operations that fail at once and that end at
     * once, counted between start and turn. */
    struct world w;
    REQUIRE(world_open(&w));
    struct op ops[3] = { 0 };
    done_count = 0;
    io_open_file(w.io, &ops[0], w.dir, "none", IO_READONLY, done_counts);
    io_unlink(w.io, &ops[1], w.dir, "none", done_counts);
    io_open_file(w.io, &ops[2], w.dir, "file", IO_CREATE, done_counts);
    EXPECT_EQ(done_count, 0);
    EXPECT_EQ(io_inflight(w.io), 3);
    for (int i = 0; i < 3; i++) {
        EXPECT(ops[i].busy || done_count > 0);
        (void)io_wait(w.io, &ops[i]);
    }
    EXPECT_EQ(done_count, 3);
    EXPECT_EQ(io_inflight(w.io), 0);
    EXPECT_ERR(ops[0].err, ERR_NOT_FOUND);
    EXPECT_EQ(ops[0].sys, ENOENT);
    EXPECT_ERR(ops[1].err, ERR_NOT_FOUND);
    REQUIRE_OK(ops[2].err);
    io_fd_close(w.io, (int)ops[2].got);
    world_close(&w);
}

TEST(contract, writes_are_full_and_read_back)
{
    /* Goal: a large direct write arrives whole. Method: 3 MiB out, 3 MiB in, compared. */
    struct world w;
    REQUIRE(world_open(&w));
    uint8_t *out = world_bytes(MIB(3), 5), *in = world_bytes(MIB(3), 6);
    int fd = world_file(&w, "file", DIRECT);
    EXPECT_OK(world_write(&w, fd, out, MIB(3), 0, 0));
    EXPECT_EQ(world_read(&w, fd, in, MIB(3), 0), MIB(3));
    EXPECT_BYTES(in, out, MIB(3));
    EXPECT_EQ(world_read(&w, fd, in, BLOCK_BYTES, MIB(1)), BLOCK_BYTES);
    EXPECT_BYTES(in, out + MIB(1), BLOCK_BYTES);
    io_buffer_give(out);
    io_buffer_give(in);
    io_fd_close(w.io, fd);
    world_close(&w);
}

TEST(contract, a_push_starts_early_and_runs_nothing)
{
    /* Goal: pushed operations are done by a turn, once, like all others. Method: pushes after each
     * of many writes, more than the queue holds, and one with nothing to push. */
    struct world w;
    REQUIRE(world_open_with(&w, (struct io_opts){ .queue_depth = 8 }));
    uint8_t *out = world_bytes(BLOCK_BYTES, 5);
    int fd = world_file(&w, "file", DIRECT);
    struct op ops[20] = { 0 };
    done_count = 0;
    io_push(w.io);
    for (uint32_t i = 0; i < 20; i++) {
        io_write(w.io, &ops[i], fd, out, BLOCK_BYTES, i * BLOCK_BYTES, 0, done_counts);
        io_push(w.io);
        EXPECT(ops[i].busy);
    }
    EXPECT_EQ(done_count, 0);
    EXPECT_EQ(io_inflight(w.io), 20);
    for (uint32_t i = 0; i < 20; i++)
        EXPECT_OK(io_wait(w.io, &ops[i]));
    EXPECT_EQ(done_count, 20);
    io_buffer_give(out);
    io_fd_close(w.io, fd);
    world_close(&w);
}

TEST(contract, reads_end_at_the_end_of_the_file)
{
    /* Goal: fewer bytes mean the end of the file, at a block and inside one. Method: a file of
     * 8,192 and one of 5,000 bytes, read beyond their ends. */
    struct world w;
    REQUIRE(world_open(&w));
    uint8_t *out = world_bytes(KIB(16), 5), *in = world_bytes(KIB(16), 6);
    int fd = world_file(&w, "even", DIRECT);
    EXPECT_OK(world_write(&w, fd, out, KIB(8), 0, 0));
    EXPECT_EQ(world_read(&w, fd, in, KIB(16), 0), KIB(8));
    EXPECT_EQ(world_read(&w, fd, in, KIB(16), KIB(4)), KIB(4));
    EXPECT_EQ(world_read(&w, fd, in, KIB(16), KIB(8)), 0);
    EXPECT_EQ(world_read(&w, fd, in, KIB(16), KIB(64)), 0);
    io_fd_close(w.io, fd);
    fd = world_file(&w, "odd", IO_CREATE);
    EXPECT_OK(world_write(&w, fd, out, 5000, 0, 0));
    EXPECT_EQ(world_read(&w, fd, in, KIB(16), 0), 5000);
    EXPECT_EQ(world_read(&w, fd, in, 100, 4950), 50);
    EXPECT_BYTES(in, out + 4950, 50);
    EXPECT_OK(world_sync(&w, fd));
    io_fd_close(w.io, fd);
    fd = world_file(&w, "odd", IO_DIRECT | IO_READONLY);
    EXPECT_EQ(world_read(&w, fd, in, KIB(16), 0), 5000);
    EXPECT_BYTES(in, out, 5000);
    io_fd_close(w.io, fd);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
}

TEST(contract, durable_writes_and_syncs_succeed)
{
    /* Goal: dsync, sync of a file and sync of a directory answer OK, dsync also where it extends.
     */
    struct world w;
    REQUIRE(world_open(&w));
    uint8_t *out = world_bytes(KIB(64), 5), *in = world_bytes(KIB(64), 6);
    int fd = world_file(&w, "file", DIRECT);
    EXPECT_OK(world_write(&w, fd, out, KIB(64), 0, IO_DSYNC));
    EXPECT_OK(world_write(&w, fd, out + KIB(4), KIB(4), KIB(8), IO_DSYNC));
    EXPECT_OK(world_sync(&w, fd));
    EXPECT_OK(world_sync(&w, w.dir));
    EXPECT_EQ(world_read(&w, fd, in, KIB(64), 0), KIB(64));
    EXPECT_BYTES(in, out, KIB(8));
    EXPECT_BYTES(in + KIB(8), out + KIB(4), KIB(4));
    io_buffer_give(out);
    io_buffer_give(in);
    io_fd_close(w.io, fd);
    world_close(&w);
}

TEST(contract, creating_and_opening_tell_exists_from_missing)
{
    struct world w;
    REQUIRE(world_open(&w));
    int fd = world_file(&w, "file", DIRECT);
    struct op op = { 0 };
    io_open_file(w.io, &op, w.dir, "file", DIRECT, NULL);
    EXPECT_ERR(io_wait(w.io, &op), ERR_EXISTS);
    EXPECT_EQ(op.sys, EEXIST);
    io_open_file(w.io, &op, w.dir, "other", IO_DIRECT, NULL);
    EXPECT_ERR(io_wait(w.io, &op), ERR_NOT_FOUND);
    io_fd_close(w.io, fd);
    world_close(&w);
}

TEST(contract, rename_replaces_and_unlink_removes)
{
    /* Goal: names move with their content. Method: b replaced by a, then removed. */
    struct world w;
    REQUIRE(world_open(&w));
    struct op op = { 0 };
    char text[2] = "";
    int a = world_file(&w, "a", IO_CREATE), b = world_file(&w, "b", IO_CREATE);
    EXPECT_OK(world_write(&w, a, "A", 1, 0, 0));
    EXPECT_OK(world_write(&w, b, "B", 1, 0, 0));
    io_fd_close(w.io, b);
    io_rename(w.io, &op, w.dir, "a", "b", NULL);
    EXPECT_OK(io_wait(w.io, &op));
    EXPECT_OK(world_sync(&w, w.dir));
    b = world_file(&w, "b", IO_READONLY);
    EXPECT_EQ(world_read(&w, b, text, 1, 0), 1);
    EXPECT_STR(text, "A");
    io_unlink(w.io, &op, w.dir, "b", NULL);
    EXPECT_OK(io_wait(w.io, &op));
    io_unlink(w.io, &op, w.dir, "b", NULL);
    EXPECT_ERR(io_wait(w.io, &op), ERR_NOT_FOUND);
    io_rename(w.io, &op, w.dir, "b", "c", NULL);
    EXPECT_ERR(io_wait(w.io, &op), ERR_NOT_FOUND);
    EXPECT_EQ(world_read(&w, b, text, 1, 0), 1); /* open files outlive their names */
    io_fd_close(w.io, a);
    io_fd_close(w.io, b);
    world_close(&w);
}

TEST(contract, allocation_sets_the_size_and_reads_as_zeros)
{
    struct world w;
    REQUIRE(world_open(&w));
    struct op op = { 0 };
    struct io_stat st;
    uint8_t *in = world_bytes(KIB(8), 6), *zeros = io_buffer_take(KIB(8));
    memset(zeros, 0, KIB(8));
    int fd = world_file(&w, "file", DIRECT);
    io_allocate(w.io, &op, fd, MIB(1), NULL);
    EXPECT_OK(io_wait(w.io, &op));
    REQUIRE_OK(io_fd_stat(w.io, fd, &st));
    EXPECT_EQ(st.bytes, MIB(1));
    EXPECT(st.free_bytes > 0);
    EXPECT_EQ(world_read(&w, fd, in, KIB(8), MIB(1) - KIB(8)), KIB(8));
    EXPECT_BYTES(in, zeros, KIB(8));
    io_buffer_give(in);
    io_buffer_give(zeros);
    io_fd_close(w.io, fd);
    world_close(&w);
}

TEST(contract, more_operations_than_the_queue_holds_all_run_once)
{
    /* Goal: the backlog loses and repeats nothing. Method: 600 block writes in one turn through a
     * queue of 8 and through the default one, then read back. */
    enum { OPS = 600 };
    static struct op ops[OPS];
    for (uint32_t depth = 8; depth < 4096; depth += 4088 - 8) {
        struct world w;
        REQUIRE(world_open_with(&w, (struct io_opts){ .queue_depth = depth }));
        uint8_t *out = world_bytes(OPS * BLOCK_BYTES, depth),
                *in = world_bytes(OPS * BLOCK_BYTES, 1);
        int fd = world_file(&w, "file", DIRECT);
        done_count = 0;
        for (uint32_t i = 0; i < OPS; i++)
            io_write(w.io, &ops[i], fd, out + i * BLOCK_BYTES, BLOCK_BYTES, i * BLOCK_BYTES, 0,
                     done_counts);
        EXPECT_EQ(io_inflight(w.io), OPS);
        for (uint32_t i = 0; i < OPS; i++)
            EXPECT_OK(io_wait(w.io, &ops[i]));
        EXPECT_EQ(done_count, OPS);
        EXPECT_EQ(io_inflight(w.io), 0);
        EXPECT_EQ(world_read(&w, fd, in, OPS * BLOCK_BYTES, 0), OPS * BLOCK_BYTES);
        EXPECT_BYTES(in, out, OPS * BLOCK_BYTES);
        io_buffer_give(out);
        io_buffer_give(in);
        io_fd_close(w.io, fd);
        world_close(&w);
    }
}

/* Writes block after block through one op, started again by its own done. */
struct chain {
    struct op op;
    struct world *w;
    uint8_t *out;
    int fd;
    uint32_t written;
};

static void chain_write(struct chain *c);

static void chain_done(struct op *op)
{
    struct chain *c = container_of(op, struct chain, op);
    EXPECT_OK(op->err);
    if (++c->written < 20)
        chain_write(c);
}

static void chain_write(struct chain *c)
{
    uint64_t at = c->written * BLOCK_BYTES;
    io_write(c->w->io, &c->op, c->fd, c->out + at, BLOCK_BYTES, at, 0, chain_done);
}

TEST(contract, a_done_may_start_its_own_op_again)
{
    struct world w;
    REQUIRE(world_open(&w));
    struct chain c = { .w = &w, .out = world_bytes(20 * BLOCK_BYTES, 3) };
    uint8_t *in = world_bytes(20 * BLOCK_BYTES, 4);
    c.fd = world_file(&w, "file", DIRECT);
    chain_write(&c);
    EXPECT_OK(io_wait(w.io, &c.op));
    EXPECT_EQ(c.written, 20);
    EXPECT_EQ(world_read(&w, c.fd, in, 20 * BLOCK_BYTES, 0), 20 * BLOCK_BYTES);
    EXPECT_BYTES(in, c.out, 20 * BLOCK_BYTES);
    io_buffer_give(c.out);
    io_buffer_give(in);
    io_fd_close(w.io, c.fd);
    world_close(&w);
}

static struct op *inner_op;
static struct io *inner_io;

static void done_waits(struct op *op)
{
    (void)op;
    EXPECT_OK(io_wait(inner_io, inner_op));
}

TEST(contract, a_done_may_wait_for_another_op)
{
    /* Goal: no order of completion deadlocks a nested wait. Method: the outer done waits for an op
     * started with it, which may be completed already. */
    struct world w;
    REQUIRE(world_open(&w));
    struct op ops[2] = { 0 };
    inner_op = &ops[1];
    inner_io = w.io;
    io_sync(w.io, &ops[0], w.dir, done_waits);
    io_sync(w.io, &ops[1], w.dir, NULL);
    EXPECT_OK(io_wait(w.io, &ops[0]));
    EXPECT_EQ(ops[1].busy, false);
    world_close(&w);
}

static uint32_t names_seen;

static void name_seen(const char *name, void *arg)
{
    (void)arg;
    names_seen |= strcmp(name, "a") == 0 ? 1u : strcmp(name, "b") == 0 ? 2u : 4u;
}

TEST(contract, directories_are_listed_each_time_from_the_start)
{
    struct world w;
    REQUIRE(world_open(&w));
    io_fd_close(w.io, world_file(&w, "a", IO_CREATE));
    io_fd_close(w.io, world_file(&w, "b", IO_CREATE));
    for (int round = 0; round < 2; round++) {
        names_seen = 0;
        EXPECT_OK(io_dir_list(w.io, w.dir, name_seen, NULL));
        EXPECT_EQ(names_seen, 3);
    }
    struct why why = { "" };
    EXPECT_EQ(io_dir_open(w.io, test_path(w.path, "none"), 0, &why), -(int)ERR_NOT_FOUND);
    EXPECT(strstr(why.text, "none") != NULL);
    world_close(&w);
}

TEST(contract, one_lock_per_file)
{
    /* Goal: the lock belongs to the open descriptor, not to the process. */
    struct world w;
    REQUIRE(world_open(&w));
    int a = world_file(&w, "lock", IO_CREATE), b = world_file(&w, "lock", 0);
    EXPECT_OK(io_fd_lock(w.io, a, 0));
    EXPECT_ERR(io_fd_lock(w.io, b, 3 * MS_NS), ERR_LOCKED);
    io_fd_close(w.io, a);
    EXPECT_OK(io_fd_lock(w.io, b, SEC_NS));
    io_fd_close(w.io, b);
    world_close(&w);
}

TEST(contract, turns_tell_time_and_never_wait_without_leave)
{
    /* Goal: wait_ns 0 returns at once, a wake-up ends a wait, the clock does not go back. */
    struct world w;
    REQUIRE(world_open(&w));
    uint64_t before_ns = io_now_ns(w.io);
    for (int i = 0; i < 100; i++)
        EXPECT_EQ(io_turn(w.io, 0), 0);
    io_wake(w.io);
    EXPECT_EQ(io_turn(w.io, 60 * SEC_NS), 0);
    EXPECT(io_now_ns(w.io) >= before_ns);
    EXPECT(io_now_ns(w.io) < before_ns + 30 * SEC_NS);
    EXPECT(io_wall_ms(w.io) > 0);
    EXPECT_NE(io_random(w.io), io_random(w.io));
    world_close(&w);
}

TEST(contract, buffers_are_aligned_and_recycled)
{
    static const uint64_t sizes[] = { 1, BLOCK_BYTES, KIB(100), MIB(1), MIB(5) + 1 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *at = io_buffer_take(sizes[i]);
        REQUIRE(at != NULL);
        EXPECT_EQ((uintptr_t)at % BLOCK_BYTES, 0);
        memset(at, 1, sizes[i]);
        io_buffer_give(at);
    }
    io_buffer_give(NULL);
}
