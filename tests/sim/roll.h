/* roll.h -- the oracle for a group of consumers: who was told what, and what must hold between it.
 *
 * A turn is a generation as it was told: its leader, its members, what each of them was assigned.
 * Members are known by a key: the instance where they have one, as it outlives their ids, else the
 * id. A generation has one set of members for ever, also after crashes; nobody is told an older one
 * than was told before he asked; who shows an older one gets no "fine" any more; no partition is
 * handed to two members of a turn.
 *
 * A commit is sent, and then done, refused or in doubt. An offset that is fetched is that of a
 * commit which may be the last one: none that was sent after it was done, and known to be done
 * before the fetch was sent, was passed over. A commit in doubt may be done as late as the life in
 * which it was sent lasts; one that was fetched is done.
 *
 * A group of which nothing is left, no member and no offset, may begin anew with its first
 * generation: what was asked before that is seen says nothing then (`round`).
 *
 * Owner      a front.
 * Thread     the one thread of a seed.
 * Fails      everything that is wrong ends the seed: violated().
 */
#ifndef SIM_ROLL_H
#define SIM_ROLL_H

#include "engine/base/types.h"

#define ROLL_MEMBERS 8u
#define ROLL_KEY     64u
#define ROLL_NONE    UINT64_MAX

struct turn {
    int32_t generation;
    char leader[ROLL_KEY];
    char keys[ROLL_MEMBERS][ROLL_KEY];
    bool seen[ROLL_MEMBERS]; /* that member was told */
    uint32_t masks[ROLL_MEMBERS];
    uint32_t handed[ROLL_MEMBERS]; /* ... and told so */
    uint32_t count;
    bool listed;   /* its leader was told all members */
    bool assigned; /* its leader has sent `masks`, of topics with these: */
    uint32_t serials[4];
};

enum commit_fate { COMMIT_SENT, COMMIT_DONE, COMMIT_REFUSED, COMMIT_DOUBT };

struct commit {
    uint32_t serial, part; /* of the topic; in it */
    uint64_t off;
    uint64_t sent, done; /* events; in doubt: done at this one or before. ROLL_NONE: not known */
    enum commit_fate fate;
};

struct roll {
    char name[16];
    struct turn *turns;
    uint64_t turn_count, turn_cap;
    struct commit *commits;
    uint64_t commit_count, commit_cap;
    int32_t told_max; /* the newest generation that was told */
    uint32_t round;
    uint64_t *events;    /* counted: what happened when */
    bool open;           /* its log was read, in this life */
    uint64_t kept, lost; /* commits in doubt that were there, or not */
};

void roll_open(struct roll *r, uint32_t number, uint64_t *events);
void roll_close(struct roll *r);
uint64_t roll_event(struct roll *r);

/* What was known when something was asked. */
struct roll_then {
    uint64_t sent;
    uint32_t round;
    int32_t told;
    bool open;
};
struct roll_then roll_now(struct roll *r);

/* A join was answered; `keys` of all members where the leader is told, else count is 0. `bare`:
 * no offset holds the group. NULL: of an earlier round. */
struct turn *roll_joined(struct roll *r, const struct roll_then *then, const char *key,
                         int32_t generation, const char *leader, const char (*keys)[ROLL_KEY],
                         uint32_t count, bool bare);
struct turn *roll_turn(const struct roll *r, int32_t generation); /* NULL: never told */
uint32_t turn_place(const struct turn *t, const char *key);       /* count: it has no such member */
/* A sync was answered. */
void roll_assigned(struct roll *r, const struct roll_then *then, const char *key,
                   int32_t generation, struct bytes assignment);
/* A member of that generation was told that all is fine. */
void roll_fine(const struct roll *r, const struct roll_then *then, int32_t generation,
               const char *what);
/* The assignment of one member, as bytes. */
#define ROLL_ASSIGNMENT 24u
void roll_assignment(const struct turn *t, uint32_t mask, uint8_t at[ROLL_ASSIGNMENT]);

/* ---- offsets ---- */

uint64_t roll_commit(struct roll *r, uint32_t serial, uint32_t part, uint64_t off);
void roll_commit_end(struct roll *r, uint64_t number, enum commit_fate fate);
/* The node has died: what is in doubt was done, or never will be. */
void roll_life_ends(struct roll *r);
/* A fetch that was asked for at `then` gave this commit, or (ROLL_NONE) nothing. */
void roll_fetched(struct roll *r, const struct roll_then *then, uint32_t serial, uint32_t part,
                  uint64_t number, uint64_t off);
/* Was an offset of that topic certainly there? */
bool roll_has(const struct roll *r, const struct roll_then *then, uint32_t serial);

#endif
