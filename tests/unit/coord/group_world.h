/* group_world.h -- the world around a group coordinator: a log in memory, a clock, its clients.
 *
 * Appends are durable at once unless `hold` is set; then world_write() makes the oldest ones
 * durable, and a crash forgets the others. Every record that was made durable also goes to a
 * shadow, which has seen the whole log from its beginning: what a restart replays from the trimmed
 * log must be what the shadow knows.
 */
#ifndef TESTS_UNIT_COORD_GROUP_WORLD_H
#define TESTS_UNIT_COORD_GROUP_WORLD_H

#include "engine/coord/group.h"

/* A request and its memory, the world's; texts are copied in. */
struct ask {
    struct ask *next;
    bool done;
    uint64_t order; /* of its answer among all answers, from 1 */
    char group[64], member[256], instance[64], protocol[64];
    struct group_protocol protocols[4];
    struct group_assignment assignments[8];
    char names[8][256];
    struct group_leaver leavers[4];
    struct group_offset offsets[16];
    struct group_request q;
};

struct group_world {
    struct groups *gs, *shadow;
    struct group_opts opts; /* set before world_start(), kept by group_world_new() */
    uint64_t now_ms, armed_ms;
    int64_t wall_ms;
    bool hold;
    enum err append_err; /* what appends end with */
    uint64_t start_off, next_off;
    uint64_t answers;
    uint32_t trims, appends;
    uint64_t topics_version; /* topics that were deleted: who asks has heard of all */
    const char *gone;        /* this one while the log is read; NULL: none */
};
extern struct group_world gw;

void group_world_new(void);   /* nothing on disk, no decider */
void group_world_end(void);   /* frees all */
void group_world_start(void); /* replays what is on disk, and compares with the shadow */
void group_world_crash(void);
/* The oldest `count` held appends were durable, and nobody was told. */
void group_world_crash_after(uint32_t count);
static inline void group_world_restart(void)
{
    group_world_crash();
    group_world_start();
}
/* Makes the oldest `count` held appends durable, or ends them with append_err. */
void group_world_write(uint32_t count);
uint32_t group_world_held(void);
/* Time passes, with the looks that were asked for. */
void group_world_pass(uint64_t ms);
bool group_world_whole(void); /* the shadow knows what a replay of the log now says */

/* ---- asking: the fields that tests set, defaults for others ---- */

struct bytes text(const char *s); /* NULL: null */
bool text_is(struct bytes b, const char *s);
/* Made, but not asked yet: group_world_ask(). */
struct ask *ask_make(enum group_verb verb, const char *group, const char *member);
struct ask *group_world_ask(struct ask *a);
void group_world_give_up(struct ask *a);
void group_world_stop(void);
void group_world_topic_gone(const char *topic);

/* One protocol, "range", with the metadata `meta`; timeouts of 10 s, and 20 s to join again. */
struct ask *join_make(const char *group, const char *member, const char *meta); /* not asked yet */
struct ask *ask_join(const char *group, const char *member, const char *meta);
struct ask *ask_static(const char *group, const char *member, const char *instance);
/* Assigns "for <member>" to each of count ids. */
struct ask *ask_sync(const char *group, const struct ask *joined, const struct ask *const *others,
                     uint32_t count);
struct ask *ask_beat(const char *group, const char *member, int32_t generation);
struct ask *ask_leave(const char *group, const char *member, const char *instance);
struct ask *ask_commit(const char *group, const char *member, int32_t generation, int64_t off);
struct ask *ask_fetch(const char *group, const char *topic, int32_t partition);
struct ask *ask_group(enum group_verb verb, const char *group);

/* The member's id out of a join's answer. */
const char *id_of_join(const struct ask *a);
/* -1: none. */
int64_t committed(const char *group, const char *topic, int32_t partition);
enum group_state state_of(const char *group); /* DEAD: there is none */

/* A join that is answered, with its member in place: a group of one, stable. */
struct ask *stable_one(const char *group);

/* It is answered, and so. */
#define EXPECT_ASK(a, want) ask_expect(a, GROUP_ERR_##want, __FILE__, __LINE__, #a " is " #want)
bool ask_expect(const struct ask *a, enum group_err want, const char *file, int line,
                const char *what);

#endif
