/* world.h -- one simulated machine: its disks, shards and stores, from start to end of each life.
 *
 * A life is what lies between two starts of the machine. It begins with world_start(), which opens
 * every store (and makes those that are not there yet), goes on in turns, and ends by a crash or a
 * clean stop; world_end() frees what was left.
 *
 * Owner      a seed (seed.h).
 * Thread     the one thread of a seed.
 * Memory     operations under way are in `ops`; a crash frees them.
 * Fails      what may not happen ends the seed: violated().
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "engine/io/sim.h"
#include "engine/shard/shard.h"
#include "tests/sim/oracle.h"
#include "tests/sim/tally.h"

#define STORES_MAX       4u
#define WORLD_SHARDS_MAX 4u

struct world_store {
    char path[24];
    struct geometry geometry;
    struct store_opts opts;
    struct store *store; /* NULL: not open */
    struct berth berth;
    uint32_t shard;
    int dir;
    bool made;      /* store_create() returned OK once */
    uint32_t epoch; /* of the newest opening */
};

/* What the load has under way: freed by a crash, unlinked by itself when it is done. */
struct world_op {
    struct node node;
    void (*forget)(struct world_op *op); /* frees it; its store is closed already */
};

struct world {
    struct sim *sim;
    struct sim_node *node;
    struct rng *rng;
    struct shard shards[WORLD_SHARDS_MAX];
    uint32_t shard_count;
    struct world_store stores[STORES_MAX];
    uint32_t store_count;
    struct oracle oracle;
    struct tally tally;
    struct list ops;
    uint64_t op_bytes; /* of appends under way */
    enum end worst;    /* how the machine ended since the stores were last open */
    bool eio;          /* I/O errors are drawn: the disk may break promises */
    enum err fault;    /* eio: another code that they may have; OK: none */
    bool full;         /* space is limited */
    bool stopping;     /* CLOSED is an answer now */
    uint64_t turns_idle;
    uint32_t answers_left; /* answers until the machine ends by answers_end; 0: no such order */
    bool answers_early;    /* count only acks that bought less than `synced` */
    bool mud;              /* I/Os are stuck and the end is ordered */
    uint32_t burst;        /* large appends that come next */
    uint32_t burst_store;  /* ... to this store */
    bool end_on_free;      /* ends soon after space was asked to come free */
    enum end answers_end;
};

void world_open(struct world *w, uint64_t seed);
void world_close(struct world *w);

/* Opens shards and stores. False: it died on the way, or (eio) a store did not open; world_end()
 * is next. */
bool world_start(struct world *w);
/* Frees shards, stores and operations: the machine is dead, or every store is stopped. */
void world_end(struct world *w);
/* Stopped stores, and those that did not open, open again in the same process. */
bool world_again(struct world *w);
/* A client was answered: lies are found when the machine ends just then. */
void world_answered(struct world *w, enum durability bought);
/* A delete or a trim was asked for. */
void world_freeing(struct world *w, uint32_t store);
/* The machine ends now. */
void world_crash(struct world *w, enum end end);
/* Stops every store and waits for it. False: it died on the way. */
bool world_stop(struct world *w);

/* One turn of every shard and one step of the world, at most to until_ns. False: dead, or nothing
 * happens before that. */
bool world_turn(struct world *w, uint64_t until_ns);
/* Turns until `wanted` says so. False: dead, or it did not come within limit_ns. */
bool world_until(struct world *w, bool (*wanted)(struct world *w), uint64_t limit_ns);
bool world_dead(const struct world *w);
/* Is this an error that a failed I/O may give? */
bool world_failed(const struct world *w, enum err err);
bool world_ops_done(struct world *w); /* for world_until() */
/* Lets time pass. False: dead. */
bool world_sleep(struct world *w, uint64_t ns);

/* Which chances the world has from now on. */
void world_faults(struct world *w, const struct sim_opts *chances);
enum sim_end sim_end_of(enum end end);
/* What a store did in this life. */
void tally_store(struct tally *t, const struct store *s);

#endif
