/* sim_names_test.c -- the claims of engine/io/sim.h about names, space and the hand behind the
 * disk. */
#include <errno.h>

#include "tests/test.h"
#include "tests/unit/io/sim_machine.h"

#define SEEDS 60

static uint32_t names_after(enum sim_end end, bool synced)
{
    uint32_t kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd;
        EXPECT_OK(machine_open_file(&m, "f", IO_CREATE | IO_DIRECT, &fd));
        EXPECT_OK(machine_sync(&m, fd));
        if (synced)
            EXPECT_OK(machine_sync(&m, m.dir));
        machine_end(&m, end);
        kept += machine_has(&m, "f");
        machine_close(&m);
    }
    return kept;
}

TEST(sim_names, vanish_without_a_sync_of_the_directory)
{
    uint32_t power = names_after(SIM_POWER, false), kernel = names_after(SIM_KERNEL, false);
    EXPECT(power > 0 && power < SEEDS);
    EXPECT(kernel > 0 && kernel < SEEDS);
    EXPECT_EQ(names_after(SIM_KILL, false), SEEDS);
    EXPECT_EQ(names_after(SIM_POWER, true), SEEDS);
}

TEST(sim_names, rename_is_all_or_nothing)
{
    uint32_t before = 0, after = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        machine_file(&m, "tmp");
        EXPECT_OK(machine_rename(&m, "tmp", "f"));
        EXPECT(machine_has(&m, "f") && !machine_has(&m, "tmp"));
        machine_end(&m, SIM_POWER);
        EXPECT_NE(machine_has(&m, "f"), machine_has(&m, "tmp"));
        before += machine_has(&m, "tmp");
        after += machine_has(&m, "f");
        machine_close(&m);
    }
    EXPECT(before > 0 && after > 0);
}

TEST(sim_names, unlinked_file_can_come_back_with_its_bytes)
{
    uint32_t back = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        int fd = machine_file(&m, "f");
        EXPECT_OK(machine_write(&m, fd, 0, 2, 0xaa, 0));
        EXPECT_OK(machine_sync(&m, fd));
        io_fd_close(m.io, fd);
        EXPECT_OK(machine_unlink(&m, "f"));
        EXPECT(!machine_has(&m, "f"));
        machine_end(&m, SIM_POWER);
        if (machine_has(&m, "f")) {
            back++;
            EXPECT_EQ(machine_block(&m, machine_reopen(&m, "f"), 1), 0xaa);
        }
        machine_close(&m);
    }
    EXPECT(back > 0 && back < SEEDS);
}

TEST(sim_names, later_change_never_survives_an_earlier_one)
{
    /* Method: three creations in one directory; those that survive are a prefix. */
    uint32_t some = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine m;
        machine_open_seed(&m, seed);
        static const char *const names[] = { "a", "b", "c" };
        for (int i = 0; i < 3; i++) {
            int fd;
            EXPECT_OK(machine_open_file(&m, names[i], IO_CREATE, &fd));
        }
        machine_end(&m, SIM_POWER);
        bool a = machine_has(&m, "a"), b = machine_has(&m, "b"), c = machine_has(&m, "c");
        EXPECT(!(b && !a) && !(c && !b));
        some += a && !c;
        machine_close(&m);
    }
    EXPECT(some > 0);
}

TEST(sim_names, opening_follows_the_contract)
{
    struct machine m;
    machine_open_seed(&m, 7);
    int fd;
    EXPECT_ERR(machine_open_file(&m, "none", 0, &fd), ERR_NOT_FOUND);
    machine_file(&m, "f");
    EXPECT_ERR(machine_open_file(&m, "f", IO_CREATE, &fd), ERR_EXISTS);
    EXPECT_ERR(machine_unlink(&m, "none"), ERR_NOT_FOUND);
    EXPECT_ERR(machine_rename(&m, "none", "x"), ERR_NOT_FOUND);
    EXPECT_EQ(io_dir_open(m.io, "/disk0/x/y", IO_CREATE, NULL), -ERR_NOT_FOUND);
    EXPECT_EQ(io_dir_open(m.io, "/disk0/x", 0, NULL), -ERR_NOT_FOUND);
    EXPECT(io_dir_open(m.io, "/disk0/x/", IO_CREATE, NULL) >= 0);
    EXPECT(io_dir_open(m.io, "/disk0/x/y", IO_CREATE, NULL) >= 0);
    EXPECT(machine_has(&m, "x"));
    machine_end(&m, SIM_POWER);
    EXPECT(io_dir_open(m.io, "/disk0/x/y", 0, NULL) >= 0);
    machine_close(&m);
}

TEST(sim_names, directories_on_two_disks_differ_in_device)
{
    struct machine m;
    machine_open_seed(&m, 7);
    struct io_stat a, b;
    EXPECT_OK(io_fd_stat(m.io, m.dir, &a));
    EXPECT_OK(io_fd_stat(m.io, io_dir_open(m.io, "/disk1", 0, NULL), &b));
    EXPECT_NE(a.device, b.device);
    machine_close(&m);
}

TEST(sim_names, space_runs_out_and_comes_back)
{
    struct machine m;
    machine_open(&m, &(struct sim_opts){ .seed = 4, .disk_bytes = 100 * BLOCK_BYTES });
    int a = machine_file(&m, "a"), b = machine_file(&m, "b");
    EXPECT_OK(machine_allocate(&m, a, 80));
    EXPECT_OK(machine_allocate(&m, b, 10));
    struct io_stat st;
    EXPECT_OK(io_fd_stat(m.io, a, &st));
    EXPECT_EQ(st.free_bytes, 10 * BLOCK_BYTES);
    EXPECT_OK(machine_write(&m, b, 20, 10, 1, 0));
    EXPECT_ERR(machine_write(&m, b, 30, 1, 1, 0), ERR_NO_SPACE);
    EXPECT_OK(machine_write(&m, a, 0, 80, 1, 0));
    io_fd_close(m.io, a);
    EXPECT_OK(machine_unlink(&m, "a"));
    EXPECT_OK(machine_write(&m, b, 30, 1, 1, 0));
    sim_disk_limit(m.node, 21 * BLOCK_BYTES);
    EXPECT_ERR(machine_write(&m, b, 31, 1, 1, 0), ERR_NO_SPACE);
    EXPECT_OK(machine_write(&m, b, 20, 1, 1, 0));
    machine_close(&m);
}

TEST(sim_names, hand_behind_the_disk_changes_media_and_caches)
{
    struct machine m;
    machine_open_seed(&m, 5);
    int fd = machine_file(&m, "f");
    EXPECT_OK(machine_write(&m, fd, 0, 2, 0xaa, 0));
    uint8_t byte = 0xab;
    sim_file_write(m.node, MACHINE_DIR, "f", 4096 + 100, &byte, 1);
    EXPECT_EQ(machine_block(&m, fd, 1), BLOCK_MIXED);
    EXPECT_OK(machine_sync(&m, fd));
    machine_end(&m, SIM_POWER);
    EXPECT_EQ(sim_file_bytes(m.node, MACHINE_DIR, "f"), 2 * BLOCK_BYTES);
    sim_file_read(m.node, MACHINE_DIR, "f", 4096 + 100, &byte, 1);
    EXPECT_EQ(byte, 0xab);
    sim_file_read(m.node, MACHINE_DIR, "f", 4096 + 101, &byte, 1);
    EXPECT_EQ(byte, 0xaa);
    sim_file_write(m.node, MACHINE_DIR, "copy", 0, "copied", 6);
    EXPECT(machine_has(&m, "copy"));
    sim_file_delete(m.node, MACHINE_DIR, "f");
    EXPECT(!machine_has(&m, "f"));
    machine_end(&m, SIM_POWER);
    EXPECT(machine_has(&m, "copy") && !machine_has(&m, "f"));
    machine_close(&m);
}

TEST(sim_names, an_allocation_that_fails_keeps_a_part)
{
    // Goal: as on ext4: what there was, or a part of it, stays with the file until it is removed.
    // Method: many disks with room for ten blocks; half of them do not tell that it is so few.
    uint32_t kept = 0, told = 0;
    for (uint64_t seed = 1; seed <= 32; seed++) {
        struct machine m;
        struct io_stat st;
        machine_open(&m, &(struct sim_opts){ .seed = seed, .disk_bytes = 10 * BLOCK_BYTES });
        int a = machine_file(&m, "a");
        EXPECT_OK(io_fd_stat(m.io, a, &st));
        told += st.free_bytes == 10 * BLOCK_BYTES;
        EXPECT_ERR(machine_allocate(&m, a, 11), ERR_NO_SPACE);
        EXPECT_OK(io_fd_stat(m.io, a, &st));
        EXPECT(st.bytes <= 10 * BLOCK_BYTES && st.bytes % BLOCK_BYTES == 0);
        uint64_t blocks = st.bytes / BLOCK_BYTES;
        kept += blocks > 0;
        int b = machine_file(&m, "b");
        EXPECT_ERR(machine_write(&m, b, 0, 11 - blocks, 1, 0), ERR_NO_SPACE);
        EXPECT(blocks == 10 || !machine_write(&m, b, 0, 10 - blocks, 1, 0));
        io_fd_close(m.io, a);
        EXPECT_OK(machine_unlink(&m, "a"));
        EXPECT_OK(machine_write(&m, b, 0, 10, 1, 0));
        machine_close(&m);
    }
    EXPECT(kept > 16 && told > 8 && told < 24);
}
