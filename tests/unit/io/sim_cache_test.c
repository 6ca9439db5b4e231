/* sim_cache_test.c -- the claims of engine/io/sim.h about descriptors without O_DIRECT. */
#include <errno.h>

#include "tests/test.h"
#include "tests/unit/io/sim_machine.h"

#define SEEDS 60

/* How often a buffered write, then `sync_fd`'s sync (0: none), is lost. */
static uint32_t buffered_lost(enum sim_end end, bool sync_self, bool sync_other)
{
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        m.disk->sync_whole = true;
        int fd = machine_file(&m, "f"), other = machine_file(&m, "other"), plain;
        EXPECT_OK(machine_write(&m, fd, 0, 1, 1, 0));
        EXPECT_OK(machine_sync(&m, fd));
        EXPECT_OK(machine_open_file(&m, "f", 0, &plain));
        EXPECT_OK(machine_write(&m, plain, 0, 1, 2, 0));
        if (sync_self)
            EXPECT_OK(machine_sync(&m, plain));
        if (sync_other)
            EXPECT_OK(machine_sync(&m, other));
        EXPECT_EQ(machine_block(&m, fd, 0), 2);
        machine_end(&m, end);
        lost += machine_block(&m, machine_reopen(&m, "f"), 0) != 2;
        machine_close(&m);
    }
    return lost;
}

TEST(sim_cache, buffered_write_is_lost_at_kernel_crash_unless_its_file_was_synced)
{
    EXPECT_EQ(buffered_lost(SIM_KILL, false, false), 0);
    EXPECT(buffered_lost(SIM_KERNEL, false, false) > 0);
    EXPECT_EQ(buffered_lost(SIM_KERNEL, true, false), 0);
    EXPECT_EQ(buffered_lost(SIM_POWER, true, false), 0);
}

TEST(sim_cache, sync_of_another_file_never_covers_buffered_writes)
{
    EXPECT(buffered_lost(SIM_KERNEL, false, true) > 0);
    EXPECT(buffered_lost(SIM_POWER, false, true) > 0);
    struct machine m;
    machine_open_seed(&m, 1);
    m.disk->sync_whole = true;
    struct io_stat st;
    EXPECT_OK(io_fd_stat(m.io, machine_file(&m, "f"), &st));
    EXPECT(st.sync_covers_device);
    int plain;
    EXPECT_OK(machine_open_file(&m, "f", 0, &plain));
    EXPECT_OK(io_fd_stat(m.io, plain, &st));
    EXPECT(!st.sync_covers_device);
    machine_close(&m);
}

static uint64_t write_ns(struct machine *m, int fd)
{
    uint64_t before = sim_now_ns(m->sim);
    EXPECT_OK(machine_write(m, fd, 1, 1, 2, 0));
    return sim_now_ns(m->sim) - before;
}

TEST(sim_cache, direct_write_over_cached_pages_is_late_once)
{
    /* Method: a buffered read of block 0 brings block 1 with it. */
    struct machine m;
    machine_open_seed(&m, 1);
    int fd = machine_file(&m, "f"), plain;
    EXPECT_OK(machine_write(&m, fd, 0, 4, 1, 0));
    EXPECT_OK(machine_open_file(&m, "f", IO_READONLY, &plain));
    EXPECT_EQ(machine_block(&m, plain, 0), 1);
    EXPECT(write_ns(&m, fd) >= MS_NS / 2);
    EXPECT(write_ns(&m, fd) < MS_NS / 2);
    EXPECT_EQ(machine_block(&m, plain, 1), 2);
    machine_close(&m);
}

TEST(sim_cache, page_cache_shows_what_a_failed_sync_will_never_make_durable)
{
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = machine_file(&m, "f"), plain;
        EXPECT_OK(machine_write(&m, fd, 0, 1, 1, IO_DSYNC));
        EXPECT_OK(machine_open_file(&m, "f", 0, &plain));
        EXPECT_OK(machine_write(&m, plain, 0, 1, 2, 0));
        sim_fault(m.node, NULL, EIO, 1);
        EXPECT_ERR(machine_sync(&m, plain), ERR_IO);
        EXPECT_OK(machine_sync(&m, plain));
        EXPECT_EQ(machine_block(&m, plain, 0), 2);
        machine_end(&m, SIM_POWER);
        lost += machine_block(&m, machine_reopen(&m, "f"), 0) == 1;
        machine_close(&m);
    }
    EXPECT_EQ(lost, SEEDS);
}
