/* errno_in.h -- one case of the errno sweep: a scene, a call site that fails in it, and the end.
 *
 *   table   which errnos a verb can give
 *   scene   what happens before (nothing fails), and meanwhile (the site fails)
 *   life    the fault itself, what may not happen beside it, the end of the life and the look after
 *
 * A case is a life of the world (world.h) in a child process: what is wrong ends it (verdict.h).
 *
 * Thread     the one thread of a case.
 * Memory     `shared` is what the child tells its parent.
 */
#ifndef SIM_ERRNO_IN_H
#define SIM_ERRNO_IN_H

#include "tests/sim/load.h"

#define SITES_MAX 128u

extern const struct io_site *const __start_io_sites[], *const __stop_io_sites[];
#define SITE_COUNT ((uint32_t)(__stop_io_sites - __start_io_sites))

/* ---- errno_table.c ---- */

struct errno_row {
    int sys;
    const char *name;
};
struct errno_rows {
    const struct errno_row *at; /* the first two are those of a quick sweep */
    uint32_t count;             /* 0: a verb of connections */
};
struct errno_rows errno_rows(enum io_verb verb);
const char *errno_verb_name(enum io_verb verb);

/* ---- errno_life.c ---- */

/* Hits `from` to `from + count - 1` of the site fail; count 0: every one from `from` on. */
struct fault {
    const struct io_site *site; /* NULL: nothing fails */
    int sys;
    uint64_t from, count;
};

/* How the life ends: the fault is still there when power or process go; or it has passed, the store
 * goes on if it can, and is opened again in the same process. */
enum life_end { LIFE_POWER, LIFE_KILL, LIFE_AGAIN, LIFE_END_COUNT };
extern const char *const life_end_names[LIFE_END_COUNT];

enum outcome { OUT_SERVED, OUT_REFUSED, OUT_POISONED, OUT_COUNT };

struct shared {
    uint64_t hits[SITES_MAX]; /* starts of I/Os, by site, while the fault was armed */
    uint64_t faults;          /* of them failed */
    uint64_t served;          /* scene repair: batches, when nothing fails */
    enum outcome outcome;
};

struct life {
    struct world w;
    struct load load;
    struct sim_watch watch;
    struct fault fault;
    bool armed;
    enum life_end end;
    struct shared *shared;
    bool poisons;                /* a call failed that the store cannot live with */
    bool sync_failed, sync_ever; /* in this opening; in this life */
    int sync_fd;
    uint64_t sync_ns;
};

void life_open(struct life *l, uint64_t seed, struct shared *shared);
/* From now on the site fails. */
void life_arm(struct life *l);
void life_disarm(struct life *l);
/* Waits until all operations are answered. */
void life_settle(struct life *l);
/* Lets time pass. */
void life_sleep(struct life *l, uint64_t ns);
struct store *life_store(struct life *l); /* NULL: not open */
/* A shard and the directory, for tools: no store is open. */
struct io *life_tools(struct life *l, int *dir);
/* Ends the life as l->end says, opens the store again where nothing fails, and looks: all that was
 * promised is there, and appends are taken again. */
void life_finish(struct life *l);

/* ---- errno_scene.c, errno_tool.c ---- */

struct scene {
    const char *name;
    void (*before)(struct life *l);
    void (*run)(struct life *l); /* arms, and ends in the look after */
};
extern const struct scene scenes[];
extern const uint32_t scene_count;

void scene_part(struct life *l);
void scene_append(struct life *l, uint32_t part, uint32_t n, uint64_t bytes, enum durability want);
void scene_fill(struct life *l);

void check_before(struct life *l);
void check_run(struct life *l);
void repair_before(struct life *l);
void repair_scene_run(struct life *l);

#endif
