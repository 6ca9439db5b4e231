/* io_kernel_in.h -- what io_uring and plain share: clocks, chance, sockets, flags of system calls.
 *
 * Thread     pure functions of their arguments and the kernel; any thread.
 */
#ifndef IO_IO_KERNEL_IN_H
#define IO_IO_KERNEL_IN_H

#include "engine/io/io_in.h"

#include <netinet/in.h>

/* While I/O is in flight a wait first spins with sched_yield() for so long: acks of a disk that
 * answers in 100-200 us come 40 % sooner than by blocking at once, and the yield leaves the CPU to
 * the kernel's flush worker, which a pure spin starves for milliseconds. */
#define SPIN_NS (50 * 1000ull)

/* One wait of the kernel at most; a turn may always return early. */
#define WAIT_NS_MAX (3600 * SEC_NS)

/* Each opens one implementation. If uring_open() fails with anything but NO_MEMORY, plain is to be
 * used, and `lack` says why. */
enum err uring_open(struct io **io, const struct io_opts *opts, struct why *lack);
enum err plain_open(struct io **io, const struct io_opts *opts);

/* Features that do not depend on the ring: masked, or tried on memory-backed files. */
void kernel_probe(struct io *io);

/* raw.clock and raw.random. */
void kernel_clock(struct io *io);
uint64_t kernel_random(struct io *io);
uint64_t kernel_now_ns(void);

/* The flags of openat(2) for this attempt, and the mode of what it creates. */
int file_open_flags(const struct io *io, const struct op *op);
#define FILE_MODE 0640

/* True if a sync of `fd` must be fsync(2): for directories fdatasync(2) may leave names behind. */
bool file_sync_all(int fd);

/* Grows the file to `len` without blocks, where fallocate is missing. 0 or a negative errno. */
int file_grow(int fd, uint64_t len);

/* io_net.c: an address as system calls take it; returns its length. */
union net_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};
uint32_t net_address_to(const struct io_address *a, union net_address *out);

/* A socket for a connection to, or a listener at, `a`. A descriptor or a negative errno. */
int net_socket(const struct io_address *a, bool nonblocking);

/* One attempt of an io_recv_any that waits for nothing: bytes, 0 at the end, or a negative errno.
 * ENOBUFS: the pool is empty. */
int64_t net_recv_any(struct io *io, struct op *op);

/* One attempt of an io_send_file that waits for nothing but the disk: bytes, or a negative errno.
 */
int64_t net_send_file(const struct op *op);
bool cache_runs(void);       /* features.page_cache */
bool cache_large_runs(void); /* features.large_pages */

/* IO_FILL, the first step of an io_read_large(): the start of the large page is mapped, which may
 * fail; that is populated (MADV_POPULATE_READ), which reads all of it; the mapping is given back.
 */
#define CACHE_LARGE_BYTES MIB(2)
#define CACHE_MAP_BYTES   4096u
bool cache_map(struct op *op);
void *cache_mapping(const struct op *op);
void cache_unmap(struct op *op);
int cache_fill(struct op *op); /* all three; 0 */

/* raw.shutdown. */
void net_shutdown(struct io *io, int fd, bool both);

#endif
