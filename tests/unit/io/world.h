/* world.h -- one io over one fresh directory, whichever implementation the program links.
 *
 * In the simulator the directory lives on a simulated disk and disappears with the world.
 */
#ifndef TESTS_UNIT_IO_WORLD_H
#define TESTS_UNIT_IO_WORLD_H

#include "engine/io/io.h"
#include "tests/test.h"

#ifdef TEST_IO_SIM
#include "engine/io/sim.h"
#endif

struct world {
    struct io *io;
    int dir;         /* the fresh directory */
    struct sim *sim; /* NULL on the kernel */
    const char *path;
};

/* False, and the case has failed, if the world cannot be made. */
static inline bool world_open_with(struct world *w, struct io_opts opts)
{
    *w = (struct world){ .dir = -1 };
#ifdef TEST_IO_SIM
    struct sim_opts world = { .seed = 1, .short_per_million = 50000, .again_per_million = 50000 };
    w->sim = sim_open(&world);
    opts.node = sim_node(w->sim, 0);
    w->path = "/store";
#else
    w->path = test_dir();
#endif
    struct why why = { "" };
    if (!EXPECT_OK(io_open(&w->io, &opts)))
        return false;
    w->dir = io_dir_open(w->io, w->path, IO_CREATE, &why);
    return EXPECT(w->dir >= 0);
}

static inline bool world_open(struct world *w)
{
    return world_open_with(w, (struct io_opts){ 0 });
}

static inline void world_close(struct world *w)
{
    if (w->dir >= 0)
        io_fd_close(w->io, w->dir);
    io_close(&w->io);
#ifdef TEST_IO_SIM
    sim_close(&w->sim);
#endif
}

/* Opens `name`, waiting; -1 and a failed check when that fails. */
static inline int world_file(struct world *w, const char *name, uint32_t flags)
{
    struct op op = { 0 };
    io_open_file(w->io, &op, w->dir, name, flags, NULL);
    return EXPECT_OK(io_wait(w->io, &op)) ? (int)op.got : -1;
}

static inline enum err world_write(struct world *w, int fd, const void *buf, uint64_t len,
                                   uint64_t pos, uint32_t flags)
{
    struct op op = { 0 };
    io_write(w->io, &op, fd, buf, len, pos, flags, NULL);
    enum err err = io_wait(w->io, &op);
    EXPECT(err != ERR_OK || op.got == len);
    return err;
}

/* Bytes read, or a negative enum err. */
static inline int64_t world_read(struct world *w, int fd, void *buf, uint64_t len, uint64_t pos)
{
    struct op op = { 0 };
    io_read(w->io, &op, fd, buf, len, pos, NULL);
    enum err err = io_wait(w->io, &op);
    return err == ERR_OK ? (int64_t)op.got : -(int64_t)err;
}

static inline enum err world_sync(struct world *w, int fd)
{
    struct op op = { 0 };
    io_sync(w->io, &op, fd, NULL);
    return io_wait(w->io, &op);
}

/* A direct-I/O buffer whose bytes depend on `seed`; give it back with io_buffer_give(). */
static inline uint8_t *world_bytes(uint64_t len, uint32_t seed)
{
    uint8_t *at = io_buffer_take(len);
    for (uint64_t i = 0; at && i < len; i++)
        at[i] = (uint8_t)((i * 31 + i / BLOCK_BYTES + seed) * 7 + 1);
    return at;
}

#endif
