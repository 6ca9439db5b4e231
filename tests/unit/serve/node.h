/* node.h -- a node for tests: an instance in the simulator, all of its shards in one thread.
 *
 * Verbs are started as a front would, then node_until() turns the shards and lets time pass until
 * they are done. A crash forgets the instance; node_start() opens it again on the same disks.
 */
#ifndef TESTS_UNIT_SERVE_NODE_H
#define TESTS_UNIT_SERVE_NODE_H

#include "engine/io/sim.h"
#include "engine/serve/serve.h"

struct node_world {
    struct sim *sim;
    struct sim_node *machine;
    struct serve *serve;
    const char *dirs[4];
    uint32_t dir_count, shards;
    uint64_t read_bytes;              /* serve_opts: set before node_start() ... */
    uint32_t recv_bytes;              /* ... and this one: of a receive buffer; 0: as ever */
    const struct serve_front *fronts; /* set before node_start() */
    uint32_t front_count;
    bool groups; /* serve_opts, as is the next */
    struct group_opts group;
    uint32_t (*beside)(void); /* turned with the shards: others in this world; may be NULL */
    uint32_t notes;           /* about stores and partitions */
    char note[512];           /* the last one */
};

void node_open(struct node_world *w, uint64_t seed, uint32_t dir_count, uint32_t shards);
void node_close(struct node_world *w); /* an instance that runs loses its power first */
/* Opens the instance and waits for READY or FAILED; *err says why it failed. */
enum serve_state node_start(struct node_world *w, enum err *err);
void node_stop(struct node_world *w); /* in order: checkpoints, then closes */
void node_crash(struct node_world *w, enum sim_end end);
/* Turns and steps until *done, or until nothing more can happen (false). */
bool node_until(struct node_world *w, const bool *done);
/* The same for a span of the simulated time; or until done(arg), if that comes first: true. */
bool node_within(struct node_world *w, uint64_t ns, bool (*done)(const void *arg), const void *arg);
/* The same for a span of the simulated time. */
void node_pass(struct node_world *w, uint64_t ns);

/* Verbs that wait. */
enum err node_create(struct node_world *w, const char *name, uint32_t partitions, const char *key,
                     const char *value);
enum err node_delete(struct node_world *w, const char *name);
enum err node_alter(struct node_world *w, const char *name, const char *key, const char *value);
enum err node_grow(struct node_world *w, const char *name, uint32_t partitions);
/* The caller frees it; NULL: there is none. */
struct topic_info *node_topic(struct node_world *w, const char *name);
/* A batch of one record, of now for time 0; *off (may be NULL) receives its offset. */
enum err node_append(struct node_world *w, const struct place *p, const char *value, int64_t time,
                     uint64_t *off);
/* The value of the record at `off`, in static memory; NULL: none, *err says why. */
const char *node_value(struct node_world *w, const struct place *p, uint64_t off, enum err *err);
struct part_state_info node_part(struct node_world *w, const struct place *p, enum err *err);

/* For verbs that a test starts itself: done = node_done, arg = &flag, home = HOME_ANY. */
void node_done(struct verb *v);
/* The same, but *arg receives the shard it ran on. */
void node_done_at(struct verb *v);

#endif
