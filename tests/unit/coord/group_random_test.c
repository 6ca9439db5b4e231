/* group_random_test.c -- clients that do anything, crashes between any two records, and a model.
 *
 * Clients join, sync, commit, leave, fall silent and come back, some of them static; appends become
 * durable when they like, or fail; the machine crashes with any prefix of them durable. Always:
 *   - a generation has one leader, whatever crashes, and the leader alone sees the members
 *   - who is assigned something gets what that generation's leader meant for it
 *   - what a fetch gives is the last acknowledged commit; after a crash, that or one that was asked
 *     for and not answered
 *   - a restart knows what the durable records say, whatever was trimmed */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/rng.h"
#include "tests/test.h"
#include "tests/unit/coord/group_world.h"

#define SEEDS       60u
#define STEPS       1500u
#define CLIENTS     7u
#define STATICS     2u /* the last ones */
#define PARTITIONS  3u
#define GENERATIONS 4096u
#define OPS_MAX     256u

struct client {
    const char *instance; /* NULL: dynamic */
    char id[256];
    int32_t generation; /* of the last join; -1: none */
    struct ask *join, *sync, *other;
};

static struct client clients[CLIENTS];
static int32_t leaders[GENERATIONS]; /* client of each generation; -1: not known yet */
static struct rng rng;

/* ---- offsets: what is acknowledged, and what may be ---- */

struct op {
    struct ask *ask;
    bool all; /* the whole group: its end */
    uint32_t partition;
    int64_t value; /* -1: forgotten */
};
static struct op ops[OPS_MAX];
static uint32_t op_count;
static int64_t acked[PARTITIONS], next_value;
static uint64_t ended; /* answers up to this one are of a group that was deleted since */

static void op_add(struct ask *a, bool all, uint32_t partition, int64_t value)
{
    if (op_count < OPS_MAX)
        ops[op_count++] = (struct op){ a, all, partition, value };
}

static bool op_touches(const struct op *o, uint32_t partition)
{
    return o->all || o->partition == partition;
}

static int by_order(const void *a, const void *b)
{
    const struct op *x = a, *y = b;
    uint64_t one = x->ask->done ? x->ask->order : UINT64_MAX;
    uint64_t two = y->ask->done ? y->ask->order : UINT64_MAX;
    return one < two ? -1 : one > two;
}

/* The next group of this name begins with generation 1 again. */
static void group_ended(uint64_t order)
{
    ended = order;
    memset(leaders, 0xff, sizeof(leaders));
}

/* In the order of the answers, which is that of the log. */
static void ops_settle(void)
{
    qsort(ops, op_count, sizeof(ops[0]), by_order);
    uint32_t done = 0;
    for (; done < op_count && ops[done].ask->done; done++) {
        const struct ask *a = ops[done].ask;
        if (a->q.err != GROUP_ERR_OK || (a->q.offset_count && a->offsets[0].err != GROUP_ERR_OK))
            continue; /* such as: members read there */
        for (uint32_t p = 0; p < PARTITIONS; p++)
            if (op_touches(&ops[done], p))
                acked[p] = ops[done].value;
        if (ops[done].all)
            group_ended(ops[done].ask->order);
    }
    op_count -= done;
    memmove(ops, ops + done, op_count * sizeof(ops[0]));
}

static void offsets_expect(void)
{
    ops_settle();
    for (uint32_t p = 0; p < PARTITIONS; p++)
        EXPECT_EQ(committed("g", "t", (int32_t)p), acked[p]);
}

/* After a crash: what was not answered may have been done. */
static void offsets_expect_after_crash(void)
{
    ops_settle();
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        int64_t now = committed("g", "t", (int32_t)p);
        bool fits = now == acked[p];
        for (uint32_t i = 0; i < op_count; i++) {
            fits = fits || (op_touches(&ops[i], p) && ops[i].value == now);
            if (ops[i].all)
                group_ended(gw.answers);
        }
        EXPECT(fits);
        acked[p] = now;
    }
    op_count = 0;
}

/* ---- clients ---- */

static uint32_t number(const struct client *c)
{
    return (uint32_t)(c - clients);
}

/* Member ids name their client: "c3-..." */
static int32_t client_of(struct bytes id)
{
    return id.len > 2 && id.at[0] == 'c' ? id.at[1] - '0' : -1;
}

static void client_forget(struct client *c)
{
    c->id[0] = '\0';
    c->generation = -1;
}

static void client_join(struct client *c)
{
    static const char *const names[] = { "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7" };
    struct ask *a = join_make("g", c->id, rng_chance(&rng, 1, 10) ? "new" : "meta");
    a->q.client_id = text(names[number(c)]);
    a->q.instance = text(c->instance);
    a->q.id_required = !c->instance && rng_chance(&rng, 1, 2);
    a->q.skips_assignment = rng_chance(&rng, 1, 2);
    a->q.timeout_ms = 6000 + (int32_t)rng_below(&rng, 6000);
    a->q.rebalance_ms = 3000 + (int32_t)rng_below(&rng, 9000);
    c->join = a;
    group_world_ask(a);
}

/* "<generation> <leader> <member>" for each, by whom it is meant for. */
static void client_sync(struct client *c, const struct ask *joined)
{
    struct ask *a = ask_make(GROUP_VERB_SYNC, "g", c->id);
    a->q.generation = c->generation;
    a->q.instance = text(c->instance);
    a->q.assignments = a->assignments;
    for (uint32_t i = 0; i < joined->q.out.member_count && i < 8; i++) {
        const struct group_member_row *m = &joined->q.out.members[i];
        snprintf(a->names[i], sizeof(a->names[i]), "%d %u %d", c->generation, number(c),
                 client_of(m->id));
        a->assignments[i] = (struct group_assignment){ m->id, text(a->names[i]) };
    }
    a->q.assignment_count = (uint32_t)min_u64(joined->q.out.member_count, 8);
    c->sync = a;
    group_world_ask(a);
}

static void joined_check(const struct client *c, const struct ask *a)
{
    int32_t g = a->q.out.generation, leader = client_of(a->q.out.leader);
    ops_settle();
    if (a->order < ended || !EXPECT(g > 0 && g < (int32_t)GENERATIONS && leader >= 0))
        return;
    EXPECT(leaders[g] == -1 || leaders[g] == leader);
    leaders[g] = leader;
    EXPECT(a->q.out.member_count == 0 || leader == (int32_t)number(c));
    EXPECT_EQ(client_of(a->q.out.member), number(c));
    EXPECT(text_is(a->q.out.protocol, "range"));
}

static void join_answered(struct client *c)
{
    struct ask *a = c->join;
    c->join = NULL;
    if (a->q.err == GROUP_ERR_MEMBER_ID_REQUIRED) {
        snprintf(c->id, sizeof(c->id), "%s", id_of_join(a));
    } else if (a->q.err == GROUP_ERR_OK) {
        snprintf(c->id, sizeof(c->id), "%s", id_of_join(a));
        c->generation = a->q.out.generation;
        joined_check(c, a);
        client_sync(c, a);
    } else if (a->q.err == GROUP_ERR_UNKNOWN_MEMBER || a->q.err == GROUP_ERR_FENCED_INSTANCE) {
        client_forget(c);
    } else {
        EXPECT(a->q.err == GROUP_ERR_UNAVAILABLE || a->q.err == GROUP_ERR_REBALANCE_IN_PROGRESS);
    }
}

static void sync_answered(struct client *c)
{
    struct ask *a = c->sync;
    int generation, leader, member;
    char got[64];
    c->sync = NULL;
    if (a->q.err != GROUP_ERR_OK) {
        c->generation = -1;
        return;
    }
    snprintf(got, sizeof(got), "%.*s", (int)a->q.out.assignment.len,
             (const char *)a->q.out.assignment.at);
    ops_settle();
    if (got[0] == '\0' || a->order < ended)
        return; /* its leader did not know of it, or the group is no more */
    if (!EXPECT_EQ(sscanf(got, "%d %d %d", &generation, &leader, &member), 3))
        return;
    EXPECT_EQ(generation, a->q.generation);
    EXPECT_EQ(leader, leaders[generation]);
    EXPECT_EQ(member, number(c));
}

static void client_commit(struct client *c)
{
    bool member = c->generation >= 0;
    struct ask *a = ask_make(GROUP_VERB_COMMIT, "g", member ? c->id : NULL);
    uint32_t p = (uint32_t)rng_below(&rng, PARTITIONS);
    a->q.generation = member ? c->generation : -1;
    a->q.instance = text(member ? c->instance : NULL);
    a->offsets[0] = (struct group_offset){ .topic = text("t"), .partition = (int32_t)p };
    a->offsets[0].off = next_value++;
    a->q.offsets = a->offsets;
    a->q.offset_count = 1;
    op_add(a, false, p, a->offsets[0].off);
    group_world_ask(a);
}

static void client_beat(struct client *c)
{
    struct ask *a = ask_make(GROUP_VERB_HEARTBEAT, "g", c->id);
    a->q.generation = c->generation;
    a->q.instance = text(c->instance);
    c->other = a;
    group_world_ask(a);
}

static void beat_answered(struct client *c)
{
    enum group_err err = c->other->q.err;
    c->other = NULL;
    if (err == GROUP_ERR_REBALANCE_IN_PROGRESS || err == GROUP_ERR_ILLEGAL_GENERATION)
        c->generation = -1;
    else if (err != GROUP_ERR_OK)
        client_forget(c);
}

static void client_leave(struct client *c)
{
    struct ask *a = ask_make(GROUP_VERB_LEAVE, "g", NULL);
    snprintf(a->member, sizeof(a->member), "%s", c->id);
    a->leavers[0] =
        (struct group_leaver){ .member = text(a->member), .instance = text(c->instance) };
    a->q.leavers = a->leavers;
    a->q.leaver_count = 1;
    group_world_ask(a);
    client_forget(c);
}

static void client_answers(struct client *c)
{
    if (c->join && c->join->done)
        join_answered(c);
    if (c->sync && c->sync->done)
        sync_answered(c);
    if (c->other && c->other->done)
        beat_answered(c);
}

static void client_step(struct client *c)
{
    client_answers(c);
    if (c->join || c->sync) {
        if (rng_chance(&rng, 1, 50))
            group_world_give_up(c->join ? c->join : c->sync);
        return;
    }
    uint64_t what = rng_below(&rng, 20);
    if (c->generation < 0 || what == 0)
        client_join(c);
    else if (what < 6)
        client_commit(c);
    else if (what < 12 && !c->other)
        client_beat(c);
    else if (what == 12)
        client_leave(c);
    else if (what == 13 && c->instance)
        client_forget(c); /* its machine is new; the instance is the same */
}

/* ---- what happens to all ---- */

static void admin_step(void)
{
    if (rng_chance(&rng, 1, 2)) {
        struct ask *a = ask_make(GROUP_VERB_DELETE, "g", NULL);
        op_add(a, true, 0, -1);
        group_world_ask(a);
        return;
    }
    struct ask *a = ask_make(GROUP_VERB_DELETE_OFFSETS, "g", NULL);
    uint32_t p = (uint32_t)rng_below(&rng, PARTITIONS);
    a->offsets[0] = (struct group_offset){ .topic = text("t"), .partition = (int32_t)p };
    a->q.offsets = a->offsets;
    a->q.offset_count = 1;
    op_add(a, false, p, -1);
    group_world_ask(a);
}

static void crash_step(void)
{
    group_world_crash_after((uint32_t)rng_below(&rng, group_world_held() + 1));
    group_world_start();
    offsets_expect_after_crash();
    for (uint32_t i = 0; i < CLIENTS; i++)
        clients[i].join = clients[i].sync = clients[i].other = NULL;
}

static void world_step(void)
{
    uint64_t what = rng_below(&rng, 100);
    gw.append_err = rng_chance(&rng, 1, 40) ? ERR_NO_SPACE : ERR_OK;
    if (what < 40)
        group_world_write(1 + (uint32_t)rng_below(&rng, 4));
    else if (what < 60)
        group_world_pass(rng_log_uniform(&rng, 8000));
    else if (what == 60)
        crash_step();
    else if (what == 61)
        admin_step();
    else if (what == 62)
        EXPECT(group_world_whole());
    else if (what < 66)
        offsets_expect();
    else
        client_step(&clients[rng_below(&rng, CLIENTS)]);
}

/* As a client that behaves. */
static void client_behave(struct client *c)
{
    client_answers(c);
    if (c->join || c->sync)
        return;
    if (c->generation < 0)
        client_join(c);
    else if (!c->other)
        client_beat(c);
}

static bool stable_at_the_end(void)
{
    gw.append_err = ERR_OK;
    gw.hold = false;
    group_world_write(UINT32_MAX);
    for (uint32_t i = 0; i < 400; i++) {
        client_behave(&clients[i % 3]);
        group_world_pass(200);
    }
    return state_of("g") == GROUP_STABLE;
}

TEST(group_random, whatever_happens_the_rules_hold)
{
    /* Goal: the four rules above. Method: SEEDS histories; at the end of each, three clients that
     * behave come to a stable group. */
    uint32_t stable = 0;
    int32_t highest = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        rng_seed(&rng, seed);
        memset(leaders, 0xff, sizeof(leaders));
        memset(clients, 0, sizeof(clients));
        for (uint32_t i = 0; i < CLIENTS; i++)
            client_forget(&clients[i]);
        for (uint32_t i = CLIENTS - STATICS; i < CLIENTS; i++)
            clients[i].instance = i % 2 ? "c5" : "c6";
        for (uint32_t p = 0; p < PARTITIONS; p++)
            acked[p] = -1;
        op_count = 0;
        ended = 0;
        group_world_new();
        gw.opts.delay_ms = seed % 3 ? -1 : 2000;
        gw.opts.snapshot_bytes = 3000;
        gw.opts.sweep_ms = UINT64_MAX / 2; /* an empty group stays until it is deleted */
        gw.hold = true;
        group_world_start();
        for (uint32_t i = 0; i < STEPS; i++)
            world_step();
        stable += stable_at_the_end();
        for (int32_t g = 0; g < (int32_t)GENERATIONS; g++)
            highest = leaders[g] >= 0 && g > highest ? g : highest;
        if (!EXPECT(group_world_whole()))
            printf("seed %u\n", (unsigned)seed);
    }
    EXPECT_EQ(stable, SEEDS);
    EXPECT(highest > 20); /* it was no quiet history */
    group_world_end();
}
