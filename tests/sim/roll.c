/* roll.c -- see roll.h. */
#include "tests/sim/roll.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "tests/sim/grown.h"
#include "tests/sim/verdict.h"

#define LLU(v) ((unsigned long long)(v))

void roll_open(struct roll *r, uint32_t number, uint64_t *events)
{
    *r = (struct roll){ .events = events };
    snprintf(r->name, sizeof(r->name), "group-%u", number);
}

void roll_close(struct roll *r)
{
    free(r->turns);
    free(r->commits);
    *r = (struct roll){ 0 };
}

uint64_t roll_event(struct roll *r)
{
    return ++*r->events;
}

struct roll_then roll_now(struct roll *r)
{
    return (struct roll_then){ roll_event(r), r->round, r->told_max, r->open };
}

/* ---- turns ---- */

struct turn *roll_turn(const struct roll *r, int32_t generation)
{
    for (uint64_t i = 0; i < r->turn_count; i++)
        if (r->turns[i].generation == generation)
            return &r->turns[i];
    return NULL;
}

uint32_t turn_place(const struct turn *t, const char *key)
{
    uint32_t i = 0;
    while (i < t->count && strcmp(t->keys[i], key) != 0)
        i++;
    return i;
}

static struct turn *turn_new(struct roll *r, int32_t generation, const char *leader)
{
    r->turns = grown(r->turns, &r->turn_cap, r->turn_count + 1, sizeof(*r->turns));
    struct turn *t = &r->turns[r->turn_count++];
    *t = (struct turn){ .generation = generation };
    snprintf(t->leader, sizeof(t->leader), "%s", leader);
    r->told_max = generation > r->told_max ? generation : r->told_max;
    return t;
}

static void turn_list(const struct roll *r, struct turn *t, const char (*keys)[ROLL_KEY],
                      uint32_t count)
{
    struct turn told = { .count = count };
    check(count <= ROLL_MEMBERS);
    for (uint32_t i = 0; i < count; i++)
        memcpy(told.keys[i], keys[i], ROLL_KEY);
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t at = turn_place(&told, t->keys[i]);
        demand(at < count, "%s, generation %d: member %s is in it, and its leader is not told so",
               r->name, t->generation, t->keys[i]);
        told.seen[at] = t->seen[i];
        told.masks[at] = t->masks[i];
        told.handed[at] = t->handed[i];
    }
    demand(!t->listed || t->count == count, "%s, generation %d: has %u members, and had %u before",
           r->name, t->generation, count, t->count);
    memcpy(t->keys, told.keys, sizeof(t->keys));
    memcpy(t->seen, told.seen, sizeof(t->seen));
    memcpy(t->masks, told.masks, sizeof(t->masks));
    memcpy(t->handed, told.handed, sizeof(t->handed));
    t->count = count;
    t->listed = true;
}

static void turn_see(const struct roll *r, struct turn *t, const char *key)
{
    uint32_t at = turn_place(t, key);
    demand(at < t->count || !t->listed, "%s, generation %d: %s joined it, and is not one of its %u",
           r->name, t->generation, key, t->count);
    check(at < ROLL_MEMBERS);
    if (at == t->count)
        snprintf(t->keys[t->count++], ROLL_KEY, "%s", key);
    t->seen[at] = true;
}

/* It begins anew: what was told before counts no more. */
static void round_begin(struct roll *r)
{
    trace("    %s begins anew", r->name);
    r->turn_count = 0;
    r->told_max = 0;
    r->round++;
}

/* Nothing that was told of this generation before speaks against it. */
static bool turn_fits(const struct turn *t, const char *key, const char *leader,
                      const char (*keys)[ROLL_KEY], uint32_t count)
{
    bool fits = strcmp(t->leader, leader) == 0 && (!t->listed || turn_place(t, key) < t->count) &&
                (!t->listed || !count || t->count == count);
    for (uint32_t i = 0; t->listed && i < count; i++)
        fits = fits && turn_place(t, keys[i]) < t->count;
    return fits;
}

struct turn *roll_joined(struct roll *r, const struct roll_then *then, const char *key,
                         int32_t generation, const char *leader, const char (*keys)[ROLL_KEY],
                         uint32_t count, bool bare)
{
    if (then->round != r->round)
        return NULL;
    struct turn *t = roll_turn(r, generation);
    if (bare && (generation < then->told || (t && !turn_fits(t, key, leader, keys, count)))) {
        round_begin(r);
        t = NULL;
    }
    demand(then->round != r->round || generation >= then->told,
           "%s: generation %d is told after %d was", r->name, generation, then->told);
    demand(!t || strcmp(t->leader, leader) == 0, "%s, generation %d: is led by %s, and was by %s",
           r->name, generation, leader, t->leader);
    t = t ? t : turn_new(r, generation, leader);
    if (count)
        turn_list(r, t, keys, count);
    turn_see(r, t, key);
    return t;
}

void roll_assignment(const struct turn *t, uint32_t mask, uint8_t at[ROLL_ASSIGNMENT])
{
    le32_put(at, (uint32_t)t->generation);
    le32_put(at + 4, mask);
    for (uint32_t i = 0; i < 4; i++)
        le32_put(at + 8 + 4 * i, t->serials[i]);
}

void roll_assigned(struct roll *r, const struct roll_then *then, const char *key,
                   int32_t generation, struct bytes assignment)
{
    uint8_t expected[ROLL_ASSIGNMENT];
    if (then->round != r->round)
        return;
    roll_fine(r, then, generation, "a sync");
    struct turn *t = roll_turn(r, generation);
    demand(t && t->assigned, "%s, generation %d: %s is assigned something, and nobody did that",
           r->name, generation, key);
    uint32_t at = turn_place(t, key);
    demand(at < t->count, "%s, generation %d: %s is no member, and gets an assignment", r->name,
           generation, key);
    roll_assignment(t, t->masks[at], expected);
    demand(assignment.len == ROLL_ASSIGNMENT &&
               memcmp(assignment.at, expected, ROLL_ASSIGNMENT) == 0,
           "%s, generation %d: %s gets another assignment than its leader sent", r->name,
           generation, key);
    t->handed[at] = t->masks[at];
    for (uint32_t i = 0; i < t->count; i++)
        demand(i == at || !(t->handed[i] & t->handed[at]),
               "%s, generation %d: %s and %s own the same partition", r->name, generation,
               t->keys[i], key);
}

void roll_fine(const struct roll *r, const struct roll_then *then, int32_t generation,
               const char *what)
{
    demand(then->round != r->round || !then->open || generation >= then->told,
           "%s: %s with generation %d is fine, and generation %d was told before", r->name, what,
           generation, then->told);
}

/* ---- offsets ---- */

uint64_t roll_commit(struct roll *r, uint32_t serial, uint32_t part, uint64_t off)
{
    r->commits = grown(r->commits, &r->commit_cap, r->commit_count + 1, sizeof(*r->commits));
    r->commits[r->commit_count] = (struct commit){
        .serial = serial, .part = part, .off = off, .sent = roll_event(r), .done = ROLL_NONE
    };
    return r->commit_count++;
}

void roll_commit_end(struct roll *r, uint64_t number, enum commit_fate fate)
{
    struct commit *c = &r->commits[number];
    demand(c->fate != COMMIT_DONE || fate != COMMIT_REFUSED,
           "%s: commit %llu is refused, and was fetched before", r->name, LLU(number));
    if (c->fate == COMMIT_DONE)
        return;
    c->fate = fate;
    c->done = fate == COMMIT_DONE ? roll_event(r) : ROLL_NONE;
}

void roll_life_ends(struct roll *r)
{
    r->open = false;
    for (uint64_t i = 0; i < r->commit_count; i++)
        if (r->commits[i].fate == COMMIT_DOUBT && r->commits[i].done == ROLL_NONE)
            r->commits[i].done = *r->events;
}

bool roll_has(const struct roll *r, const struct roll_then *then, uint32_t serial)
{
    for (uint64_t i = 0; i < r->commit_count; i++)
        if (r->commits[i].serial == serial && r->commits[i].fate == COMMIT_DONE &&
            r->commits[i].done < then->sent)
            return true;
    return false;
}

/* None that is certainly later was passed over. */
static void later_check(struct roll *r, const struct roll_then *then, uint32_t serial,
                        uint32_t part, uint64_t number)
{
    uint64_t done = number == ROLL_NONE ? 0 : r->commits[number].done;
    for (uint64_t i = 0; i < r->commit_count; i++) {
        struct commit *c = &r->commits[i];
        if (c->serial != serial || c->part != part || i == number)
            continue;
        demand(c->fate != COMMIT_DONE || c->done >= then->sent || c->sent <= done,
               "%s, topic %u/%u: commit %llu was done, and what is fetched is commit %lld", r->name,
               serial, part, LLU(i), (long long)number);
        if (c->fate == COMMIT_DOUBT && c->done < then->sent && c->sent > done) {
            c->fate = COMMIT_REFUSED; /* a crash took it */
            r->lost++;
        }
    }
}

void roll_fetched(struct roll *r, const struct roll_then *then, uint32_t serial, uint32_t part,
                  uint64_t number, uint64_t off)
{
    if (number != ROLL_NONE) {
        demand(number < r->commit_count, "%s, topic %u/%u: nobody committed %llu", r->name, serial,
               part, LLU(off));
        struct commit *c = &r->commits[number];
        demand(c->serial == serial && c->part == part && c->off == off,
               "%s, topic %u/%u: commit %llu was of topic %u/%u, offset %llu, and gives %llu",
               r->name, serial, part, LLU(number), c->serial, c->part, LLU(c->off), LLU(off));
        demand(c->fate != COMMIT_REFUSED,
               "%s, topic %u/%u: commit %llu was refused, or lost, and "
               "is fetched",
               r->name, serial, part, LLU(number));
    }
    later_check(r, then, serial, part, number);
    if (number == ROLL_NONE)
        return;
    struct commit *c = &r->commits[number];
    r->kept += c->fate == COMMIT_DOUBT;
    if (c->fate != COMMIT_DONE) {
        c->fate = COMMIT_DONE;
        c->done = c->done == ROLL_NONE ? roll_event(r) : c->done;
    }
}
