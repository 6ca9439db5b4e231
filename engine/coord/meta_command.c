/* meta_command.c -- the decider at work: create, delete, alter, grow. */
#include <string.h>

#include "engine/base/check.h"
#include "engine/coord/meta_in.h"

static struct meta_store *store_emptiest(struct meta *m)
{
    struct meta_store *best = NULL;
    for (uint32_t i = 0; i < m->store_count; i++) {
        struct meta_store *s = &m->stores[i];
        if (s->open && (!best || s->partitions < best->partitions))
            best = s;
    }
    return best;
}

/* For its partitions from `first` on; some store is open. */
static void stores_choose(struct meta *m, struct meta_topic *t, uint32_t first)
{
    for (uint32_t i = first; i < t->grown; i++) {
        struct meta_store *s = store_emptiest(m);
        t->stores[i] = s->number;
        s->partitions++;
    }
}

/* EXISTS is a promise: it is durable, and each partition can be used, or says why not. */
static enum err name_taken(const struct meta_topic *t, struct why *why)
{
    if (t->state == META_DOUBTFUL) {
        meta_doubt_say(why, t->name, META_DELETE);
        return ERR_POISONED;
    }
    if (t->state == META_LIVE) {
        why_set(why, "topic '%s' exists", t->name);
        return ERR_EXISTS;
    }
    why_set(why, "topic '%.200s' is being created or deleted", t->name);
    return ERR_BUSY;
}

static enum err create_check(const struct meta *m, const struct meta_event *in, struct why *why)
{
    TRY(topic_name_check(in->name, why));
    if (in->partitions < 1 || in->partitions > TOPIC_PARTITIONS_MAX) {
        why_set(why, "a topic has 1 to %u partitions, not %u", TOPIC_PARTITIONS_MAX,
                in->partitions);
        return ERR_INVALID;
    }
    const struct meta_topic *old = meta_table_by_name(&m->topics, in->name);
    if (old && strcmp(old->name, in->name) == 0)
        return name_taken(old, why);
    if (old) {
        why_set(why, "topic '%.100s' collides with '%.100s': '.' and '_' count as the same",
                in->name, old->name);
        return ERR_INVALID;
    }
    /* 16 random bytes: a second time is a broken generator, not bad luck. */
    check(!meta_table_by_id(&m->topics, in->id));
    return ERR_OK;
}

static struct meta_record topic_record(const struct meta_topic *t)
{
    return (struct meta_record){ .kind = META_TOPIC,
                                 .id = t->id,
                                 .name = t->name,
                                 .name_len = (uint32_t)strlen(t->name),
                                 .partitions = t->partitions,
                                 .stores = t->stores,
                                 .settings = t->settings };
}

void meta_on_create(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct why why = { "" };
    enum err err = create_check(m, in, &why);
    if (err == ERR_OK && !store_emptiest(m)) {
        why_set(&why, "no store is open: topic '%.100s' has no place", in->name);
        err = ERR_NO_SPACE;
    }
    if (err != ERR_OK) {
        meta_act_reply(out, in->request, err, (struct id16){ { 0 } }, &why);
        return;
    }
    struct meta_topic *t = meta_topic_make(in->name, strlen(in->name), in->id, in->partitions);
    stores_choose(m, t, 0);
    t->settings = *in->settings;
    t->state = META_NAMED;
    t->request = in->request;
    meta_table_add(&m->topics, t);
    struct meta_record r = topic_record(t);
    if (meta_record_bytes(&r) > m->record_max) {
        meta_topic_reply(out, t, ERR_TOO_LARGE);
        meta_topic_forget(m, t);
        return;
    }
    meta_act_append(out, &r);
}

/* The topic that a command is for, or NULL after a reply. */
static struct meta_topic *command_topic(struct meta *m, const struct meta_event *in,
                                        struct meta_actions *out)
{
    struct meta_topic *t = meta_table_by_name(&m->topics, in->name);
    struct why why;
    why_set(&why, "topic '%.200s' does not exist", in->name);
    if (t && !id16_zero(in->id) && !id16_equal(in->id, t->id)) {
        why_set(&why, "topic '%.200s' is another one by now", in->name);
        t = NULL;
    }
    if (!t || strcmp(t->name, in->name) != 0) {
        meta_act_reply(out, in->request, ERR_NOT_FOUND, (struct id16){ { 0 } }, &why);
        return NULL;
    }
    if (t->state == META_DOUBTFUL) {
        meta_doubt_say(&why, t->name, META_DELETE);
        meta_act_reply(out, in->request, ERR_POISONED, t->id, &why);
        return NULL;
    }
    if (t->state != META_LIVE || t->changing) {
        why_set(&why, "topic '%.200s' is being created, changed or deleted", in->name);
        meta_act_reply(out, in->request, ERR_BUSY, t->id, &why);
        return NULL;
    }
    t->request = in->request;
    return t;
}

void meta_on_delete(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = command_topic(m, in, out);
    if (!t)
        return;
    meta_topic_move(m, t, META_ENDING);
    struct meta_record r = { .kind = META_DELETE, .id = t->id };
    meta_act_append(out, &r);
}

void meta_on_alter(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = command_topic(m, in, out);
    if (!t)
        return;
    t->changing = true;
    t->wanted = *in->settings;
    struct meta_record r = { .kind = META_SETTINGS, .id = t->id, .settings = t->wanted };
    meta_act_append(out, &r);
}

static enum err grow_check(struct meta *m, const struct meta_topic *t, uint32_t partitions,
                           struct why *why)
{
    if (partitions > TOPIC_PARTITIONS_MAX) {
        why_set(why, "a topic has 1 to %u partitions, not %u", TOPIC_PARTITIONS_MAX, partitions);
        return ERR_INVALID;
    }
    if (partitions == t->partitions) {
        why_set(why, "topic '%.100s' has %u partitions already", t->name, partitions);
        return ERR_EXISTS;
    }
    if (partitions < t->partitions) {
        why_set(why, "topic '%.100s' has %u partitions: it can grow, and not shrink to %u", t->name,
                t->partitions, partitions);
        return ERR_INVALID;
    }
    if (!store_emptiest(m)) {
        why_set(why, "no store is open: topic '%.100s' has no place to grow", t->name);
        return ERR_NO_SPACE;
    }
    return ERR_OK;
}

static struct meta_record growth_record(const struct meta_topic *t)
{
    return (struct meta_record){ .kind = META_GROWTH,
                                 .id = t->id,
                                 .partitions = t->grown - t->partitions,
                                 .first = t->partitions,
                                 .stores = t->stores + t->partitions };
}

void meta_on_grow(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = command_topic(m, in, out);
    struct why why;
    if (!t)
        return;
    enum err err = grow_check(m, t, in->partitions, &why);
    if (err != ERR_OK) {
        meta_act_reply(out, in->request, err, t->id, &why);
        t->request = NULL;
        return;
    }
    meta_topic_widen(t, in->partitions);
    stores_choose(m, t, t->partitions);
    struct meta_record r = growth_record(t);
    if (meta_record_bytes(&r) > m->record_max) {
        meta_topic_unwiden(m, t);
        meta_topic_reply(out, t, ERR_TOO_LARGE);
        return;
    }
    t->changing = true;
    meta_act_append(out, &r);
}
