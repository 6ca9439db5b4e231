/* A store was copied and started at once: what it had acknowledged was in the kernel's cache only,
 * no sync of ours covered it, and a power cut took it. Goal: an opening makes durable what it
 * found, whoever wrote it. Method: a volume's bytes are written again behind the store's back,
 * unsynced. */
#include "tests/unit/log/fixture.h"

/* The file has only zeros on the disk, and its bytes in a cache. */
static void copy_unsynced(struct fixture *f, const char *name)
{
    struct op op = { 0 };
    uint64_t bytes = sim_file_bytes(f->node, FIXTURE_DIR, name);
    uint8_t *was = io_buffer_take(bytes), *zeros = io_buffer_take(bytes);
    REQUIRE(bytes && was && zeros);
    memset(zeros, 0, bytes);
    sim_file_read(f->node, FIXTURE_DIR, name, 0, was, bytes);
    io_open_file(f->io, &op, f->dir, name, 0, NULL); /* not past the kernel's cache */
    REQUIRE_OK(io_wait(f->io, &op));
    int fd = (int)op.got;
    io_write(f->io, &op, fd, zeros, bytes, 0, 0, NULL);
    REQUIRE_OK(io_wait(f->io, &op));
    io_sync(f->io, &op, fd, NULL);
    REQUIRE_OK(io_wait(f->io, &op));
    io_write(f->io, &op, fd, was, bytes, 0, 0, NULL);
    REQUIRE_OK(io_wait(f->io, &op));
    io_fd_close(f->io, fd);
    io_buffer_give(was);
    io_buffer_give(zeros);
}

static void copied(const char *name)
{
    struct fixture f;
    fixture_open(&f, 172);
    fixture_add(&f, 0);
    fixture_fill(&f, 0, 5, 20000);
    fixture_fill(&f, 0, 3, 300);
    fixture_checkpoint(&f);
    fixture_stop(&f);
    copy_unsynced(&f, name);
    REQUIRE_OK(fixture_start(&f));
    fixture_crash(&f, SIM_POWER);
    REQUIRE_OK(fixture_start(&f));
    fixture_verify(&f, 0, 30000);
    fixture_close(&f);
}

TEST(r0172, copied_volume)
{
    char name[32];
    vol_name(name, 1);
    copied(name);
}

TEST(r0172, copied_tails)
{
    copied("tails");
}
