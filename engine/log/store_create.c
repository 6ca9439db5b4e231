/* store_create.c -- makes the files of a store. The journal comes last: without it there is no
 * store here, and a half-made one is simply made again.
 *
 *   the directory locked, against another process that does the same
 *   each file     temporary name, allocate, zeros, identity block (and first image), sync, rename
 *   then          the directory is synced; only then does the journal get its name */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/log/grow.h"
#include "engine/log/image.h"

#define TMP_NAME       "new.tmp"
#define FILL_BYTES     (1u << 20)
#define IMAGE_CAPACITY (64u << 10)
#define LOCK_WAIT_NS   (10 * SEC_NS) /* a store is made in less */
#define TAILS_FIRST    16u           /* slot pairs */

struct maker {
    struct io *io;
    int dir;
    struct identity id;
    struct why *why;
    uint8_t *zeros; /* FILL_BYTES */
    uint8_t *block;
};

struct geometry geometry_default(void)
{
    return (struct geometry){ .journal_bytes = MIB(256),
                              .entry_max = MIB(4),
                              .extent_min = KIB(64),
                              .extent_max = MIB(64),
                              .slabs = 16,
                              .batch_max = MIB(16) };
}

static struct geometry geometry_fill(struct geometry g)
{
    struct geometry d = geometry_default();
    g.journal_bytes = g.journal_bytes ? g.journal_bytes : d.journal_bytes;
    g.entry_max = g.entry_max ? g.entry_max : d.entry_max;
    g.extent_min = g.extent_min ? g.extent_min : d.extent_min;
    g.extent_max = g.extent_max ? g.extent_max : d.extent_max;
    g.slabs = g.slabs ? g.slabs : d.slabs;
    g.batch_max = g.batch_max ? g.batch_max : d.batch_max;
    return g;
}

static enum err write_all(struct maker *m, int fd, const void *buf, uint64_t len, uint64_t pos)
{
    struct op op = { 0 };
    io_write(m->io, &op, fd, buf, len, pos, 0, NULL);
    return io_wait(m->io, &op);
}

static enum err sync_fd(struct maker *m, int fd)
{
    struct op op = { 0 };
    io_sync(m->io, &op, fd, NULL);
    return io_wait(m->io, &op);
}

static enum err tmp_open(struct maker *m, int *fd)
{
    struct op op = { 0 };
    io_unlink(m->io, &op, m->dir, TMP_NAME, NULL);
    enum err err = io_wait(m->io, &op);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    io_open_file(m->io, &op, m->dir, TMP_NAME, IO_CREATE | IO_DIRECT, NULL);
    TRY(io_wait(m->io, &op));
    *fd = (int)op.got;
    return ERR_OK;
}

static enum err zeros_fill(struct maker *m, int fd, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at += FILL_BYTES)
        TRY(write_all(m, fd, m->zeros, min_u64(FILL_BYTES, to - at), at));
    return ERR_OK;
}

/* The first image: no partitions, replay starts with entry 1 at ring position 0. */
static enum err first_image(struct maker *m, int fd)
{
    struct image_build b = { .head = { .generation = 1,
                                       .seq = 1,
                                       .next_extent = 1,
                                       .next_vol = 1,
                                       .time_ms = io_wall_ms(m->io) } };
    uint64_t bytes;
    uint8_t *pages = image_build_pages(&b, m->id.store, &bytes);
    enum err err = pages ? ERR_OK : ERR_NO_MEMORY;
    for (uint32_t copy = 0; copy < 2 && !err; copy++)
        err = write_all(m, fd, pages, bytes, image_copy_pos(IMAGE_CAPACITY, 1, copy));
    io_buffer_give(pages);
    image_build_close(&b);
    return err;
}

static enum err file_fill(struct maker *m, int fd, enum file_kind kind, uint64_t bytes)
{
    struct op op = { 0 };
    io_allocate(m->io, &op, fd, bytes, NULL);
    TRY(io_wait(m->io, &op));
    TRY(zeros_fill(m, fd, BLOCK_BYTES, bytes));
    struct identity id = m->id;
    id.kind = kind;
    id.file_bytes = bytes;
    identity_encode(&id, m->block);
    TRY(write_all(m, fd, m->block, BLOCK_BYTES, 0));
    if (kind == FILE_IMAGE)
        TRY(first_image(m, fd));
    return sync_fd(m, fd);
}

static enum err file_make(struct maker *m, const char *name, enum file_kind kind, uint64_t bytes)
{
    int fd = -1;
    TRY(tmp_open(m, &fd));
    enum err err = file_fill(m, fd, kind, bytes);
    io_fd_close(m->io, fd);
    if (err) {
        why_set(m->why, "making file %s of %llu bytes: %s", name, (unsigned long long)bytes,
                err_text(err));
        return err;
    }
    struct op op = { 0 };
    io_rename(m->io, &op, m->dir, TMP_NAME, name, NULL);
    TRY(io_wait(m->io, &op));
    return sync_fd(m, m->dir);
}

/* Of two processes that find no store here at once, one makes it: what the other made would take
 * the names of files that records were acknowledged in. The lock ends with the descriptor. */
static enum err dir_lock(struct maker *m)
{
    enum err err = io_fd_lock(m->io, m->dir, LOCK_WAIT_NS);
    if (err == ERR_LOCKED)
        why_set(m->why, "another process makes a store in this directory");
    return err;
}

static enum err journal_absent(struct maker *m)
{
    struct op op = { 0 };
    io_open_file(m->io, &op, m->dir, "journal", IO_READONLY, NULL);
    enum err err = io_wait(m->io, &op);
    if (err == ERR_OK) {
        io_fd_close(m->io, (int)op.got);
        why_set(m->why, "a store is here already");
        return ERR_EXISTS;
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void volume_seen(const char *name, void *arg)
{
    uint32_t number;
    *(bool *)arg |= vol_number(name, &number);
}

/* Volume files without a journal are a store that lost it: what is left is not overwritten. */
static enum err volumes_absent(struct maker *m)
{
    bool seen = false;
    TRY(io_dir_list(m->io, m->dir, volume_seen, &seen));
    if (seen)
        why_set(m->why, "volume files are here but no journal: a store lost it; put it back, or "
                        "empty the directory");
    return seen ? ERR_EXISTS : ERR_OK;
}

static struct id16 id_random(struct io *io)
{
    struct id16 id;
    for (uint32_t i = 0; i < 16; i += 8)
        le64_put(id.b + i, io_random(io));
    return id;
}

static void maker_open(struct maker *m, const struct store_create *c)
{
    struct id16 key = id_random(m->io);
    m->id = (struct identity){ .format_version = FORMAT_VERSION,
                               .store = id16_zero(c->store) ? id_random(m->io) : c->store,
                               .cluster = c->cluster,
                               .node = c->node,
                               .block_bytes = BLOCK_BYTES,
                               .checksum_kind = CHECKSUM_CRC32C,
                               .geometry = geometry_fill(c->geometry) };
    memcpy(m->id.key, key.b, sizeof(m->id.key));
}

enum err store_create(struct io *io, int dir, const struct store_create *c, struct why *why)
{
    struct maker m = { .io = io, .dir = dir, .why = why };
    maker_open(&m, c);
    TRY(geometry_check(&m.id.geometry, why));
    TRY(dir_lock(&m));
    TRY(journal_absent(&m));
    TRY(volumes_absent(&m));
    m.zeros = io_buffer_take(FILL_BYTES);
    m.block = io_buffer_take(BLOCK_BYTES);
    enum err err = m.zeros && m.block ? ERR_OK : ERR_NO_MEMORY;
    if (m.zeros)
        memset(m.zeros, 0, FILL_BYTES);
    if (!err)
        err = file_make(&m, "image", FILE_IMAGE, BLOCK_BYTES + 4ull * IMAGE_CAPACITY);
    if (!err)
        err = file_make(&m, "tails", FILE_TAILS, BLOCK_BYTES + TAILS_FIRST * 2ull * BLOCK_BYTES);
    if (!err)
        err = file_make(&m, "journal", FILE_JOURNAL, m.id.geometry.journal_bytes);
    io_buffer_give(m.zeros);
    io_buffer_give(m.block);
    return err;
}
