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
    uint32_t visible; /* topics LIVE or ENDING */
    uint32_t steps;   /* start-up: actions whose answer is still out */
    bool started, ready;
};

struct meta_store *meta_store_find(const struct meta *m, uint32_t number);
struct meta_store *meta_store_add(struct meta *m, uint32_t number); /* or finds it */

#endif
