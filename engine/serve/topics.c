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

/* ---- list: names, ids, then the texts, in one block ---- */

struct topics_all {
    const struct meta_topic **at;
    uint32_t count;
    size_t text_bytes;
};

static void topic_take(const struct meta_topic *t, void *arg)
{
    struct topics_all *all = arg;
    all->at[all->count++] = t;
    all->text_bytes += strlen(t->name) + 1;
}

static int topic_order(const void *a, const void *b)
{
    const struct meta_topic *const *one = a, *const *other = b;
    return strcmp((*one)->name, (*other)->name);
}

static bool list_fill(struct verb_list *v, const struct topics_all *all)
{
    size_t pointers = (all->count + 1) * sizeof(char *), ids = all->count * sizeof(struct id16);
    uint8_t *block = malloc(pointers + ids + all->text_bytes);
    if (!block)
        return false;
    v->bytes = pointers + ids + all->text_bytes;
    char *text = (char *)block + pointers + ids;
    struct id16 *id = (struct id16 *)(void *)(block + pointers);
    v->names = (const char **)(void *)block;
    v->ids = id;
    v->count = all->count;
    for (uint32_t i = 0; i < all->count; i++) {
        size_t len = strlen(all->at[i]->name) + 1;
        v->names[i] = memcpy(text, all->at[i]->name, len);
        id[i] = all->at[i]->id;
        text += len;
    }
    return true;
}

static void list_open(struct letter *l, struct shard *at)
{
    struct verb_list *v = container_of(l, struct verb_list, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    const struct meta *meta = d->serve->registry->meta;
    struct topics_all all = { .at = malloc((meta_count(meta) + 1) * sizeof(*all.at)) };
    if (all.at) {
        meta_each(meta, topic_take, &all);
        check(all.count == meta_count(meta));
        qsort(all.at, all.count, sizeof(all.at[0]), topic_order);
    }
    bool filled = all.at && list_fill(v, &all);
    at->turn_bytes += v->bytes;
    free(all.at);
    verb_end(&v->verb, filled ? ERR_OK : ERR_NO_MEMORY);
}

void serve_list(struct serve *s, struct verb_list *v)
{
    v->names = NULL;
    v->ids = NULL;
    v->bytes = 0;
    v->count = 0;
    verb_send(s, &v->verb, 0, list_open);
}
