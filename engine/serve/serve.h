/* serve.h -- the verbs: what the engine can do, whoever asks and in whatever protocol.
 *
 * An instance is one node: its shards, their stores, and the metadata that says what is where. It
 * makes no thread: somebody turns each shard (serve_turn), always from the same thread, be it the
 * library's (embed.c), the caller's, or the simulator's driver that turns them all.
 *
 * A verb is a struct in its caller's memory. Starting it sends it as a letter to the shard that
 * can do it; `done` runs once, never inside the start, on shard `home` or, with HOME_ANY, on the
 * shard that did it. From the start until `done` the struct and all that it names are borrowed.
 *
 * Life       STARTING --all stores tried, metadata loaded--> READY --serve_stop()--> STOPPING
 *            --checkpoints written--> STOPPED. STARTING --store 0 or the metadata does not open-->
 *            STOPPING --what had been opened is stopped--> FAILED.
 *            Verbs that arrive while STARTING end with BUSY, later than READY with CLOSED; but
 *            while fronts close, verbs are still done, and only fetches do not wait any more.
 * Thread     verbs start from any thread; serve_turn() as above; open and close from one.
 * Memory     a row for each topic and partition; verbs are the callers'.
 * Fails      a store that does not open makes its partitions unavailable (place.err); only store
 *            0, which holds the metadata, is needed for the rest.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "engine/coord/group.h"
#include "engine/coord/settings.h"
#include "engine/log/store.h"
#include "engine/shard/shard.h"

struct serve;
struct slot;

/* ---- fronts ---- */

/* What lives on every shard beside its stores and brings verbs in from outside: a protocol's
 * connections. All of these run on the shard's thread, in its turn. */
struct serve_front {
    void *arg;
    /* The instance is READY: listen, start verbs with home = this shard. */
    void (*open)(void *arg, struct serve *s, struct shard *at);
    /* Once a turn, after the stores' slices: what it starts goes out with this turn. NULL: none. */
    void (*turn)(void *arg, struct shard *at);
    /* The instance stops: take no more, finish what is under way, then say so by
     * serve_front_closed(). Runs only where open() did. */
    void (*close)(void *arg, struct shard *at);
};
/* On the shard's thread, once after close(): no verb of it is under way, and none will come. */
void serve_front_closed(struct shard *at);

/* ---- an instance ---- */

#define SHARDS_MAX 256u
#define FRONTS_MAX 4u

struct serve_opts {
    const char *const *dirs; /* borrowed until close; the first one holds store-00 */
    uint32_t dir_count;
    uint32_t shards;          /* 0: 1 */
    struct io_opts io;        /* for each shard's io */
    struct store_opts store;  /* tail_bytes: of all stores together */
    struct geometry geometry; /* of new stores; zero fields: production defaults */
    uint32_t node;            /* 0: 1 */
    uint64_t retention_ns;    /* every partition is looked at once in this time; 0: 5 s */
    uint64_t read_bytes; /* memory of fetches, from the read to serve_fetch_give(), an equal part
                          * for each shard; who finds too little waits. 0: no limit */
    void (*note)(void *arg, const char *line); /* for an operator; from shards' threads */
    void *note_arg;
    const struct serve_front *fronts; /* borrowed until close */
    uint32_t front_count;             /* FRONTS_MAX at most */
    bool groups; /* consumer groups: their partitions are made at the first start with it */
    struct group_opts group; /* record_max is serve's */
};

enum serve_state { SERVE_STARTING, SERVE_READY, SERVE_FAILED, SERVE_STOPPING, SERVE_STOPPED };

/* Makes the instance; does no I/O. INVALID: no directory, too many shards. */
enum err serve_open(struct serve **out, const struct serve_opts *opts, struct why *why);
/* One turn of a shard; its first one opens its io. Returns how much was done; 0: nothing. */
uint32_t serve_turn(struct serve *s, uint32_t shard, uint64_t wait_ns);
/* When that shard wants its next turn although nothing completes; UINT64_MAX: never. */
uint64_t serve_due_ns(struct serve *s, uint32_t shard);
/* Any thread. FAILED: `why` (may be NULL) says how, *err with which code. */
enum serve_state serve_state(struct serve *s, enum err *err, struct why *why);
/* Blocks until the state is not STARTING, or is STOPPED or FAILED: for threads that turn nothing.
 */
enum serve_state serve_await(struct serve *s, enum serve_state leave);
/* Starts the stop; any thread; again is fine. Shards must be turned until STOPPED. */
void serve_stop(struct serve *s);
/* True when this shard is stopped and needs no further turn. */
bool serve_shard_stopped(struct serve *s, uint32_t shard);
/* Frees everything at once: STOPPED, FAILED, or the machine is dead. Verbs that were under way stay
 * borrowed until it returns; their done never runs. NULL is fine. */
void serve_close(struct serve **s);

uint32_t serve_shards(const struct serve *s);
/* Stores that a failed write or sync has stopped since the start: what is in them can be read, and
 * nothing appended. Any thread. */
uint32_t serve_stores_stopped(const struct serve *s);
struct shard *serve_shard(struct serve *s, uint32_t shard);
/* For tools and tests, on the store's shard's thread. NULL: not open. */
struct store *serve_store(struct serve *s, uint32_t number);

/* What start-up found: fixed once the state is READY, and asked for only then; any thread. */
struct id16 serve_cluster(const struct serve *s);
struct io_features serve_features(const struct serve *s);
struct store_found {
    uint32_t number, shard;
    const char *dir; /* it is dir/store-number */
    enum err err;    /* not OK: it did not open ... */
    const char *why; /* ... and the sentence that says why; else the rest is valid */
    struct store_report report;
    uint64_t memory_bytes; /* store_memory_bytes() */
};
/* Store `i` of all; false: there are no more. */
bool serve_store_found(const struct serve *s, uint32_t i, struct store_found *out);

/* ---- verbs ---- */

#define HOME_ANY UINT32_MAX

/* Where a partition is served; fixed as long as the instance is open, but a topic may get more of
 * them. From verb_describe. */
struct place {
    struct id16 topic;
    uint32_t index;
    uint32_t store;
    uint32_t shard;
    enum err err; /* not OK: unavailable, its store did not open */
};

struct verb {
    struct letter letter; /* serve's */
    struct serve *serve;  /* serve's */
    void (*done)(struct verb *v);
    void *arg;
    uint32_t home; /* shard whose turn runs done, or HOME_ANY */
    enum err err;  /* result */
};

struct verb_append {
    struct verb verb;
    struct place place;
    struct bytes batch;   /* borrowed until done; its header may be written, see append_timed ... */
    bool fixed;           /* ... but not where this is set: it is copied then */
    bool want_set;        /* else `want` is what the topic's setting says */
    enum durability want; /* what the ack waits for */
    bool verified;        /* max_time and count are set: batch_verify() was passed already */
    int64_t max_time;
    uint32_t count;
    const struct batch_sums *sums; /* or NULL; serve_append_here() looks at them while it is called,
                                    * serve_append() never */
    /* Results. */
    enum durability bought;
    uint64_t base_off;
    int64_t append_ms;
    bool duplicate;
    bool append_timed; /* the topic has LogAppendTime: the batch got append_ms, and its CRC fits */
    /* Serve's. */
    struct append append;
    struct slot *slot;
    struct node node;
    void *copy; /* of the batch, where it is fixed and was to be written */
    bool here;  /* inside serve_append_here() */
};
/* Verifies the batch on the calling thread, where its bytes are hot, then sends it. TOO_LARGE
 * (max.message.bytes), BAD_BATCH, SEQUENCE, FENCED, NOT_FOUND, and what part_append() gives;
 * POISONED also where the deletion of the topic is in doubt. */
void serve_append(struct serve *s, struct verb_append *v);
/* The same at once, in a turn of the partition's shard, which is v's home. v->verified is set.
 * True: the batch's bytes are the caller's again. False: they are borrowed until done, but may be
 * moved, now, to a copy (serve_append_move). Appends that are started so and those that go by
 * letter have no order. */
bool serve_append_here(struct serve *s, struct verb_append *v);
/* Where in a block of the log the partition's next batch begins, as it looks now: the phase of a
 * batch's sums. In a turn of its shard. */
uint32_t serve_append_phase(const struct serve *s, const struct place *place);
void serve_append_move(struct verb_append *v, const void *at);

struct verb_fetch {
    struct verb verb;
    struct place place;
    uint64_t off;
    uint32_t bytes_max; /* at least one batch is given, whatever its size */
    uint32_t bytes_min; /* park until there is as much ... */
    uint64_t wait_ns;   /* ... at most so long */
    uint64_t client;    /* who asks: those who wait for memory take turns */
    bool lends;         /* batches.at may be NULL: read.lent says where they are */
    /* Results; the memory is the caller's until serve_fetch_give(). */
    struct bytes batches;
    uint64_t next_off;
    uint64_t visible_off, start_off;
    uint64_t waited_ns; /* parked, all times together */
    /* Serve's. */
    struct read read;
    struct slot *slot;
    struct node node;
    struct timer timer;
    uint64_t seen_off;  /* visible offset at the last look */
    uint64_t parked_ns; /* when it was parked */
    uint64_t lacks;     /* bytes too few at the last look; the next four: see fetch_mark() */
    uint64_t floor_bytes, mark_off, mark_bytes, mark_base;
    bool here; /* on the partition's shard, and not ended */
    bool parked, expired;
    void (*given)(struct verb_fetch *v);
    struct letter hurry;
    bool hurried, ended; /* at home: the letter is out; the verb is back before it */
    void (*home_done)(struct verb *v);
};
void serve_fetch(struct serve *s, struct verb_fetch *v);
/* It waits no longer: it soon ends, with what there is by then. For whoever has gone, or will ask
 * nothing more. On shard `home`, which is not HOME_ANY, between the start and done; again is fine.
 */
void serve_fetch_hurry(struct verb_fetch *v);
/* Fetches wait for memory on some shard, now; any thread. Who has finished fetches, and cannot send
 * them yet since something else has to end first, gives them back then: that something may be one
 * that waits. What is kept is what a peer can take at once, and it has to, or is cut. */
bool serve_reads_wait(const struct serve *s);
/* Gives the memory of a finished fetch back: at once in a turn of the partition's shard, by letter
 * from elsewhere; v is borrowed until `given` (may be NULL) has run there. */
void serve_fetch_give(struct verb_fetch *v, void (*given)(struct verb_fetch *v));

enum offset_of { OFFSET_EARLIEST, OFFSET_LATEST, OFFSET_TIME, OFFSET_MAX_TIME };
struct verb_offset {
    struct verb verb;
    struct place place;
    enum offset_of what;
    int64_t time_ms; /* OFFSET_TIME */
    /* Results. */
    uint64_t off;
    int64_t found_ms;      /* INT64_MIN: not by time */
    uint32_t leader_epoch; /* of that offset */
    /* Serve's. */
    struct time_find find;
    struct slot *slot;
};
void serve_offset(struct serve *s, struct verb_offset *v);

/* Where the log of a leader epoch ends: at the beginning of the next one, or at the log's end. */
struct verb_epoch {
    struct verb verb;
    struct place place;
    uint32_t epoch;
    /* Results. */
    bool found; /* false: a newer one than there is, or the log knows none */
    uint32_t
        found_epoch;  /* the newest that is not newer than `epoch`; before all of them, itself */
    uint64_t end_off; /* exclusive */
};
void serve_epoch(struct serve *s, struct verb_epoch *v);

struct verb_trim {
    struct verb verb;
    struct place place;
    uint64_t off;       /* UINT64_MAX: the visible end */
    uint64_t start_off; /* result */
    struct part_request request;
    struct slot *slot;
};
void serve_trim(struct serve *s, struct verb_trim *v); /* OFFSET_RANGE beyond the visible end */

struct verb_part {
    struct verb verb;
    struct place place;
    struct part_state_info info; /* results */
    enum durability durability;
    uint32_t leader_epoch; /* that appends have: each opening of the store raises it */
};
void serve_part(struct serve *s, struct verb_part *v);

/* How far a reader that stands at `off` is behind: what a group's committed offset means now. */
struct verb_lag {
    struct verb verb;
    struct place place;
    uint64_t off;
    bool untimed;    /* lag_ms is not wanted: nothing is read */
    uint64_t client; /* whose read it is, as of a fetch */
    /* Results; all are of what can still be read: [start_off or off, visible_off). */
    uint64_t start_off, visible_off;
    uint64_t records; /* offsets */
    uint64_t bytes;   /* of batches as they are kept: of each extent its share of offsets */
    int64_t lag_ms;   /* age of the first record there; 0: nothing is there; -1: not known */
    /* Serve's. */
    uint64_t from_off; /* the next read begins there */
    struct read read;
    struct slot *slot;
};
/* NOT_FOUND, and what keeps a partition from being served. A record that cannot be read, or has no
 * time, makes lag_ms unknown and is no error. */
void serve_lag(struct serve *s, struct verb_lag *v);

/* ---- verbs of the metadata; shard 0 does them ---- */

#define PARTITIONS_MAX 131072u /* of a topic */

struct setting_text {
    const char *key, *value; /* value NULL: back to the default */
};

struct verb_create {
    struct verb verb;
    const char *name;
    uint32_t partitions;
    const struct setting_text *settings;
    uint32_t setting_count;
    struct id16 id; /* result */
    struct why why; /* result */
};
void serve_create(struct serve *s, struct verb_create *v);

struct verb_delete {
    struct verb verb;
    const char *name;
    struct id16 id; /* not zero: only the topic that has it, not one that was made since */
    struct why why; /* says whether it is in doubt */
};
void serve_delete(struct serve *s, struct verb_delete *v);

struct verb_alter {
    struct verb verb;
    const char *name;
    const struct setting_text *settings;
    uint32_t setting_count;
    struct why why;
};
void serve_alter(struct serve *s, struct verb_alter *v);

/* More partitions for a topic: done when each of them takes records. EXISTS: it has as many;
 * INVALID: it has more. */
struct verb_grow {
    struct verb verb;
    const char *name;
    uint32_t partitions; /* in all */
    struct why why;
};
void serve_grow(struct serve *s, struct verb_grow *v);

/* Rises when a topic is deleted or altered, or has grown, before whoever asked for that hears of
 * it; any thread. What verb_describe says of a topic that is there holds for as long as this is
 * what it was before the verb was started. */
uint64_t serve_topics_version(const struct serve *s);

/* One topic, by name or (name NULL) by id. */
struct topic_info {
    struct id16 id;
    const char *name;
    struct settings settings;
    uint32_t partitions;
    struct place places[];
};
struct verb_describe {
    struct verb verb;
    const char *name;
    struct id16 id;
    struct topic_info *topic; /* result: the caller's, free() */
};
void serve_describe(struct serve *s, struct verb_describe *v);

struct verb_list {
    struct verb verb;
    uint32_t count; /* results: names[count], sorted, in one block: the caller's, free(names) */
    const char **names;
    const struct id16 *ids; /* in that block too; ids[i] is that of names[i] */
    size_t bytes;           /* of the block */
};
void serve_list(struct serve *s, struct verb_list *v);

/* ---- verbs of consumer groups ----
 *
 * A group's id says which ward it belongs to (serve_ward), and each ward is served by one shard.
 * `ask` is the request and its answer, see coord/group.h; ask.err says how it ended in any case,
 * verb.err is what it was on this node. ask.topics_seen of a commit is serve_topics_version() from
 * before its topics were looked up. Only once the state is READY. A join or a sync takes as
 * long as the group's rebalance: whoever has gone gives it up.
 */

#define WARDS 16u /* for ever: groups would be looked for elsewhere */

uint32_t serve_ward(struct bytes group);

struct verb_group {
    struct verb verb;
    struct group_request ask; /* what it borrows, and ask.offsets and .leavers, until done */
    uint32_t ward;            /* LIST: of which, below WARDS; else serve's */
    /* Serve's. */
    bool here; /* on its shard, and not answered */
    struct letter letter;
    bool given_up, ended; /* at home: the letter is out; the verb is back before it */
    void (*home_done)(struct verb *v);
};
void serve_group(struct serve *s, struct verb_group *v);
/* It waits for other members no longer: it soon ends, with UNAVAILABLE if it has to. On shard
 * `home`, which is not HOME_ANY, between the start and done; again is fine. */
void serve_group_give_up(struct verb_group *v);

/* ---- facts and figures of one shard ---- */

/* As verb_part, of all partitions that the shard serves. */
struct verb_parts {
    struct verb verb;
    uint32_t shard;
    struct part_state_info *parts; /* the caller's, room for `room` */
    uint32_t room;
    uint32_t count, left_out; /* results: filled; for which there was no room */
};
void serve_parts(struct serve *s, struct verb_parts *v);

struct serve_stats {
    uint32_t stores, stores_failed, stores_poisoned, partitions, orphans;
    uint64_t open_ns; /* slowest recovery */
    struct store_counts counts;
};
struct verb_stats {
    struct verb verb;
    uint32_t shard;
    struct serve_stats stats; /* result */
};
void serve_stats(struct serve *s, struct verb_stats *v);

#endif
