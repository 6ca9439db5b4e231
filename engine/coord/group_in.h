/* group_in.h -- what is behind group.h; for engine/coord/group*.c only. */
#ifndef COORD_GROUP_IN_H
#define COORD_GROUP_IN_H

#include "engine/coord/group.h"
#include "engine/coord/group_note.h"

#define NEVER_MS UINT64_MAX

/* A newcomer of version 3 or older does not know its id until it is answered, so it can neither
 * show a sign of life nor leave: Kafka gives up on it after this time. */
#define FRESH_MS (5u * 60 * 1000)

/* A member. `is` is what the log says of it; its texts are the member's own. */
struct member {
    struct node node; /* group.members, in the order of joining */
    struct group_note_member is;
    struct group_request *join, *sync; /* not answered yet */
    bool joined;                       /* PREPARING: will be in the next generation */
    bool synced;                       /* has asked for its assignment of this generation */
    bool fresh;                        /* has never heard of a generation */
    uint64_t dead_ms;                  /* without a sign of life until then, it is gone */
};

/* Somebody who was told an id to join with, and has not yet. */
struct pending {
    struct node node; /* group.pending */
    struct bytes id;
    uint64_t dead_ms;
};

struct offset_row {
    int32_t partition, leader_epoch;
    int64_t off, commit_ms, expire_ms;
    struct bytes metadata;
    bool gone; /* its topic was deleted: nobody sees it, and the next look forgets it */
};
struct topic_rows {
    struct bytes name;
    struct offset_row *rows; /* by partition */
    uint32_t count, cap;
};

struct group {
    struct group *next; /* in its bucket */
    struct bytes id;
    enum group_state state;
    int32_t generation;
    struct bytes protocol_type, protocol; /* null: none */
    int64_t since_ms;                     /* wall clock of its last record of members */
    struct list members, pending;
    uint32_t member_count, pending_count;
    struct member *leader;
    bool recorded;     /* the log knows it */
    struct bytes note; /* what the log says of its members; null: nothing */
    /* A rebalance. */
    bool gathering;       /* it began with an empty group, and waits for more to come */
    bool grown;           /* ... and somebody came since it was last looked at */
    uint32_t gather_ms;   /* ... and this is how much longer it may be put off */
    uint64_t join_due_ms; /* PREPARING: goes on without those who have not joined */
    uint64_t sync_due_ms; /* COMPLETING STABLE: those who have not synced are gone */
    /* Records under way. */
    struct group_write *writing; /* of its members or its end: changes wait in `parked` */
    uint32_t under_way;          /* all */
    struct list parked;          /* group_request.node */
    /* When to look at it. */
    uint64_t due_ms;
    uint32_t place;            /* in groups.heap; 0: not there */
    struct topic_rows *topics; /* by name */
    uint32_t topic_count, topic_cap;
    uint64_t member_bytes;   /* of the notes of its members ... */
    uint64_t assigned_bytes; /* ... without what they are assigned, which is this */
    uint8_t id_at[];
};

/* What becomes of an append. */
enum write_kind {
    WRITE_GENERATION, /* all have joined: tell them */
    WRITE_ASSIGNMENT, /* the leader has assigned: tell them */
    WRITE_MEMBER,     /* a static member came back under a new id: answer it */
    WRITE_GONE,       /* the end of the group */
    WRITE_OFFSETS,    /* offsets committed or forgotten */
    WRITE_SNAPSHOT,
};

struct group_write {
    struct node node; /* groups.writes */
    enum write_kind kind;
    struct group *group;           /* NULL: SNAPSHOT */
    struct group_request *request; /* to be answered; NULL: nobody asked */
    struct bytes record;
    bool ended; /* its answer is here, but one before it is still out */
    enum err err;
    uint64_t off;
};

/* A topic that was deleted. */
struct group_gone {
    struct bytes name;
    uint64_t version;
};

struct groups {
    struct group_opts opts;
    /* Of the event. */
    uint64_t now_ms;
    int64_t wall_ms;
    struct group_actions *out;
    /* Groups. */
    struct group **buckets;
    uint32_t bucket_count, count;
    struct group **heap; /* heap[1..heap_count], the earliest due first */
    uint32_t heap_count, heap_cap;
    uint64_t bytes; /* of the notes that say all there is, at most, and of who was told an id */
    /* The log. */
    struct list writes; /* in log order */
    uint32_t under_way;
    uint64_t log_bytes;   /* of records behind its start */
    uint64_t snapshot_at; /* log_bytes from which on it may be shortened */
    uint32_t snapshot_left;
    uint64_t snapshot_off; /* of its first record; UINT64_MAX: not known */
    bool snapshot_failed;
    bool settling;      /* a snapshot waits until nothing is under way ... */
    struct list parked; /* ... and these wait for it */
    bool started, stopped;
    uint64_t sweep_due_ms, armed_ms;
    /* Topics that were deleted, by version: all behind gone_floor, and nothing before it. */
    struct group_gone *gone;
    uint32_t gone_count, gone_cap;
    uint64_t gone_floor;
};

/* ---- groups by id, and when to look at them (group_table.c) ---- */

struct bytes group_text_copy(struct bytes b); /* null stays null */
void group_text_set(struct bytes *to, struct bytes from);
void group_text_free(struct bytes *b);

struct group *group_find(const struct groups *gs, struct bytes id);
struct group *group_make(struct groups *gs, struct bytes id);
void group_type_set(struct groups *gs, struct group *g, struct bytes type); /* protocol_type */
void group_free(struct groups *gs, struct group *g); /* nothing of it is under way or waits */
/* All groups; NULL at the end. */
struct group *group_first(const struct groups *gs);
struct group *group_next(const struct groups *gs, const struct group *g);
/* It is to be looked at no later than at_ms. */
void group_arm(struct groups *gs, struct group *g, uint64_t at_ms);
void group_disarm(struct groups *gs, struct group *g);

/* ---- members (group_member.c) ---- */

void group_move(struct group *g, enum group_state to);
struct member *member_find(const struct group *g, struct bytes id);
struct member *member_by_instance(const struct group *g, struct bytes instance);
struct pending *pending_find(const struct group *g, struct bytes id);
/* OK: `id` is a member, and the one that has `instance`, if that is given. */
enum group_err member_validate(const struct group *g, struct bytes id, struct bytes instance);
struct member *member_add(struct groups *gs, struct group *g, const struct group_note_member *is);
/* It goes; requests of it that wait are answered with UNKNOWN_MEMBER. */
void member_drop(struct groups *gs, struct group *g, struct member *m);
void members_clear(struct groups *gs, struct group *g); /* and those who were to join */
/* All but the instance. */
void member_set(struct groups *gs, struct group *g, struct member *m,
                const struct group_note_member *is);
size_t pending_bytes(struct bytes id); /* as groups.bytes counts who was told it */
void pending_add(struct groups *gs, struct group *g, struct bytes id, uint64_t dead_ms);
void pending_drop(struct groups *gs, struct group *g, struct pending *p);
/* Ends what it waits for. */
void member_end_join(struct groups *gs, struct member *m, enum group_err err);
void member_end_sync(struct groups *gs, struct member *m, enum group_err err);
/* A sign of life. */
void member_touch(struct groups *gs, struct group *g, struct member *m);
struct bytes member_metadata(const struct member *m, struct bytes protocol);
bool member_supports(const struct member *m, struct bytes protocol);
bool group_supports(const struct group *g, struct bytes protocol); /* all members do */
/* The protocol with the most votes; each member votes for the first of its own that all have. */
struct bytes group_vote(const struct group *g);

/* ---- what consumers read (group_reads.c) ---- */

/* The topics that some member reads, as far as its metadata tells; views into that. */
struct group_reads {
    struct bytes *slots; /* at NULL: free */
    uint32_t slot_count; /* a power of two */
    bool all;            /* any: members that have agreed on nothing yet */
};
void group_reads_open(struct group_reads *r, const struct group *g);
bool group_reads(const struct group_reads *r, struct bytes topic);
void group_reads_close(struct group_reads *r); /* again is fine */
bool group_consumes(const struct group *g);    /* its protocol type is that of consumers */

/* ---- a rebalance (group_rebalance.c) ---- */

uint32_t group_rebalance_ms(const struct group *g); /* the longest that a member wants */
void group_prepare(struct groups *gs, struct group *g);
void group_try_complete(struct groups *gs, struct group *g); /* all have joined? */
void group_after_drop(struct groups *gs, struct group *g);
void group_generation_written(struct groups *gs, struct group *g, enum err err);
void group_assignment_written(struct groups *gs, struct group *g, enum err err);
/* It is due. */
void group_time(struct groups *gs, struct group *g);
uint64_t group_due_ms(const struct group *g);
/* After a start: everybody has as long as if it had just been heard. */
void group_resume(struct groups *gs, struct group *g);

/* ---- answers (group_answer.c) ---- */

struct group_action *group_act(struct group_actions *a, enum group_action_kind kind);
void group_answer(struct groups *gs, struct group_request *q, enum group_err err);
/* The results of a member's join and sync, without the answer. */
void group_join_results(const struct group *g, const struct member *m, struct group_request *q,
                        bool with_members);
void group_sync_results(const struct group *g, const struct member *m, struct group_request *q);
enum group_err group_err_of(enum err err); /* of an append */

/* Memory of results: one block, arrays first. */
struct group_block {
    uint8_t *at;
    size_t len, cap;
};
struct group_block group_block_open(size_t cap);
void *group_block_array(struct group_block *b, size_t bytes);
struct bytes group_block_text(struct group_block *b, struct bytes text); /* null stays null */
void group_block_give(struct group_block *b, struct group_request *q);
void group_block_free(struct group_request *q); /* results were not to be */

/* ---- the log (group_log.c) ---- */

/* Appends the record, which becomes the log's. */
void group_append(struct groups *gs, enum write_kind kind, struct group *g, struct group_request *q,
                  struct bytes record);
/* The same with the group as it is now. */
void group_append_members(struct groups *gs, enum write_kind kind, struct group *g,
                          struct group_request *q);
size_t group_members_bytes(const struct group *g); /* of that record, at most */
void group_appended(struct groups *gs, const struct group_event *in);
/* What a note says; a group that it names is made, or ended. */
void group_apply(struct groups *gs, const struct group_note *n);
enum err group_replay(struct groups *gs, const struct group_event *in);
/* Begins a snapshot if the log is long enough; writes it if nothing is under way. */
void group_snapshot(struct groups *gs);
void group_written(struct groups *gs, struct group_write *w);

/* ---- offsets (group_offset.c) ---- */

/* Rows of topics that were deleted after `seen` are gone at once; UINT64_MAX: none is. */
void group_offsets_apply(struct groups *gs, struct group *g, const struct group_note *n,
                         uint64_t seen);
void group_offsets_clear(struct groups *gs, struct group *g);
void group_offsets_each(const struct group *g,
                        void (*each)(void *arg, const struct group_note_offset *o), void *arg);
struct group_note_offset group_offset_note(const struct topic_rows *t, const struct offset_row *r);
struct offset_row *group_offset_find(const struct group *g, struct bytes topic, int32_t partition);
/* Closes a note of offsets to be forgotten and appends it; without rows there is nothing to do. */
void group_forget(struct groups *gs, struct group *g, struct group_request *q,
                  struct group_writer *w, uint32_t rows);
/* It is empty: its end goes to the log. `q` may be NULL. */
void group_end(struct groups *gs, struct group *g, struct group_request *q);
/* Nothing of it is left, and the log does not know it: the next look frees it ... */
bool group_unused(const struct group *g);
void group_arm_unused(struct groups *gs, struct group *g); /* ... which is due now */
/* Nobody sees the topic's offsets any more; a look that forgets them is due now. */
void group_offsets_hide(struct groups *gs, struct bytes topic);
/* Offsets that are too old, and groups of which nothing is left. */
void group_sweep(struct groups *gs);
void group_offsets_written(struct groups *gs, struct group_write *w);

/* ---- topics that were deleted (group_gone.c) ---- */

void group_topic_gone(struct groups *gs, struct bytes topic, uint64_t version);
void group_gone_start(struct groups *gs); /* the log was read */
/* Of a row by whoever looked its topic up after `seen`: OK, UNKNOWN_TOPIC, or UNAVAILABLE. */
enum group_err group_gone_check(const struct groups *gs, struct bytes topic, uint64_t seen);
void group_gone_close(struct groups *gs);

/* ---- requests: the steps of group_verb.def ---- */

/* From the start, or from where it waited. */
void group_ask(struct groups *gs, struct group_request *q);
void group_release(struct groups *gs, struct list *parked);

#define GROUP_VERB(name, step, changes, empty_id, missing, loading, unavailable) \
    void step(struct groups *gs, struct group *g, struct group_request *q);
#include "engine/coord/group_verb.def"
#undef GROUP_VERB

#endif
