/* store.h -- a store: a directory with a journal, an image, tail slots and volume files.
 *
 * What callers get: partitions that take record batches and give them back; one group commit for
 * all of them; acks that say exactly what they bought. A store knows nothing of topics' names,
 * threads or requests.
 *
 * Owner      a shard (or a tool); opened on its io.
 * Thread     the io's thread only.
 * Memory     tail buffers up to opts.tail_bytes; tables grow with partitions and extents.
 * Invariant  a byte is acknowledged `synced` only after a sync submitted after its write's
 *            completion returned 0 (docs/ARCHITECTURE.md, rules 1 to 11).
 * Fails      a failed write or sync poisons the store: ERR_POISONED for appends from then on,
 *            reads go on; only closing and opening again clears it.
 *
 * Requests (struct part_request, append, read) live in the caller, are busy from the call until
 * their `done` runs, and `done` never runs inside the call.
 */
#ifndef LOG_STORE_H
#define LOG_STORE_H

#include "engine/base/batch.h"
#include "engine/base/list.h"
#include "engine/base/map.h"
#include "engine/io/io.h"
#include "engine/log/format.h"

struct store;
struct part;

/* ---- making, opening, closing ---- */

struct store_create {
    struct id16 store, cluster; /* zero store id: drawn at random */
    uint32_t node;
    struct geometry geometry; /* zero fields: production defaults (geometry_default) */
};
struct geometry geometry_default(void); /* 256 MiB journal, 64 KiB..64 MiB extents, 1 GiB volumes */

/* Makes the files in directory `dir` (a descriptor). Crash-safe: until the last step the directory
 * is not a store, and a half-made one is made again. EXISTS if a store is there, LOCKED while
 * another process makes one; `dir` is locked until it is closed. Blocks. */
enum err store_create(struct io *io, int dir, const struct store_create *c, struct why *why);

/* Memory that reads hold, until read_give(): taken before a read has it. A read that finds too
 * little waits, and clients take turns. One for all stores of a thread. */
struct read_budget {
    uint64_t max, used; /* bytes; max 0: no limit */
    struct map clients; /* read.client -> who holds or waits */
    struct list ring;   /* clients that wait; empty: nobody does */
    bool given;         /* since they were looked at */
};
void read_budget_open(struct read_budget *b, uint64_t max);
void read_budget_close(struct read_budget *b);

struct store_opts {
    uint64_t tail_bytes;    /* memory for the newest bytes; 0: 512 MiB. At least 4 x batch_max */
    uint64_t space_max;     /* bytes of volume files at most; 0: what the file system has */
    uint32_t direct_min;    /* runs from this size go straight to their extent; 0: 32 KiB */
    uint64_t direct_flight; /* direct bytes in flight at most; 0: 2 MiB */
    uint64_t lock_wait_ns;  /* wait for a previous owner's late writes; 0: 10 s */
    uint64_t seal_idle_ns;  /* idle time until a SEAL vouches for the last entry; 0: 50 ms */
    uint32_t zero_ahead;    /* slabs kept zeroed in advance; 0: 2 */
    uint32_t producers_max; /* idempotent producers of all partitions; 0: 262,144 */
    int64_t producer_expiry_ms; /* silence after which one is forgotten; 0: 24 h */
    bool verify_always; /* every byte from disk is checked as it is given: none is lent out of
                         * the page cache */
    bool read_only;     /* tools: no lock, no OPEN, nothing is written */
    bool salvage;       /* tools: goes on where recovery refuses, see repair.h */
    struct read_budget *reads; /* NULL: no limit */
};

/* What recovery found, for banners, `shardlog check` and tests. */
struct store_report {
    uint64_t entries; /* replayed */
    uint64_t entry_bytes;
    uint64_t cut_pos; /* ring position of the cut */
    char verdict;     /* letter of the recovery table (recovery.h) */
    uint32_t parts, parts_damaged;
    uint32_t healed; /* image pages that came from the other copy */
    uint64_t open_ns;
    uint64_t sync_ns; /* how long the sync of the OPEN entry took; 0: read-only */
};

/* Locks, recovers, writes OPEN and syncs it; then serves. Blocks (start-up). On failure *out is
 * NULL and `why` says what happened, where, and what to do. */
enum err store_open(struct store **out, struct io *io, int dir, const struct store_opts *opts,
                    struct why *why);
const struct store_report *store_report(const struct store *s);
const struct identity *store_identity(const struct store *s);
/* Planned: the tails, the entry being built, zeros for new volumes. Partitions and extents come
 * beside. */
uint64_t store_memory_bytes(const struct store *s);
uint64_t store_opening(const struct store *s);
uint32_t store_epoch(const struct store *s);

/* Finishes what is queued, writes a checkpoint, then `done`; appends are refused (CLOSED). Where
 * the disk has no room for the checkpoint, the next opening replays the journal instead; where the
 * journal has none for what is queued, it waits for space. */
struct store_stop {
    void (*done)(struct store_stop *);
    enum err err;
    void *arg;
};
void store_stop(struct store *s, struct store_stop *stop);
/* Frees everything at once; I/O in flight must be over (stopped) or its machine dead. NULL is fine.
 */
void store_close(struct store **s);

/* One slice of the store's own work (commit, checkpoint, growth, timers). Called once a turn. */
void store_turn(struct store *s);
/* When it wants the next store_turn() although nothing completes; UINT64_MAX: never. */
uint64_t store_due_ns(const struct store *s);

bool store_poisoned(const struct store *s, struct why *why);

/* ---- partitions ---- */

/* A change of the tables; done when its row is synced. */
struct part_request {
    void (*done)(struct part_request *);
    enum err err;
    struct part *part; /* add: the partition, old or new */
    void *arg;
    struct node node; /* store's */
    struct row row;   /* store's */
    uint64_t seq;     /* store's: the entry that carries the row */
};

/* Adds (topic, index), or finds it: idempotent, and done only when its row is durable. */
void part_add(struct store *s, struct part_request *r, struct id16 topic, uint32_t index);
/* Durable tombstone; queued appends and reads end with NOT_FOUND, space returns when no I/O pins
 * it. */
void part_drop(struct part *p, struct part_request *r);
/* Moves the log start to `off` (<= log end; lower than the current start: no-op) and frees extents
 * wholly below it. Visible to readers at once, durable when done. */
void part_trim(struct part *p, struct part_request *r, uint64_t off);
/* Seals the open extent now (age retention of idle partitions). No-op when it is empty. */
void part_seal(struct part *p, struct part_request *r);

struct part *part_find(struct store *s, struct id16 topic, uint32_t index); /* NULL: none */
uint32_t store_part_count(const struct store *s); /* numbers 0..count-1, free ones included */
struct part *store_part_at(struct store *s, uint32_t number); /* NULL: free */

/* Who reads a record when: set after open and add; SYNCED until set. */
void part_durability_set(struct part *p, enum durability d);

struct part_state_info {
    struct id16 topic;
    uint32_t index, number;
    uint64_t start_off;   /* first offset kept */
    uint64_t visible_off; /* readers see offsets below this (high watermark = last stable offset) */
    uint64_t next_off;    /* the next append's offset */
    uint64_t synced_off;  /* offsets below this survive a power cut */
    uint64_t bytes;       /* of batches kept */
    uint64_t disk_bytes;  /* of extents owned */
    uint32_t extents;
    uint32_t leader_epoch;
    bool damaged;
    bool parked; /* appends wait for memory, space or a tail: next_off will move by itself */
    uint64_t damaged_off;
    int64_t max_time;   /* largest record time kept; INT64_MIN when empty */
    uint32_t producers; /* idempotent ones that are remembered */
};
struct part_state_info part_info(const struct part *p);

/* Leader epochs, oldest first; the epoch of an offset is the last row with start_off <= it. */
struct part_epoch {
    uint32_t epoch;
    uint64_t start_off;
};
uint32_t part_epochs(const struct part *p, const struct part_epoch **rows);

/* Retention, as facts for whoever decides: extents oldest first. */
struct part_extent_info {
    uint64_t base_off, end_off; /* offsets it holds: [base_off, end_off) */
    uint64_t bytes;             /* on disk */
    int64_t max_time, max_append;
    bool sealed;
};
bool part_extent_at(const struct part *p, uint32_t i, struct part_extent_info *out);

/* ---- append ---- */

/* A batch with a producer id is compared with what is known of its producer (producer.h) when its
 * turn comes: the same batch again is answered with where it is (`duplicate`), and with BUSY while
 * less durable than wanted; SEQUENCE: one before it is missing, or it is too old to be told apart;
 * FENCED: a newer epoch of the producer was seen. Not with at_off: a replica takes what is so. */
struct append {
    void (*done)(struct append *);
    void *arg;
    struct bytes batch; /* one, verified by the caller (batch_verify), with nothing behind it
                         * (BAD_BATCH); copied before the call returns,
                         * or, when memory is short, borrowed until done: `borrowed` says so */
    const struct batch_sums *sums; /* of the batch where it lies, or NULL; given up by the call */
    int64_t max_time;              /* from batch_verify */
    uint32_t count;                /* offsets it takes: last offset delta + 1 */
    enum durability want;
    bool timed;      /* its records have the time of appending, max_time: append_ms is that */
    bool reserve;    /* a small record that leads to space, as a topic's end does: may use what is
                      * kept for such, see docs/STORE.md B8 */
    bool at_off_set; /* place at `at_off` >= next_off instead (replication, compaction: gaps) */
    uint64_t at_off;
    bool borrowed; /* batch.at may be moved to a copy of it while this is true */
    /* Results, valid in done. */
    enum err err;
    enum durability bought;
    uint64_t base_off;
    int64_t append_ms; /* wall clock when it was placed; or see `timed` */
    bool duplicate;    /* it was here already: base_off and append_ms are those of then */
    /* Store's. */
    struct node node;
    struct part *part;
    uint64_t end_pos, end_off;
};
/* Answers come in the order of appends, but that a small one may pass a large one. */
void part_append(struct part *p, struct append *a);
/* Where in a block the partition's next batch begins, as far as can be told now: for a batch's
 * sums. [0, BLOCK_BYTES). */
uint32_t part_append_phase(const struct part *p);

/* ---- read ---- */

/* What a read's batches are made of where nothing was copied. */
#define READ_PIECES_MAX 12u
struct chunk;
struct extent;
struct read_lent {
    uint32_t count; /* of pieces: memory, one behind the other */
    struct bytes pieces[READ_PIECES_MAX];
    struct chunk *chunks[READ_PIECES_MAX]; /* store's */
    /* Or a file: batches.len bytes from `pos` on, checked and in the page cache. */
    int fd; /* -1: none */
    uint64_t pos;
    struct extent *extent; /* store's */
};

struct read {
    void (*done)(struct read *);
    void *arg;
    uint64_t off;        /* first offset wanted */
    uint32_t bytes_max;  /* stop before this many bytes, but give at least one batch */
    uint64_t client;     /* for whom: see read_budget */
    bool beyond_visible; /* up to the log end, not only what readers may see (recovery, tools) */
    bool lends;          /* batches.at may be NULL: then `lent` says where they are */
    /* Results, valid in done: whole batches; the first one contains `off` or starts after it (gap).
     * Empty at the visible end. The memory is the caller's until read_give(). */
    enum err err; /* OFFSET_RANGE, CORRUPT (found, not served), DAMAGED, IO, NO_MEMORY */
    struct bytes batches;
    uint64_t next_off; /* where the next read goes on */
    uint64_t bad_pos;  /* CORRUPT: byte position of the run that does not verify */
    struct read_lent lent;
    /* Store's. */
    struct node node;
    struct part *part;
    struct store *store;
    struct op op;
    void *buf;
    uint64_t buf_bytes;
    uint64_t stop_pos;    /* the batches given end here at the latest; 0: anywhere */
    uint64_t from_extent; /* extents that begin below this offset have nothing for it */
    void *plan;           /* while an I/O is in flight */
    uint64_t least;       /* bytes that the first batch is known to need */
    struct node waits;    /* for `wants` bytes of the budget */
    uint64_t wants, charged;
    bool woken;
};
void part_read(struct part *p, struct read *r);
/* Frees the memory of a finished read, or returns what was lent, in the store's thread and before
 * the store is closed; again is fine. */
void read_give(struct read *r);

/* The first record at or after time_ms: its offset and time. done with NOT_FOUND when all are
 * older. Compressed batches answer with their first offset. */
struct time_find {
    void (*done)(struct time_find *);
    void *arg;
    int64_t time_ms;
    enum err err;
    uint64_t off; /* results */
    int64_t found_ms;
    struct part *part; /* store's, as are the rest */
    struct store *store;
    struct node node;
    struct read read;
};
void part_time_find(struct part *p, struct time_find *f);

/* ---- figures ---- */

struct store_counts {
    uint64_t entries, entry_bytes, direct_bytes, behind_bytes, image_bytes, slot_bytes;
    uint64_t commits, syncs, checkpoints, laps, appends, append_bytes, reads_hot, reads_cold;
    uint64_t lent_bytes;                         /* read out of tail memory without a copy */
    uint64_t cache_load_bytes, cache_lent_bytes; /* checked in, read out of, the page cache */
    uint64_t cache_gone; /* pieces that were checked, and not resident when they were wanted */
    uint64_t extents_used, extents_freed, extents_reused, vols_made, vols_removed;
    uint64_t runs_unwritten; /* direct runs into unwritten blocks */
    uint64_t checkpoint_beside_direct, slot_flips;
    uint64_t tail_bytes, journal_used, space_bytes, space_free_bytes;
    uint64_t producers, producer_bytes; /* idempotent ones remembered, and their memory */
};
struct store_counts store_counts(const struct store *s);

#endif
