/* town_in.h -- what the files of the town share. */
#ifndef SIM_TOWN_IN_H
#define SIM_TOWN_IN_H

#include "engine/io/sim.h"
#include "engine/serve/serve.h"
#include "tests/sim/oracle.h"
#include "tests/sim/tally.h"

#define TOWN_TOPICS 6u
#define TOWN_PARTS  4u
#define TOWN_SHARDS 3u

enum topic_state { TOPIC_GONE, TOPIC_CREATING, TOPIC_LIVE, TOPIC_DELETING };

struct town_topic {
    char name[16];
    enum topic_state state;
    bool retention; /* the log start may move by itself */
    struct id16 id; /* LIVE and DELETING, zero while it is not known */
    enum durability durability;
    struct topic_info *info; /* places; NULL until described in this life */
    uint32_t count;          /* partitions that are known */
    uint32_t wanted;         /* as many may be there: it is made, or grows; 0: it does not */
    struct o_part *parts[TOWN_PARTS];
    uint32_t busy; /* operations that name it */
};

struct town {
    struct sim *sim;
    struct sim_node *node;
    struct rng *rng;
    struct serve *serve;
    uint32_t shards;
    struct oracle oracle;
    struct tally tally;
    struct town_topic topics[TOWN_TOPICS];
    struct list ops; /* under way */
    uint32_t op_count;
    enum end worst;
    bool stopping;
    uint64_t turns_idle;
};

/* town_op.c */
void town_create(struct town *t, struct town_topic *topic);
void town_delete(struct town *t, struct town_topic *topic);
void town_describe(struct town *t, struct town_topic *topic);
void town_append(struct town *t, struct town_topic *topic, uint32_t part);
void town_fetch(struct town *t, struct town_topic *topic, uint32_t part, uint64_t off, bool scan);
void town_trim(struct town *t, struct town_topic *topic, uint32_t part);
void town_alter(struct town *t, struct town_topic *topic);
void town_grow(struct town *t, struct town_topic *topic);
void town_part(struct town *t, struct town_topic *topic, uint32_t part); /* after a start */
void town_list(struct town *t);                                          /* after a start */
void town_forget(struct town *t); /* the instance is closed: what was under way is freed */

/* town.c */
bool town_turn(struct town *t, uint64_t until_ns); /* false: dead, or nothing happens before that */
bool town_dead(const struct town *t);

/* town_copy.c */
struct town_copy; /* of the directory that holds the metadata */
struct town_copy *town_copy_take(struct town *t);
void town_copy_put(struct town *t, const struct town_copy *c);
void town_copy_give(struct town_copy *c);

#endif
