/* topics.c -- where partitions are: topics by name and by id, remembered on each shard.
 *
 * What is known of a topic is made once and never changed; it is shared by the map and by the
 * errands that use it. Placement is fixed as long as the instance is open, so a row stays true
 * until a topic is deleted, altered or grown: serve_topics_version() says so, and all rows are
 * forgotten.
 * That a topic is not there is never remembered, nor taken from somebody else's question (`fresh`):
 * it may have been made since.
 *
 *   ask: DESCRIBE --there--> PARTS (the epochs of their leaders) --> known
 *          | not there, and may be made
 *          v
 *        CREATE --made, or somebody else was faster--> DESCRIBE again
 */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/kafka/front_in.h"

struct ask {
    struct node node; /* desk_kafka.asks */
    struct map *map;  /* desk_kafka.name_asks or .id_asks ... */
    struct map_key key;
    struct desk_kafka *desk;
    const struct errand *errand; /* whose want made it; to be compared alone */
    uint64_t charged;            /* to the desk: an ask is of many errands */
    struct list waiting;         /* topic_want.node */
    char name[KAFKA_TEXT_ROOM];
    struct id16 id;
    uint64_t seen; /* serve_topics_version() before it was asked */
    bool by_id, create;
    struct topic *topic;
    uint32_t left; /* of parts */
    struct verb_part *parts;
    struct verb_describe describe;
    struct verb_create make;
    struct setting_text setting;
    struct why why;
};

/* ---- rows ---- */

/* FNV-1a, from a beginning that nobody outside knows: names that collide would be asked for once
 * each time. */
static struct map_key name_key(const struct desk_kafka *d, struct bytes name)
{
    uint64_t hash = 0xcbf29ce484222325u ^ d->name_seed;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ name.at[i]) * 0x100000001b3u;
    return map_key_u64(hash);
}

static struct map_key id_key(struct id16 id)
{
    return (struct map_key){ .id = id };
}

static bool name_is(const struct topic *t, struct bytes name)
{
    return strlen(t->info->name) == name.len && memcmp(t->info->name, name.at, name.len) == 0;
}

static void topic_release(struct topic *t)
{
    if (--t->users)
        return;
    free(t->info);
    free(t->epochs);
    free(t);
}

void topic_forget(struct desk_kafka *d, struct id16 id)
{
    struct topic *t = map_remove(&d->ids, id_key(id));
    if (!t)
        return;
    struct map_key key = name_key(d, text_bytes(t->info->name));
    if (map_get(&d->names, key) == t)
        map_remove(&d->names, key);
    topic_release(t);
}

/* The maps are one user. A name whose hash another one has is found by asking. */
static void topic_remember(struct desk_kafka *d, struct topic *t)
{
    struct map_key key = name_key(d, text_bytes(t->info->name));
    struct topic *old = map_get(&d->names, key);
    if (old)
        topic_forget(d, old->info->id);
    topic_forget(d, t->info->id);
    t->users++;
    check(map_put(&d->ids, id_key(t->info->id), t) == ERR_OK);
    check(map_put(&d->names, key, t) == ERR_OK); /* tens of bytes each */
}

/* All epochs are known: they change with the instance alone. */
static bool topic_whole(const struct topic *t)
{
    for (uint32_t i = 0; i < t->info->partitions; i++)
        if (t->epochs[i] == KAFKA_NO_EPOCH)
            return false;
    return true;
}

static struct topic *topic_known(struct desk_kafka *d, const struct topic_want *w)
{
    struct topic *t =
        w->name.at ? map_get(&d->names, name_key(d, w->name)) : map_get(&d->ids, id_key(w->id));
    if (t && w->name.at && !name_is(t, w->name))
        t = NULL;
    return t && w->fresh && !topic_whole(t) ? NULL : t;
}

/* ---- the end of a want ---- */

static void want_end(struct topic_want *w, struct topic *t, enum err err)
{
    struct errand *c = w->errand;
    w->topic = t;
    w->err = err;
    if (t)
        t->users++;
    if (--c->wants_left)
        return;
    conn_mark(c->conn);
    if (errand_gone(c))
        errand_answer_not(c);
    else
        c->known(c);
}

static void ask_end(struct ask *a, enum err err)
{
    struct node *n;
    node_unlink(&a->node);
    if (map_get(a->map, a->key) == a)
        map_remove(a->map, a->key);
    memory_give(a->desk->desk, a->charged);
    if (a->topic && a->seen == a->desk->topics_seen)
        topic_remember(a->desk, a->topic);
    while ((n = list_pop(&a->waiting))) {
        struct topic_want *w = container_of(n, struct topic_want, node);
        w->why = a->why;
        want_end(w, err == ERR_OK ? a->topic : NULL, err);
    }
    if (a->topic)
        topic_release(a->topic);
    free(a->parts);
    free(a);
}

/* ---- asking ---- */

static void ask_describe(struct ask *a);

static struct verb ask_verb(struct ask *a, void (*done)(struct verb *v))
{
    return (struct verb){ .done = done, .arg = a, .home = a->desk->desk->shard->number };
}

static void part_known(struct verb *v)
{
    struct ask *a = v->arg;
    const struct verb_part *p = container_of(v, struct verb_part, verb);
    if (v->err == ERR_OK)
        a->topic->epochs[p->place.index] = (int32_t)p->leader_epoch;
    if (--a->left == 0)
        ask_end(a, ERR_OK);
}

/* Of a topic that is known already the epochs are. */
static bool epochs_copy(struct ask *a)
{
    const struct topic *old = map_get(&a->desk->ids, id_key(a->topic->info->id));
    if (!old || old->info->partitions != a->topic->info->partitions || !topic_whole(old))
        return false;
    memcpy(a->topic->epochs, old->epochs, old->info->partitions * sizeof(int32_t));
    return true;
}

static bool ask_charge(struct ask *a, uint64_t bytes)
{
    if (!memory_need(a->desk->desk, bytes))
        return false;
    a->charged += bytes;
    return true;
}

static void ask_parts(struct ask *a)
{
    struct topic_info *info = a->topic->info;
    if (epochs_copy(a)) {
        ask_end(a, ERR_OK);
        return;
    }
    if (!ask_charge(a, info->partitions * sizeof(*a->parts))) {
        topic_release(a->topic);
        a->topic = NULL;
        ask_end(a, ERR_NO_MEMORY);
        return;
    }
    a->parts = calloc(info->partitions, sizeof(*a->parts));
    check(a->parts); /* within the budget: the system is out of memory */
    a->left = info->partitions;
    for (uint32_t i = 0; i < info->partitions; i++) {
        a->topic->epochs[i] = KAFKA_NO_EPOCH;
        a->parts[i].verb = ask_verb(a, part_known);
        a->parts[i].place = info->places[i];
        serve_part(a->desk->desk->serve, &a->parts[i]);
    }
}

static void ask_made(struct verb *v)
{
    struct ask *a = v->arg;
    if (v->err == ERR_OK || v->err == ERR_EXISTS) {
        a->create = false;
        ask_describe(a);
        return;
    }
    a->why = a->make.why;
    ask_end(a, v->err);
}

static void ask_make(struct ask *a)
{
    const struct door_opts *o = &a->desk->desk->opts;
    a->make = (struct verb_create){ .verb = ask_verb(a, ask_made),
                                    .name = a->name,
                                    .partitions = o->auto_partitions };
    a->setting =
        (struct setting_text){ setting_key(SETTING_DURABILITY), durability_words[o->durability] };
    if (o->durability_set) {
        a->make.settings = &a->setting;
        a->make.setting_count = 1;
    }
    serve_create(a->desk->desk->serve, &a->make);
}

static void ask_told(struct verb *v)
{
    struct ask *a = v->arg;
    if (v->err == ERR_NOT_FOUND && a->create) {
        ask_make(a);
        return;
    }
    if (v->err != ERR_OK) {
        ask_end(a, v->err);
        return;
    }
    a->topic = calloc(1, sizeof(*a->topic));
    check(a->topic);
    a->topic->users = 1;
    a->topic->info = a->describe.topic;
    a->topic->epochs = calloc(a->topic->info->partitions, sizeof(int32_t));
    check(a->topic->epochs);
    ask_parts(a);
}

static void ask_describe(struct ask *a)
{
    a->describe = (struct verb_describe){ .verb = ask_verb(a, ask_told),
                                          .name = a->by_id ? NULL : a->name,
                                          .id = a->id };
    serve_describe(a->desk->desk->serve, &a->describe);
}

/* What was asked before may be older than what is so; not what the same errand asked. */
static bool ask_fits(const struct ask *a, const struct topic_want *w)
{
    bool young = a->seen == a->desk->topics_seen && (!w->fresh || w->create);
    if (!young && a->errand != w->errand)
        return false;
    if (!w->name.at)
        return id16_equal(a->id, w->id);
    return a->create == w->create && strlen(a->name) == w->name.len &&
           memcmp(a->name, w->name.at, w->name.len) == 0;
}

static struct ask *ask_open(struct desk_kafka *d, const struct topic_want *w)
{
    if (!memory_need(d->desk, sizeof(struct ask)))
        return NULL;
    struct ask *a = calloc(1, sizeof(*a));
    check(a); /* within the budget: the system is out of memory */
    a->charged = sizeof(*a);
    a->desk = d;
    a->errand = w->errand;
    a->seen = d->topics_seen;
    a->by_id = !w->name.at;
    a->id = w->id;
    a->create = w->create;
    memcpy(a->name, w->name.at ? w->name.at : (const uint8_t *)"", w->name.len);
    a->map = a->by_id ? &d->id_asks : &d->name_asks;
    a->key = a->by_id ? id_key(w->id) : name_key(d, w->name);
    check(map_put(a->map, a->key, a) == ERR_OK); /* tens of bytes */
    list_init(&a->waiting);
    list_push(&d->asks, &a->node);
    ask_describe(a);
    return a;
}

static void want_ask(struct desk_kafka *d, struct topic_want *w)
{
    struct ask *a = w->name.at ? map_get(&d->name_asks, name_key(d, w->name))
                               : map_get(&d->id_asks, id_key(w->id));
    if (!a || !ask_fits(a, w))
        a = ask_open(d, w);
    if (a)
        list_push(&a->waiting, &w->node);
    else
        want_end(w, NULL, ERR_NO_MEMORY);
}

bool topic_name_fits(struct bytes name)
{
    bool dots = (name.len == 1 || name.len == 2) && memcmp(name.at, "..", name.len) == 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t ch = name.at[i], low = ch | 0x20;
        bool fits = (low >= 'a' && low <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' ||
                    ch == '_' || ch == '-';
        if (!fits)
            return false;
    }
    return name.len && name.len <= KAFKA_NAME_MAX && !dots;
}

static void want_find(struct topic_want *w)
{
    struct desk_kafka *d = errand_desk(w->errand);
    struct topic *t = topic_known(d, w);
    if (t) {
        want_end(w, t, ERR_OK);
    } else if (w->name.at && !topic_name_fits(w->name)) {
        why_set(&w->why, "no topic can have this name");
        want_end(w, NULL, w->strict || w->create ? ERR_INVALID : ERR_NOT_FOUND);
    } else {
        want_ask(d, w);
    }
}

static void topics_forget(struct desk_kafka *d)
{
    uint32_t at = 0;
    struct topic *t;
    while ((t = map_next(&d->ids, &at)))
        topic_release(t);
    map_close(&d->ids);
    map_close(&d->names);
}

/* What was deleted or altered is not remembered any longer. */
static void topics_refresh(struct desk_kafka *d)
{
    uint64_t version = serve_topics_version(d->desk->serve);
    if (!d->name_seed)
        d->name_seed = io_random(d->desk->shard->io) | 1;
    if (version == d->topics_seen)
        return;
    topics_forget(d);
    d->topics_seen = version;
}

void topics_find(struct errand *c, struct topic_want *wants, uint32_t count,
                 void (*known)(struct errand *c))
{
    struct desk_kafka *d = errand_desk(c);
    topics_refresh(d);
    c->topics_seen = d->topics_seen;
    c->wants = wants;
    c->want_count = count;
    c->wants_left = count + 1; /* ours, so that known() runs once */
    c->known = known;
    for (uint32_t i = 0; i < count; i++) {
        wants[i].errand = c;
        want_find(&wants[i]);
    }
    if (--c->wants_left == 0)
        known(c);
}

void topics_give(struct errand *c)
{
    for (uint32_t i = 0; i < c->want_count; i++)
        if (c->wants[i].topic)
            topic_release(c->wants[i].topic);
    c->want_count = 0;
}

void topics_close(struct desk_kafka *d)
{
    topics_forget(d);
    map_close(&d->name_asks);
    map_close(&d->id_asks);
    list_each (&d->asks, n) {
        struct ask *a = container_of(n, struct ask, node);
        if (a->topic)
            topic_release(a->topic);
        free(a->parts);
        free(a);
    }
}

/* ---- what clients think ---- */

enum kafka_error topic_epoch_check(const struct topic *t, int32_t partition, int32_t epoch)
{
    int32_t ours = t->epochs[partition];
    if (epoch < 0 || ours == KAFKA_NO_EPOCH || epoch == ours)
        return KAFKA_NONE;
    return epoch < ours ? KAFKA_FENCED_LEADER_EPOCH : KAFKA_UNKNOWN_LEADER_EPOCH;
}

enum kafka_error topic_error(const struct topic_want *w)
{
    if (w->err == ERR_INVALID)
        return KAFKA_INVALID_TOPIC_EXCEPTION;
    if (w->err == ERR_NOT_FOUND && !w->name.at)
        return KAFKA_UNKNOWN_TOPIC_ID;
    return kafka_error_of(w->err);
}
