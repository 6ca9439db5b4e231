/* parts.c -- see parts.h: the names first, then one shard after another, then who is whose. */
#include "net/metric/parts.h"

#include <stdlib.h>

#include "engine/base/check.h"

struct named {
    struct id16 id;
    const char *name;
};

static int named_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id16));
}

static struct named *names_by_id(const struct verb_list *l)
{
    struct named *all = malloc((l->count + 1) * sizeof(*all));
    for (uint32_t i = 0; all && i < l->count; i++)
        all[i] = (struct named){ l->ids[i], l->names[i] };
    if (all)
        qsort(all, l->count, sizeof(*all), named_order);
    return all;
}

/* A topic that was made, or deleted, in the meantime has no name here: it is passed over. */
static void names_give(struct parts *p, const struct named *all)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct named *n =
            bsearch(&p->infos[i].topic, all, p->list.count, sizeof(*all), named_order);
        if (!n)
            continue;
        p->infos[kept] = p->infos[i];
        p->topics[kept++] = n->name;
    }
    p->count = kept;
}

static void parts_end(struct parts *p, enum err err)
{
    struct named *all = err == ERR_OK ? names_by_id(&p->list) : NULL;
    if (all)
        names_give(p, all);
    else
        p->count = 0;
    p->err = err != ERR_OK ? err : all ? ERR_OK : ERR_NO_MEMORY;
    free(all);
    p->done(p);
}

static void shard_ask(struct parts *p, uint32_t shard);

static void shard_taken(struct verb *v)
{
    struct parts *p = container_of(v, struct parts, ask.verb);
    p->count += p->ask.count;
    p->left_out += p->ask.left_out;
    if (v->err == ERR_OK && p->ask.shard + 1 < serve_shards(p->serve))
        shard_ask(p, p->ask.shard + 1);
    else
        parts_end(p, v->err);
}

static void shard_ask(struct parts *p, uint32_t shard)
{
    p->ask = (struct verb_parts){ .verb = { .done = shard_taken, .home = p->home },
                                  .shard = shard,
                                  .parts = p->infos + p->count,
                                  .room = p->room - p->count };
    serve_parts(p->serve, &p->ask);
}

static void names_taken(struct verb *v)
{
    struct parts *p = container_of(v, struct parts, list.verb);
    p->infos = malloc((p->room + 1) * sizeof(*p->infos));
    p->topics = malloc((p->room + 1) * sizeof(*p->topics));
    if (v->err != ERR_OK || !p->infos || !p->topics)
        parts_end(p, v->err != ERR_OK ? v->err : ERR_NO_MEMORY);
    else
        shard_ask(p, 0);
}

void parts_start(struct parts *p, uint32_t room)
{
    p->room = room;
    p->err = ERR_OK;
    p->infos = NULL;
    p->topics = NULL;
    p->count = p->left_out = 0;
    p->list = (struct verb_list){ .verb = { .done = names_taken, .home = p->home } };
    serve_list(p->serve, &p->list);
}

void parts_free(struct parts *p)
{
    free(p->infos);
    free(p->topics);
    free(p->list.names);
    p->infos = NULL;
    p->topics = NULL;
    p->list.names = NULL;
    p->count = 0;
}
