/* io_file.c -- the control plane on the kernel, and the flags that both implementations pass.
 *
 * Everything here may block: start-up and tools only. The exceptions are io_fd_stat(), which reads
 * what the kernel has in memory, and file_grow(), which only a masked or odd file system needs.
 */
#include "engine/io/io_kernel_in.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define EXT_MAGIC 0xEF53u     /* EXT4_SUPER_MAGIC; ext2 and ext3 are served by the same driver */
#define XFS_MAGIC 0x58465342u /* XFS_SUPER_MAGIC */

#define DIOALIGN      0x2000u /* STATX_DIOALIGN; headers of this age do not name it */
#define DIOALIGN_WORD 38u     /* stx_dio_mem_align: 0, no direct writes */

static int dir_make(const char *path);
static int parent_sync(const char *path);

int file_open_flags(const struct io *io, const struct op *op)
{
    int flags = O_CLOEXEC;
    flags |= op->flags & (IO_READONLY | IO_DIRECTORY) ? O_RDONLY : O_RDWR;
    if (op->flags & IO_DIRECTORY)
        flags |= O_DIRECTORY;
    if (op_direct(io, op))
        flags |= O_DIRECT;
    if (op->flags & IO_CREATE)
        flags |= O_CREAT | O_EXCL;
    /* An exclusive open that is refused for O_DIRECT alone has made the file already. */
    if (op->stage == OP_BUFFERED)
        flags &= ~O_EXCL;
    return flags;
}

/* Asks for the type alone. Who is told the times, as by fstat(2), gets newer ones with the next
 * write, finer than the clock's tick: then each write changes the inode, and each sync writes it.
 */
bool file_sync_all(int fd)
{
    struct statx st;
    return statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) != 0 || S_ISDIR(st.stx_mode);
}

int file_grow(int fd, uint64_t len)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -errno;
    if ((uint64_t)st.st_size >= len)
        return 0;
    return ftruncate(fd, (off_t)len) == 0 ? 0 : -errno;
}

int io_dir_open(struct io *io, const char *path, uint32_t flags, struct why *why)
{
    bool made = !(flags & IO_CREATE) || dir_make(path) == 0;
    int fd = made ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        int sys = errno;
        why_set(why, "cannot open directory %s: %s", path, strerror(sys));
        return -(int)err_from_errno(sys);
    }
    io_fd_forget(io, fd);
    return fd;
}

/* 0, or -1 with errno. The name is durable when this returns, also if another process made it and
 * ended before it was: but for a parent that may not be read, whose names are not ours to make. */
static int dir_make(const char *path)
{
    bool made = mkdir(path, 0750) == 0;
    if (!made && errno != EEXIST)
        return -1;
    return parent_sync(path) == 0 || (!made && errno == EACCES) ? 0 : -1;
}

static int parent_sync(const char *path)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd), sys = errno;
    close(fd);
    errno = sys;
    return result;
}

/* Reads through a descriptor of its own, for the caller's keeps no position. */
enum err io_dir_list(struct io *io, int dir, void (*each)(const char *name, void *arg), void *arg)
{
    (void)io;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    DIR *names = fdopendir(fd);
    if (!names) {
        int sys = errno;
        close(fd);
        return err_from_errno(sys);
    }
    struct dirent *entry;
    while (errno = 0, (entry = readdir(names)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(entry->d_name, arg);
    int sys = errno;
    closedir(names);
    return err_from_errno(sys);
}

/* Not EINTR-safe by retry: on Linux the descriptor is gone whatever close() says. */
void io_fd_close(struct io *io, int fd)
{
    io_fd_forget(io, fd);
    close(fd);
}

/* Writes of this descriptor pass the page cache by. An open with O_DIRECT does not promise that:
 * ext4 takes it and writes through the cache all the same where it journals data, encrypts without
 * hardware or keeps a Merkle tree. Kernels before 6.1 do not tell. A directory has no writes. */
static bool writes_pass(int fd, const struct stat *st)
{
    union {
        struct statx st;
        uint32_t words[sizeof(struct statx) / sizeof(uint32_t)];
    } now = { .words = { 0 } };
    if (S_ISDIR(st->st_mode))
        return true;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || !(flags & O_DIRECT))
        return false;
    bool tells =
        statx(fd, "", AT_EMPTY_PATH, DIOALIGN, &now.st) == 0 && (now.st.stx_mask & DIOALIGN) != 0;
    return !tells || now.words[DIOALIGN_WORD] != 0;
}

enum err io_fd_stat(struct io *io, int fd, struct io_stat *out)
{
    (void)io;
    struct stat st;
    struct statfs fs;
    if (fstat(fd, &st) != 0 || fstatfs(fd, &fs) != 0)
        return err_from_errno(errno);
    uint32_t magic = (uint32_t)fs.f_type;
    bool past_cache = writes_pass(fd, &st);
    *out = (struct io_stat){
        .bytes = (uint64_t)st.st_size,
        .device = st.st_dev,
        .free_bytes = fs.f_blocks ? (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize : UINT64_MAX,
        .fs_magic = magic,
        .sync_covers_device = (magic == EXT_MAGIC || magic == XFS_MAGIC) && past_cache,
        .past_cache = past_cache,
    };
    return ERR_OK;
}

enum err io_fd_lock(struct io *io, int fd, uint64_t wait_ns)
{
    (void)io;
    uint64_t start_ns = kernel_now_ns();
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_from_errno(errno);
        if (kernel_now_ns() - start_ns >= wait_ns)
            return ERR_LOCKED;
        nanosleep(&(struct timespec){ .tv_nsec = (long)MS_NS }, NULL);
    }
    return ERR_OK;
}
