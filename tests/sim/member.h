/* member.h -- members of consumer groups, as clients of the front: they join, are assigned
 * partitions, read, commit, and leave, die, fall silent or come back; cut off in any of it.
 *
 *   OUT --join--> JOINED --sync--> ASSIGNED --offsets fetched--> STEADY
 *     ^             |                 |                             |  beats, reads, commits
 *     +-------------+-----------------+-----------------------------+  rebalance, loss, leave
 *
 * A member has a connection of its own and one request under way. Its leader hands out all
 * partitions of the topics that are there, and joins again when those are others.
 *
 * Thread     the one thread of a seed.
 * Fails      violated(): by roll.h, and where an answer has no reason.
 */
#ifndef SIM_MEMBER_H
#define SIM_MEMBER_H

#include "tests/sim/front_in.h"
#include "tests/sim/roll.h"

#define MEMBER_ID 80u

enum member_state { MEMBER_OUT, MEMBER_JOINED, MEMBER_ASSIGNED, MEMBER_STEADY };

/* A partition that it reads. */
struct member_part {
    bool mine, known; /* known: off is */
    bool sought;      /* off has to be asked for */
    uint64_t off;     /* the next one */
};

struct member {
    struct client client;
    struct roll *roll;
    char instance[12]; /* static; empty: it is not */
    char id[MEMBER_ID];
    enum member_state state;
    bool asked; /* something is under way */
    bool leads, skips;
    char ids[ROLL_MEMBERS][MEMBER_ID]; /* of all, where it leads */
    uint32_t id_count;
    int32_t generation;
    uint32_t round;
    int32_t session_ms, rebalance_ms;
    uint64_t due_ns;  /* of what it asks next */
    uint64_t fine_ns; /* the last time that it was certainly taken for alive; 0: never */
    uint32_t serials[FRONT_TOPICS];
    struct member_part parts[FRONT_TOPICS][FRONT_PARTS];
    int32_t proved; /* finishing: the generation in which all was committed, and read back */
    bool committed; /* ... committed */
};

void members_open(struct front *f);
void members_close(struct front *f);
void members_turn(struct front *f);
uint64_t members_due_ns(const struct front *f);
void members_life_ends(struct front *f);
/* The faults have stopped: every group is complete, owns everything, commits. */
bool members_proved(const struct front *f);

/* An ask of theirs has no answer, or was one of the verbs of records. */
void member_lost(struct ask *a, bool whole);
void member_read(struct ask *a, enum err err);

/* Between member.c and member_told.c. */
void member_key(const char *id, char key[ROLL_KEY]);
void member_out(struct member *m, bool keeps_id);
void member_later(struct member *m, uint64_t ns);
/* The topic is there, and nothing is under way that may end it. */
bool topic_sure(const struct front *f, uint32_t topic, uint32_t serial);

#endif
