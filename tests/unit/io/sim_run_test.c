/* sim_run_test.c -- the claims of engine/io/sim.h about processes, time, faults and the trace. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/unit/io/sim_machine.h"

#define SEEDS 60

/* True if `run` ends the program. */
static bool aborts(void (*run)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "m", stderr))
            _exit(3);
        run();
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void write_twice_at_once(void)
{
    struct machine m;
    machine_open_seed(&m, 1);
    int fd = machine_file(&m, "f");
    int again = machine_reopen(&m, "f"); /* another descriptor, the same file */
    struct machine_op a, b;
    machine_start_write(&m, &a, fd, 0, 4, 1, 0);
    machine_start_write(&m, &b, again, 3, 2, 2, 0);
}

static void write_from_changing_buffer(void)
{
    struct machine m;
    machine_open_seed(&m, 1);
    int fd = machine_file(&m, "f");
    struct machine_op a;
    machine_start_write(&m, &a, fd, 0, 4, 1, 0);
    ((char *)a.buf)[9000]++;
    io_wait(m.io, &a.op);
}

TEST(sim_run, overlapping_writes_in_flight_are_caught)
{
    EXPECT(aborts(write_twice_at_once));
}

TEST(sim_run, buffer_that_changes_in_flight_is_caught)
{
    EXPECT(aborts(write_from_changing_buffer));
}

/* A process is killed with a write in flight; the next one takes the lock, or not, and writes. */
static int block_after_kill(uint64_t seed, bool lock, uint64_t *late)
{
    struct machine m;
    machine_open_seed(&m, seed);
    int fd = machine_file(&m, "f");
    EXPECT_OK(io_fd_lock(m.io, fd, 0));
    EXPECT_OK(machine_write(&m, fd, 0, 4, 1, 0));
    struct machine_op old;
    machine_start_write(&m, &old, fd, 0, 4, 2, 0);
    machine_end(&m, SIM_KILL);
    machine_forget(&old);
    fd = machine_reopen(&m, "f");
    if (lock)
        EXPECT_OK(io_fd_lock(m.io, fd, SEC_NS));
    EXPECT_OK(machine_write(&m, fd, 0, 4, 3, 0));
    while (sim_step(m.sim, SEC_NS))
        ;
    int block = machine_block(&m, fd, 0);
    *late += sim_counts(m.sim).late_writes;
    machine_close(&m);
    return block;
}

TEST(sim_run, late_writes_land_after_kill_unless_the_lock_was_waited_for)
{
    uint32_t overwritten = 0, overwritten_locked = 0;
    uint64_t late = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        overwritten += block_after_kill(seed, false, &late) != 3;
        overwritten_locked += block_after_kill(seed, true, &late) != 3;
    }
    EXPECT(overwritten > 0);
    EXPECT_EQ(overwritten_locked, 0);
    EXPECT(late > 0);
}

TEST(sim_run, lock_is_refused_while_it_is_held)
{
    struct machine m;
    machine_open_seed(&m, 2);
    int fd = machine_file(&m, "f"), other = machine_reopen(&m, "f");
    EXPECT_OK(io_fd_lock(m.io, fd, 0));
    EXPECT_OK(io_fd_lock(m.io, fd, 0));
    uint64_t before = sim_now_ns(m.sim);
    EXPECT_ERR(io_fd_lock(m.io, other, 5 * MS_NS), ERR_LOCKED);
    EXPECT_EQ(sim_now_ns(m.sim) - before, 5 * MS_NS);
    io_fd_close(m.io, fd);
    EXPECT_OK(io_fd_lock(m.io, other, 0));
    machine_close(&m);
}

/* A run with everything in it; its hash. */
static uint64_t run_hash(uint64_t seed)
{
    struct machine m;
    machine_open(&m, &(struct sim_opts){ .seed = seed,
                                         .short_per_million = 50000,
                                         .again_per_million = 50000,
                                         .slow_per_million = 5000 });
    struct rng *rng = sim_rng(m.sim);
    machine_file(&m, "f");
    for (uint32_t round = 0; round < 4; round++) {
        int fd = machine_reopen(&m, "f");
        for (uint32_t i = 0; i < 50; i++) {
            uint64_t block = rng_below(rng, 64);
            EXPECT_OK(machine_write(&m, fd, block, 1 + i % 5, (int)i, i % 7 == 0 ? IO_DSYNC : 0));
            if (i % 11 == 0)
                EXPECT_OK(machine_sync(&m, fd));
            sim_trace(m.sim, (uint64_t)machine_block(&m, fd, block));
        }
        machine_end(&m, (enum sim_end)(round % 3));
    }
    uint64_t hash = sim_hash(m.sim);
    machine_close(&m);
    return hash;
}

TEST(sim_run, same_seed_same_trace)
{
    EXPECT_EQ(run_hash(42), run_hash(42));
    EXPECT_NE(run_hash(42), run_hash(43));
    /* The same number on every compiler and build. */
    EXPECT_EQ(run_hash(1), 0xe874655e4745766e);
}

TEST(sim_run, short_and_interrupted_io_is_invisible_above_io)
{
    struct machine m;
    machine_open(&m, &(struct sim_opts){
                         .seed = 9, .short_per_million = 400000, .again_per_million = 200000 });
    int fd = machine_file(&m, "f");
    for (int i = 0; i < 100; i++) {
        EXPECT_OK(machine_write(&m, fd, (uint64_t)i * 8, 8, i, 0));
        EXPECT_EQ(machine_block(&m, fd, (uint64_t)i * 8 + 7), i);
    }
    EXPECT(sim_counts(m.sim).writes > 150);
    machine_close(&m);
}

TEST(sim_run, fault_orders_hit_their_site_that_many_times)
{
    struct machine m;
    machine_open_seed(&m, 4);
    int fd = machine_file(&m, "f");
    sim_fault(m.node, NULL, ENOSPC, 2);
    EXPECT_ERR(machine_write(&m, fd, 0, 1, 1, 0), ERR_NO_SPACE);
    EXPECT_ERR(machine_sync(&m, fd), ERR_NO_SPACE);
    EXPECT_OK(machine_write(&m, fd, 0, 1, 1, 0));
    EXPECT_EQ(sim_fault_hits(m.node), 2);
    struct op op = { 0 };
    io_sync(m.io, &op, fd, NULL);
    const struct io_site *site = op.site;
    EXPECT_OK(io_wait(m.io, &op));
    sim_fault(m.node, site, EIO, 0);
    EXPECT_OK(machine_sync(&m, fd));
    sim_fault(m.node, NULL, EIO, 0);
    EXPECT_ERR(machine_sync(&m, fd), ERR_IO);
    EXPECT_ERR(machine_sync(&m, fd), ERR_IO);
    sim_fault_clear(m.node);
    EXPECT_OK(machine_sync(&m, fd));
    machine_close(&m);
}

struct looker {
    struct sim_watch watch;
    uint32_t starts, fails_at;
    uint32_t ends, failed;
};

static int look_starts(struct sim_watch *w, const struct op *op)
{
    struct looker *k = container_of(w, struct looker, watch);
    EXPECT(op->busy);
    return ++k->starts == k->fails_at ? EIO : 0;
}

static void look_ends(struct sim_watch *w, const struct op *op, int sys)
{
    struct looker *k = container_of(w, struct looker, watch);
    EXPECT(op->busy);
    k->ends++;
    k->failed += sys == EIO;
}

TEST(sim_run, a_watch_sees_starts_and_ends_and_lets_one_fail)
{
    struct machine m;
    struct looker k = { .watch = { look_starts, look_ends }, .fails_at = 2 };
    machine_open_seed(&m, 4);
    int fd = machine_file(&m, "f");
    sim_watch(m.node, &k.watch);
    EXPECT_OK(machine_write(&m, fd, 0, 1, 1, 0));
    EXPECT_ERR(machine_sync(&m, fd), ERR_IO);
    EXPECT_OK(machine_sync(&m, fd));
    sim_watch(m.node, NULL);
    EXPECT_OK(machine_sync(&m, fd));
    EXPECT_EQ(k.starts, 3);
    EXPECT_EQ(k.ends, 3);
    EXPECT_EQ(k.failed, 1);
    machine_close(&m);
}

TEST(sim_run, crash_at_the_kth_io_ends_the_node_before_it)
{
    struct machine m;
    machine_open_seed(&m, 4);
    int fd = machine_file(&m, "f");
    EXPECT_OK(machine_write(&m, fd, 0, 3, 1, IO_DSYNC));
    sim_crash_at_io(m.node, 3, SIM_KILL);
    EXPECT_OK(machine_write(&m, fd, 0, 1, 2, 0));
    EXPECT_OK(machine_write(&m, fd, 1, 1, 2, 0));
    struct machine_op third;
    machine_start_write(&m, &third, fd, 2, 1, 2, 0);
    EXPECT(sim_dead(m.node));
    EXPECT_ERR(io_wait(m.io, &third.op), ERR_DEAD);
    EXPECT(third.op.busy);
    EXPECT_EQ(io_turn(m.io, 0), 0);
    EXPECT_EQ(io_dir_open(m.io, MACHINE_DIR, 0, NULL), -ERR_DEAD);
    struct machine_op more;
    machine_start_write(&m, &more, fd, 5, 1, 2, 0);
    EXPECT_EQ(io_turn(m.io, SEC_NS), 0);
    EXPECT(more.op.busy);
    io_close(&m.io);
    machine_forget(&third);
    machine_forget(&more);
    sim_restart(m.node);
    machine_boot(&m);
    fd = machine_reopen(&m, "f");
    EXPECT_EQ(machine_block(&m, fd, 1), 2);
    EXPECT_EQ(machine_block(&m, fd, 2), 1);
    machine_close(&m);
}

TEST(sim_run, crash_at_a_moment_hits_io_wait)
{
    struct machine m;
    machine_open_seed(&m, 4);
    int fd = machine_file(&m, "f");
    sim_crash_at(m.node, sim_now_ns(m.sim) + 10 * MS_NS, SIM_POWER);
    enum err err = ERR_OK;
    for (int i = 0; i < 1000 && err == ERR_OK; i++)
        err = machine_sync(&m, fd);
    EXPECT_ERR(err, ERR_DEAD);
    EXPECT(sim_dead(m.node));
    io_close(&m.io);
    sim_restart(m.node);
    machine_boot(&m);
    EXPECT(machine_has(&m, "f"));
    machine_close(&m);
}

static void count_done(struct op *op)
{
    (*(uint32_t *)op->name)++;
}

TEST(sim_run, turn_moves_no_time_and_step_delivers_nothing_itself)
{
    struct machine m;
    machine_open_seed(&m, 4);
    uint32_t dones = 0;
    struct op op = { 0 };
    io_sync(m.io, &op, m.dir, count_done);
    op.name = (const char *)&dones;
    uint64_t before = sim_now_ns(m.sim);
    EXPECT_EQ(io_turn(m.io, SEC_NS), 0);
    EXPECT_EQ(sim_now_ns(m.sim), before);
    EXPECT(sim_step(m.sim, SIM_NEVER));
    EXPECT(sim_now_ns(m.sim) > before);
    EXPECT_EQ(dones, 0);
    EXPECT_EQ(io_turn(m.io, 0), 1);
    EXPECT_EQ(dones, 1);
    EXPECT(!op.busy);
    machine_close(&m);
}

TEST(sim_run, step_stops_at_deadlines_wakes_and_until)
{
    struct machine m;
    machine_open_seed(&m, 4);
    uint64_t start = sim_now_ns(m.sim);
    EXPECT(!sim_step(m.sim, start + MS_NS));
    EXPECT_EQ(sim_now_ns(m.sim), start + MS_NS);
    io_turn(m.io, 5 * MS_NS);
    EXPECT(sim_step(m.sim, SIM_NEVER));
    EXPECT_EQ(sim_now_ns(m.sim), start + 6 * MS_NS);
    io_turn(m.io, 5 * MS_NS);
    io_wake(m.io);
    EXPECT(sim_step(m.sim, SIM_NEVER));
    EXPECT_EQ(sim_now_ns(m.sim), start + 6 * MS_NS);
    io_turn(m.io, 5 * MS_NS); /* the wake ends this wait: no deadline */
    EXPECT(!sim_step(m.sim, start + 20 * MS_NS));
    machine_close(&m);
}

TEST(sim_run, clocks_belong_to_nodes)
{
    struct machine m;
    machine_open(&m, &(struct sim_opts){ .seed = 4, .nodes = 2 });
    struct io *other = NULL;
    REQUIRE_OK(io_open(&other, &(struct io_opts){ .node = sim_node(m.sim, 1) }));
    EXPECT_NE(io_now_ns(m.io), io_now_ns(other));
    int64_t wall = io_wall_ms(m.io);
    uint64_t now = io_now_ns(m.io);
    sim_clock_jump(m.node, -5000);
    sim_step(m.sim, 10 * MS_NS);
    io_turn(m.io, 0);
    EXPECT_EQ(io_wall_ms(m.io), wall - 5000 + 10);
    EXPECT_EQ(io_now_ns(m.io), now + 10 * MS_NS);
    io_close(&other);
    machine_close(&m);
}

TEST(sim_run, shards_of_a_node_share_files_and_the_crash)
{
    struct machine m;
    machine_open_seed(&m, 4);
    struct io *shard = NULL, *mine = m.io;
    REQUIRE_OK(io_open(&shard, &(struct io_opts){ .node = m.node }));
    int fd = machine_file(&m, "f");
    m.io = shard;
    EXPECT_OK(machine_write(&m, fd, 0, 1, 7, 0));
    m.io = mine;
    EXPECT_EQ(machine_block(&m, fd, 0), 7);
    sim_crash(m.node, SIM_KILL);
    struct op op = { 0 };
    io_sync(shard, &op, fd, NULL);
    EXPECT_ERR(io_wait(shard, &op), ERR_DEAD);
    io_close(&shard);
    machine_close(&m);
}

TEST(sim_run, stuck_io_takes_thirty_seconds)
{
    struct machine m;
    machine_open(&m, &(struct sim_opts){ .seed = 4, .stuck_per_million = 1000000 });
    uint64_t before = sim_now_ns(m.sim);
    EXPECT_OK(machine_sync(&m, m.dir));
    EXPECT(sim_now_ns(m.sim) - before >= 30 * SEC_NS);
    machine_close(&m);
}

TEST(sim_run, drawn_faults_stop_when_told)
{
    struct machine m;
    machine_open(&m, &(struct sim_opts){ .seed = 4 });
    int fd = machine_file(&m, "f");
    sim_chances(m.sim, &(struct sim_opts){ .error_per_million = 1000000 });
    EXPECT_ERR(machine_write(&m, fd, 0, 1, 1, 0), ERR_IO);
    EXPECT_ERR(machine_sync(&m, fd), ERR_IO);
    sim_chances(m.sim, &(struct sim_opts){ 0 });
    EXPECT_OK(machine_write(&m, fd, 0, 1, 1, 0));
    EXPECT_OK(machine_sync(&m, fd));
    machine_close(&m);
}
