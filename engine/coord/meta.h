/* meta.h -- which topics exist, with which settings, and which store holds each partition.
 *
 * A pure decider: events in, actions out; it does no I/O, asks no time and draws no chance. What
 * it knows is the sum of the records of the metadata log (meta_record.h), and whoever drives it
 * (serve) appends records, tells stores, and comes back with what happened.
 *
 * The life of a topic; a crash at any place goes on from the last synced record:
 *
 *   create -> NAMED --TOPIC synced--> ADDING --all rows durable--> LIVE
 *             forgotten on failure    after a restart: again
 *   delete -> ENDING --DELETE synced--> DROPPING --all tombstones durable--> LEAVING
 *             |  LIVE on failure        after a restart: again             |
 *             |  forgotten <------------------------GONE synced-----------+
 *             +--failed, and in doubt--> DOUBTFUL until the next start: LIVE or DROPPING
 *   grow   -> LIVE --GROWTH synced, all new rows durable--> LIVE, with more partitions
 *             as it was on failure      after a restart: as ADDING
 *
 * So a topic exists from the moment its TOPIC record is synced, and a create that fails later than
 * that says so with an error although it does; it is gone from the moment its DELETE record is
 * synced, and a delete that got so far is answered with OK. A store learns of partitions only after
 * TOPIC, and the metadata forgets only what no store holds any more. A partition that the
 * metadata does not know is therefore a sign of lost metadata: it is reported and kept.
 *
 * A record whose write failed may be in the log all the same: only the next start will tell. What
 * it was to bring does not hold until then, and the answer says that it is in doubt. A delete in
 * doubt is answered when every shard refuses what would be lost with the topic: nothing that is
 * acknowledged later can be taken away by the next start.
 *
 * Owner      serve, on the shard of store 0.
 * Thread     one at a time.
 * Memory     a row for each topic, four bytes for each partition; running out is fatal (check).
 * Invariant  ids are never reused; of a topic at most one request is under way; events of start-up
 *            come in the order RECORD*, STORE*, PART*, START.
 * Fails      meta_step(RECORD) alone: CORRUPT, UNSUPPORTED. All else is answered by actions.
 */
#ifndef COORD_META_H
#define COORD_META_H

#include "engine/coord/meta_record.h"

struct meta;

enum meta_state {
    META_NAMED,
    META_ADDING,
    META_LIVE,
    META_ENDING,
    META_DOUBTFUL, /* it can be read, and nothing of it is acknowledged */
    META_DROPPING,
    META_LEAVING
};

/* For reading only; valid until the next meta_step(). */
struct meta_topic {
    struct id16 id;
    enum meta_state state;
    uint32_t partitions;
    uint32_t grown;           /* with those that are being added, if it grows */
    uint32_t *stores;         /* of each of the `grown`; recorded, never computed */
    struct settings settings; /* in force */
    /* Meta's. */
    struct settings wanted; /* in a SETTINGS record under way */
    void *request;          /* under way, to be answered */
    bool changing;          /* a SETTINGS or GROWTH record, or what follows it, is under way */
    struct meta_topic *next_by_name, *next_by_id;
    char name[];
};

enum meta_event_kind {
    META_EVENT_RECORD = 1, /* start: `record`, in log order */
    META_EVENT_STORE,      /* start: `store`, `id`, `err` (not OK: it does not open) */
    META_EVENT_PART,       /* start: `store` holds partition `index` of topic `id` */
    META_EVENT_START,      /* start: that was all; ends with META_READY */
    META_EVENT_CREATE,     /* `request`; `name`, `id` (random), `partitions`, `settings` */
    META_EVENT_DELETE,     /* `request`; `name`; `id`: only this one (zero: any) */
    META_EVENT_ALTER,      /* `request`; `name`, `settings` (complete) */
    META_EVENT_GROW,       /* `request`; `name`, `partitions` (in all) */
    META_EVENT_APPENDED,   /* answer to META_APPEND: `kind_of_record`, `id`, `err`, `doubt` */
    META_EVENT_PLACED,     /* answer to META_PLACE: `id`, `err` (the worst of all partitions) */
    META_EVENT_DROPPED,    /* answer to META_DROP: the same */
    META_EVENT_APPLIED,    /* answer to META_APPLY: `id` */
    META_EVENT_REFUSED,    /* answer to META_REFUSE: `id` */
};

struct meta_event {
    enum meta_event_kind kind;
    enum err err;
    bool doubt; /* with `err`: the record may be in the log all the same */
    struct id16 id;
    uint32_t store, index, partitions;
    enum meta_record_kind kind_of_record;
    struct bytes record;
    const char *name;
    const struct settings *settings;
    void *request;
    struct why *why; /* RECORD: receives what is wrong; may be NULL */
};

enum meta_action_kind {
    META_APPEND = 1, /* append `record`, synced; answer APPENDED with its kind and id */
    META_PLACE,      /* every partition of `topic` from `index` to its `grown` on an open store: add
                      * or find; answer PLACED */
    META_DROP,       /* every partition of `topic` on an open store: drop; answer DROPPED */
    META_APPLY,      /* the settings of `topic` have changed: every shard; answer APPLIED */
    META_REFUSE,     /* every shard acknowledges nothing of `topic` any more; answer REFUSED */
    META_REPLY,      /* end `request` with `err`, `why`, `id` */
    META_ORPHAN,     /* `store` holds partition `index` of `id`, which nobody knows: report, keep */
    META_READY,      /* start-up is over */
};

struct meta_action {
    enum meta_action_kind kind;
    enum err err;
    struct id16 id;
    uint32_t store, index;
    enum meta_record_kind kind_of_record;
    struct bytes record; /* the actions' memory, until meta_actions_clear() */
    const struct meta_topic *topic;
    void *request;
    struct why why;
};

struct meta_actions {
    struct meta_action *at;
    uint32_t count, cap;
};
void meta_actions_clear(struct meta_actions *a); /* keeps the room for the next step */
void meta_actions_close(struct meta_actions *a);

struct meta_opts {
    size_t record_max; /* bytes of a record that the log takes; 0: META_RECORD_BYTES_MAX */
};
struct meta *meta_open(const struct meta_opts *opts);
void meta_close(struct meta **m);
/* Adds to `out`; the caller performs the actions in order and clears it. */
enum err meta_step(struct meta *m, const struct meta_event *in, struct meta_actions *out);

/* Topics that users see: LIVE, ENDING or DOUBTFUL. NULL: none. */
const struct meta_topic *meta_find(const struct meta *m, const char *name);
const struct meta_topic *meta_find_id(const struct meta *m, struct id16 id);
uint32_t meta_count(const struct meta *m); /* of those */
/* Every store that a record or an event named, by number; false: i is beyond the last. */
bool meta_store_at(const struct meta *m, uint32_t i, uint32_t *number, uint64_t *partitions);
void meta_each(const struct meta *m, void (*each)(const struct meta_topic *t, void *arg),
               void *arg);
/* Any state; for the driver and tests. */
const struct meta_topic *meta_topic(const struct meta *m, struct id16 id);

/* Why partitions on this store cannot be served; OK: they can. NOT_FOUND: no such store. */
enum err meta_store_err(const struct meta *m, uint32_t store);
bool meta_store_recorded(const struct meta *m, uint32_t store); /* it has a STORE record */
uint32_t meta_store_next(const struct meta *m); /* above every number in the records */

/* INVALID with the rule that `name` breaks. */
enum err topic_name_check(const char *name, struct why *why);

#endif
