/* kernel_test.c -- what only a kernel has: threads, processes, limits, refusals. */
#ifndef TEST_IO_SIM
#include "engine/io/io.h"
#include "tests/unit/io/world.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Runs `run` in a child and returns its exit status; -1 after a signal. The child's memory is a
 * copy, its failed checks are told by the status alone. */
static int child_run(int (*run)(const char *dir), const char *dir)
{
    pid_t child = fork();
    if (child == 0)
        _exit(run(dir));
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0 if a file in `dir` can be made, written durably and read back. */
static int round_trip(const char *dir, const struct io_opts *opts)
{
    struct world w = { .path = dir };
    struct op op = { 0 };
    uint8_t *out = world_bytes(MIB(1), 5), *in = world_bytes(MIB(1), 6);
    if (!out || !in || io_open(&w.io, opts) != ERR_OK)
        return 1;
    w.dir = io_dir_open(w.io, dir, 0, NULL);
    int fd = world_file(&w, "trip", IO_CREATE | IO_DIRECT);
    if (fd < 0)
        return 2;
    io_allocate(w.io, &op, fd, MIB(1), NULL);
    if (io_wait(w.io, &op) != ERR_OK)
        return 3;
    if (world_write(&w, fd, out, MIB(1), 0, IO_DSYNC) != ERR_OK || world_sync(&w, fd) != ERR_OK)
        return 4;
    if (world_read(&w, fd, in, MIB(1), 0) != (int64_t)MIB(1) || memcmp(in, out, MIB(1)) != 0)
        return 5;
    io_unlink(w.io, &op, w.dir, "trip", NULL);
    if (io_wait(w.io, &op) != ERR_OK)
        return 6;
    io_fd_close(w.io, fd);
    io_buffer_give(out);
    io_buffer_give(in);
    world_close(&w);
    return 0;
}

TEST(kernel, works_without_each_feature_and_names_it)
{
    /* Goal: every fallback carries data, and `why` says what is missing. Method: each name masked
     * alone, then all. */
    static const char *const names[] = {
        "dsync",
        "direct",
        "fallocate",
        "defer_taskrun",
        "msg_ring",
        "io_uring",
        "io_uring,defer_taskrun,dsync,direct,fallocate,msg_ring,recv_ring",
        "recv_ring",
    };
    const char *before = getenv("SHARDLOG_MASK");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct why why = { "" };
        setenv("SHARDLOG_MASK", names[i], 1);
        EXPECT_EQ(round_trip(test_dir(), &(struct io_opts){ .why = &why }), 0);
        struct io_features f;
        struct io *io;
        REQUIRE_OK(io_open(&io, &(struct io_opts){ .why = &why }));
        f = io_features(io);
        io_close(&io);
        const bool flags[] = { f.dsync,    f.direct,   f.fallocate, f.defer_taskrun,
                               f.msg_ring, f.io_uring, false,       f.recv_ring };
        for (size_t k = 0; k < 8; k++)
            EXPECT(!flags[k] || (k != i && i != 6));
        if (i < 3 || i == 5 || f.io_uring)
            EXPECT(strstr(why.text, i == 6 ? "io_uring" : names[i]) != NULL);
    }
    if (before)
        setenv("SHARDLOG_MASK", before, 1);
    else
        unsetenv("SHARDLOG_MASK");
}

/* Does the file's second write, after a sync if that is wanted, take its time from the clock's
 * tick? A file in memory: all three in one tick. */
static bool time_is_a_tick(struct world *w, const uint8_t *block, bool synced)
{
    struct timespec before, after;
    struct stat st = { 0 };
    int fd = memfd_create("times", MFD_CLOEXEC);
    EXPECT_OK(world_write(w, fd, block, BLOCK_BYTES, 0, 0));
    if (synced)
        EXPECT_OK(world_sync(w, fd));
    clock_gettime(CLOCK_REALTIME_COARSE, &before);
    EXPECT_OK(world_write(w, fd, block, BLOCK_BYTES, 0, 0));
    clock_gettime(CLOCK_REALTIME_COARSE, &after);
    EXPECT(fstat(fd, &st) == 0);
    close(fd);
    return st.st_ctim.tv_nsec == before.tv_nsec || st.st_ctim.tv_nsec == after.tv_nsec;
}

TEST(kernel, a_sync_asks_for_no_times)
{
    /* Goal: r0240: each commit's sync looked at the journal with fstat(2), so that Linux 6.13 gave
     * its next write a time finer than a tick, and the sync after that had an inode to write: a
     * third of what it took. Method: times of files written twice, with and without a sync between;
     * a kernel with another idea of time, or a neighbour that asks, spoils both alike. */
    struct world w;
    uint32_t synced = 0, alone = 0;
    REQUIRE(world_open(&w));
    uint8_t *block = world_bytes(BLOCK_BYTES, 7);
    for (uint32_t i = 0; i < 64; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 },
                  NULL); /* what the last one did is over */
        *(i % 2 ? &synced : &alone) += time_is_a_tick(&w, block, i % 2);
    }
    EXPECT(synced >= alone / 2);
    io_buffer_give(block);
    world_close(&w);
}

#define EXT_MAGIC 0xef53u
#define XFS_MAGIC 0x58465342u

TEST(kernel, a_sync_covers_only_files_written_past_the_page_cache)
{
    // Goal: r0117: a buffered descriptor, asked for or fallen back to, is in no other file's sync.
    // Method: one file opened direct, plain, direct but masked; and its directory. Fails, rightly,
    // on an ext4 mounted with data=journal: there no write is direct.
    static const struct {
        const char *mask;
        uint32_t flags;
        bool direct;
    } rows[] = { { "", IO_DIRECT, true }, { "", 0, false }, { "direct", IO_DIRECT, false } };
    const char *before = getenv("SHARDLOG_MASK");
    const char *dir = test_dir();
    bool listed = false, covers = false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w = { .path = dir };
        struct io_stat st, names;
        setenv("SHARDLOG_MASK", rows[i].mask, 1);
        REQUIRE_OK(io_open(&w.io, NULL));
        w.dir = io_dir_open(w.io, dir, 0, NULL);
        int fd = world_file(&w, "file", rows[i].flags | (i ? 0 : IO_CREATE));
        REQUIRE_OK(io_fd_stat(w.io, fd, &st));
        REQUIRE_OK(io_fd_stat(w.io, w.dir, &names));
        listed = st.fs_magic == EXT_MAGIC || st.fs_magic == XFS_MAGIC;
        bool direct = rows[i].direct && io_features(w.io).direct;
        EXPECT_EQ(st.sync_covers_device, listed && direct);
        EXPECT_EQ(names.sync_covers_device, listed);
        covers |= st.sync_covers_device;
        io_fd_close(w.io, fd);
        world_close(&w);
    }
    if (before)
        setenv("SHARDLOG_MASK", before, 1);
    else
        unsetenv("SHARDLOG_MASK");
    if (!listed)
        SKIP("neither ext4 nor XFS here: only that nothing is covered was seen");
    EXPECT(covers);
}

TEST(kernel, plain_by_choice)
{
    struct io *io;
    struct why why = { "" };
    REQUIRE_OK(io_open(&io, &(struct io_opts){ .plain = true, .why = &why }));
    EXPECT_EQ(io_features(io).io_uring, false);
    EXPECT(strstr(why.text, "io_uring (") != NULL);
    io_close(&io);
    io_close(&io); /* NULL now */
    EXPECT_EQ(round_trip(test_dir(), &(struct io_opts){ .plain = true }), 0);
}

/* What a container's default policy does. */
static int refused_run(const char *dir)
{
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof(rows) / sizeof(rows[0]), rows };
    struct why why = { "" };
    struct io *io;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return 77;
    if (io_open(&io, &(struct io_opts){ .why = &why }) != ERR_OK)
        return 21;
    bool plain = !io_features(io).io_uring && strstr(why.text, "io_uring (") != NULL;
    io_close(&io);
    return plain ? round_trip(dir, NULL) : 22;
}

TEST(kernel, a_refused_ring_is_replaced_and_explained)
{
    int status = child_run(refused_run, test_dir());
    if (status == 77)
        SKIP("no seccomp filters here");
    EXPECT_EQ(status, 0);
}

/* An ordinary user's worst case: 64 KiB of locked memory, 64 descriptors. */
static int limited_run(const char *dir)
{
    struct rlimit memory = { KIB(64), KIB(64) }, files = { 64, 64 };
    if (setrlimit(RLIMIT_MEMLOCK, &memory) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0)
        return 20;
    if (geteuid() == 0 && setuid(65534) != 0) /* root ignores the memory limit */
        return 21;
    return round_trip(dir, NULL);
}

TEST(kernel, small_limits_are_enough)
{
    const char *dir = test_dir();
    if (geteuid() == 0)
        REQUIRE(chown(dir, 65534, 65534) == 0);
    if (geteuid() == 0 && access("/tmp", X_OK) != 0)
        SKIP("needs a temporary directory that other users can enter");
    EXPECT_EQ(child_run(limited_run, dir), 0);
}

TEST(kernel, errors_keep_their_errno)
{
    /* A wrong descriptor is an error here; the simulator takes it for a bug and crashes. */
    struct world w;
    REQUIRE(world_open(&w));
    char text[2] = "";
    struct op op = { 0 };
    int fd = world_file(&w, "file", IO_CREATE);
    io_fd_close(w.io, fd);
    fd = world_file(&w, "file", IO_READONLY);
    io_write(w.io, &op, fd, "A", 1, 0, 0, NULL);
    EXPECT_ERR(io_wait(w.io, &op), ERR_IO);
    EXPECT_EQ(op.sys, EBADF);
    io_fd_close(w.io, fd);
    EXPECT_EQ(world_read(&w, -1, text, 1, 0), -(int64_t)ERR_IO);
    world_close(&w);
}

/* The limit cuts a write short after its first block; the rest is refused. */
static int file_limit_run(const char *dir)
{
    struct rlimit bytes = { BLOCK_BYTES, BLOCK_BYTES };
    struct world w = { .path = dir };
    struct op op = { 0 };
    uint8_t *out = world_bytes(KIB(8), 5);
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &bytes) != 0 || io_open(&w.io, NULL) != ERR_OK)
        return 20;
    w.dir = io_dir_open(w.io, dir, 0, NULL);
    int fd = world_file(&w, "limited", IO_CREATE);
    io_write(w.io, &op, fd, out, KIB(8), 0, 0, NULL);
    enum err err = io_wait(w.io, &op);
    return err == ERR_NO_SPACE && op.sys == EFBIG ? 0 : (int)err + 30;
}

TEST(kernel, a_short_write_that_cannot_go_on_fails)
{
    EXPECT_EQ(child_run(file_limit_run, test_dir()), 0);
}

static int full_device_run(const char *dir)
{
    (void)dir;
    struct world w = { 0 };
    struct op op = { 0 };
    if (io_open(&w.io, NULL) != ERR_OK)
        return 20;
    w.dir = io_dir_open(w.io, "/dev", 0, NULL);
    int fd = world_file(&w, "full", 0);
    io_write(w.io, &op, fd, "A", 1, 0, 0, NULL);
    return io_wait(w.io, &op) == ERR_NO_SPACE && op.sys == ENOSPC ? 0 : 21;
}

TEST(kernel, a_full_device_is_no_space)
{
    if (access("/dev/full", W_OK) != 0)
        SKIP("no /dev/full here");
    EXPECT_EQ(child_run(full_device_run, "/dev"), 0);
}

TEST(kernel, directories_open_and_sync_like_files)
{
    struct world w;
    REQUIRE(world_open(&w));
    int fd = world_file(&w, ".", IO_DIRECTORY | IO_READONLY);
    EXPECT_OK(world_sync(&w, fd));
    io_fd_close(w.io, fd);
    world_close(&w);
}

static void *wake_later(void *arg)
{
    struct timespec nap = { 0, 20 * (long)MS_NS };
    nanosleep(&nap, NULL);
    io_wake(arg);
    return NULL;
}

TEST(kernel, a_wake_from_another_thread_ends_the_wait)
{
    /* Goal: an idle turn sleeps until the wake-up. Method: 20 wake-ups at 20 ms, waits of 60 s. */
    struct world w;
    pthread_t thread;
    REQUIRE(world_open(&w));
    for (int i = 0; i < 20; i++) {
        uint64_t before_ns = io_now_ns(w.io);
        REQUIRE(pthread_create(&thread, NULL, wake_later, w.io) == 0);
        while (io_now_ns(w.io) < before_ns + 15 * MS_NS)
            io_turn(w.io, 60 * SEC_NS);
        EXPECT(io_now_ns(w.io) < before_ns + 30 * SEC_NS);
        pthread_join(thread, NULL);
    }
    world_close(&w);
}

static void *wake_often(void *arg)
{
    for (int i = 0; i < 20000; i++)
        io_wake(arg);
    return NULL;
}

TEST(kernel, no_wake_is_lost_among_many)
{
    /* Goal: after any storm of wake-ups the next one still ends a wait. Method: a thread wakes in
     * a loop while turns and writes go on; then one wake-up, one long wait. */
    struct world w;
    pthread_t thread;
    REQUIRE(world_open(&w));
    int fd = world_file(&w, "file", IO_CREATE);
    REQUIRE(pthread_create(&thread, NULL, wake_often, w.io) == 0);
    for (uint32_t i = 0; i < 200; i++)
        EXPECT_OK(world_write(&w, fd, "A", 1, i, 0));
    pthread_join(thread, NULL);
    for (int i = 0; i < 10; i++) {
        io_turn(w.io, 0);
        io_wake(w.io);
        uint64_t before_ns = io_now_ns(w.io);
        io_turn(w.io, 60 * SEC_NS);
        EXPECT(io_now_ns(w.io) < before_ns + 30 * SEC_NS);
    }
    io_fd_close(w.io, fd);
    world_close(&w);
}

static void *use_elsewhere(void *arg)
{
    struct world *w = arg;
    int fd = world_file(w, "there", IO_CREATE);
    EXPECT_OK(world_write(w, fd, "B", 1, 0, IO_DSYNC));
    io_fd_close(w->io, fd);
    return NULL;
}

TEST(kernel, an_idle_io_may_change_threads)
{
    /* Goal: open here, use there, use and close here again; a wake-up sent in between survives. */
    struct world w;
    pthread_t thread;
    REQUIRE(world_open(&w));
    io_fd_close(w.io, world_file(&w, "here", IO_CREATE));
    for (int i = 0; i < 3; i++) {
        REQUIRE(pthread_create(&thread, NULL, i == 0 ? use_elsewhere : wake_often,
                               i == 0 ? (void *)&w : (void *)w.io) == 0);
        pthread_join(thread, NULL);
        uint64_t before_ns = io_now_ns(w.io);
        if (i > 0)
            io_turn(w.io, 60 * SEC_NS);
        EXPECT(io_now_ns(w.io) < before_ns + 30 * SEC_NS);
        EXPECT_OK(world_sync(&w, w.dir));
    }
    world_close(&w);
}

/* Takes the lock, tells so through the pipe, keeps it until killed. */
static void lock_and_stay(const char *dir, int say)
{
    struct world w = { .path = dir };
    if (io_open(&w.io, NULL) != ERR_OK)
        _exit(1);
    w.dir = io_dir_open(w.io, dir, 0, NULL);
    int fd = world_file(&w, "lock", IO_CREATE);
    if (io_fd_lock(w.io, fd, 0) != ERR_OK || write(say, "L", 1) != 1)
        _exit(2);
    for (;;)
        pause();
}

TEST(kernel, a_lock_is_free_after_its_process_was_killed)
{
    /* Goal: contention between processes, and the wait of rule 4. */
    const char *dir = test_dir();
    int ends[2];
    char said = 0;
    REQUIRE(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0)
        lock_and_stay(dir, ends[1]);
    close(ends[1]);
    EXPECT_EQ(read(ends[0], &said, 1), 1);
    struct world w = { .path = dir };
    REQUIRE_OK(io_open(&w.io, NULL));
    w.dir = io_dir_open(w.io, dir, 0, NULL);
    int fd = world_file(&w, "lock", 0);
    EXPECT_ERR(io_fd_lock(w.io, fd, 5 * MS_NS), ERR_LOCKED);
    kill(child, SIGKILL);
    EXPECT_OK(io_fd_lock(w.io, fd, 20 * SEC_NS));
    waitpid(child, NULL, 0);
    close(ends[0]);
    io_fd_close(w.io, fd);
    world_close(&w);
}

TEST(kernel, many_ios_fit_beside_each_other)
{
    /* Goal: one io per shard on a large machine. Method: 40 opened, each used, all closed. */
    enum { IOS = 40 };
    struct io *ios[IOS];
    int dir[IOS];
    const char *path = test_dir();
    for (int i = 0; i < IOS; i++) {
        REQUIRE_OK(io_open(&ios[i], NULL));
        dir[i] = io_dir_open(ios[i], path, 0, NULL);
        struct op op = { 0 };
        io_sync(ios[i], &op, dir[i], NULL);
        EXPECT_OK(io_wait(ios[i], &op));
    }
    for (int i = 0; i < IOS; i++) {
        io_fd_close(ios[i], dir[i]);
        io_close(&ios[i]);
    }
}

#ifdef SHARDLOG_AUDIT
static int overlap_run(const char *dir)
{
    struct world w = { .path = dir };
    struct op ops[2] = { 0 };
    static char bytes[16];
    if (io_open(&w.io, NULL) != ERR_OK)
        return 20;
    w.dir = io_dir_open(w.io, dir, 0, NULL);
    int fd = world_file(&w, "file", IO_CREATE);
    io_write(w.io, &ops[0], fd, bytes, 16, 0, 0, NULL);
    io_write(w.io, &ops[1], fd, bytes, 16, 15, 0, NULL);
    return 21;
}

TEST(kernel, overlapping_writes_in_flight_are_a_crash)
{
    EXPECT_EQ(child_run(overlap_run, test_dir()), -1);
}
#endif
#endif
