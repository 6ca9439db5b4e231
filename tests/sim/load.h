/* load.h -- what clients do to the stores of a world, drawn one operation at a time.
 *
 * Every operation is checked against the oracle when it is answered; load_part_check() and
 * load_verify() read back what the log holds.
 *
 * Owner      a seed (seed.h).
 * Thread     the one thread of a seed.
 * Memory     operations under way are in world.ops.
 * Fails      what is wrong ends the seed: violated().
 */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "tests/sim/world.h"

/* What the operations of a seed are like. */
struct load {
    struct world *w;
    uint32_t part_max;      /* partitions at once */
    uint32_t topic_next;    /* made-up topic ids */
    uint32_t record_max;    /* bytes of the largest value */
    uint32_t flight_max;    /* operations under way */
    uint32_t written_of_10; /* topics and appends of ten that want `written` */
    bool producers;         /* partitions have clients that number their batches */
    bool churn;             /* topics come and go, logs are trimmed often */
    bool gaps;              /* appends may leave gaps in the offsets */
    bool seals;
    bool idles;
    bool disk_full;
    bool clock_jumps;
    uint64_t limit_until_ns; /* the disk is full until then */
};

/* One operation, and a little time. False: the machine died. */
bool load_op(struct load *l);
/* Adds a partition to a store drawn at random. */
void load_add(struct load *l);
/* After an opening: compares what exists and where the logs end with the oracle, sets durabilities.
 */
void load_reopened(struct load *l, enum end end);
/* Reads every partition from start to end. False: the machine died. */
bool load_verify(struct load *l);
/* After the faults stopped: every partition takes a record and gives it back. */
bool load_alive(struct load *l);
/* Deletes every partition and waits. False: the machine died. */
bool load_drop_all(struct load *l);

/* After an opening, and once it was verified: producers send again what was not answered. */
void load_resend(struct load *l);

/* load_op.c, load_append.c: the operations. Each returns at once; answers come in turns. */
struct part *load_part(struct load *l, const struct o_part *p); /* NULL: not there */
void load_append(struct load *l, struct o_part *p, uint64_t value_bytes, enum durability want);
/* A producer of the partition sends one of its old batches again; nothing, if it has none. */
void load_again(struct load *l, struct o_part *p);
void load_read(struct load *l, struct o_part *p, uint64_t off, uint32_t bytes_max, bool follow,
               bool scan);
/* One that takes what the store can lend. */
void load_read_lent(struct load *l, struct o_part *p, uint64_t off, uint32_t bytes_max);
void load_time(struct load *l, struct o_part *p);
void load_trim(struct load *l, struct o_part *p, uint64_t off);
void load_seal(struct load *l, struct o_part *p);
void load_drop(struct load *l, struct o_part *p);
void load_add_again(struct load *l, struct o_part *p);
void load_part_check(struct load *l, struct o_part *p);

#endif
