/* sim_machine.c -- the verbs of sim_machine.h: start one operation, wait for it. */
#include "tests/unit/io/sim_machine.h"

void machine_open(struct machine *m, const struct sim_opts *opts)
{
    m->sim = sim_open(opts);
    m->node = sim_node(m->sim, 0);
    m->disk = sim_disk_of_path(m->node, MACHINE_DIR);
    machine_boot(m);
}

void machine_open_seed(struct machine *m, uint64_t seed)
{
    machine_open(m, &(struct sim_opts){ .seed = seed, .hash_buffers = true });
}

void machine_close(struct machine *m)
{
    io_close(&m->io);
    sim_close(&m->sim);
}

void machine_boot(struct machine *m)
{
    m->io = NULL;
    check(io_open(&m->io, &(struct io_opts){ .node = m->node }) == ERR_OK);
    m->dir = io_dir_open(m->io, MACHINE_DIR, 0, NULL);
    check(m->dir >= 0);
}

void machine_end(struct machine *m, enum sim_end end)
{
    sim_crash(m->node, end);
    io_close(&m->io);
    sim_restart(m->node);
    machine_boot(m);
}

enum err machine_open_file(struct machine *m, const char *name, uint32_t flags, int *fd)
{
    struct op op = { 0 };
    io_open_file(m->io, &op, m->dir, name, flags, NULL);
    enum err err = io_wait(m->io, &op);
    *fd = err ? -1 : (int)op.got;
    return err;
}

int machine_file(struct machine *m, const char *name)
{
    int fd;
    check(machine_open_file(m, name, IO_CREATE | IO_DIRECT, &fd) == ERR_OK);
    check(machine_sync(m, m->dir) == ERR_OK);
    return fd;
}

int machine_reopen(struct machine *m, const char *name)
{
    int fd;
    check(machine_open_file(m, name, IO_DIRECT, &fd) == ERR_OK);
    return fd;
}

enum err machine_allocate(struct machine *m, int fd, uint64_t blocks)
{
    struct op op = { 0 };
    io_allocate(m->io, &op, fd, blocks * BLOCK_BYTES, NULL);
    return io_wait(m->io, &op);
}

void machine_start_write(struct machine *m, struct machine_op *o, int fd, uint64_t block,
                         uint64_t count, int fill, uint32_t flags)
{
    *o = (struct machine_op){ .buf = io_buffer_take(count * BLOCK_BYTES) };
    memset(o->buf, fill, count * BLOCK_BYTES);
    io_write(m->io, &o->op, fd, o->buf, count * BLOCK_BYTES, block * BLOCK_BYTES, flags, NULL);
}

void machine_forget(struct machine_op *o)
{
    io_buffer_give(o->buf);
}

enum err machine_write(struct machine *m, int fd, uint64_t block, uint64_t count, int fill,
                       uint32_t flags)
{
    struct machine_op o;
    machine_start_write(m, &o, fd, block, count, fill, flags);
    enum err err = io_wait(m->io, &o.op);
    machine_forget(&o);
    return err;
}

enum err machine_sync(struct machine *m, int fd)
{
    struct op op = { 0 };
    io_sync(m->io, &op, fd, NULL);
    return io_wait(m->io, &op);
}

enum err machine_rename(struct machine *m, const char *from, const char *to)
{
    struct op op = { 0 };
    io_rename(m->io, &op, m->dir, from, to, NULL);
    return io_wait(m->io, &op);
}

enum err machine_unlink(struct machine *m, const char *name)
{
    struct op op = { 0 };
    io_unlink(m->io, &op, m->dir, name, NULL);
    return io_wait(m->io, &op);
}

int machine_block(struct machine *m, int fd, uint64_t block)
{
    struct op op = { 0 };
    uint8_t *buf = io_buffer_take(BLOCK_BYTES);
    io_read(m->io, &op, fd, buf, BLOCK_BYTES, block * BLOCK_BYTES, NULL);
    check(io_wait(m->io, &op) == ERR_OK);
    int fill = buf[0];
    for (uint64_t i = 1; i < op.got && fill != BLOCK_MIXED; i++)
        fill = buf[i] == fill ? fill : BLOCK_MIXED;
    io_buffer_give(buf);
    return op.got == 0 ? 0 : fill;
}

uint64_t machine_bytes(struct machine *m, int fd)
{
    struct io_stat st;
    check(io_fd_stat(m->io, fd, &st) == ERR_OK);
    return st.bytes;
}

static void has_name(const char *name, void *arg)
{
    const char **wanted = arg;
    if (*wanted && strcmp(name, *wanted) == 0)
        *wanted = NULL;
}

bool machine_has(struct machine *m, const char *name)
{
    const char *wanted = name;
    check(io_dir_list(m->io, m->dir, has_name, &wanted) == ERR_OK);
    return !wanted;
}
