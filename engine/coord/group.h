/* group.h -- consumer groups and their offsets, as Kafka's classic protocol has them.
 *
 * A pure decider: events in, actions out; it does no I/O, asks no time and draws no chance. One
 * `struct groups` coordinates many groups over one log; what it keeps is the sum of the records of
 * that log (group_note.h). Whoever drives it (serve) appends records, answers requests and comes
 * back with what happened. The states of a group are in group_state.def, the requests in
 * group_verb.def, the answers' errors in group_err.def.
 *
 * What is answered is durable: a new generation before a member hears of it, an assignment before
 * it is handed out, a commit before it is acknowledged. So after a crash no generation has a
 * second leader, members go on where they were, and no acknowledged offset is lost. While a record
 * of a group's members is on its way, all that would change this group waits for it, in order;
 * commits do not wait for each other.
 *
 * The log is bounded: when it is several times as long as what it says, the whole state is written
 * anew behind it, and what is before that is trimmed. For this the decider waits until nothing is
 * under way, and all that comes meanwhile waits, too.
 *
 * Owner      serve, one for each group partition, on that partition's shard.
 * Thread     one at a time.
 * Memory     what opts limit; running out is fatal (check). Requests are borrowed until answered.
 * Invariant  generations of a group only rise; one leader for each; of a group at most one record
 *            of members is under way, and then nothing else of it is appended.
 * Fails      groups_step(RECORD) alone: CORRUPT, UNSUPPORTED. All else is answered by actions.
 */
#ifndef COORD_GROUP_H
#define COORD_GROUP_H

#include "engine/base/err.h"
#include "engine/base/list.h"
#include "engine/base/types.h"

struct groups;

enum group_err {
#define GROUP_ERR(name, code, text) GROUP_ERR_##name = code,
#include "engine/coord/group_err.def"
#undef GROUP_ERR
};
const char *group_err_text(enum group_err err);

enum group_state {
#define GROUP_STATE(name, word, next) GROUP_##name,
#include "engine/coord/group_state.def"
#undef GROUP_STATE
};
const char *group_state_word(enum group_state s); /* Kafka's */

enum group_verb {
#define GROUP_VERB(name, step, changes, empty_id, missing, loading, unavailable) GROUP_VERB_##name,
#include "engine/coord/group_verb.def"
#undef GROUP_VERB
    GROUP_VERBS
};
enum group_err group_verb_loading(enum group_verb v);     /* the answer while the log is read */
enum group_err group_verb_unavailable(enum group_verb v); /* ... where it stops, or is broken */

/* ---- a request ---- */

struct group_protocol {
    struct bytes name, metadata;
};
struct group_assignment {
    struct bytes member, assignment;
};
struct group_leaver {
    struct bytes member, instance; /* member empty: whoever has that instance */
    enum group_err err;            /* result */
};
/* A committed offset, as given or as found. */
struct group_offset {
    struct bytes topic;
    int32_t partition;
    int32_t leader_epoch; /* -1: not known */
    int64_t off;          /* FETCH: -1: none */
    struct bytes metadata;
    enum group_err err; /* result */
};
struct group_member_row {
    struct bytes id, instance, client_id, client_host, metadata, assignment;
};
struct group_row {
    struct bytes id, protocol_type;
    enum group_state state;
};

/* Texts are views; null is at == NULL. What the caller gives is borrowed until the answer; what it
 * gets lies in `block`, which is then the caller's: free(). */
struct group_request {
    enum group_verb verb;
    struct bytes group;
    struct bytes member, instance; /* who asks: JOIN SYNC HEARTBEAT COMMIT */
    int32_t generation;            /* SYNC HEARTBEAT COMMIT (-1: no member) */
    struct bytes protocol_type;    /* JOIN; SYNC (null: not compared) */
    /* JOIN */
    struct bytes client_id, client_host;
    int32_t timeout_ms;    /* without a sign of life the member is gone */
    int32_t rebalance_ms;  /* to join again in a rebalance; below 0: timeout_ms */
    bool id_required;      /* from version 4: an id first, then a place in the group */
    bool skips_assignment; /* from version 9: a leader may be told not to assign */
    const struct group_protocol *protocols; /* the one it likes best first */
    uint32_t protocol_count;
    /* SYNC */
    struct bytes protocol; /* null: not compared */
    const struct group_assignment *assignments;
    uint32_t assignment_count;
    /* LEAVE */
    struct group_leaver *leavers;
    uint32_t leaver_count;
    /* COMMIT, FETCH (offsets NULL: all there are), DELETE_OFFSETS: rows are filled in place. */
    struct group_offset *offsets;
    uint32_t offset_count;
    int64_t retention_ms; /* COMMIT: below 0: the coordinator's */
    uint64_t topics_seen; /* COMMIT: the latest TOPIC_GONE that its topics were looked up after */

    /* Results. */
    enum group_err err;
    void *block; /* what all that follows points into; NULL: nothing */
    size_t block_bytes;
    struct {
        int32_t generation;                   /* JOIN */
        struct bytes member, leader;          /* JOIN; MEMBER_ID_REQUIRED: member */
        struct bytes protocol_type, protocol; /* JOIN SYNC DESCRIBE; null: none */
        bool skip_assignment;                 /* JOIN */
        struct bytes assignment;              /* SYNC */
        enum group_state state;               /* DESCRIBE */
        struct group_member_row *members;     /* JOIN, of the leader; DESCRIBE */
        uint32_t member_count;
        struct group_offset *offsets; /* FETCH of all */
        uint32_t offset_count;
        struct group_row *groups; /* LIST */
        uint32_t group_count;
    } out;

    /* The decider's. */
    struct node node;   /* where it waits */
    struct id16 random; /* of its ASK: it may be taken up later, with others */
};

/* ---- events and actions ---- */

struct group_write;

enum group_event_kind {
    GROUP_EVENT_RECORD = 1, /* start: `record`, in log order */
    GROUP_EVENT_START,      /* start: that was all */
    GROUP_EVENT_ASK,        /* `request`; `random` for ids */
    GROUP_EVENT_APPENDED,   /* answer to GROUP_APPEND: `write`, `err`, `off` */
    GROUP_EVENT_TIME,       /* it is time (GROUP_ARM); earlier is fine */
    GROUP_EVENT_TOPIC_GONE, /* `topic` was deleted, as the `version`th: nobody wants its offsets,
                             * and who has not heard of it cannot bring them back; also before START
                             */
    GROUP_EVENT_GIVE_UP,    /* `request`: answer it now if it waits for others */
    GROUP_EVENT_STOP,       /* answer all that wait; from now on nothing else is taken */
};

struct group_event {
    enum group_event_kind kind;
    uint64_t now_ms; /* a clock that never goes back: timeouts */
    int64_t wall_ms; /* since 1970: what is recorded, and when offsets are too old */
    struct bytes record;
    struct group_request *request;
    struct bytes topic;
    uint64_t version; /* rises from one TOPIC_GONE to the next */
    struct id16 random;
    struct group_write *write;
    enum err err;
    uint64_t off;    /* of the appended record */
    struct why *why; /* RECORD: receives what is wrong; may be NULL */
};

enum group_action_kind {
    GROUP_APPEND = 1, /* append `record`, synced, in this order; answer APPENDED with `write` */
    GROUP_ANSWER,     /* `request` is over: its results are set */
    GROUP_TRIM,       /* the log may start at `off`; no answer */
    GROUP_ARM,        /* TIME is wanted at `at_ms` of now_ms's clock, and not at any other; the
                       * last one counts. UINT64_MAX: never */
};

struct group_action {
    enum group_action_kind kind;
    struct bytes record; /* borrowed until APPENDED */
    struct group_write *write;
    struct group_request *request;
    uint64_t off, at_ms;
};

struct group_actions {
    struct group_action *at;
    uint32_t count, cap;
};
void group_actions_clear(struct group_actions *a); /* keeps the room for the next step */
void group_actions_close(struct group_actions *a);

/* Zero fields: the defaults. */
struct group_opts {
    size_t record_max;       /* bytes of a record that the log takes; 512 KiB */
    uint32_t groups_max;     /* 16,384 */
    uint32_t members_max;    /* of a group, those that still have to join included; 1,024 */
    uint64_t bytes_max;      /* of all that is kept, as bytes of records, and of who was told an
                              * id; 32 MiB */
    uint32_t metadata_max;   /* bytes of a committed offset's metadata; 4,096 */
    int32_t timeout_min_ms;  /* of a member: 6 s */
    int32_t timeout_max_ms;  /* 30 min */
    int32_t delay_ms;        /* an empty group waits for more members; 3 s. Below 0: none */
    int64_t retention_ms;    /* of offsets that nobody reads; 7 d */
    uint64_t sweep_ms;       /* between looks for those; 10 min */
    uint64_t snapshot_bytes; /* the log is never shortened below this; 1 MiB */
};

struct groups *groups_open(const struct group_opts *opts);
/* Requests that wait are forgotten. */
void groups_close(struct groups **gs);
/* Adds to `out`; the caller performs the actions in order and clears it. */
enum err groups_step(struct groups *gs, const struct group_event *in, struct group_actions *out);

/* ---- questions ---- */

uint32_t groups_count(const struct groups *gs);
uint32_t groups_under_way(const struct groups *gs); /* appends without their answer */
/* The whole durable state as one row of bytes, in an order that follows from the state alone: two
 * deciders that know the same give the same. For tests; malloc'd, the caller's. */
struct bytes groups_image(const struct groups *gs);

#endif
