/* sim.h -- a seeded world: N nodes, each with its own clock and disks, behind io.h.
 *
 * Everything runs in one thread. A run is a function of its seed: the same calls in the same
 * order give the same trace hash, whatever the compiler and the build.
 *
 * What a disk can do here:
 *   - a volatile device cache: a completed write is on media only after a flush that began after
 *     its completion; at power loss each 512 B sector of what was not flushed is kept or dropped
 *   - blocks are hole, unwritten or written: a completed direct write to an unwritten block reads
 *     as zeros after power loss or kernel crash unless that file was synced since
 *   - names and sizes are durable only after a sync of the directory / file
 *   - writes of a killed process land late, in any order, until the lock is granted to another
 *   - variants drawn per disk: dsync = write + flush, or FUA (itself only); a sync flushes the
 *     whole device, or this file only (then io_fd_stat() says sync_covers_device = false)
 *   - page cache beside O_DIRECT; short I/O, EINTR; errors with partial effect; ENOSPC; slow and
 *     stuck I/O
 *   - a failed sync: the device may have lost any completed write since its last flush, and reads
 *     tell; the next sync succeeds all the same
 *
 * What a network can do here:
 *   - calls, bytes and resets take time, drawn for each connection; bytes arrive in pieces of any
 *     size, cut and joined, in order; a connection holds a bounded number of them
 *   - connections are cut, by chance or by order: both ends see RESET, and what was under way is
 *     lost. The peers of a machine that ended see the same
 *   - a call to a dead process is REFUSED, to a dead machine UNREACHABLE
 *   Node i has the address 10.0.0.<i+1>, and loopback as any machine has.
 *
 * What a program can do wrong here:
 *   - overlapping writes in flight, and buffers that change while in flight, are caught by check()
 */
#ifndef IO_SIM_H
#define IO_SIM_H

#include "engine/base/rng.h"
#include "engine/io/io.h"
#include "engine/io/socket.h"

struct sim;
struct sim_node;

/* How a machine ends. Its ios are dead afterwards: operations in flight never complete. */
enum sim_end {
    SIM_KILL,   /* process gone; page cache, device and kernel live; writes in flight land later */
    SIM_KERNEL, /* device keeps what completed; unsynced file-system metadata is lost */
    SIM_POWER,  /* the device's volatile cache is lost, sector by sector */
};

struct sim_opts {
    uint64_t seed;
    uint32_t nodes;             /* 0: 1 */
    uint64_t disk_bytes;        /* per node; 0: unlimited. ENOSPC beyond */
    uint32_t short_per_million; /* short reads and writes */
    uint32_t again_per_million; /* EINTR/EAGAIN */
    uint32_t error_per_million; /* EIO on reads, writes, syncs: off by default */
    uint32_t slow_per_million;  /* an I/O that takes 1-100 ms */
    uint32_t stuck_per_million; /* an I/O that takes 30 s */
    uint32_t cut_per_million;   /* a connection that is cut when it is used: off by default */
    uint64_t large_bytes;       /* of a large page of the page cache; 0: 32 KiB */
    bool hash_buffers;          /* compare write buffers at submit and completion */
};

struct sim *sim_open(const struct sim_opts *opts);
void sim_close(struct sim **sim);
struct sim_node *sim_node(struct sim *sim, uint32_t i);
struct rng *sim_rng(struct sim *sim); /* for the driver's own choices; part of the trace */

/* Advances to the next event (a completion, a wake-up, a crash ordered, or the earliest wait_ns
 * deadline that an io_turn() asked for), at most to `until_ns`. Returns false when nothing can
 * happen before that; time is then until_ns, but for UINT64_MAX. Completions are delivered by the
 * owner's next io_turn(). */
bool sim_step(struct sim *sim, uint64_t until_ns);
uint64_t sim_now_ns(const struct sim *sim);

/* Ends the node now, or at a moment inside a later sim_step()/io_wait(). */
void sim_crash(struct sim_node *n, enum sim_end end);
void sim_crash_at(struct sim_node *n, uint64_t at_ns, enum sim_end end);
/* Ends the node just before the k-th I/O start from now (k >= 1): crash points at I/O boundaries.
 */
void sim_crash_at_io(struct sim_node *n, uint64_t k, enum sim_end end);
bool sim_dead(const struct sim_node *n);
/* The machine comes back (after power or kernel: rebooted; files as they survived); new ios may be
 * opened. */
void sim_restart(struct sim_node *n);

/* Fault orders for sweeps: the next matching I/O starts of `site` (NULL: any) fail with errno
 * `sys`, `count` times (0: for ever). Returns through sim_fault_hits how many did. */
void sim_fault(struct sim_node *n, const struct io_site *site, int sys, uint64_t count);
void sim_fault_clear(struct sim_node *n);
uint64_t sim_fault_hits(const struct sim_node *n);
/* Looks on, for sweeps: is told of each start of an I/O, where an errno lets it fail (0: go on),
 * and of each end (`sys`: an errno, or 0) just before the io hears of it. One watch; NULL: none. */
struct sim_watch {
    int (*starts)(struct sim_watch *w, const struct op *op);
    void (*ends)(struct sim_watch *w, const struct op *op, int sys);
};
void sim_watch(struct sim_node *n, struct sim_watch *w);
/* Changes the chances of drawn faults (the *_per_million of opts) from now on; `opts` names no
 * other field that matters. All zero: the faults stop. */
void sim_chances(struct sim *sim, const struct sim_opts *opts);
/* Limits free space from now on (bytes used by all files); 0: unlimited. */
void sim_disk_limit(struct sim_node *n, uint64_t bytes);
/* Node n's address. */
struct io_address sim_address(const struct sim_node *n, uint16_t port);
/* Cuts every connection between a and b; b NULL: every connection of a; b == a: those within. */
void sim_cut(struct sim_node *a, struct sim_node *b);
/* Wall clock of the node jumps by ms. */
void sim_clock_jump(struct sim_node *n, int64_t ms);

/* The disk behind the program's back: bit rot, swaps, copies. Offsets in bytes; media and caches
 * alike. */
uint64_t sim_file_bytes(struct sim_node *n, const char *dir, const char *name); /* 0: none */
void sim_file_read(struct sim_node *n, const char *dir, const char *name, uint64_t pos, void *buf,
                   uint64_t len);
void sim_file_write(struct sim_node *n, const char *dir, const char *name, uint64_t pos,
                    const void *buf, uint64_t len);
void sim_file_delete(struct sim_node *n, const char *dir, const char *name);
void sim_dir_each(struct sim_node *n, const char *dir, void (*each)(const char *name, void *arg),
                  void *arg);

/* Counters since sim_open, for tests that assert that something happened. */
struct sim_counts {
    uint64_t writes, reads, syncs, write_bytes;
    uint64_t sectors_lost;   /* dropped at power loss */
    uint64_t unwritten_lost; /* blocks that read back as zeros */
    uint64_t late_writes;    /* landed after their process was killed */
    uint64_t io_starts;
    uint64_t connections;  /* made */
    uint64_t resets;       /* sides that were told of a cut */
    uint64_t stream_bytes; /* sent */
};
struct sim_counts sim_counts(const struct sim *sim);

/* A hash over every event so far. Equal seeds must give equal hashes. sim_trace() adds to it. */
uint64_t sim_hash(const struct sim *sim);
void sim_trace(struct sim *sim, uint64_t value);

#endif
