/* meta_action.c -- what the decider wants done, and the steps of a topic's life that all events
 * share. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/meta_in.h"

struct meta_action *meta_act(struct meta_actions *a, enum meta_action_kind kind)
{
    if (a->count == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 8;
        a->at = realloc(a->at, a->cap * sizeof(*a->at));
        check(a->at);
    }
    struct meta_action *act = &a->at[a->count++];
    *act = (struct meta_action){ .kind = kind };
    return act;
}

void meta_actions_clear(struct meta_actions *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        free((void *)a->at[i].record.at);
    a->count = 0;
}

void meta_actions_close(struct meta_actions *a)
{
    meta_actions_clear(a);
    free(a->at);
    *a = (struct meta_actions){ 0 };
}

void meta_act_append(struct meta_actions *out, const struct meta_record *r)
{
    struct meta_action *act = meta_act(out, META_APPEND);
    size_t len = meta_record_bytes(r);
    uint8_t *at = malloc(len);
    check(at);
    meta_record_encode(r, at);
    act->record = (struct bytes){ at, len };
    act->kind_of_record = r->kind;
    act->id = r->id;
}

void meta_act_topic(struct meta_actions *out, enum meta_action_kind kind,
                    const struct meta_topic *t)
{
    struct meta_action *act = meta_act(out, kind);
    act->topic = t;
    act->id = t->id;
}

void meta_act_place(struct meta_actions *out, const struct meta_topic *t, uint32_t first)
{
    meta_act_topic(out, META_PLACE, t);
    out->at[out->count - 1].index = first;
}

void meta_act_reply(struct meta_actions *out, void *request, enum err err, struct id16 id,
                    const struct why *why)
{
    if (!request)
        return; /* start-up: nobody asked */
    struct meta_action *act = meta_act(out, META_REPLY);
    act->request = request;
    act->err = err;
    act->id = id;
    if (why)
        act->why = *why;
    else if (err != ERR_OK)
        why_set(&act->why, "%s", err_text(err));
}

void meta_topic_reply(struct meta_actions *out, struct meta_topic *t, enum err err)
{
    meta_act_reply(out, t->request, err, t->id, NULL);
    t->request = NULL;
}

/* What is not known, and how it is until then. */
void meta_doubt_say(struct why *why, const char *name, enum meta_record_kind kind)
{
    static const struct {
        const char *what, *until;
    } rows[META_KIND_END] = {
        [META_TOPIC] = { "its creation", "it is not there" },
        [META_SETTINGS] = { "the change of its settings", "the old ones hold" },
        [META_DELETE] = { "its deletion", "it can be read and takes nothing" },
        [META_GROWTH] = { "its growth", "it has the partitions it had" },
    };
    why_set(why,
            "topic '%.60s': %s is in doubt, for the store of the metadata failed meanwhile; %s "
            "until you start the node again: look then",
            name, rows[kind].what, rows[kind].until);
}

void meta_topic_reply_doubt(struct meta_actions *out, struct meta_topic *t,
                            enum meta_record_kind kind, enum err err)
{
    struct why why;
    meta_doubt_say(&why, t->name, kind);
    meta_act_reply(out, t->request, err, t->id, &why);
    t->request = NULL;
}

/* ---- topics ---- */

bool meta_topic_visible(const struct meta_topic *t)
{
    return t->state == META_LIVE || t->state == META_ENDING || t->state == META_DOUBTFUL;
}

void meta_topic_move(struct meta *m, struct meta_topic *t, enum meta_state to)
{
    m->visible -= meta_topic_visible(t);
    t->state = to;
    m->visible += meta_topic_visible(t);
}

/* From here on its name is free. */
void meta_topic_unname(struct meta *m, struct meta_topic *t)
{
    meta_table_unname(&m->topics, t);
    meta_topic_move(m, t, META_DROPPING);
}

void meta_topic_forget(struct meta *m, struct meta_topic *t)
{
    m->visible -= meta_topic_visible(t);
    for (uint32_t i = 0; i < t->grown; i++)
        meta_store_find(m, t->stores[i])->partitions--;
    meta_table_remove(&m->topics, t);
}

struct meta_topic *meta_topic_make(const char *name, size_t name_len, struct id16 id,
                                   uint32_t partitions)
{
    struct meta_topic *t = calloc(1, sizeof(*t) + name_len + 1);
    check(t);
    memcpy(t->name, name, name_len);
    t->id = id;
    meta_topic_widen(t, partitions);
    t->partitions = partitions;
    return t;
}

void meta_topic_widen(struct meta_topic *t, uint32_t grown)
{
    t->stores = realloc(t->stores, grown * sizeof(*t->stores));
    check(t->stores);
    memset(t->stores + t->grown, 0, (grown - t->grown) * sizeof(*t->stores));
    t->grown = grown;
}

void meta_topic_unwiden(struct meta *m, struct meta_topic *t)
{
    for (; t->grown > t->partitions; t->grown--)
        meta_store_find(m, t->stores[t->grown - 1])->partitions--;
}

enum err topic_name_check(const char *name, struct why *why)
{
    size_t len = strlen(name);
    size_t legal =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (len == 0 || len > TOPIC_NAME_MAX)
        why_set(why, "a topic's name has 1 to %u characters, not %zu", TOPIC_NAME_MAX, len);
    else if (legal < len)
        why_set(why, "topic '%.100s': a name has only a-z A-Z 0-9 . _ -", name);
    else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        why_set(why, "a topic cannot be called '%s'", name);
    else
        return ERR_OK;
    return ERR_INVALID;
}
