/* meta_table.c -- topics by id and by name, stores by number. */
#include "engine/coord/meta_in.h"

#include <stdlib.h>

#include "engine/base/check.h"

#define BUCKETS_MIN 64u

static char canonical(char c)
{
    return c == '.' ? '_' : c;
}

/* FNV-1a over the canonical name. */
static uint32_t name_hash(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (uint8_t)canonical(*name)) * 16777619u;
    return h;
}

static uint32_t id_hash(struct id16 id)
{
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < 16; i++)
        h = (h ^ id.b[i]) * 16777619u;
    return h;
}

bool meta_name_equal(const char *a, const char *b)
{
    for (; *a && canonical(*a) == canonical(*b); a++)
        b++;
    return *a == '\0' && *b == '\0';
}

static bool topic_named(const struct meta_topic *t)
{
    return t->state < META_DROPPING;
}

static void chain_in(struct meta_table *t, struct meta_topic *topic)
{
    uint32_t mask = t->buckets - 1;
    struct meta_topic **id = &t->by_id[id_hash(topic->id) & mask];
    topic->next_by_id = *id;
    *id = topic;
    if (!topic_named(topic))
        return;
    struct meta_topic **name = &t->by_name[name_hash(topic->name) & mask];
    topic->next_by_name = *name;
    *name = topic;
}

static void table_grow(struct meta_table *t)
{
    struct meta_table old = *t;
    t->buckets = old.buckets ? 2 * old.buckets : BUCKETS_MIN;
    t->by_id = calloc(t->buckets, sizeof(*t->by_id));
    t->by_name = calloc(t->buckets, sizeof(*t->by_name));
    check(t->by_id && t->by_name);
    for (uint32_t i = 0; i < old.buckets; i++) {
        for (struct meta_topic *topic = old.by_id[i], *next; topic; topic = next) {
            next = topic->next_by_id;
            chain_in(t, topic);
        }
    }
    free(old.by_id);
    free(old.by_name);
}

void meta_table_add(struct meta_table *t, struct meta_topic *topic)
{
    if (t->count >= t->buckets)
        table_grow(t);
    chain_in(t, topic);
    t->count++;
}

void meta_table_unname(struct meta_table *t, struct meta_topic *topic)
{
    struct meta_topic **at = &t->by_name[name_hash(topic->name) & (t->buckets - 1)];
    while (*at != topic)
        at = &(*at)->next_by_name;
    *at = topic->next_by_name;
    topic->next_by_name = NULL;
}

void meta_table_remove(struct meta_table *t, struct meta_topic *topic)
{
    if (topic_named(topic))
        meta_table_unname(t, topic);
    struct meta_topic **at = &t->by_id[id_hash(topic->id) & (t->buckets - 1)];
    while (*at != topic)
        at = &(*at)->next_by_id;
    *at = topic->next_by_id;
    t->count--;
    free(topic->stores);
    free(topic);
}

struct meta_topic *meta_table_by_id(const struct meta_table *t, struct id16 id)
{
    if (!t->buckets)
        return NULL;
    struct meta_topic *topic = t->by_id[id_hash(id) & (t->buckets - 1)];
    while (topic && !id16_equal(topic->id, id))
        topic = topic->next_by_id;
    return topic;
}

struct meta_topic *meta_table_by_name(const struct meta_table *t, const char *name)
{
    if (!t->buckets)
        return NULL;
    struct meta_topic *topic = t->by_name[name_hash(name) & (t->buckets - 1)];
    while (topic && !meta_name_equal(topic->name, name))
        topic = topic->next_by_name;
    return topic;
}

void meta_table_close(struct meta_table *t)
{
    for (uint32_t i = 0; i < t->buckets; i++)
        while (t->by_id[i])
            meta_table_remove(t, t->by_id[i]);
    free(t->by_id);
    free(t->by_name);
    *t = (struct meta_table){ 0 };
}

struct meta_store *meta_store_find(const struct meta *m, uint32_t number)
{
    for (uint32_t i = 0; i < m->store_count; i++)
        if (m->stores[i].number == number)
            return &m->stores[i];
    return NULL;
}

struct meta_store *meta_store_add(struct meta *m, uint32_t number)
{
    struct meta_store *old = meta_store_find(m, number);
    if (old)
        return old;
    if (m->store_count == m->store_cap) {
        m->store_cap = m->store_cap ? 2 * m->store_cap : 8;
        m->stores = realloc(m->stores, m->store_cap * sizeof(*m->stores));
        check(m->stores);
    }
    uint32_t at = m->store_count++;
    for (; at > 0 && m->stores[at - 1].number > number; at--)
        m->stores[at] = m->stores[at - 1];
    m->stores[at] = (struct meta_store){ .number = number, .err = ERR_NOT_FOUND };
    return &m->stores[at];
}
