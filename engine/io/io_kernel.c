/* io_kernel.c -- opening: io_uring where the kernel gives a ring, plain where it does not.
 *
 * What is missing never stops the program: it is named in `why`, with its cost.
 */
#include "engine/io/io_kernel_in.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static bool dsync_runs(void);

enum err io_open(struct io **io, const struct io_opts *opts)
{
    static const struct io_opts defaults;
    struct why lack = { "" };
    enum err err = ERR_UNSUPPORTED;
    if (!opts)
        opts = &defaults;
    *io = NULL;
    if (opts->plain)
        why_set(&lack, "io_uring (off by choice)");
    else if (io_masked("io_uring"))
        why_set(&lack, "io_uring (hidden by SHARDLOG_MASK)");
    else
        err = uring_open(io, opts, &lack);
    if (err == ERR_NO_MEMORY)
        return err;
    if (err != ERR_OK)
        TRY(plain_open(io, opts));
    snprintf((*io)->lack, sizeof((*io)->lack), "%.*s", (int)sizeof((*io)->lack) - 1, lack.text);
    why_set(opts->why, "%s", "");
    io_features_say(*io, opts->why);
    return ERR_OK;
}

/* O_DIRECT and fallocate belong to the file system of each store: taken as present until an open
 * or an allocation is refused. */
void kernel_probe(struct io *io)
{
    io->direct_hidden = io_masked("direct");
    io->features.direct = !io->direct_hidden;
    io->features.fallocate = !io_masked("fallocate");
    io->features.dsync = !io_masked("dsync") && dsync_runs();
    io->features.page_cache = !io_masked("page_cache") && cache_runs();
    io->features.large_pages = !io_masked("large_pages") && cache_large_runs();
}

/* Without /proc or memfd the answer is yes: a refusal is met again at the first write. */
static bool dsync_runs(void)
{
    int fd = memfd_create("shardlog-probe", MFD_CLOEXEC);
    if (fd < 0)
        return true;
    struct iovec one = { .iov_base = (char[1]){ 0 }, .iov_len = 1 };
    bool runs = pwritev2(fd, &one, 1, 0, RWF_DSYNC) == 1;
    close(fd);
    return runs;
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    check(clock_gettime(id, &t) == 0);
    return (uint64_t)t.tv_sec * SEC_NS + (uint64_t)t.tv_nsec;
}

uint64_t kernel_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

void kernel_clock(struct io *io)
{
    io->now_ns = kernel_now_ns();
    io->wall_ms = (int64_t)(clock_ns(CLOCK_REALTIME) / MS_NS);
}

uint64_t kernel_random(struct io *io)
{
    (void)io;
    uint64_t v;
    check(getrandom(&v, sizeof(v), 0) == sizeof(v)); /* up to 256 bytes are never cut short */
    return v;
}
