/* group_view.c -- see group.h: members first, then what was committed, then who reads what. */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "net/log/utf8.h"
#include "tools/assignment.h"
#include "tools/group.h"

const char *group_shown(const char *name, char out[GROUP_SHOWN_MAX])
{
    struct bytes left = { (const uint8_t *)name, strlen(name) };
    size_t len = 0;
    while (left.len && len + 5 < GROUP_SHOWN_MAX) {
        uint32_t code, took = utf8_next(left, &code);
        if (took && !utf8_unsafe(code)) {
            memcpy(out + len, left.at, took);
            len += took;
        } else {
            took = 1;
            len += (size_t)snprintf(out + len, 5, "\\x%02x", *left.at);
        }
        left = (struct bytes){ left.at + took, left.len - took };
    }
    out[len] = '\0';
    return out;
}

/* ---- places ---- */

static int place_order(const void *a, const void *b)
{
    const struct group_place *left = a, *right = b;
    int order = strcmp(left->topic, right->topic);
    return order ? order
                 : (left->partition > right->partition) - (left->partition < right->partition);
}

void group_sort(struct group *g)
{
    if (g->place_count)
        qsort(g->places, g->place_count, sizeof(*g->places), place_order);
    g->sorted = g->place_count;
}

static struct group_place *place_add(struct group *g, const char *topic, uint32_t partition)
{
    g->places =
        array_grow(g->places, &g->place_cap, (uint64_t)g->place_count + 1, sizeof(*g->places));
    struct group_place *p = &g->places[g->place_count++];
    *p = (struct group_place){ .partition = partition, .member = GROUP_NOBODY };
    snprintf(p->topic, sizeof(p->topic), "%s", topic);
    return p;
}

struct group_place *group_place(struct group *g, const char *topic, uint32_t partition)
{
    struct group_place key = { .partition = partition }, *p = NULL;
    snprintf(key.topic, sizeof(key.topic), "%s", topic);
    if (g->sorted)
        p = bsearch(&key, g->places, g->sorted, sizeof(key), place_order);
    return p ? p : place_add(g, topic, partition);
}

void group_ends(struct remote *r, struct group_place *place)
{
    struct sl_client_topic topic;
    struct sl_client_lag *l = &place->lag;
    l->lag_ms = -1;
    l->err = sl_client_describe(r->client, place->topic, &topic);
    if (l->err == SL_ERR_OK)
        l->err = sl_client_offset(r->client, &topic, place->partition, SL_OFFSET_EARLIEST, 0,
                                  &l->start, NULL);
    if (l->err == SL_ERR_OK)
        l->err = sl_client_offset(r->client, &topic, place->partition, SL_OFFSET_LATEST, 0, &l->end,
                                  NULL);
}

static void lag_keep(void *arg, const struct sl_client_lag *lag)
{
    struct group_place *p = place_add(arg, lag->topic, lag->partition);
    p->committed = true;
    p->lag = *lag;
    p->lag.topic = NULL;
}

/* ---- members ---- */

struct assigned {
    char topic[250];
    uint32_t partition, member;
};

/* What is assigned is kept until what is committed is known. */
struct members_read {
    struct group *g;
    struct assigned *all;
    uint32_t count, cap;
};

static void assigned_keep(void *arg, const char *topic, uint32_t partition)
{
    struct members_read *m = arg;
    m->all = array_grow(m->all, &m->cap, (uint64_t)m->count + 1, sizeof(*m->all));
    struct assigned *to = &m->all[m->count++];
    *to = (struct assigned){ .partition = partition, .member = m->g->member_count - 1 };
    snprintf(to->topic, sizeof(to->topic), "%s", topic);
}

static void member_keep(void *arg, const struct sl_client_member *from)
{
    struct members_read *m = arg;
    struct group *g = m->g;
    uint32_t before = m->count;
    g->members =
        array_grow(g->members, &g->member_cap, (uint64_t)g->member_count + 1, sizeof(*g->members));
    struct group_member *to = &g->members[g->member_count++];
    snprintf(to->id, sizeof(to->id), "%s", from->id);
    snprintf(to->instance, sizeof(to->instance), "%s", from->instance ? from->instance : "");
    snprintf(to->client_id, sizeof(to->client_id), "%s", from->client_id);
    snprintf(to->client_host, sizeof(to->client_host), "%s", from->client_host);
    if (!assignment_each(from->assignment, from->assignment_bytes, assigned_keep, m))
        m->count = before; /* another protocol than the consumers' */
    to->partitions = m->count - before;
}

/* ---- all of it ---- */

static enum sl_err group_read(struct remote *r, const char *id, struct group *g,
                              struct members_read *m)
{
    enum sl_err err = sl_client_group(r->client, id, &g->facts, member_keep, m);
    if (err == SL_ERR_OK)
        err = sl_client_lag(r->client, id, lag_keep, g);
    if (err != SL_ERR_OK)
        return err;
    group_sort(g);
    for (uint32_t i = 0; i < m->count; i++)
        group_place(g, m->all[i].topic, m->all[i].partition)->member = m->all[i].member;
    for (uint32_t i = g->sorted; i < g->place_count; i++)
        group_ends(r, &g->places[i]);
    group_sort(g);
    return SL_ERR_OK;
}

int group_open(struct remote *r, const char *id, bool may_miss, struct group *g)
{
    struct members_read m = { .g = g };
    char shown[GROUP_SHOWN_MAX];
    *g = (struct group){ .facts = { .size = sizeof(g->facts) } };
    enum sl_err err = group_read(r, id, g, &m);
    free(m.all);
    if (err == SL_ERR_NOT_FOUND && may_miss)
        return EXIT_CLEAN;
    if (err == SL_ERR_NOT_FOUND) {
        complain("%s: there is no such group; `shardlog group list` shows all",
                 group_shown(id, shown));
        return EXIT_NOT_FOUND;
    }
    return remote_exit(r, err, group_shown(id, shown));
}

void group_close(struct group *g)
{
    free(g->members);
    free(g->places);
    *g = (struct group){ .facts = { .size = 0 } };
}
