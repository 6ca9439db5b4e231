/* group_member.c -- the members of a group, what they have in common, and what ends their waits. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/group_in.h"

#define TO(name) (1u << GROUP_##name)
static const struct {
    const char *word;
    uint32_t next; /* a bit for each state that may follow */
} states[] = {
#define GROUP_STATE(name, word, next) [GROUP_##name] = { word, next },
#include "engine/coord/group_state.def"
#undef GROUP_STATE
};
#undef TO

const char *group_state_word(enum group_state s)
{
    return states[s].word;
}

void group_move(struct group *g, enum group_state to)
{
    check(states[g->state].next & 1u << to);
    g->state = to;
}

/* ---- finding ---- */

struct member *member_find(const struct group *g, struct bytes id)
{
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        if (bytes_equal(m->is.id, id))
            return m;
    }
    return NULL;
}

struct member *member_by_instance(const struct group *g, struct bytes instance)
{
    list_each (&g->members, n) {
        struct member *m = container_of(n, struct member, node);
        if (m->is.instance.at && bytes_equal(m->is.instance, instance))
            return m;
    }
    return NULL;
}

struct pending *pending_find(const struct group *g, struct bytes id)
{
    list_each (&g->pending, n) {
        struct pending *p = container_of(n, struct pending, node);
        if (bytes_equal(p->id, id))
            return p;
    }
    return NULL;
}

enum group_err member_validate(const struct group *g, struct bytes id, struct bytes instance)
{
    if (instance.at) {
        const struct member *m = member_by_instance(g, instance);
        if (!m)
            return GROUP_ERR_UNKNOWN_MEMBER;
        if (!bytes_equal(m->is.id, id))
            return GROUP_ERR_FENCED_INSTANCE;
    }
    return member_find(g, id) ? GROUP_ERR_OK : GROUP_ERR_UNKNOWN_MEMBER;
}

/* ---- coming and going ---- */

static void count_bytes(struct groups *gs, struct group *g, const struct member *m, int sign)
{
    size_t all = group_note_member_bytes(&m->is), assigned = m->is.assignment.len;
    size_t own = all - assigned;
    g->member_bytes += sign > 0 ? own : -own;
    g->assigned_bytes += sign > 0 ? assigned : -assigned;
    gs->bytes += sign > 0 ? all : -all;
}

struct member *member_add(struct groups *gs, struct group *g, const struct group_note_member *is)
{
    struct member *m = calloc(1, sizeof(*m));
    check(m);
    m->is = *is;
    m->is.id = group_text_copy(is->id);
    m->is.instance = group_text_copy(is->instance);
    m->is.client_id = group_text_copy(is->client_id);
    m->is.client_host = group_text_copy(is->client_host);
    m->is.protocols = group_text_copy(is->protocols);
    m->is.assignment = group_text_copy(is->assignment);
    m->dead_ms = NEVER_MS;
    list_push(&g->members, &m->node);
    g->member_count++;
    if (!g->leader)
        g->leader = m;
    count_bytes(gs, g, m, +1);
    return m;
}

static void member_free(struct groups *gs, struct group *g, struct member *m)
{
    count_bytes(gs, g, m, -1);
    node_unlink(&m->node);
    g->member_count--;
    group_text_free(&m->is.id);
    group_text_free(&m->is.instance);
    group_text_free(&m->is.client_id);
    group_text_free(&m->is.client_host);
    group_text_free(&m->is.protocols);
    group_text_free(&m->is.assignment);
    free(m);
}

static struct member *member_first(const struct group *g)
{
    struct node *n = list_first(&g->members);
    return n ? container_of(n, struct member, node) : NULL;
}

void member_drop(struct groups *gs, struct group *g, struct member *m)
{
    member_end_join(gs, m, GROUP_ERR_UNKNOWN_MEMBER);
    member_end_sync(gs, m, GROUP_ERR_UNKNOWN_MEMBER);
    bool led = g->leader == m;
    member_free(gs, g, m);
    if (led)
        g->leader = member_first(g);
}

size_t pending_bytes(struct bytes id)
{
    return sizeof(struct pending) + id.len;
}

void pending_add(struct groups *gs, struct group *g, struct bytes id, uint64_t dead_ms)
{
    struct pending *p = calloc(1, sizeof(*p));
    check(p);
    p->id = group_text_copy(id);
    p->dead_ms = dead_ms;
    list_push(&g->pending, &p->node);
    g->pending_count++;
    gs->bytes += pending_bytes(id);
    group_arm(gs, g, dead_ms);
}

void pending_drop(struct groups *gs, struct group *g, struct pending *p)
{
    node_unlink(&p->node);
    g->pending_count--;
    gs->bytes -= pending_bytes(p->id);
    group_text_free(&p->id);
    free(p);
}

void members_clear(struct groups *gs, struct group *g)
{
    struct node *n;
    while ((n = list_first(&g->members)))
        member_free(gs, g, container_of(n, struct member, node));
    while ((n = list_first(&g->pending)))
        pending_drop(gs, g, container_of(n, struct pending, node));
    g->leader = NULL;
}

void member_set(struct groups *gs, struct group *g, struct member *m,
                const struct group_note_member *is)
{
    count_bytes(gs, g, m, -1);
    group_text_set(&m->is.id, is->id);
    group_text_set(&m->is.client_id, is->client_id);
    group_text_set(&m->is.client_host, is->client_host);
    group_text_set(&m->is.protocols, is->protocols);
    group_text_set(&m->is.assignment, is->assignment);
    m->is.timeout_ms = is->timeout_ms;
    m->is.rebalance_ms = is->rebalance_ms;
    count_bytes(gs, g, m, +1);
}

/* ---- waiting ---- */

void member_end_join(struct groups *gs, struct member *m, enum group_err err)
{
    struct group_request *q = m->join;
    m->join = NULL;
    if (q)
        group_answer(gs, q, err);
}

void member_end_sync(struct groups *gs, struct member *m, enum group_err err)
{
    struct group_request *q = m->sync;
    m->sync = NULL;
    if (q)
        group_answer(gs, q, err);
}

void member_touch(struct groups *gs, struct group *g, struct member *m)
{
    m->dead_ms = gs->now_ms + (uint64_t)m->is.timeout_ms;
    group_arm(gs, g, m->dead_ms);
}

/* ---- protocols ---- */

/* False: the member has no such protocol. */
static bool protocol_get(const struct member *m, struct bytes want, struct bytes *metadata)
{
    struct bytes left = m->is.protocols, name;
    while (group_note_protocol(&left, &name, metadata))
        if (bytes_equal(name, want))
            return true;
    return false;
}

struct bytes member_metadata(const struct member *m, struct bytes protocol)
{
    struct bytes metadata;
    return protocol_get(m, protocol, &metadata) ? metadata : (struct bytes){ m->is.id.at, 0 };
}

bool member_supports(const struct member *m, struct bytes protocol)
{
    struct bytes metadata;
    return protocol_get(m, protocol, &metadata);
}

bool group_supports(const struct group *g, struct bytes protocol)
{
    list_each (&g->members, n)
        if (!member_supports(container_of(n, struct member, node), protocol))
            return false;
    return true;
}

struct candidate {
    struct bytes name;
    uint32_t votes;
};

/* What all members have, in the first one's order. */
static uint32_t candidates_of(const struct group *g, struct candidate c[GROUP_PROTOCOLS_MAX])
{
    struct bytes left = member_first(g)->is.protocols, name, metadata;
    uint32_t count = 0;
    while (count < GROUP_PROTOCOLS_MAX && group_note_protocol(&left, &name, &metadata))
        if (group_supports(g, name))
            c[count++] = (struct candidate){ name, 0 };
    return count;
}

static void member_votes(const struct member *m, struct candidate *c, uint32_t count)
{
    struct bytes left = m->is.protocols, name, metadata;
    while (group_note_protocol(&left, &name, &metadata)) {
        for (uint32_t i = 0; i < count; i++) {
            if (bytes_equal(c[i].name, name)) {
                c[i].votes++;
                return;
            }
        }
    }
}

struct bytes group_vote(const struct group *g)
{
    struct candidate c[GROUP_PROTOCOLS_MAX];
    uint32_t count = candidates_of(g, c), best = 0;
    check(count); /* nobody joins who has nothing in common with the others */
    list_each (&g->members, n)
        member_votes(container_of(n, struct member, node), c, count);
    for (uint32_t i = 1; i < count; i++)
        best = c[i].votes > c[best].votes ? i : best;
    return c[best].name;
}
