/* group_join.c -- what members ask: join, sync, heartbeat, leave; and the end of a group.
 *
 * Which answer when is Kafka's, case by case (its GroupCoordinator), but for one: a request that a
 * later one of the same member replaces is answered, with REBALANCE_IN_PROGRESS, instead of never.
 */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/group_in.h"

#define ID_PREFIX_MAX 255u /* bytes of a client's or an instance's id that go into a member's */
#define UUID_CHARS    36u

/* <client or instance>-<uuid>; the caller frees it. */
static struct bytes id_make(const struct group_request *q, struct bytes prefix)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = min_u64(prefix.len, ID_PREFIX_MAX);
    uint8_t *id = malloc(len + 1 + UUID_CHARS), *at = id + len;
    check(id);
    if (len)
        memcpy(id, prefix.at, len);
    *at++ = '-';
    for (uint32_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = (uint8_t)hex[q->random.b[i] >> 4];
        *at++ = (uint8_t)hex[q->random.b[i] & 15];
    }
    return (struct bytes){ id, len + 1 + UUID_CHARS };
}

/* ---- what a join says of its member ---- */

static struct bytes or_empty(struct bytes text)
{
    return text.at ? text : (struct bytes){ (const uint8_t *)"", 0 };
}

/* is.protocols is the caller's, free(). */
static struct group_note_member member_of(const struct group_request *q, struct bytes id)
{
    struct group_writer w = { 0 };
    for (uint32_t i = 0; i < q->protocol_count; i++)
        group_writer_protocol(&w, q->protocols[i].name, q->protocols[i].metadata);
    int32_t rebalance_ms = q->rebalance_ms < 0 ? q->timeout_ms : q->rebalance_ms;
    return (struct group_note_member){ .id = id,
                                       .instance = q->instance,
                                       .client_id = or_empty(q->client_id),
                                       .client_host = or_empty(q->client_host),
                                       .timeout_ms = q->timeout_ms,
                                       .rebalance_ms = rebalance_ms,
                                       .protocols = { w.at, w.len },
                                       .assignment = or_empty((struct bytes){ NULL, 0 }) };
}

/* One record holds all members: half of it is theirs, half is for what the leader assigns. What
 * they are assigned now is not looked at: who comes, or says something new, begins a rebalance, and
 * that forgets it. `beside`: bytes that are kept with the member, and are not its own. */
static bool has_room(const struct groups *gs, const struct group *g, size_t more, size_t beside)
{
    size_t members = g ? g->member_bytes : 0;
    return members + more <= gs->opts.record_max / 2 &&
           gs->bytes + more + beside <= gs->opts.bytes_max;
}

/* For another one, a member or who is to become one; `g` NULL: as the first of a group that is not
 * there yet. Texts are as long as whoever asks likes, so no group is made before this was asked. */
static bool has_place(const struct groups *gs, const struct group *g, const struct group_request *q,
                      size_t bytes)
{
    uint32_t count = g ? g->member_count + g->pending_count : 0;
    size_t head = g ? 0 : group_note_head_bytes(q->group);
    size_t type = g && g->member_count ? 0 : q->protocol_type.len;
    return count < gs->opts.members_max && has_room(gs, g, bytes, head + type);
}

static enum group_err join_check(const struct groups *gs, const struct group *g,
                                 const struct group_request *q)
{
    size_t longest = 0, bytes = 0;
    for (uint32_t i = 0; i < q->protocol_count; i++) {
        longest = max_u64(longest, q->protocols[i].name.len);
        bytes += q->protocols[i].metadata.len;
    }
    longest = max_u64(longest, max_u64(q->protocol_type.len, q->instance.len));
    longest = max_u64(longest, max_u64(q->client_id.len, q->client_host.len));
    if (longest > GROUP_TEXT_MAX)
        return GROUP_ERR_INVALID_REQUEST;
    if (q->timeout_ms < gs->opts.timeout_min_ms || q->timeout_ms > gs->opts.timeout_max_ms)
        return GROUP_ERR_INVALID_TIMEOUT;
    if (!g && q->member.len)
        return GROUP_ERR_UNKNOWN_MEMBER;
    if (!q->protocol_type.len || !q->protocol_count || q->protocol_count > GROUP_PROTOCOLS_MAX)
        return GROUP_ERR_INCONSISTENT_PROTOCOL;
    if (bytes > gs->opts.record_max || (!g && gs->count >= gs->opts.groups_max))
        return GROUP_ERR_FULL;
    return GROUP_ERR_OK;
}

/* The type is the group's, and all members have one of the protocols. */
static bool join_fits(const struct group *g, const struct group_request *q)
{
    if (!g->member_count)
        return true;
    if (!bytes_equal(g->protocol_type, q->protocol_type))
        return false;
    for (uint32_t i = 0; i < q->protocol_count; i++)
        if (group_supports(g, q->protocols[i].name))
            return true;
    return false;
}

/* ---- join ---- */

/* It waits for the end of the rebalance that is, or begins now. */
static void join_wait(struct groups *gs, struct group *g, struct member *m, struct group_request *q)
{
    member_end_join(gs, m, GROUP_ERR_REBALANCE_IN_PROGRESS);
    m->join = q;
    m->joined = true;
    if (g->state == GROUP_PREPARING)
        group_try_complete(gs, g);
    else
        group_prepare(gs, g);
}

static void join_add(struct groups *gs, struct group *g, struct bytes id, struct group_request *q)
{
    struct group_note_member is = member_of(q, id);
    if (!has_place(gs, g, q, group_note_member_bytes(&is))) {
        group_answer(gs, q, GROUP_ERR_FULL);
    } else {
        g = g ? g : group_make(gs, q->group);
        if (!g->member_count)
            group_type_set(gs, g, q->protocol_type);
        struct member *m = member_add(gs, g, &is);
        m->fresh = true;
        m->dead_ms = gs->now_ms + FRESH_MS;
        group_arm(gs, g, m->dead_ms);
        g->grown = g->gathering;
        join_wait(gs, g, m, q);
    }
    free((void *)is.protocols.at);
}

/* False: there is no room for what it says now, and it was told so. */
static bool join_update(struct groups *gs, struct group *g, struct member *m,
                        struct group_request *q, struct bytes id)
{
    struct group_note_member is = member_of(q, id);
    is.assignment = m->is.assignment;
    size_t more = group_note_member_bytes(&is), less = group_note_member_bytes(&m->is);
    bool room = more <= less || has_room(gs, g, more - less, 0);
    if (room)
        member_set(gs, g, m, &is);
    else
        group_answer(gs, q, GROUP_ERR_FULL);
    free((void *)is.protocols.at);
    return room;
}

/* A static member is back under a new id, with the generation as it was. To a leader that can be
 * told so, the assignment is done; another one must not take itself for the leader and assign
 * anew. */
static void join_return(struct groups *gs, struct group *g, struct member *m,
                        struct group_request *q, struct bytes old_id)
{
    bool leads = m == g->leader;
    group_join_results(g, m, q, leads && q->skips_assignment);
    if (leads && q->skips_assignment) {
        q->out.skip_assignment = true;
    } else if (leads) {
        group_block_free(q);
        struct group_block b = group_block_open(2 * (m->is.id.len + old_id.len) +
                                                g->protocol_type.len + g->protocol.len);
        q->out.member = group_block_text(&b, m->is.id);
        q->out.leader = group_block_text(&b, old_id);
        q->out.protocol_type = group_block_text(&b, g->protocol_type);
        q->out.protocol = group_block_text(&b, g->protocol);
        group_block_give(&b, q);
    }
    group_append_members(gs, WRITE_MEMBER, g, q);
}

static void join_replace(struct groups *gs, struct group *g, struct member *m,
                         struct group_request *q)
{
    struct bytes id = id_make(q, q->instance), old_id = group_text_copy(m->is.id);
    if (join_update(gs, g, m, q, id)) {
        member_end_join(gs, m, GROUP_ERR_FENCED_INSTANCE);
        member_end_sync(gs, m, GROUP_ERR_FENCED_INSTANCE);
        member_touch(gs, g, m);
        bool fits = group_members_bytes(g) <= gs->opts.record_max; /* with the assignments */
        if (g->state == GROUP_STABLE && fits && bytes_equal(group_vote(g), g->protocol))
            join_return(gs, g, m, q, old_id);
        else
            join_wait(gs, g, m, q);
    }
    group_text_free(&id);
    group_text_free(&old_id);
}

/* It is told an id, and joins with that. */
static void join_tell(struct groups *gs, struct group *g, struct bytes id, struct group_request *q)
{
    if (!has_place(gs, g, q, pending_bytes(id))) {
        group_answer(gs, q, GROUP_ERR_FULL);
        return;
    }
    g = g ? g : group_make(gs, q->group);
    pending_add(gs, g, id, gs->now_ms + (uint64_t)q->timeout_ms);
    struct group_block b = group_block_open(id.len);
    q->out.member = group_block_text(&b, id);
    group_block_give(&b, q);
    group_answer(gs, q, GROUP_ERR_MEMBER_ID_REQUIRED);
}

/* Without an id. */
static void join_new(struct groups *gs, struct group *g, struct group_request *q)
{
    struct member *m = g && q->instance.at ? member_by_instance(g, q->instance) : NULL;
    if (m) {
        join_replace(gs, g, m, q);
        return;
    }
    struct bytes id = id_make(q, q->instance.at ? q->instance : q->client_id);
    if (q->instance.at || !q->id_required)
        join_add(gs, g, id, q);
    else
        join_tell(gs, g, id, q);
    group_text_free(&id);
}

static bool join_says_the_same(const struct member *m, const struct group_request *q)
{
    struct group_note_member is = member_of(q, m->is.id);
    bool same = bytes_equal(is.protocols, m->is.protocols);
    free((void *)is.protocols.at);
    return same;
}

/* Nothing new: the generation that is holds for it. In a stable group a leader that joins wants a
 * rebalance, as when partitions were added. */
static bool join_needs_none(const struct group *g, const struct member *m,
                            const struct group_request *q)
{
    return join_says_the_same(m, q) &&
           (g->state == GROUP_COMPLETING || (g->state == GROUP_STABLE && m != g->leader));
}

static void join_again(struct groups *gs, struct group *g, struct group_request *q)
{
    enum group_err err = member_validate(g, q->member, q->instance);
    struct member *m = member_find(g, q->member);
    if (err != GROUP_ERR_OK) {
        group_answer(gs, q, err);
        return;
    }
    if (join_needs_none(g, m, q)) {
        member_touch(gs, g, m);
        group_join_results(g, m, q, m == g->leader);
        group_answer(gs, q, GROUP_ERR_OK);
    } else if (join_update(gs, g, m, q, m->is.id)) {
        join_wait(gs, g, m, q);
    }
}

void group_join(struct groups *gs, struct group *g, struct group_request *q)
{
    enum group_err err = join_check(gs, g, q);
    if (err == GROUP_ERR_OK && g && !join_fits(g, q))
        err = GROUP_ERR_INCONSISTENT_PROTOCOL;
    if (err != GROUP_ERR_OK) {
        group_answer(gs, q, err);
        return;
    }
    bool told = g && q->member.len && !q->instance.at;
    struct pending *p = told ? pending_find(g, q->member) : NULL;
    if (p) {
        pending_drop(gs, g, p);
        join_add(gs, g, q->member, q);
        group_arm_unused(gs, g);
    } else if (q->member.len) {
        join_again(gs, g, q);
    } else {
        join_new(gs, g, q);
    }
}

/* ---- sync ---- */

static enum group_err sync_check(const struct group *g, const struct group_request *q)
{
    enum group_err err = member_validate(g, q->member, q->instance);
    if (err != GROUP_ERR_OK)
        return err;
    if (q->generation != g->generation)
        return GROUP_ERR_ILLEGAL_GENERATION;
    if ((q->protocol_type.at && !bytes_equal(q->protocol_type, g->protocol_type)) ||
        (q->protocol.at && !bytes_equal(q->protocol, g->protocol)))
        return GROUP_ERR_INCONSISTENT_PROTOCOL;
    return g->state == GROUP_PREPARING ? GROUP_ERR_REBALANCE_IN_PROGRESS : GROUP_ERR_OK;
}

static struct bytes assignment_of(const struct group_request *q, struct bytes member)
{
    for (uint32_t i = 0; i < q->assignment_count; i++)
        if (bytes_equal(q->assignments[i].member, member))
            return or_empty(q->assignments[i].assignment);
    return (struct bytes){ (const uint8_t *)"", 0 };
}

static size_t assignments_bytes(const struct group *g, const struct group_request *q)
{
    size_t sum = 0;
    list_each (&g->members, n)
        sum += assignment_of(q, container_of(n, struct member, node)->is.id).len;
    return sum;
}

/* Who is assigned nothing gets nothing: an empty assignment. */
static void sync_assign(struct groups *gs, struct group *g, const struct group_request *q)
{
    size_t more = assignments_bytes(g, q);
    if (group_members_bytes(g) + more > gs->opts.record_max ||
        gs->bytes + more > gs->opts.bytes_max) {
        probe("group: an assignment is too large");
        group_assignment_written(gs, g, ERR_TOO_LARGE);
        return;
    }
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        struct group_note_member is = m->is;
        is.assignment = assignment_of(q, m->is.id);
        member_set(gs, g, m, &is);
    }
    group_append_members(gs, WRITE_ASSIGNMENT, g, NULL);
}

/* No leader has more to assign to than a group may have members: each is looked for among all. */
void group_sync(struct groups *gs, struct group *g, struct group_request *q)
{
    bool many = q->assignment_count > gs->opts.members_max;
    enum group_err err = many ? GROUP_ERR_INVALID_REQUEST : sync_check(g, q);
    if (err != GROUP_ERR_OK) {
        group_answer(gs, q, err);
        return;
    }
    struct member *m = member_find(g, q->member);
    m->synced = true;
    if (g->state == GROUP_STABLE) {
        member_touch(gs, g, m);
        group_sync_results(g, m, q);
        group_answer(gs, q, GROUP_ERR_OK);
        return;
    }
    member_end_sync(gs, m, GROUP_ERR_REBALANCE_IN_PROGRESS);
    m->sync = q;
    if (m == g->leader)
        sync_assign(gs, g, q);
}

/* ---- heartbeat ---- */

void group_heartbeat(struct groups *gs, struct group *g, struct group_request *q)
{
    enum group_err err = member_validate(g, q->member, q->instance);
    if (err == GROUP_ERR_OK && q->generation != g->generation)
        err = GROUP_ERR_ILLEGAL_GENERATION;
    if (err == GROUP_ERR_OK) {
        member_touch(gs, g, member_find(g, q->member));
        if (g->state == GROUP_PREPARING)
            err = GROUP_ERR_REBALANCE_IN_PROGRESS;
    }
    group_answer(gs, q, err);
}

/* ---- leave ---- */

static enum group_err leave_one(struct groups *gs, struct group *g, const struct group_leaver *l)
{
    struct pending *p = pending_find(g, l->member);
    if (l->member.len && p) {
        pending_drop(gs, g, p);
        return GROUP_ERR_OK;
    }
    struct member *m = l->member.len    ? member_find(g, l->member)
                       : l->instance.at ? member_by_instance(g, l->instance)
                                        : NULL;
    enum group_err err = l->member.len ? member_validate(g, l->member, l->instance) : GROUP_ERR_OK;
    if (err != GROUP_ERR_OK || !m)
        return err != GROUP_ERR_OK ? err : GROUP_ERR_UNKNOWN_MEMBER;
    member_drop(gs, g, m);
    return GROUP_ERR_OK;
}

void group_leave(struct groups *gs, struct group *g, struct group_request *q)
{
    uint32_t members = g->member_count, pending = g->pending_count;
    if (q->leaver_count > gs->opts.members_max) {
        group_answer(gs, q, GROUP_ERR_INVALID_REQUEST);
        return;
    }
    for (uint32_t i = 0; i < q->leaver_count; i++)
        q->leavers[i].err = leave_one(gs, g, &q->leavers[i]);
    group_answer(gs, q, GROUP_ERR_OK);
    if (g->member_count < members || g->pending_count < pending)
        if (g->state == GROUP_PREPARING || g->member_count < members)
            group_after_drop(gs, g);
    group_arm_unused(gs, g);
}

/* ---- the end of a group ---- */

bool group_unused(const struct group *g)
{
    return g->state == GROUP_EMPTY && !g->recorded && !g->under_way && !g->pending_count;
}

void group_arm_unused(struct groups *gs, struct group *g)
{
    if (group_unused(g))
        group_arm(gs, g, gs->now_ms);
}

void group_delete(struct groups *gs, struct group *g, struct group_request *q)
{
    if (g->state == GROUP_EMPTY)
        group_end(gs, g, q);
    else
        group_answer(gs, q, GROUP_ERR_NOT_EMPTY);
}

void group_end(struct groups *gs, struct group *g, struct group_request *q)
{
    struct group_writer w = { 0 };
    group_writer_open(&w, &(struct group_note){ .kind = GROUP_NOTE_GONE, .group = g->id });
    group_writer_close(&w);
    group_append(gs, WRITE_GONE, g, q, (struct bytes){ w.at, w.len });
}
