/* group.c -- consumer groups: lists page by page, and the two verbs that change something. */
#include "net/client/client_in.h"

#include <stdlib.h>

#define LAG_PAGE    200u /* each may cost a read of the disk: a page comes well within a timeout */
#define COMMIT_ROOM (SL_CLIENT_COMMIT_MAX * (2 + NATIVE_NAME_MAX + 4 + 8))

/* A C string out of a text of a page: valid for the callback alone. */
static const char *text_told(struct bytes text, char *out, size_t cap)
{
    if (!text.at)
        return NULL;
    if (!text_copy(text, out, cap)) /* longer than this version of the protocol says */
        out[0] = '\0';
    return out;
}

/* ---- groups ---- */

struct groups_walk {
    void (*each)(void *arg, const struct sl_client_group *group);
    void *arg;
    bool more;
    char last[NATIVE_GROUP_MAX + 1];
};

static void groups_take(void *arg, const union payload *p)
{
    struct groups_walk *g = arg;
    struct items list = p->groups_answer.groups;
    struct item_group item;
    char type[256], state[33];
    g->more = p->groups_answer.more && list.count;
    while (items_next(&list, ITEM_GROUP, &item))
        g->each(g->arg, &(struct sl_client_group){
                            .id = text_told(item.group, g->last, sizeof(g->last)),
                            .protocol_type = text_told(item.protocol_type, type, sizeof(type)),
                            .state = text_told(item.state, state, sizeof(state)) });
}

enum sl_err sl_client_groups(struct sl_client *c,
                             void (*each)(void *arg, const struct sl_client_group *group),
                             void *arg)
{
    struct groups_walk g = { .each = each, .arg = arg, .more = true };
    while (g.more) {
        char after[sizeof(g.last)];
        memcpy(after, g.last, sizeof(after));
        struct groups_request r = { .after = text_of(after) };
        enum err err = call_simple(c, VERB_GROUPS, NULL, 0, &r, groups_take, &g);
        if (err != ERR_OK)
            return (enum sl_err)err;
        if (g.more && strcmp(g.last, after) == 0)
            return (enum sl_err)client_note(c, ERR_BAD_FRAME, "groups: none after %.200s", after);
    }
    return SL_ERR_OK;
}

/* ---- one group ---- */

struct members_walk {
    struct sl_client_group_facts facts;
    void (*each)(void *arg, const struct sl_client_member *member);
    void *arg;
    uint32_t next, got;
};

static void member_tell(const struct members_walk *m, const struct item_member *item)
{
    char id[256], instance[256], client_id[256], client_host[256];
    struct sl_client_member member = {
        .id = text_told(item->member, id, sizeof(id)),
        .instance = text_told(item->instance, instance, sizeof(instance)),
        .client_id = text_told(item->client_id, client_id, sizeof(client_id)),
        .client_host = text_told(item->client_host, client_host, sizeof(client_host)),
        .assignment = item->assignment.at,
        .assignment_bytes = item->assignment.len
    };
    m->each(m->arg, &member);
}

static void members_take(void *arg, const union payload *p)
{
    struct members_walk *m = arg;
    const struct group_answer *a = &p->group_answer;
    struct items list = a->list;
    struct item_member item;
    m->facts.members = a->members;
    text_told(a->state, m->facts.state, sizeof(m->facts.state));
    text_told(a->protocol_type, m->facts.protocol_type, sizeof(m->facts.protocol_type));
    text_told(a->protocol, m->facts.protocol, sizeof(m->facts.protocol));
    m->got = list.count;
    m->next += list.count;
    while (m->each && items_next(&list, ITEM_MEMBER, &item))
        member_tell(m, &item);
}

/* An older program's struct is shorter. */
static void facts_give(const struct sl_client_group_facts *from, struct sl_client_group_facts *to)
{
    size_t size = min_u64(to->size, sizeof(*to));
    if (size > sizeof(to->size))
        memcpy((uint8_t *)to + sizeof(to->size), (const uint8_t *)from + sizeof(to->size),
               size - sizeof(to->size));
}

enum sl_err sl_client_group(struct sl_client *c, const char *id, struct sl_client_group_facts *out,
                            void (*each)(void *arg, const struct sl_client_member *member),
                            void *arg)
{
    struct members_walk m = { .each = each, .arg = arg };
    do {
        struct group_ask r = { .first = m.next, .group = text_of(id) };
        enum err err = call_simple(c, VERB_GROUP, NULL, 0, &r, members_take, &m);
        if (err != ERR_OK)
            return (enum sl_err)err;
    } while (each && m.got && m.next < m.facts.members);
    if (out)
        facts_give(&m.facts, out);
    return SL_ERR_OK;
}

/* ---- lag ---- */

struct lags_walk {
    void (*each)(void *arg, const struct sl_client_lag *lag);
    void *arg;
    bool more;
    char topic[NATIVE_NAME_MAX + 1]; /* the last place seen */
    uint32_t partition;
};

static void lags_take(void *arg, const union payload *p)
{
    struct lags_walk *l = arg;
    struct items list = p->lag_answer.rows;
    struct item_lag item;
    l->more = p->lag_answer.more && list.count;
    while (items_next(&list, ITEM_LAG, &item)) {
        l->partition = item.partition;
        l->each(l->arg,
                &(struct sl_client_lag){ .topic = text_told(item.topic, l->topic, sizeof(l->topic)),
                                         .partition = item.partition,
                                         .err = (enum sl_err)item.err,
                                         .committed = item.committed,
                                         .start = item.start_offset,
                                         .end = item.end_offset,
                                         .records = item.records,
                                         .bytes = item.bytes,
                                         .lag_ms = item.lag_ms });
    }
}

enum sl_err sl_client_lag(struct sl_client *c, const char *id,
                          void (*each)(void *arg, const struct sl_client_lag *lag), void *arg)
{
    struct lags_walk l = { .each = each, .arg = arg, .more = true };
    while (l.more) {
        char topic[sizeof(l.topic)];
        uint32_t partition = l.partition;
        memcpy(topic, l.topic, sizeof(topic));
        struct lag_request r = { .count_max = LAG_PAGE,
                                 .after_partition = partition,
                                 .group = text_of(id),
                                 .after_topic = text_of(topic) };
        enum err err = call_simple(c, VERB_LAG, NULL, 0, &r, lags_take, &l);
        if (err != ERR_OK)
            return (enum sl_err)err;
        if (l.more && l.partition == partition && strcmp(l.topic, topic) == 0)
            return (enum sl_err)client_note(c, ERR_BAD_FRAME, "lag: none after %s/%u", topic,
                                            partition);
    }
    return SL_ERR_OK;
}

/* ---- commit, forget ---- */

static enum err commits_put(struct sl_client *c, struct items *list, struct writer *w,
                            const struct sl_client_commit *rows, uint32_t count)
{
    struct fault fault = { 0 };
    if (count > SL_CLIENT_COMMIT_MAX) {
        fault_set(&fault, FAULT_LARGE, "rows", count, SL_CLIENT_COMMIT_MAX);
        return client_note_fault(c, VERB_COMMIT, &fault);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct item_commit item = { .topic = text_of(rows[i].topic),
                                    .partition = rows[i].partition,
                                    .offset = rows[i].offset };
        if (!items_add(list, ITEM_COMMIT, &item, w, &fault))
            return client_note_fault(c, VERB_COMMIT, &fault);
    }
    return ERR_OK;
}

enum sl_err sl_client_commit(struct sl_client *c, const char *id,
                             const struct sl_client_commit *rows, uint32_t count)
{
    struct writer w;
    struct commit_request r = { .group = text_of(id) };
    uint8_t *room = malloc(COMMIT_ROOM);
    if (!room)
        return (enum sl_err)client_note(c, ERR_NO_MEMORY, "no memory for %u rows", count);
    writer_open(&w, room, COMMIT_ROOM);
    enum err err = commits_put(c, &r.rows, &w, rows, count);
    if (err == ERR_OK)
        err = call_simple(c, VERB_COMMIT, NULL, 0, &r, NULL, NULL);
    free(room);
    return (enum sl_err)err;
}

enum sl_err sl_client_forget(struct sl_client *c, const char *id)
{
    struct forget_request r = { text_of(id) };
    return (enum sl_err)call_simple(c, VERB_FORGET, NULL, 0, &r, NULL, NULL);
}
