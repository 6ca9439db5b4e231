/* engine.h -- a durable log inside your program: topics of partitions of records.
 *
 *     struct sl_engine_options o = { .size = sizeof(o), .dirs = &dir, .dir_count = 1 };
 *     sl_engine_open(&engine, &o, &why);
 *     sl_topic_create(engine, "events", NULL, &why);
 *     sl_topic_open(engine, "events", &topic, &why);
 *     sl_append_wait(topic, 0, &record, 1, NULL, &appended);   -> appended.base_offset
 *     sl_fetch_wait(topic, 0, &(struct sl_fetch_options){ .size = ..., .offset = 0 }, &batches);
 *
 * Shards. An engine is a number of shards; each is one thread with its own stores, and each
 * partition belongs to one of them for as long as the engine is open. Either the library starts
 * these threads (SL_THREADS_OWN), or the caller lends its own and calls sl_engine_turn()
 * (SL_THREADS_CALLER): then nothing happens outside of that call.
 *
 * Threads. Every function may be called from any thread, and many at once, unless it says
 * otherwise. Callbacks run on the partition's shard: the library's thread, or inside the caller's
 * sl_engine_turn(). A callback must not block, and must not call a function that waits (those
 * answer BUSY there); it may start new appends and fetches. A callback never runs inside the call
 * that started the request.
 *
 * Waiting functions (sl_topic_*, sl_*_wait, sl_offset, sl_trim, ...) block. With
 * SL_THREADS_CALLER they turn the shards that belong to the calling thread while they wait; shards
 * of other threads must be turned there.
 *
 * Memory. Option structs start with `size = sizeof(...)`; fields that an older program does not
 * know take their defaults, and zero always means the default. Whatever is passed in is copied
 * unless the function says "borrowed". The library overrides no malloc, installs no signal
 * handler, pins no thread of the caller, and writes nothing to stdout or stderr.
 *
 * Durability. Each acknowledgement says what it bought (enum sl_durability), and each class
 * includes the ones before it. Promises hold for acknowledged records: an append that got no
 * answer may or may not be in the log after a crash.
 *
 * A process that forks must not use the engine in the child.
 */
#ifndef SHARDLOG_ENGINE_H
#define SHARDLOG_ENGINE_H

#include <shardlog/api.h>
#include <shardlog/err.h>
#include <shardlog/record.h>

SL_API_BEGIN

#define SL_VERSION_MAJOR 0
#define SL_VERSION_MINOR 1
#define SL_VERSION_PATCH 0
/* "0.1.0": the library that is linked, which may differ from the header. Static memory. */
SL_API const char *sl_version(void);

struct sl_engine;
struct sl_topic;

/* One sentence: what happened, which value, what to do. Every `why` parameter may be NULL. */
struct sl_why {
    char text[256];
};

enum sl_durability {
    SL_DURABILITY_TOPIC = 0, /* asking only: what the topic's setting shardlog.durability says */
    SL_MEMORY = 1,           /* nothing survives the process */
    SL_WRITTEN = 2,          /* survives kill and kernel crash, not a power cut */
    SL_SYNCED = 3,           /* survives a power cut, if the disk honours flushes */
};

/* ---- engine ---- */

enum sl_threads {
    SL_THREADS_OWN = 0, /* the library starts one thread for each shard */
    SL_THREADS_CALLER,  /* the caller calls sl_engine_turn() */
};

struct sl_engine_options {
    size_t size;
    /* Directories, made if missing. The first one holds the metadata. Shards may change between
     * two openings; a directory may be added, and must not be left out: its partitions would be
     * unavailable. Borrowed during the call. */
    const char *const *dirs;
    uint32_t dir_count;
    uint32_t shards; /* 0: 1 */
    enum sl_threads threads;
    uint64_t tail_bytes;    /* memory for the newest bytes, of all stores together; 0: 512 MiB */
    uint64_t space_bytes;   /* bytes of volume files at most, in each store; 0: no limit */
    uint64_t journal_bytes; /* of each new store; 0: 256 MiB */
    uint32_t node;          /* this node's number, in each new store; 0: 1 */
    uint32_t requests_max;  /* appends and fetches under way at most; beyond: BUSY. 0: 65,536 */
    bool plain_io;          /* do not try io_uring */
    uint64_t lock_wait_ns;  /* wait for a previous owner's late writes; 0: 10 s */
    /* What an operator should know: missing kernel features, stores that do not open, partitions
     * that the metadata does not know. One line, no newline. From shard threads; may be NULL. */
    void (*note)(void *arg, const char *line);
    void *note_arg;
};

/* Opens the stores, recovers them, and makes what is missing. Own threads: returns when appends
 * and fetches work. Caller's threads: returns at once; each shard opens its stores in its first
 * turns, and belongs to the thread that turned it first; turn all of them until sl_engine_ready()
 * does not answer BUSY. A store that does not open makes its partitions unavailable
 * (sl_partition_info says why), but for store-00, which holds the metadata: then this, or
 * sl_engine_ready(), fails. On failure *out is NULL. */
SL_API enum sl_err sl_engine_open(struct sl_engine **out, const struct sl_engine_options *options,
                                  struct sl_why *why);
/* OK: open. BUSY: still opening. Anything else: it failed for good, and `why` says how. */
SL_API enum sl_err sl_engine_ready(struct sl_engine *e, struct sl_why *why);
/* Caller's threads: one turn of shard 0..shards-1, waiting at most wait_ns for something to do.
 * OK, or CLOSED when this shard is stopped, or INVALID (own threads, another thread's shard, or
 * inside a callback). */
SL_API enum sl_err sl_engine_turn(struct sl_engine *e, uint32_t shard, uint64_t wait_ns);
/* Starts the stop: new requests answer CLOSED, waiting fetches end, every store writes a
 * checkpoint. Caller's threads: go on turning each shard until it answers CLOSED. */
SL_API void sl_engine_stop(struct sl_engine *e);
/* Stops if needed, waits, frees. Waits also for requests under way and for fetched batches to be
 * freed; topics must be closed, and no other call may be under way. Caller's threads: turns the
 * calling thread's shards itself; if several threads lend shards, stop and turn them to CLOSED
 * first. Sets *e to NULL; NULL is fine.
 */
SL_API void sl_engine_close(struct sl_engine **e);

/* ---- topics: all of these wait ---- */

struct sl_setting {
    const char *key; /* "retention.ms": Kafka's keys, and shardlog.durability */
    const char *value;
};

struct sl_topic_options {
    size_t size;
    uint32_t partitions; /* 0: 1 */
    const struct sl_setting *settings;
    uint32_t setting_count;
};

/* When it returns OK the topic survives a power cut. EXISTS, INVALID (name, setting: `why`),
 * NO_SPACE, POISONED, CLOSED, BUSY (one of this name is being created or deleted). After POISONED
 * and CLOSED it may or may not be there when the engine is opened again. Names: 1..249 of a-z A-Z
 * 0-9 . _ -, neither "." nor "..", and not equal to another name but for '.' and '_'. */
SL_API enum sl_err sl_topic_create(struct sl_engine *e, const char *name,
                                   const struct sl_topic_options *options, struct sl_why *why);
/* When it returns OK the topic and its records are gone for good; a store that is unavailable gives
 * its space back when it is there again. NOT_FOUND; BUSY; POISONED: not done, or in doubt, as `why`
 * says: then it may or may not be gone when the engine is opened again, and until then it can be
 * read and takes nothing (POISONED). A full disk is no obstacle. */
SL_API enum sl_err sl_topic_delete(struct sl_engine *e, const char *name, struct sl_why *why);
/* Changes settings; a value NULL takes one back to its default. OK: they are in force everywhere.
 * NOT_FOUND, INVALID, BUSY; POISONED: not done, or in doubt, as `why` says: the old ones hold until
 * the engine is opened again. */
SL_API enum sl_err sl_topic_alter(struct sl_engine *e, const char *name,
                                  const struct sl_setting *settings, uint32_t count,
                                  struct sl_why *why);
/* Gives a topic more partitions, `partitions` in all; those that are there stay as they are. OK:
 * they survive a power cut, and take records. EXISTS: it has as many; INVALID: it has more, or the
 * number is not one; NOT_FOUND, BUSY, NO_SPACE, CLOSED; POISONED: not done, or in doubt, as `why`
 * says. After CLOSED, or when a store does not take a new partition, it may have grown all the
 * same: ask for the partitions, or grow again. */
SL_API enum sl_err sl_topic_grow(struct sl_engine *e, const char *name, uint32_t partitions,
                                 struct sl_why *why);
/* Calls each() for every topic, in the order of names, on the calling thread. */
SL_API enum sl_err sl_topic_list(struct sl_engine *e, void (*each)(void *arg, const char *name),
                                 void *arg);

/* A handle; valid until sl_topic_close(), also after the topic was deleted (then NOT_FOUND). */
SL_API enum sl_err sl_topic_open(struct sl_engine *e, const char *name, struct sl_topic **out,
                                 struct sl_why *why);
SL_API void sl_topic_close(struct sl_topic **t); /* no request of it under way; NULL is fine */
SL_API const char *sl_topic_name(const struct sl_topic *t);
SL_API void sl_topic_id(const struct sl_topic *t, uint8_t id[16]);
/* When the handle was opened: of a topic that has grown since, open it again. */
SL_API uint32_t sl_topic_partitions(const struct sl_topic *t);
/* The setting's value as text, as it was when the handle was opened; INVALID: no such key. */
SL_API enum sl_err sl_topic_setting(const struct sl_topic *t, const char *key, char *out,
                                    size_t out_bytes);

struct sl_partition_info {
    size_t size;           /* in */
    enum sl_err err;       /* not OK: unavailable, for this reason */
    uint32_t shard;        /* that serves it */
    uint32_t store;        /* that holds it */
    uint64_t start_offset; /* first offset kept */
    uint64_t high_offset;  /* readers see offsets below this */
    uint64_t next_offset;  /* of the next append */
    uint64_t synced_offset;
    uint64_t bytes, disk_bytes; /* of batches kept; of extents owned */
    uint32_t leader_epoch;
    bool damaged; /* from damaged_offset on */
    uint64_t damaged_offset;
};
SL_API enum sl_err sl_partition_info(struct sl_topic *t, uint32_t partition,
                                     struct sl_partition_info *out);

/* ---- append ---- */

struct sl_append_options {
    size_t size;
    enum sl_durability durability; /* what the acknowledgement waits for */
};

/* Valid during the callback, or after a waiting call. */
struct sl_appended {
    enum sl_err err;
    enum sl_durability bought;
    uint64_t base_offset; /* of the first record */
    uint32_t count;       /* offsets taken */
    int64_t append_ms;    /* when the log took it, since 1970 */
    bool duplicate;       /* the batch was here already (its producer's sequence says so) */
};
typedef void sl_append_done(void *arg, const struct sl_appended *result);

/* Appends records as one batch; they are copied before the call returns. `done` runs exactly once
 * if the call returns OK, and never otherwise: BUSY (too many requests), INVALID, TOO_LARGE,
 * NO_MEMORY. `options` NULL: defaults. Appends of one thread to one partition keep their order. */
SL_API enum sl_err sl_append(struct sl_topic *t, uint32_t partition,
                             const struct sl_record *records, uint32_t count,
                             const struct sl_append_options *options, sl_append_done *done,
                             void *arg);
/* The same for a ready RecordBatch v2, checked before the call returns (BAD_BATCH) and borrowed
 * until `done`. It is one batch: with bytes behind it, another batch too, it is BAD_BATCH. A batch
 * with a producer id is recognised when it is sent again, also after a crash that it survived: the
 * last five of each producer and partition, until it was silent for 24 h. A gap is SEQUENCE, an
 * older epoch FENCED. */
SL_API enum sl_err sl_append_batch(struct sl_topic *t, uint32_t partition, const void *batch,
                                   size_t bytes, const struct sl_append_options *options,
                                   sl_append_done *done, void *arg);
/* These wait; the result is returned and, in full, in *out (may be NULL). */
SL_API enum sl_err sl_append_wait(struct sl_topic *t, uint32_t partition,
                                  const struct sl_record *records, uint32_t count,
                                  const struct sl_append_options *options, struct sl_appended *out);
SL_API enum sl_err sl_append_batch_wait(struct sl_topic *t, uint32_t partition, const void *batch,
                                        size_t bytes, const struct sl_append_options *options,
                                        struct sl_appended *out);

/* ---- fetch ---- */

struct sl_fetch_options {
    size_t size;
    uint64_t offset;    /* first one wanted */
    uint32_t bytes_max; /* 0: 1 MiB. At least one batch is given, whatever its size */
    uint32_t bytes_min; /* wait until there is as much, ... */
    uint64_t wait_ns;   /* ... but at most so long; 0: do not wait */
};

/* What was read: whole batches back to back. The first one may begin before the wanted offset
 * (skip with sl_records_open), or after it (a gap). The caller's until sl_batches_free(). */
struct sl_batches {
    enum sl_err err; /* OFFSET_RANGE, NOT_FOUND, CORRUPT, DAMAGED, IO, ... */
    const void *at;
    size_t bytes;          /* 0: nothing visible there yet */
    uint64_t next_offset;  /* where the next fetch goes on */
    uint64_t high_offset;  /* readers see offsets below this */
    uint64_t start_offset; /* first offset kept */
    void *private_;
};
typedef void sl_fetch_done(void *arg, struct sl_batches *batches);

/* `done` runs exactly once if the call returns OK; the struct is moved out by copying it. */
SL_API enum sl_err sl_fetch(struct sl_topic *t, uint32_t partition,
                            const struct sl_fetch_options *options, sl_fetch_done *done, void *arg);
SL_API enum sl_err sl_fetch_wait(struct sl_topic *t, uint32_t partition,
                                 const struct sl_fetch_options *options, struct sl_batches *out);
/* Gives the memory back; before the engine closes. Again is fine. Any thread. */
SL_API void sl_batches_free(struct sl_batches *b);

/* ---- offsets, trim ---- */

enum sl_offset_of {
    SL_OFFSET_EARLIEST, /* log start */
    SL_OFFSET_LATEST,   /* after the last visible record */
    SL_OFFSET_TIME,     /* first record at or after time_ms; NOT_FOUND: all are older */
    SL_OFFSET_MAX_TIME, /* a record with the largest time; NOT_FOUND: the partition is empty */
};
/* Waits. *found_ms (may be NULL) is that record's time, for the last two. */
SL_API enum sl_err sl_offset(struct sl_topic *t, uint32_t partition, enum sl_offset_of what,
                             int64_t time_ms, uint64_t *offset, int64_t *found_ms);
/* Deletes all records below `offset` (UINT64_MAX: all visible ones); waits until that is durable.
 * *start (may be NULL) is the new log start. OFFSET_RANGE: beyond the high offset. */
SL_API enum sl_err sl_trim(struct sl_topic *t, uint32_t partition, uint64_t offset,
                           uint64_t *start);

/* ---- figures ---- */

struct sl_stats {
    size_t size; /* in */
    uint32_t shards, stores, stores_failed;
    uint32_t partitions, orphans; /* orphans: kept, but unknown to the metadata */
    uint64_t appends, append_bytes;
    uint64_t commits, syncs, checkpoints;
    uint64_t journal_bytes, direct_bytes, behind_bytes; /* written to the device */
    uint64_t reads_hot, reads_cold;
    uint64_t tail_bytes; /* of memory in use */
    uint64_t space_bytes, space_free_bytes;
    uint64_t open_ns; /* the slowest store's recovery */
};
SL_API enum sl_err sl_stats(struct sl_engine *e, struct sl_stats *out); /* waits */

SL_API_END
#endif
