/* io.h -- the only door to the world: disk, time, chance, other threads' wake-ups.
 *
 * One contract, three implementations chosen at link time:
 *   io_uring   (falls back to plain at run time where the kernel refuses a ring, and says so)
 *   plain      pwrite/pwritev2, poll, a small worker pool
 *   simulator  engine/io/sim.h: a seeded world of nodes, clocks and lying disks
 * Connections have a page of their own: engine/io/socket.h.
 *
 * An I/O in flight is a `struct op` inside its owner. Starting one never runs a callback; `done`
 * runs later, once, from io_turn() or io_wait(). Between the two `op.busy` is true: do not move,
 * free or reuse the op or its buffer. Submission happens once per turn, or earlier by io_push().
 *
 * Full or failed: reads and writes that come back short, or with EINTR/EAGAIN, are resubmitted
 * here until they are complete; a result of 0 before the end is an error for a write and the end
 * of the file for a read. So `done` sees all bytes, or an error, or (reads only) fewer bytes at
 * the end of the file.
 *
 * Thread     one io belongs to one thread at a time and changes hands with nothing in flight;
 *            io_wake() alone may come from any thread.
 * Memory     buffers stay the caller's; direct I/O needs buffer, length and pos in whole blocks.
 * Fails      results become `enum err` here, once; `op.sys` keeps the errno for messages.
 */
#ifndef IO_IO_H
#define IO_IO_H

#include "engine/base/err.h"
#include "engine/base/types.h"

struct io;
struct op;
struct sim_node;

typedef void io_done(struct op *op);

enum io_verb {
    IO_NONE,
    IO_READ,
    IO_WRITE,
    IO_SYNC,     /* fdatasync of a file, fsync of a directory */
    IO_OPEN,     /* openat; result is a descriptor */
    IO_ALLOCATE, /* fallocate from 0: size set, blocks unwritten, read as zeros */
    IO_RENAME,
    IO_UNLINK,
    IO_ACCEPT, /* from here on: engine/io/socket.h */
    IO_CONNECT,
    IO_RECV,
    IO_RECV_ANY,
    IO_SEND,
    IO_SEND_FILE,
    IO_FILL, /* no verb of an op: the first step of io_read_large() */
    IO_VERB_COUNT
};

/* Where in the source an I/O is started. The linker gathers all of them between
 * __start_io_sites and __stop_io_sites, so that the fault sweep can prove it visited each. */
struct io_site {
    const char *file;
    int line;
    enum io_verb verb;
};

struct op {
    const struct io_site *site;
    io_done *done;
    void *buf;                  /* send: the iovecs; connect: the address */
    const char *name, *name_to; /* open, rename, unlink: borrowed until done */
    uint64_t pos;               /* send: number of iovecs */
    uint64_t len;
    uint64_t got; /* valid in done: bytes moved; open, accept, connect: the descriptor */
    enum err err; /* valid in done */
    int sys;      /* valid in done: errno, 0 when none */
    int fd;       /* file, or directory for open/rename/unlink */
    int file;     /* send_file: what is sent */
    uint32_t flags;
    uint8_t verb;
    bool busy;            /* set by the start, cleared just before done runs */
    uint8_t tries;        /* io's: attempts in a row without progress */
    uint8_t stage;        /* io's: enum op_stage */
    struct op *next;      /* io's */
    uint64_t private_[4]; /* io's */
};

/* Flags of io_write. */
#define IO_DSYNC 1u /* durable, itself only, when done runs without error (RWF_DSYNC) */
/* Flags of io_open_file. */
#define IO_CREATE    2u /* create; EXISTS if it is there */
#define IO_DIRECT    4u /* O_DIRECT where the file system has it */
#define IO_READONLY  8u
#define IO_DIRECTORY 16u

struct io_opts {
    struct sim_node *node; /* simulator only: whose clock and disks */
    uint32_t queue_depth;  /* operations in flight at most, sockets apart; 0: 512 */
    bool plain;            /* kernel only: do not try io_uring */
    struct why *why;       /* may be NULL: what is missing, and what that costs */
    /* The pool of io_recv_any(), taken from the system when that is first used. */
    uint32_t recv_buffers;      /* 32,768 at most; 0: IO_RECV_BUFFERS */
    uint32_t recv_buffer_bytes; /* 0: IO_RECV_BUFFER_BYTES */
};
#define IO_RECV_BUFFERS      64u
#define IO_RECV_BUFFER_BYTES KIB(64)

/* What the probe at start found; SHARDLOG_MASK=name,... hides features by these names. */
struct io_features {
    bool io_uring;      /* "io_uring" */
    bool defer_taskrun; /* "defer_taskrun": SINGLE_ISSUER | DEFER_TASKRUN */
    bool dsync;         /* "dsync": RWF_DSYNC */
    bool direct;        /* "direct": O_DIRECT, known after the first direct open */
    bool fallocate;     /* "fallocate" */
    bool msg_ring;      /* "msg_ring" */
    bool recv_ring;     /* "recv_ring": the kernel chooses the buffer of io_recv_any() */
    bool page_cache;    /* "page_cache": io_cache_holds() can tell, so io_send_file() is of use */
    bool large_pages;   /* "large_pages": io_cache_large() may have an answer */
};

enum err io_open(struct io **io, const struct io_opts *opts);
void io_close(struct io **io); /* nothing may be in flight; closes no descriptors; NULL is fine */
struct io_features io_features(const struct io *io);
/* One line per missing feature: what it is and what that costs. Appends to why. */
void io_features_say(const struct io *io, struct why *why);

/* Starting an operation. `io`, `op` and everything named stay valid until done. */
#define IO_SITE(verb_)                                                                           \
    ({                                                                                           \
        static const struct io_site site_ = { __FILE__, __LINE__, verb_ };                       \
        static const struct io_site *const site_at_ __attribute__((section("io_sites"), used)) = \
            &site_;                                                                              \
        (void)site_at_;                                                                          \
        &site_;                                                                                  \
    })

#define io_read(io, op, fd, buf, len, pos, done) \
    io_read_at(IO_SITE(IO_READ), io, op, fd, buf, len, pos, done)
#define io_read_large(io, op, fd, buf, len, pos, large, done) \
    io_read_large_at(IO_SITE(IO_READ), io, op, fd, buf, len, pos, large, done)
#define io_write(io, op, fd, buf, len, pos, flags, done) \
    io_write_at(IO_SITE(IO_WRITE), io, op, fd, buf, len, pos, flags, done)
#define io_sync(io, op, fd, done) io_sync_at(IO_SITE(IO_SYNC), io, op, fd, done)
#define io_open_file(io, op, dir, name, flags, done) \
    io_open_file_at(IO_SITE(IO_OPEN), io, op, dir, name, flags, done)
#define io_allocate(io, op, fd, len, done) \
    io_allocate_at(IO_SITE(IO_ALLOCATE), io, op, fd, len, done)
#define io_rename(io, op, dir, from, to, done) \
    io_rename_at(IO_SITE(IO_RENAME), io, op, dir, from, to, done)
#define io_unlink(io, op, dir, name, done) io_unlink_at(IO_SITE(IO_UNLINK), io, op, dir, name, done)

void io_read_at(const struct io_site *, struct io *, struct op *, int fd, void *buf, uint64_t len,
                uint64_t pos, io_done *done);
void io_read_large_at(const struct io_site *, struct io *, struct op *, int fd, void *buf,
                      uint64_t len, uint64_t pos, uint64_t large, io_done *done);
void io_write_at(const struct io_site *, struct io *, struct op *, int fd, const void *buf,
                 uint64_t len, uint64_t pos, uint32_t flags, io_done *done);
void io_sync_at(const struct io_site *, struct io *, struct op *, int fd, io_done *done);
void io_open_file_at(const struct io_site *, struct io *, struct op *, int dir, const char *name,
                     uint32_t flags, io_done *done);
void io_allocate_at(const struct io_site *, struct io *, struct op *, int fd, uint64_t len,
                    io_done *done);
void io_rename_at(const struct io_site *, struct io *, struct op *, int dir, const char *from,
                  const char *to, io_done *done);
void io_unlink_at(const struct io_site *, struct io *, struct op *, int dir, const char *name,
                  io_done *done);

/* Hands what was started to the kernel now instead of with the next turn, waits for nothing and
 * runs no done. For writes that are worth a system call of their own because the rest of a long
 * turn would keep the disk waiting. */
void io_push(struct io *io);

/* One turn: submit what was started, wait at most `wait_ns` (0: do not wait) for a completion or
 * a wake-up, move completions to a queue, run their dones. Returns how many dones ran. */
uint32_t io_turn(struct io *io, uint64_t wait_ns);

/* Runs turns until `op` is not busy. For start-up and tools, where code reads top-down; dones of
 * other operations run too. `done` of op itself may be NULL for operations waited for. */
enum err io_wait(struct io *io, struct op *op);

uint32_t io_inflight(const struct io *io);       /* operations started and not done */
uint32_t io_inflight_files(const struct io *io); /* those that the disk, not a peer, will end */

uint64_t io_now_ns(const struct io *io); /* monotonic, read once per turn */
int64_t io_wall_ms(const struct io *io); /* since 1970, read once per turn; may jump */
uint64_t io_random(struct io *io);       /* unpredictable in production, seeded in simulation */

/* Makes a waiting or future io_turn() return early. Any thread. */
void io_wake(struct io *io);

/* Control plane: short, blocking, for start-up and tools. */

/* Opens directory `path`; IO_CREATE makes it (and syncs its parent) if it is missing.
 * Returns a descriptor or a negative enum err. */
int io_dir_open(struct io *io, const char *path, uint32_t flags, struct why *why);
/* Calls each() for every name but "." and "..", in an unspecified order. */
enum err io_dir_list(struct io *io, int dir, void (*each)(const char *name, void *arg), void *arg);
void io_fd_close(struct io *io, int fd);

struct io_stat {
    uint64_t bytes;      /* size */
    uint64_t device;     /* st_dev */
    uint64_t free_bytes; /* of the file system, for an ordinary user; UINT64_MAX: not told */
    uint32_t fs_magic;   /* statfs f_type */
    /* Proven list (ext4, XFS), and writes of this descriptor pass the page cache by: what completed
     * in written blocks survives a kernel crash, and a sync of another such file covers it. */
    bool sync_covers_device;
    bool past_cache; /* writes of this descriptor pass the page cache by, as far as the kernel tells
                      */
};
enum err io_fd_stat(struct io *io, int fd, struct io_stat *out);

/* Takes an exclusive flock on the descriptor, waiting up to wait_ns: writes of a killed process
 * keep it busy until the last one has landed (docs/STORE.md A3). LOCKED when time runs out. */
enum err io_fd_lock(struct io *io, int fd, uint64_t wait_ns);

/* A file read through the page cache, beside descriptors that pass it by: only for bytes that are
 * not written meanwhile, by nobody. What is read once is resident until the kernel needs the
 * memory, or a direct write of it, or io_cache_drop(). No read-ahead.
 *
 * Bytes that lie in one piece of memory cost less to send and to receive. io_read_large() first has
 * the io_cache_large() bytes at `large` brought in, where none of them is resident: as one large
 * page, if the kernel finds memory for that, and nothing beyond them. A thread of the kernel's
 * waits for the disk, of those that syncs need too: so a few at a time. With IO_NOT_LARGE, and
 * where it cannot be done, which is no failure, the read is as any. */

/* Opens `name` of `dir` for that, read-only; a descriptor or a negative enum err. Short, blocking.
 */
int io_cache_open(struct io *io, int dir, const char *name);
/* All of these bytes are resident now: a read, or io_send_file(), will not wait for the disk. False
 * without features.page_cache. */
bool io_cache_holds(struct io *io, int fd, uint64_t pos, uint64_t len);
/* None of them is. False without features.page_cache. */
bool io_cache_lacks(struct io *io, int fd, uint64_t pos, uint64_t len);
void io_cache_drop(struct io *io, int fd, uint64_t pos, uint64_t len);
/* Bytes of a large page, at multiples of itself; 0: there are none for this file, since the kernel,
 * or read-ahead of its device over more than IO_WINDOW_MAX, stands against it. Short, blocking. */
uint64_t io_cache_large(struct io *io, int fd);

#define IO_WINDOW_MAX MIB(1)
#define IO_NOT_LARGE  UINT64_MAX

/* Memory for direct I/O: block-aligned, not zeroed. NULL when the system has none. */
void *io_buffer_take(uint64_t bytes);
void io_buffer_give(void *at);
/* Whole blocks of a buffer go back to the system and are lost; touched again, they are zeros. */
void io_buffer_rest(void *at, uint64_t bytes);

#endif
