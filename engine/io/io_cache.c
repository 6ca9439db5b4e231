/* io_cache.c -- the page cache of the kernel: files opened to be read through it, what of them is
 * resident, and sendfile(2), which sends it without a copy through this program. */
#include "engine/io/io_kernel_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#define CACHESTAT_CALL 451    /* since Linux 6.5; headers of this age do not name it */
#define SEND_BYTES_MAX MIB(1) /* of one call: a turn has other work */
#define PAGE_BYTES     4096ull
#define MAPPING        OP_PRIVATE_FIRST /* word of an op: what cache_map() mapped, or 0 */

struct cache_range {
    uint64_t pos, len;
};
struct cache_state { /* pages */
    uint64_t resident, dirty, writeback, evicted, evicted_lately;
};

static bool cache_state(int fd, uint64_t pos, uint64_t len, struct cache_state *out)
{
    struct cache_range range = { pos, len };
    return syscall(CACHESTAT_CALL, fd, &range, out, 0) == 0;
}

bool cache_runs(void)
{
    int fd = memfd_create("shardlog-probe", MFD_CLOEXEC);
    struct cache_state state;
    bool runs = fd >= 0 && cache_state(fd, 0, PAGE_BYTES, &state);
    if (fd >= 0)
        close(fd);
    return runs;
}

int io_cache_open(struct io *io, int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -(int)err_from_errno(errno);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); /* a refusal costs memory only */
    io_fd_forget(io, fd);
    return fd;
}

bool io_cache_holds(struct io *io, int fd, uint64_t pos, uint64_t len)
{
    (void)io;
    struct cache_state state;
    uint64_t from = pos / PAGE_BYTES, to = (pos + len + PAGE_BYTES - 1) / PAGE_BYTES;
    return cache_state(fd, pos, len, &state) && state.resident >= to - from;
}

bool io_cache_lacks(struct io *io, int fd, uint64_t pos, uint64_t len)
{
    (void)io;
    struct cache_state state;
    return cache_state(fd, pos, len, &state) && state.resident == 0;
}

/* ---- large pages ----
 *
 * The page cache is given one by a fault in a mapping that asks for huge pages, where nothing of it
 * is resident: a mapping of its first bytes is enough. MADV_RANDOM keeps the kernel from reading
 * the next one as well. But it marks the first page of what it read, and who touches that has more
 * read, behind the pages that are resident from there on: space that is not written yet, maybe, and
 * a direct write has to drop such pages first. It looks for the end of what is resident as far as
 * the read-ahead window goes. So there are large pages where that ends within one, and each is
 * touched once, for one byte at its start, before anybody else does. */

static bool number_read(const char *path, unsigned long long *out)
{
    FILE *f = fopen(path, "re");
    bool read = f && fscanf(f, "%llu", out) == 1;
    if (f)
        fclose(f);
    return read;
}

bool cache_large_runs(void)
{
    unsigned long long bytes;
    return number_read("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", &bytes) &&
           bytes == CACHE_LARGE_BYTES;
}

/* A partition has no window of its own: it is its disk's. */
static bool window_read(const struct stat *st, unsigned long long *kib)
{
    static const char *const paths[] = { "/sys/class/bdi/%u:%u/read_ahead_kb",
                                         "/sys/dev/block/%u:%u/../queue/read_ahead_kb" };
    char path[80];
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        snprintf(path, sizeof(path), paths[i], major(st->st_dev), minor(st->st_dev));
        if (number_read(path, kib))
            return true;
    }
    return false;
}

uint64_t io_cache_large(struct io *io, int fd)
{
    struct stat st;
    unsigned long long kib;
    bool may = io->features.large_pages && fstat(fd, &st) == 0 && window_read(&st, &kib) &&
               kib <= IO_WINDOW_MAX / 1024;
    return may ? CACHE_LARGE_BYTES : 0;
}

bool cache_map(struct op *op)
{
    off_t pos = (off_t)op->private_[OP_PRIVATE_LARGE];
    void *at = mmap(NULL, CACHE_MAP_BYTES, PROT_READ, MAP_SHARED, op->fd, pos);
    op->private_[MAPPING] = at == MAP_FAILED ? 0 : (uintptr_t)at;
    if (at == MAP_FAILED)
        return false;
    if (madvise(at, CACHE_MAP_BYTES, MADV_HUGEPAGE) == 0 &&
        madvise(at, CACHE_MAP_BYTES, MADV_RANDOM) == 0)
        return true;
    cache_unmap(op);
    return false;
}

void *cache_mapping(const struct op *op)
{
    return (void *)(uintptr_t)op->private_[MAPPING];
}

void cache_unmap(struct op *op)
{
    struct iovec first = { .iov_base = (char[1]){ 0 }, .iov_len = 1 };
    if (!op->private_[MAPPING])
        return;
    munmap(cache_mapping(op), CACHE_MAP_BYTES);
    op->private_[MAPPING] = 0;
    (void)preadv2(op->fd, &first, 1, (off_t)op->private_[OP_PRIVATE_LARGE], RWF_NOWAIT);
}

int cache_fill(struct op *op)
{
    if (cache_map(op)) {
        (void)madvise(cache_mapping(op), CACHE_MAP_BYTES, MADV_POPULATE_READ);
        cache_unmap(op);
    }
    return 0;
}

void io_cache_drop(struct io *io, int fd, uint64_t pos, uint64_t len)
{
    (void)io;
    (void)posix_fadvise(fd, (off_t)pos, (off_t)len, POSIX_FADV_DONTNEED);
}

/* sendfile(2) knows no MSG_DONTWAIT: it waits unless the descriptor was opened not to. That is
 * changed around the call, in which no other op of this descriptor can be started. */
int64_t net_send_file(const struct op *op)
{
    int flags = fcntl(op->fd, F_GETFL);
    bool waits = flags >= 0 && !(flags & O_NONBLOCK);
    off_t pos = (off_t)(op->pos + op->got);
    if (waits)
        (void)fcntl(op->fd, F_SETFL, flags | O_NONBLOCK);
    ssize_t sent = sendfile(op->fd, op->file, &pos, min_u64(op->len - op->got, SEND_BYTES_MAX));
    int sys = errno;
    if (waits)
        (void)fcntl(op->fd, F_SETFL, flags);
    if (sent == 0)
        return -EIO; /* the file ends before what was to be sent */
    return sent > 0 ? sent : -sys;
}
