/* io_cache.c -- the page cache of the kernel: files opened to be read through it, what of them is
 * resident, and sendfile(2), which sends it without a copy through this program. */
#include "engine/io/io_kernel_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CACHESTAT_CALL 451    /* since Linux 6.5; headers of this age do not name it */
#define SEND_BYTES_MAX MIB(1) /* of one call: a turn has other work */
#define PAGE_BYTES     4096ull

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
