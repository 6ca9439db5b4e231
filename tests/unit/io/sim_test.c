/* sim_test.c -- the claims of engine/io/sim.h about disks: what survives what. Each claim that says
 * "may" is shown by counting both outcomes over seeds. */
#include <errno.h>

#include "tests/test.h"
#include "tests/unit/io/sim_machine.h"

#define SEEDS 60

/* A file of `blocks` blocks of zeros, durably written and named. */
static int file_written(struct machine *m, const char *name, uint64_t blocks)
{
    int fd = machine_file(m, name);
    check(machine_allocate(m, fd, blocks) == ERR_OK);
    check(machine_write(m, fd, 0, blocks, 0, 0) == ERR_OK);
    check(machine_sync(m, fd) == ERR_OK);
    return fd;
}

/* What block 0 of "f" is after 0xaa was written there and the machine ended. */
static int block_after(uint64_t seed, enum sim_end end, bool synced, uint32_t flags)
{
    struct machine m;
    machine_open_seed(&m, seed);
    int fd = file_written(&m, "f", 4);
    check(machine_write(&m, fd, 0, 4, 0xaa, flags) == ERR_OK);
    if (synced)
        check(machine_sync(&m, fd) == ERR_OK);
    machine_end(&m, end);
    int block = machine_block(&m, machine_reopen(&m, "f"), 0);
    machine_close(&m);
    return block;
}

TEST(sim, unsynced_write_can_vanish_at_power_loss)
{
    uint32_t kept = 0, lost = 0, torn = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        int block = block_after(seed, SIM_POWER, false, 0);
        kept += block == 0xaa;
        lost += block == 0;
        torn += block == BLOCK_MIXED;
    }
    EXPECT(kept > 0);
    EXPECT(lost > 0);
    EXPECT(torn > 0);
    EXPECT_EQ(kept + lost + torn, SEEDS);
}

TEST(sim, completed_write_survives_kill_and_kernel_crash)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        EXPECT_EQ(block_after(seed, SIM_KILL, false, 0), 0xaa);
        EXPECT_EQ(block_after(seed, SIM_KERNEL, false, 0), 0xaa);
    }
}

TEST(sim, synced_and_dsync_writes_survive_power_loss)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        EXPECT_EQ(block_after(seed, SIM_POWER, true, 0), 0xaa);
        EXPECT_EQ(block_after(seed, SIM_POWER, false, IO_DSYNC), 0xaa);
    }
}

TEST(sim, device_cache_survives_kernel_crash_and_then_is_lost_with_power)
{
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = file_written(&m, "f", 1);
        machine_write(&m, fd, 0, 1, 0xaa, 0);
        machine_end(&m, SIM_KERNEL);
        EXPECT_EQ(machine_block(&m, machine_reopen(&m, "f"), 0), 0xaa);
        machine_end(&m, SIM_POWER);
        lost += machine_block(&m, machine_reopen(&m, "f"), 0) != 0xaa;
        machine_close(&m);
    }
    EXPECT(lost > 0);
}

/* Goal: a kernel crash or power loss forgets that a block was written, data on media or not. */
static void unwritten_reads_zeros(enum sim_end end, bool own_sync, uint32_t *zeros)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        m.disk->sync_whole = true;
        int fd = machine_file(&m, "f"), other = file_written(&m, "other", 1);
        machine_allocate(&m, fd, 8);
        machine_sync(&m, fd);
        machine_write(&m, fd, 2, 1, 0xaa, 0);
        machine_sync(&m, own_sync ? fd : other);
        machine_end(&m, end);
        fd = machine_reopen(&m, "f");
        EXPECT_EQ(machine_bytes(&m, fd), 8 * BLOCK_BYTES);
        *zeros += machine_block(&m, fd, 2) == 0;
        machine_close(&m);
    }
}

TEST(sim, unwritten_block_reads_zeros_unless_its_file_was_synced)
{
    uint32_t kernel = 0, power = 0, synced = 0;
    unwritten_reads_zeros(SIM_KERNEL, false, &kernel);
    unwritten_reads_zeros(SIM_POWER, false, &power);
    unwritten_reads_zeros(SIM_POWER, true, &synced);
    EXPECT(kernel > SEEDS / 4 && kernel < SEEDS);
    EXPECT(power > SEEDS / 4 && power < SEEDS);
    EXPECT_EQ(synced, 0);
}

TEST(sim, unwritten_block_survives_kill)
{
    struct machine m;
    machine_open_seed(&m, 1);
    int fd = machine_file(&m, "f");
    machine_allocate(&m, fd, 8);
    EXPECT_EQ(machine_block(&m, fd, 2), 0);
    machine_write(&m, fd, 2, 1, 0xaa, 0);
    machine_end(&m, SIM_KILL);
    EXPECT_EQ(machine_block(&m, machine_reopen(&m, "f"), 2), 0xaa);
    machine_close(&m);
}

/* Counts how often a completed write to "f" is lost although "other" was synced after it. */
static uint32_t lost_beside_sync(bool whole)
{
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        m.disk->sync_whole = whole;
        int fd = file_written(&m, "f", 1), other = file_written(&m, "other", 1);
        struct io_stat st;
        EXPECT_OK(io_fd_stat(m.io, fd, &st));
        EXPECT_EQ(st.sync_covers_device, whole);
        machine_write(&m, fd, 0, 1, 0xaa, 0);
        machine_sync(&m, other);
        machine_end(&m, SIM_POWER);
        lost += machine_block(&m, machine_reopen(&m, "f"), 0) != 0xaa;
        machine_close(&m);
    }
    return lost;
}

TEST(sim, sync_covers_written_blocks_of_other_files_only_where_it_says_so)
{
    EXPECT_EQ(lost_beside_sync(true), 0);
    EXPECT(lost_beside_sync(false) > 0);
}

TEST(sim, sync_covers_only_what_completed_before_it_began)
{
    /* Method: a write in flight when the sync starts, both complete, then power goes. */
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = file_written(&m, "f", 2);
        struct machine_op write;
        struct op sync = { 0 };
        machine_start_write(&m, &write, fd, 0, 1, 0xaa, 0);
        io_sync(m.io, &sync, fd, NULL);
        EXPECT_OK(io_wait(m.io, &write.op));
        EXPECT_OK(io_wait(m.io, &sync));
        machine_forget(&write);
        machine_end(&m, SIM_POWER);
        lost += machine_block(&m, machine_reopen(&m, "f"), 0) != 0xaa;
        machine_close(&m);
    }
    EXPECT(lost > 0);
}

static uint32_t lost_beside_dsync(bool fua)
{
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        m.disk->fua = fua;
        int fd = file_written(&m, "f", 2);
        machine_write(&m, fd, 0, 1, 0xaa, 0);
        machine_write(&m, fd, 1, 1, 0xbb, IO_DSYNC);
        machine_end(&m, SIM_POWER);
        fd = machine_reopen(&m, "f");
        EXPECT_EQ(machine_block(&m, fd, 1), 0xbb);
        lost += machine_block(&m, fd, 0) != 0xaa;
        machine_close(&m);
    }
    return lost;
}

TEST(sim, dsync_by_fua_covers_itself_alone)
{
    EXPECT_EQ(lost_beside_dsync(false), 0);
    EXPECT(lost_beside_dsync(true) > 0);
}

TEST(sim, dsync_into_unwritten_space_is_durable)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = machine_file(&m, "f");
        machine_allocate(&m, fd, 4);
        machine_write(&m, fd, 1, 1, 0xaa, IO_DSYNC);
        machine_end(&m, SIM_POWER);
        EXPECT_EQ(machine_block(&m, machine_reopen(&m, "f"), 1), 0xaa);
        machine_close(&m);
    }
}

TEST(sim, any_version_since_the_last_flush_can_survive)
{
    uint32_t seen[4] = { 0 };
    for (uint64_t seed = 0; seed < 4 * SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = file_written(&m, "f", 1);
        for (int fill = 1; fill < 4; fill++)
            machine_write(&m, fd, 0, 1, fill, 0);
        machine_end(&m, SIM_POWER);
        int block = machine_block(&m, machine_reopen(&m, "f"), 0);
        if (block != BLOCK_MIXED)
            seen[block]++;
        machine_close(&m);
    }
    for (int fill = 0; fill < 4; fill++)
        EXPECT(seen[fill] > 0);
}

TEST(sim, size_without_sync_can_go_back)
{
    uint32_t short_file = 0, whole = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = machine_file(&m, "f");
        machine_sync(&m, fd);
        machine_write(&m, fd, 0, 3, 0xaa, 0);
        EXPECT_EQ(machine_bytes(&m, fd), 3 * BLOCK_BYTES);
        machine_end(&m, SIM_KERNEL);
        fd = machine_reopen(&m, "f");
        short_file += machine_bytes(&m, fd) == 0;
        whole += machine_bytes(&m, fd) == 3 * BLOCK_BYTES && machine_block(&m, fd, 2) == 0xaa;
        machine_close(&m);
    }
    EXPECT(short_file > 0);
    EXPECT(whole > 0);
}

TEST(sim, failed_sync_is_not_healed_by_the_next)
{
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = file_written(&m, "f", 1);
        machine_write(&m, fd, 0, 1, 0xaa, 0);
        sim_fault(m.node, NULL, EIO, 1);
        EXPECT_ERR(machine_sync(&m, fd), ERR_IO);
        EXPECT_OK(machine_sync(&m, fd));
        int read = machine_block(&m, fd, 0);
        machine_end(&m, SIM_POWER);
        EXPECT_EQ(machine_block(&m, machine_reopen(&m, "f"), 0), read);
        lost += read == 0;
        machine_close(&m);
    }
    EXPECT(lost > SEEDS / 4);
}

TEST(sim, failed_write_can_have_changed_a_part)
{
    uint32_t none = 0, part = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = file_written(&m, "f", 4);
        sim_fault(m.node, NULL, EIO, 1);
        EXPECT_ERR(machine_write(&m, fd, 0, 4, 0xaa, 0), ERR_IO);
        bool first = machine_block(&m, fd, 0) == 0xaa, last = machine_block(&m, fd, 3) == 0xaa;
        none += !first;
        part += first && !last;
        machine_close(&m);
    }
    EXPECT(none > 0);
    EXPECT(part > 0);
}

TEST(sim, each_dsync_write_that_was_under_way_finds_its_second_way)
{
    // Goal: r0176. The first refusal of RWF_DSYNC is not the only one: what was started with it is
    // refused as well, and is written and synced all the same.
    struct machine m;
    struct machine_op o[3];
    machine_open_seed(&m, 7);
    int fd = file_written(&m, "f", 4);
    sim_fault(m.node, NULL, EOPNOTSUPP, 3);
    for (uint32_t i = 0; i < 3; i++)
        machine_start_write(&m, &o[i], fd, i, 1, 0xb0 + (int)i, IO_DSYNC);
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT_OK(io_wait(m.io, &o[i].op));
        machine_forget(&o[i]);
    }
    EXPECT_EQ(sim_fault_hits(m.node), 3);
    EXPECT(!io_features(m.io).dsync);
    machine_end(&m, SIM_POWER);
    fd = machine_reopen(&m, "f");
    for (uint32_t i = 0; i < 3; i++)
        EXPECT_EQ(machine_block(&m, fd, i), 0xb0 + (int)i);
    machine_close(&m);
}
