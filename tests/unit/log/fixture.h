/* fixture.h -- a small store in the simulator for the tests of engine/log.
 *
 * Every verb that waits turns the store and lets simulated time pass until it is done. What was
 * appended is kept in a book per partition, so that a test can demand it back by content:
 * fixture_verify() reads the whole partition and compares every byte but the leader epoch.
 *
 * Partitions are named by their place in fixture.books: 0..BOOKS-1.
 */
#ifndef TESTS_UNIT_LOG_FIXTURE_H
#define TESTS_UNIT_LOG_FIXTURE_H

#include "engine/io/sim.h"
#include "engine/log/capture.h"
#include "engine/log/checkpoint.h"
#include "engine/log/commit.h"
#include "engine/log/grow.h"
#include "engine/log/naming.h"
#include "engine/log/recovery.h"
#include "engine/log/store_in.h"
#include "engine/log/tail.h"
#include "tests/test.h"

#define FIXTURE_DIR "/disk0"
#define BOOKS       40u

struct sent { /* one append */
    struct append a;
    uint8_t *bytes;
    bool done;
};

struct book { /* what a partition must hold, in order */
    struct sent **at;
    uint32_t count, cap;
};

struct fixture {
    struct sim *sim;
    struct sim_node *node;
    struct io *io;
    int dir;
    int fds; /* fixture_fds() before the store was opened: an orderly stop leaves no other */
    struct geometry geometry;
    struct store_opts opts;
    struct store *store;
    struct why why;
    bool lends; /* reads take what is not copied; got.r.batches.at is a copy of it all the same */
    struct book books[BOOKS];
    uint64_t seed;
    bool bent; /* the test changed tables by hand: audit.h does not hold for them */
    bool hurt; /* the disk holds what the books do not have: the test judges it alone */
};

/* The geometry and options of fixture_open(): 512 KiB ring, entries of 64 KiB, extents of 16 to
 * 256 KiB, volumes of 4 slabs, batches of at most 128 KiB; direct runs from 16 KiB on. */
void fixture_init(struct fixture *f, uint64_t seed);
void fixture_boot(struct fixture *f); /* an io and the directory */
enum err fixture_create(struct fixture *f);
enum err fixture_start(struct fixture *f); /* store_open */
void fixture_make(struct fixture *f);      /* boot, create, start; must succeed */
int fixture_fds(struct fixture *f); /* the free descriptors, as a sum: who leaks one changes it */
void fixture_open(struct fixture *f, uint64_t seed); /* init, boot, create, start; must succeed */
void fixture_open_still(struct fixture *f, uint64_t seed); /* the same; no entries but the test's */
/* Ends the machine, and looks once more at what it leaves: see last_look(). */
void fixture_close(struct fixture *f);
/* Stops in order: checkpoint, close. */
void fixture_stop(struct fixture *f);
/* For a stop that a test orders itself: its arg is a bool, which becomes true. */
void fixture_stopped(struct store_stop *stop);
/* The machine ends and comes back; the store is not open. Forgets what the book had in flight. */
void fixture_crash(struct fixture *f, enum sim_end end);
/* fixture_crash, then fixture_start, which must succeed. */
void fixture_again(struct fixture *f, enum sim_end end);
void fixture_stop_again(struct fixture *f); /* the same with an orderly stop */

/* One turn of store and io, and time up to the next thing that happens; false: nothing can. */
bool fixture_turn(struct fixture *f);
bool fixture_until(struct fixture *f, const bool *done);
void fixture_pass(struct fixture *f, uint64_t ns);
/* Turns until nothing is queued or in flight and no volume is being prepared. */
void fixture_settle(struct fixture *f);
void fixture_checkpoint(struct fixture *f); /* a whole one, from now on */

/* Partitions. */
struct id16 fixture_topic(uint32_t book);
struct part *fixture_part(struct fixture *f, uint32_t book); /* NULL: none */
struct part *fixture_add(struct fixture *f, uint32_t book);
enum err fixture_drop(struct fixture *f, uint32_t book);
enum err fixture_trim(struct fixture *f, uint32_t book, uint64_t off);
enum err fixture_seal(struct fixture *f, uint32_t book);

/* Appends. A batch of exactly `bytes` (70 or more), `count` records, all of `time`. */
struct spec {
    uint32_t bytes, count; /* 0: 200 bytes, 1 record */
    int64_t time;          /* 0: 1000 */
    enum durability want;  /* MEMORY means SYNCED here: see memory */
    bool memory;           /* want DURABILITY_MEMORY */
    bool gap;              /* at_off is set */
    uint64_t at_off;
    bool produced; /* by an idempotent producer: */
    int64_t producer;
    int16_t epoch;
    int32_t sequence;
};
/* Into `at`, which has room for 64 bytes more. */
struct bytes fixture_batch(uint8_t *at, struct spec spec, struct rng *r);
struct sent *fixture_send(struct fixture *f, uint32_t book, struct spec spec);
/* Sends and waits; the error of the append. */
enum err fixture_append(struct fixture *f, uint32_t book, struct spec spec);
/* `n` appends of `bytes` each, waited for one by one; all must succeed. */
void fixture_fill(struct fixture *f, uint32_t book, uint32_t n, uint32_t bytes);

/* Reads. */
struct got {
    struct read r;
    bool done;
};
void fixture_read(struct fixture *f, struct got *g, uint32_t book, uint64_t off,
                  uint32_t bytes_max);
/* The whole partition equals its book from the log start on; every second read lends. Failures
 * print the caller's line. */
#define fixture_verify(f, book, bytes_max) \
    fixture_verify_at(f, book, bytes_max, UINT64_MAX, __FILE__, __LINE__)
/* The same, but the book only reaches to `end`. */
#define fixture_verify_to(f, book, bytes_max, end) \
    fixture_verify_at(f, book, bytes_max, end, __FILE__, __LINE__)
void fixture_verify_at(struct fixture *f, uint32_t book, uint32_t bytes_max, uint64_t end,
                       const char *file, int line);
/* The offset that part_time_find() answers with, or minus the error. */
int64_t fixture_find(struct fixture *f, uint32_t book, int64_t time);

/* From now on the tails file cannot grow: a checkpoint that wants a pair of slots waits. Until
 * sim_fault_clear(). */
void fixture_slots_refused(struct fixture *f);
/* Flips one bit of a file behind the store's back. */
void fixture_flip(struct fixture *f, const char *name, uint64_t pos);

#endif
