/* topics.c -- the verbs that only read the metadata: describe and list. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

static struct topic_info *info_make(const struct serve *s, const struct meta_topic *t)
{
    size_t places = t->partitions * sizeof(struct place), name = strlen(t->name) + 1;
    struct topic_info *info = malloc(sizeof(*info) + places + name);
    if (!info)
        return NULL;
    char *name_at = (char *)(info->places + t->partitions);
    memcpy(name_at, t->name, name);
    info->id = t->id;
    info->name = name_at;
    info->settings = t->settings;
    info->partitions = t->partitions;
    for (uint32_t i = 0; i < t->partitions; i++) {
        enum err err = meta_store_err(s->registry->meta, t->stores[i]);
        info->places[i] = (struct place){ .topic = t->id,
                                          .index = i,
                                          .store = t->stores[i],
                                          .shard = err == ERR_OK ? s->store_shard[t->stores[i]] : 0,
                                          .err = err };
    }
    return info;
}

static void describe_open(struct letter *l, struct shard *at)
{
    struct verb_describe *v = container_of(l, struct verb_describe, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    const struct meta *meta = d->serve->registry->meta;
    const struct meta_topic *t = v->name ? meta_find(meta, v->name) : meta_find_id(meta, v->id);
    if (t)
        v->topic = info_make(d->serve, t);
    verb_end(&v->verb, !t ? ERR_NOT_FOUND : !v->topic ? ERR_NO_MEMORY : ERR_OK);
}

void serve_describe(struct serve *s, struct verb_describe *v)
{
    v->topic = NULL;
    verb_send(s, &v->verb, 0, describe_open);
}

/* ---- list: pointers first, then the names, in one block ---- */

struct names {
    const char **at;
    uint32_t count;
    char *text;
};

static void name_measure(const struct meta_topic *t, void *arg)
{
    *(size_t *)arg += strlen(t->name) + 1;
}

static void name_take(const struct meta_topic *t, void *arg)
{
    struct names *n = arg;
    size_t len = strlen(t->name) + 1;
    memcpy(n->text, t->name, len);
    n->at[n->count++] = n->text;
    n->text += len;
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_open(struct letter *l, struct shard *at)
{
    struct verb_list *v = container_of(l, struct verb_list, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    const struct meta *meta = d->serve->registry->meta;
    size_t bytes = 0, pointers = (meta_count(meta) + 1) * sizeof(char *);
    meta_each(meta, name_measure, &bytes);
    struct names n = { .at = malloc(pointers + bytes) };
    if (!n.at) {
        verb_end(&v->verb, ERR_NO_MEMORY);
        return;
    }
    n.text = (char *)n.at + pointers;
    meta_each(meta, name_take, &n);
    check(n.count == meta_count(meta));
    qsort(n.at, n.count, sizeof(n.at[0]), name_order);
    v->names = n.at;
    v->count = n.count;
    verb_end(&v->verb, ERR_OK);
}

void serve_list(struct serve *s, struct verb_list *v)
{
    v->names = NULL;
    v->count = 0;
    verb_send(s, &v->verb, 0, list_open);
}
