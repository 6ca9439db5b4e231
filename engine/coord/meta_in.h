/* meta_in.h -- the tables behind meta.h; for engine/coord/meta*.c only. */
#ifndef COORD_META_IN_H
#define COORD_META_IN_H

#include "engine/coord/meta.h"

/* Topics by id and by canonical name ('.' reads as '_': names that differ only there collide, as
 * in Kafka). Chains in two arrays of buckets that double with the count. */
struct meta_table {
    struct meta_topic **by_name, **by_id;
    uint32_t buckets; /* a power of two; 0: nothing yet */
    uint32_t count;
};

void meta_table_close(struct meta_table *t); /* frees the topics too */
/* The topic takes part from now on; by name only while `named`. */
void meta_table_add(struct meta_table *t, struct meta_topic *topic);
void meta_table_unname(struct meta_table *t, struct meta_topic *topic);
void meta_table_remove(struct meta_table *t, struct meta_topic *topic); /* and frees it */
struct meta_topic *meta_table_by_id(const struct meta_table *t, struct id16 id);
/* The topic with this name or one that collides with it. */
struct meta_topic *meta_table_by_name(const struct meta_table *t, const char *name);
bool meta_name_equal(const char *a, const char *b); /* collide */

struct meta_store {
    uint32_t number;
    struct id16 id;
    bool recorded; /* its STORE record is in the log */
    bool open;     /* and it can be served */
    enum err err;  /* not open: why */
    uint64_t partitions;
};

struct meta {
    size_t record_max;
    struct meta_table topics;
    struct meta_store *stores; /* by number, ascending */
    uint32_t store_count, store_cap;
    uint32_t visible; /* topics that users see */
    uint32_t steps;   /* start-up: actions whose answer is still out */
    bool started, ready;
};

struct meta_store *meta_store_find(const struct meta *m, uint32_t number);
struct meta_store *meta_store_add(struct meta *m, uint32_t number); /* or finds it */

/* ---- actions and topics (meta_action.c) ---- */

struct meta_action *meta_act(struct meta_actions *a, enum meta_action_kind kind);
void meta_act_append(struct meta_actions *out, const struct meta_record *r);
void meta_act_topic(struct meta_actions *out, enum meta_action_kind kind,
                    const struct meta_topic *t);
/* PLACE, from the partition `first` on. */
void meta_act_place(struct meta_actions *out, const struct meta_topic *t, uint32_t first);
/* Nothing for a NULL request: start-up, nobody asked. `why` NULL: the error's own sentence. */
void meta_act_reply(struct meta_actions *out, void *request, enum err err, struct id16 id,
                    const struct why *why);
void meta_topic_reply(struct meta_actions *out, struct meta_topic *t, enum err err);
/* The same, of a record of this kind that may be in the log although its write failed. */
void meta_topic_reply_doubt(struct meta_actions *out, struct meta_topic *t,
                            enum meta_record_kind kind, enum err err);
void meta_doubt_say(struct why *why, const char *name, enum meta_record_kind kind);

bool meta_topic_visible(const struct meta_topic *t);
void meta_topic_move(struct meta *m, struct meta_topic *t, enum meta_state to);
void meta_topic_unname(struct meta *m, struct meta_topic *t); /* to DROPPING: its name is free */
void meta_topic_forget(struct meta *m, struct meta_topic *t);
struct meta_topic *meta_topic_make(const char *name, size_t name_len, struct id16 id,
                                   uint32_t partitions);
/* There is room for so many stores; those beyond the ones of now are zero, and nobody's. */
void meta_topic_widen(struct meta_topic *t, uint32_t grown);
void meta_topic_unwiden(struct meta *m, struct meta_topic *t); /* back to its partitions */

/* ---- events (meta_start.c, meta_command.c) ---- */

enum err meta_on_record(struct meta *m, const struct meta_event *in);
void meta_on_store(struct meta *m, const struct meta_event *in);
void meta_on_part(struct meta *m, const struct meta_event *in, struct meta_actions *out);
void meta_on_start(struct meta *m, struct meta_actions *out);
/* READY, when nothing of start-up is under way any more. */
void meta_start_settle(struct meta *m, struct meta_actions *out);
void meta_on_create(struct meta *m, const struct meta_event *in, struct meta_actions *out);
void meta_on_delete(struct meta *m, const struct meta_event *in, struct meta_actions *out);
void meta_on_alter(struct meta *m, const struct meta_event *in, struct meta_actions *out);
void meta_on_grow(struct meta *m, const struct meta_event *in, struct meta_actions *out);

#endif
