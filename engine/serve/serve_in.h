/* serve_in.h -- what the files of engine/serve share: desks, shelves, slots, postings.
 *
 * A desk is what serve keeps on one shard: its shelves (stores), and a slot for each partition
 * there. Only that shard's thread touches it; all that others want comes by letter. The registry,
 * on desk 0 alone, drives the metadata decider.
 */
#ifndef SERVE_SERVE_IN_H
#define SERVE_SERVE_IN_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/coord/meta.h"
#include "engine/serve/serve.h"

#define DIRS_MAX 64u

/* The system partition: the metadata log, in store 0. No topic can have this id: drawn ids are
 * random, and this one is excluded. */
#define SYSTEM_TOPIC ((struct id16){ { [15] = 1 } })

/* The group partitions: the logs of consumer groups, index = ward. Likewise excluded; not one of
 * those that a store keeps its reserve for: that is for what gives space back. */
#define GROUP_TOPIC ((struct id16){ { [14] = 1, [15] = 2 } })

/* A partition on this shard. */
struct slot {
    struct local_topic *topic; /* NULL: dropped */
    struct part *part;
    uint32_t index, store;
    uint32_t users;     /* verbs and retention under way */
    bool retaining;     /* a trim or seal of retention is among them */
    bool dropped;       /* its tombstone is durable */
    struct list parked; /* verb_fetch.node: they wait for the visible end to move */
    struct node moving; /* desk.moving: parked fetches here, and the visible end may move */
    struct node round;  /* desk.round: retention takes them in turn */
};

/* A topic of which at least one partition is on this shard. */
struct local_topic {
    struct local_topic *next; /* in its bucket */
    struct id16 id;
    struct settings settings;
    uint32_t partitions, slot_count;
    enum err unplaced;   /* not OK: why stores here did not take some, until the next start */
    enum err refuses;    /* not OK: nothing of it is acknowledged, for its deletion is in doubt */
    struct slot **slots; /* by partition; NULL: not here */
};

/* A store on this shard. */
struct shelf {
    struct desk *desk;
    uint32_t number, dir; /* dir/store-number */
    bool create;          /* if it is not there, make it */
    bool founder;         /* store-00: its cluster is ours */
    int fd;               /* -1: not open */
    struct berth berth;
    struct store *store; /* NULL: it did not open, `err` and `why` say why */
    enum err err;
    struct why why;
    bool poison_told; /* an operator knows */
    struct store_stop stop;
};

/*  NEW --> STARTING --> READY --> DRAINING --all fronts of all desks closed--> STOPPING --> STOPPED
 *  Without fronts nothing drains; from STARTING a stop goes straight to STOPPING. */
enum desk_state { DESK_NEW, DESK_STARTING, DESK_READY, DESK_DRAINING, DESK_STOPPING, DESK_STOPPED };

/* A group partition and its coordinator, on the shard of its store.
 *
 *  ABSENT --placed--> LOADING --its log is read--> OPEN --stop--> STOPPED
 *    |                  +--damaged, or not ours--> BROKEN
 *    +--its store is not there--> BROKEN */
enum ward_state { WARD_ABSENT, WARD_LOADING, WARD_OPEN, WARD_BROKEN, WARD_STOPPED };

#define STORE_NONE UINT32_MAX

struct ward {
    struct serve *serve;
    uint32_t number;
    uint32_t store, shard; /* fixed before READY; STORE_NONE: in none that is open */
    bool twice;            /* two stores have it: nobody knows which one is right */
    /* The shard's own. */
    enum ward_state state;
    struct part *part;
    struct groups *groups;
    struct group_actions actions;
    bool stepping;      /* actions are being performed: no event may come */
    uint32_t under_way; /* of add, read, appends, trim: whose answer is out */
    struct part_request add, trim;
    bool trimming;
    uint64_t trim_off; /* wanted; 0: none beyond the one under way */
    struct read read;
    struct timer timer;
};

struct desk {
    struct shard shard;
    struct serve *serve;
    enum desk_state state;
    struct shelf *shelves; /* fixed once opened */
    uint32_t shelf_count;
    uint32_t stops_left;
    struct local_topic **buckets;
    uint32_t bucket_count, topic_count, slot_count;
    struct list moving, round;
    struct list loans;
    struct read_budget reads;
    atomic_bool reads_wait; /* of the last turn; other shards look */
    struct timer retention;
    struct letter ready_letter, drain_letter, stop_letter;
    uint32_t fronts; /* open ones */
};

/* The state that other threads may ask for and wait on. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    enum serve_state state;
    uint32_t desks_stopped;
    uint32_t desks_drained;
    enum err err;
    struct why why;
};

struct registry;

struct serve {
    struct serve_opts opts;
    struct gate gate;
    struct registry *registry;
    struct ward wards[WARDS];
    uint32_t desk_count;
    uint32_t *store_shard; /* by number; set before READY, fixed afterwards */
    uint32_t store_numbers;
    struct io_features features; /* likewise: of desk 0's io */
    struct desk *desks;
    _Atomic uint32_t stores_stopped;
    _Atomic uint64_t topics_version; /* desk 0 alone raises it */
};

static inline struct desk *desk_of(struct shard *s)
{
    return container_of(s, struct desk, shard);
}

/* One line for the operator. */
void serve_note(struct serve *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Start-up failed for good: what is open stops, and then the state is FAILED. */
void serve_fail(struct serve *s, enum err err, const struct why *why);
/* Store 0 and the metadata are up: verbs are welcome. On desk 0. */
void serve_ready(struct serve *s);

/* ---- fronts (front.c) ---- */

enum err fronts_check(const struct serve_opts *opts, struct why *why);
void fronts_open(struct desk *d);
void fronts_turn(struct desk *d);
/* Has every desk close its fronts, and then stop. */
void fronts_drain(struct serve *s);
/* Every desk: stop now. */
void desks_stop(struct serve *s);

/* ---- verbs (serve.c) ---- */

/* Sends it to a shard, where open() runs. */
void verb_send(struct serve *s, struct verb *v, uint32_t shard,
               void (*open)(struct letter *l, struct shard *at));
/* Ends it: done runs here, or at home. */
void verb_end(struct verb *v, enum err err);
/* To the place's shard; a place that is not available ends it with the reason instead. */
void verb_send_place(struct serve *s, struct verb *v, const struct place *p,
                     void (*open)(struct letter *l, struct shard *at));
/* Ends it with `err`, from the start function: by letter, so that done runs in a turn. */
void verb_refuse(struct serve *s, struct verb *v, uint32_t shard, enum err err);
enum err verb_admittance(const struct desk *d); /* not OK: why this desk takes no verbs */
/* The verb of a letter if this desk is ready for it. NULL: it was ended, and may be gone. */
struct verb *verb_admit(struct letter *l, struct desk *d);
/* The slot of its place, with one more user. NULL: it was ended, and may be gone. */
struct slot *verb_slot(struct letter *l, struct desk *d, const struct place *p);

/* ---- memory of what is under way (loan.c) ---- */

/* Zeroed; lives until loan_give() on the same desk, or until the desk closes. Running out is
 * fatal (check). */
void *loan_take(struct desk *d, size_t bytes);
void loan_give(void *at);
void loans_close(struct desk *d);

/* ---- slots (slot.c) ---- */

struct local_topic *topic_here(const struct desk *d, struct id16 id); /* NULL: none */
struct local_topic *topic_here_add(
    struct desk *d, struct id16 id, uint32_t partitions,
    const struct settings *settings); /* or finds it, and widens it */
/* It goes: of what has no slot, nothing is said any more. */
void topic_here_leave(struct desk *d, struct local_topic *t);
void topic_here_settings(struct local_topic *t, const struct settings *settings);
struct slot *slot_find(const struct desk *d, struct id16 topic, uint32_t index);
enum err slot_missing(const struct desk *d, struct id16 topic); /* why it finds none */
struct slot *slot_add(struct desk *d, struct local_topic *t, uint32_t index, uint32_t store,
                      struct part *part);
/* Takes the slot out of its topic: no verb finds it any more; parked fetches end. The caller is
 * one of its users from then on. */
void slot_hide(struct desk *d, struct slot *slot);
/* Not OK: nothing that changes it may be acknowledged, whatever its store says. */
enum err slot_refuses(const struct slot *slot);
void slot_leave(struct slot *slot); /* one user less; the last one of a dropped slot frees it */
void slots_close(struct desk *d);

/* ---- fetches that wait (fetch.c) ---- */

/* The slot's visible end may move from now on. */
void slot_stir(struct desk *d, struct slot *slot);
/* After the stores' slices: wakes the fetches whose watermark has moved. */
void desk_wake_fetches(struct desk *d);
/* Ends all that are parked at the slot. */
void slot_end_fetches(struct slot *slot, enum err err);
/* The same at every slot, with CLOSED: none parks here any more. */
void desk_end_fetches(struct desk *d);

/* ---- retention (retain.c) ---- */

void retain_start(struct desk *d);
void retain_stop(struct desk *d);

/* ---- wards (ward.c, ward_start.c, group.c) ---- */

void wards_open(struct serve *s);
void wards_close(struct serve *s); /* the stores are closed */
/* Start-up, on desk 0: a store has this one; then: all are known, and go where they are or are to
 * be made. */
void ward_found(struct serve *s, uint32_t number, uint32_t store);
void wards_place(struct serve *s);
/* On its desk: opens those that are here. */
void wards_start(struct desk *d);
/* On desk 0: offsets of this topic are forgotten; `version` is what topics_version will be. */
void wards_topic_gone(struct serve *s, const char *name, uint64_t version);
/* Every request that waits is answered, and none is taken any more; again is fine. */
void wards_stop(struct desk *d);
bool wards_busy(const struct desk *d); /* something is under way */
/* An answer is here: a stop of the desk may have waited for it. */
void ward_ended(struct ward *w);
/* Feeds the decider and performs what it wants; time and chance are added. */
enum err ward_step(struct ward *w, struct group_event *in);
void ward_break(struct ward *w, const char *what, uint64_t off);
void group_answered(struct group_request *q);

/* ---- shelves (shelf.c) ---- */

/* Makes the store if it is to be made, opens it and gives it to the shard. Blocks; the outcome is
 * in shelf->store, err and why. */
void shelf_open(struct shelf *sh, const struct store_create *create, uint64_t tail_bytes);
void shelf_close(struct shelf *sh);
/* Tells an operator, once, of each store that a failed write or sync has stopped. */
void shelves_watch(struct desk *d);
struct shelf *shelf_find(const struct desk *d, uint32_t number); /* open or not; NULL: none */
void shelf_path(const struct serve *s, uint32_t dir, uint32_t number, char *out, size_t cap);

/* ---- postings: what the registry wants of the desks (posting.c) ---- */

enum posting_kind { POSTING_ADD, POSTING_DROP, POSTING_APPLY, POSTING_REFUSE };

typedef void posting_done(struct serve *s, enum posting_kind kind, struct id16 id, enum err err);
/* Tells every desk that holds partitions of `t`, from `first` on, on an open store; APPLY and
 * REFUSE, every desk. `done` runs on desk 0 with the worst error, in a later turn, when all have
 * done it. */
void posting_send(struct serve *s, enum posting_kind kind, const struct meta *meta,
                  const struct meta_topic *t, uint32_t first, posting_done *done);

/* ---- registry (registry.c, start.c): on desk 0 only ---- */

/* A store as start-up found it in a directory, or as it is to be made. */
struct found {
    uint32_t number; /* NUMBER_NEW: given when the metadata is known */
    uint32_t dir, shard;
};
#define NUMBER_NEW UINT32_MAX

struct registry {
    struct meta *meta;
    struct meta_actions actions;
    bool stepping;      /* actions are being performed: no event may come */
    uint32_t under_way; /* appends and postings whose answer is out */
    uint32_t orphans;
    struct part *part; /* the system partition */
    struct id16 cluster;
    /* Start-up. */
    struct found *found; /* by directory, then number; new ones last in their directory */
    uint32_t found_count, found_cap;
    uint32_t dir; /* the one being listed */
    struct part_request add;
    struct read read;
    struct opening *openings; /* one for each desk */
    uint32_t openings_left;   /* desks that have not reported their stores yet */
};

struct registry *registry_open(void);
void registry_close(struct registry **r);
/* Feeds the decider and performs what it wants. */
enum err registry_step(struct serve *s, const struct meta_event *in);

/* First turn of a desk, on any: opens its io; on desk 0 then all of start-up begins. */
void desk_start(struct desk *d);
/* Finds the stores and gives each its shelf; directories that do not list are noted. */
enum err start_scan(struct serve *s, struct why *why);
/* Ends what start-up holds. */
void start_close(struct registry *r);
/* It has no store any more, or never had one. */
void desk_stopped(struct desk *d);
/* The registry may have nothing under way any more: a stop of desk 0 waits for that. */
void desk_stop_settle(struct desk *d);

#endif
