/* group_rebalance.c -- from one generation to the next.
 *
 * PREPARING: members that live join again; each waits for its answer. It ends when all have, or
 *   after the longest time that one of them wanted; who is dynamic and has not joined is gone then.
 *   A group that was empty waits for more to come, a little while each time somebody does.
 * Then the generation goes to the log, and only when it is there the members hear of it: no
 *   generation that a member was told is ever used again, whatever crashes.
 * COMPLETING: each member syncs and waits; the leader's sync brings all assignments, which go to
 *   the log and then to the members. Who does not sync in time is gone.
 * Trouble: a generation that cannot be recorded is dropped, and its members are told to try again;
 *   an assignment that cannot, starts the next rebalance. */
#include "engine/base/check.h"
#include "engine/coord/group_in.h"

uint32_t group_rebalance_ms(const struct group *g)
{
    int32_t longest = 1; /* never none: time must pass between two looks */
    list_each (&g->members, n) {
        int32_t ms = container_of(n, struct member, node)->is.rebalance_ms;
        longest = ms > longest ? ms : longest;
    }
    return (uint32_t)longest;
}

static bool all_joined(const struct group *g)
{
    list_each (&g->members, n)
        if (!container_of(n, struct member, node)->joined)
            return false;
    return g->pending_count == 0;
}

static void set_join_due(struct groups *gs, struct group *g, uint64_t in_ms)
{
    g->join_due_ms = gs->now_ms + in_ms;
    group_arm(gs, g, g->join_due_ms);
}

/* ---- the end of PREPARING ---- */

/* Who is dynamic and has not joined is gone; static members keep their place for as long as they
 * live. */
static void drop_absent(struct groups *gs, struct group *g)
{
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        if (!m->joined && !m->is.instance.at)
            member_drop(gs, g, m);
    }
}

/* A leader that has joined; false: nobody has. */
static bool elect(struct group *g)
{
    if (g->leader && g->leader->joined)
        return true;
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        if (m->joined) {
            g->leader = m;
            return true;
        }
    }
    return false;
}

static void generation_next(struct groups *gs, struct group *g)
{
    g->generation = g->generation < INT32_MAX ? g->generation + 1 : 1;
    g->since_ms = gs->wall_ms;
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        struct group_note_member is = m->is;
        is.assignment = (struct bytes){ (const uint8_t *)"", 0 };
        member_set(gs, g, m, &is);
        m->synced = false;
    }
}

static void group_complete(struct groups *gs, struct group *g)
{
    g->join_due_ms = NEVER_MS;
    drop_absent(gs, g);
    if (g->member_count && !elect(g)) {
        probe("group: nobody has joined again, static members are waited for");
        set_join_due(gs, g, group_rebalance_ms(g));
        return;
    }
    g->gathering = false;
    generation_next(gs, g);
    group_text_set(&g->protocol, g->member_count ? group_vote(g) : (struct bytes){ NULL, 0 });
    group_move(g, g->member_count ? GROUP_COMPLETING : GROUP_EMPTY);
    group_append_members(gs, WRITE_GENERATION, g, NULL);
}

void group_try_complete(struct groups *gs, struct group *g)
{
    if (g->state == GROUP_PREPARING && !g->gathering && all_joined(g))
        group_complete(gs, g);
}

/* The group was empty: more may be coming. */
static void gather_end(struct groups *gs, struct group *g)
{
    if (!g->grown || !g->gather_ms) {
        group_complete(gs, g);
        return;
    }
    uint32_t ms = (uint32_t)min_u64((uint32_t)gs->opts.delay_ms, g->gather_ms);
    g->grown = false;
    g->gather_ms -= ms;
    set_join_due(gs, g, ms);
}

/* ---- the beginning of PREPARING ---- */

static void syncs_end(struct groups *gs, struct group *g, enum group_err err)
{
    list_each (&g->members, n)
        member_end_sync(gs, container_of(n, struct member, node), err);
}

void group_prepare(struct groups *gs, struct group *g)
{
    bool empty = g->state == GROUP_EMPTY;
    syncs_end(gs, g, GROUP_ERR_REBALANCE_IN_PROGRESS);
    g->sync_due_ms = NEVER_MS;
    group_move(g, GROUP_PREPARING);
    g->gathering = empty && gs->opts.delay_ms > 0;
    g->grown = false;
    if (!g->gathering) {
        set_join_due(gs, g, group_rebalance_ms(g));
        group_try_complete(gs, g);
        return;
    }
    uint32_t delay = (uint32_t)gs->opts.delay_ms, longest = group_rebalance_ms(g);
    g->gather_ms = longest > delay ? longest - delay : 0;
    set_join_due(gs, g, delay);
}

void group_after_drop(struct groups *gs, struct group *g)
{
    if (g->state == GROUP_STABLE || g->state == GROUP_COMPLETING)
        group_prepare(gs, g);
    else
        group_try_complete(gs, g);
}

/* ---- records ---- */

static void generation_lost(struct groups *gs, struct group *g, enum group_err err)
{
    probe("group: a generation cannot be recorded");
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        m->joined = false;
        member_end_join(gs, m, err);
        member_touch(gs, g, m);
    }
    if (g->state != GROUP_COMPLETING)
        return; /* nobody is left to be told */
    group_move(g, GROUP_PREPARING);
    set_join_due(gs, g, group_rebalance_ms(g));
}

void group_generation_written(struct groups *gs, struct group *g, enum err err)
{
    if (err != ERR_OK) {
        generation_lost(gs, g, group_err_of(err));
        return;
    }
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        m->joined = m->fresh = false;
        if (m->join)
            group_join_results(g, m, m->join, m == g->leader);
        member_end_join(gs, m, GROUP_ERR_OK);
        member_touch(gs, g, m);
    }
    if (g->state != GROUP_COMPLETING)
        return;
    g->sync_due_ms = gs->now_ms + group_rebalance_ms(g);
    group_arm(gs, g, g->sync_due_ms);
}

void group_assignment_written(struct groups *gs, struct group *g, enum err err)
{
    if (err != ERR_OK) {
        probe("group: an assignment cannot be recorded");
        syncs_end(gs, g, group_err_of(err));
        group_prepare(gs, g);
        return;
    }
    group_move(g, GROUP_STABLE);
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        if (!m->sync)
            continue;
        group_sync_results(g, m, m->sync);
        member_end_sync(gs, m, GROUP_ERR_OK);
        member_touch(gs, g, m);
    }
}

/* ---- time ---- */

/* Who waits for an answer lives, unless it has never had one. */
static bool member_kept(const struct member *m)
{
    return !m->fresh && (m->joined || m->sync);
}

static bool drop_dead(struct groups *gs, struct group *g)
{
    uint32_t before = g->member_count + g->pending_count;
    list_each (&g->pending, n) {
        struct pending *p = container_of(n, struct pending, node);
        if (p->dead_ms <= gs->now_ms)
            pending_drop(gs, g, p);
    }
    list_each (&g->members, m) {
        struct member *it = container_of(m, struct member, node);
        if (it->dead_ms <= gs->now_ms && !member_kept(it))
            member_drop(gs, g, it);
    }
    return g->member_count + g->pending_count < before;
}

static bool drop_unsynced(struct groups *gs, struct group *g)
{
    uint32_t before = g->member_count;
    g->sync_due_ms = NEVER_MS;
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        if (!m->synced)
            member_drop(gs, g, m);
    }
    return g->member_count < before;
}

void group_time(struct groups *gs, struct group *g)
{
    uint32_t members = g->member_count;
    bool gone = drop_dead(gs, g);
    if (g->sync_due_ms <= gs->now_ms)
        gone = drop_unsynced(gs, g) || gone;
    if (gone && (g->state == GROUP_PREPARING || g->member_count < members))
        group_after_drop(gs, g);
    if (!g->writing && g->state == GROUP_PREPARING && g->join_due_ms <= gs->now_ms) {
        if (g->gathering)
            gather_end(gs, g);
        else
            group_complete(gs, g);
    }
}

uint64_t group_due_ms(const struct group *g)
{
    uint64_t due = min_u64(g->join_due_ms, g->sync_due_ms);
    list_each (&g->pending, n)
        due = min_u64(due, container_of(n, struct pending, node)->dead_ms);
    list_each (&g->members, m) {
        const struct member *it = container_of(m, struct member, node);
        due = min_u64(due, member_kept(it) ? NEVER_MS : it->dead_ms);
    }
    return due;
}

void group_resume(struct groups *gs, struct group *g)
{
    list_each (&g->members, n)
        member_touch(gs, g, container_of(n, struct member, node));
    if (g->state != GROUP_COMPLETING)
        return;
    g->sync_due_ms = gs->now_ms + group_rebalance_ms(g);
    group_arm(gs, g, g->sync_due_ms);
}
