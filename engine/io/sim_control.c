/* sim_control.c -- the control plane of io.h in the simulator: directories, descriptors, locks.
 *
 * Short blocking calls take no time here, but for io_fd_lock(), which lets the world go on while it
 * waits. A directory made by io_dir_open() is durable at once, as the contract says.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/io/sim_in.h"

#define PATH_BYTES_MAX   1024u
#define FREE_UNLIMITED   (1ull << 50)
#define FS_MAGIC_EXT4    0xef53u
#define FS_MAGIC_BTRFS   0x9123683eu
#define LOCK_POLL_NS_MAX (10 * MS_NS)
#define EVICT_ONE_IN     64u /* looks at the page cache find pages gone */

static struct sim_node *node_of(const struct io *io)
{
    return container_of(io, struct sim_io, io)->node;
}

/* One slash in front, none at the end, none doubled. False if it is too long or empty. */
static bool path_tidy(char *out, const char *path)
{
    size_t len = 0;
    while (*path) {
        path += strspn(path, "/");
        size_t part = strcspn(path, "/");
        if (part == 0)
            break;
        if (len + part + 2 > PATH_BYTES_MAX)
            return false;
        out[len++] = '/';
        memcpy(out + len, path, part);
        len += part;
        path += part;
    }
    out[len] = 0;
    return len > 0;
}

static struct sim_dir *dir_make(struct sim_disk *disk, char *path)
{
    char *slash = strrchr(path, '/');
    *slash = 0;
    struct sim_dir *parent = sim_dir_find(disk, path);
    *slash = '/';
    if (!parent || sim_dir_lookup(parent, slash + 1))
        return NULL;
    struct sim_dir *dir = sim_dir_open(disk, path);
    sim_dir_link_durably(parent, slash + 1, dir->inode);
    return dir;
}

int io_dir_open(struct io *io, const char *path, uint32_t flags, struct why *why)
{
    struct sim_node *node = node_of(io);
    char tidy[PATH_BYTES_MAX];
    if (io->dead)
        return -ERR_DEAD;
    if (!path_tidy(tidy, path)) {
        why_set(why, "%s: not a path of the simulated machine", path);
        return -ERR_INVALID;
    }
    struct sim_disk *disk = sim_disk_of_path(node, tidy);
    struct sim_dir *dir = sim_dir_find(disk, tidy);
    if (!dir && (flags & IO_CREATE))
        dir = dir_make(disk, tidy);
    if (!dir) {
        why_set(why, "%s: no such directory", path);
        return -ERR_NOT_FOUND;
    }
    return sim_fd_open(node, dir->inode, IO_READONLY | IO_DIRECTORY);
}

enum err io_dir_list(struct io *io, int dir, void (*each)(const char *name, void *arg), void *arg)
{
    if (io->dead)
        return ERR_DEAD;
    struct sim_fd *fd = sim_fd_get(node_of(io), dir);
    if (!fd || !fd->inode || !fd->inode->dir)
        return ERR_INVALID;
    const struct sim_names *names = &fd->inode->dir->now;
    uint64_t from = names->count ? rng_below(&fd->inode->disk->rng, names->count) : 0;
    for (uint32_t i = 0; i < names->count; i++) /* a real one promises no order either */
        each(names->at[(from + i) % names->count].text, arg);
    return ERR_OK;
}

void io_fd_close(struct io *io, int fd)
{
    if (io->dead || fd < 0)
        return;
    io_fd_forget(io, fd);
    sim_fd_free(node_of(io), fd);
}

int io_cache_open(struct io *io, int dir, const char *name)
{
    struct sim_node *node = node_of(io);
    if (io->dead)
        return -ERR_DEAD;
    const struct sim_fd *at = sim_fd_get(node, dir);
    if (!at || !at->inode || !at->inode->dir)
        return -ERR_INVALID;
    struct sim_inode *inode = sim_dir_lookup(at->inode->dir, name);
    if (!inode)
        return -ERR_NOT_FOUND;
    int fd = sim_fd_open(node, inode, IO_READONLY);
    sim_fd_get(node, fd)->random = true;
    return fd;
}

/* The kernel takes pages away whenever it needs the memory. */
bool io_cache_holds(struct io *io, int fd_number, uint64_t pos, uint64_t len)
{
    struct sim_fd *fd = io->dead ? NULL : sim_fd_get(node_of(io), fd_number);
    if (!fd || !fd->inode || !io->features.page_cache)
        return false;
    if (rng_chance(&fd->inode->disk->rng, 1, EVICT_ONE_IN)) {
        probe("sim: pages leave the page cache");
        sim_inode_cache_clear(fd->inode, pos, len);
    }
    return sim_inode_cache_holds(fd->inode, pos, len);
}

bool io_cache_lacks(struct io *io, int fd_number, uint64_t pos, uint64_t len)
{
    struct sim_fd *fd = io->dead ? NULL : sim_fd_get(node_of(io), fd_number);
    return fd && fd->inode && io->features.page_cache && !sim_inode_cache_has(fd->inode, pos, len);
}

/* As with devices, some are read with a window that is too large for it. */
uint64_t io_cache_large(struct io *io, int fd_number)
{
    struct sim_fd *fd = io->dead ? NULL : sim_fd_get(node_of(io), fd_number);
    bool large = fd && fd->inode && io->features.large_pages && fd->inode->id % 4;
    return large ? node_of(io)->sim->opts.large_bytes : 0;
}

void io_cache_drop(struct io *io, int fd_number, uint64_t pos, uint64_t len)
{
    struct sim_fd *fd = io->dead ? NULL : sim_fd_get(node_of(io), fd_number);
    if (fd && fd->inode)
        sim_inode_cache_clear(fd->inode, pos, len);
}

enum err io_fd_stat(struct io *io, int fd_number, struct io_stat *out)
{
    struct sim_node *node = node_of(io);
    if (io->dead)
        return ERR_DEAD;
    struct sim_fd *fd = sim_fd_get(node, fd_number);
    if (!fd || !fd->inode)
        return err_from_errno(EBADF);
    const struct sim_disk *disk = fd->inode->disk;
    uint64_t used = sim_node_used(node);
    bool told = node->disk_limit && !disk->quota;
    uint64_t limit = told ? node->disk_limit : FREE_UNLIMITED;
    *out = (struct io_stat){
        .bytes = fd->inode->size,
        .device = disk->device,
        .free_bytes = used < limit ? limit - used : 0,
        .fs_magic = disk->sync_whole ? FS_MAGIC_EXT4 : FS_MAGIC_BTRFS,
        /* Whatever the device does, a sync of another file leaves this page cache alone. */
        .sync_covers_device = disk->sync_whole && (fd->direct || fd->inode->dir),
        .past_cache = fd->direct || fd->inode->dir,
    };
    return ERR_OK;
}

/* A killed process keeps its lock until its last write to this file has landed. */
static bool lock_free(const struct sim_inode *inode)
{
    return inode->locked_fd < 0 && inode->late_locked == 0;
}

enum err io_fd_lock(struct io *io, int fd_number, uint64_t wait_ns)
{
    struct sim_node *node = node_of(io);
    if (io->dead)
        return ERR_DEAD;
    struct sim_fd *fd = sim_fd_get(node, fd_number);
    if (!fd || !fd->inode)
        return err_from_errno(EBADF);
    struct sim *sim = node->sim;
    uint64_t until_ns = wait_ns > SIM_NEVER - sim->now_ns ? SIM_NEVER : sim->now_ns + wait_ns;
    while (fd->inode->locked_fd != fd_number && !lock_free(fd->inode)) {
        probe("sim: the lock is busy");
        bool more = sim_step(sim, min_u64(until_ns, sim->now_ns + LOCK_POLL_NS_MAX));
        if (io->dead)
            return ERR_DEAD;
        either(more);
        if (sim->now_ns >= until_ns && !lock_free(fd->inode))
            return ERR_LOCKED;
    }
    fd->inode->locked_fd = fd_number;
    return ERR_OK;
}
