/* meta_start.c -- the decider at start-up: records, stores, partitions, then what is half done. */
#include "engine/base/check.h"
#include "engine/coord/meta_in.h"

static enum err record_broken(const char *what, const struct meta_record *r, struct why *why)
{
    why_set(why, "metadata record of kind %u: %s", (unsigned)r->kind, what);
    return ERR_CORRUPT;
}

static enum err record_topic(struct meta *m, const struct meta_record *r, struct why *why)
{
    char name[TOPIC_NAME_MAX + 1] = "";
    if (r->name_len > TOPIC_NAME_MAX)
        return record_broken("its name is too long", r, why);
    memcpy(name, r->name, r->name_len);
    if (strlen(name) != r->name_len || topic_name_check(name, NULL) != ERR_OK)
        return record_broken("its name is not one", r, why);
    if (meta_table_by_id(&m->topics, r->id) || meta_table_by_name(&m->topics, name))
        return record_broken("the topic is there already", r, why);
    struct meta_topic *t = meta_topic_make(name, r->name_len, r->id, r->partitions);
    for (uint32_t i = 0; i < t->partitions; i++) {
        t->stores[i] = meta_record_store(r, i);
        meta_store_add(m, t->stores[i])->partitions++;
    }
    t->settings = r->settings;
    t->state = META_ADDING;
    meta_table_add(&m->topics, t);
    return ERR_OK;
}

static enum err record_growth(struct meta *m, struct meta_topic *t, const struct meta_record *r,
                              struct why *why)
{
    if (r->first != t->partitions)
        return record_broken("it does not begin where the topic ends", r, why);
    meta_topic_widen(t, r->first + r->partitions);
    for (uint32_t i = 0; i < r->partitions; i++) {
        t->stores[r->first + i] = meta_record_store(r, i);
        meta_store_add(m, t->stores[r->first + i])->partitions++;
    }
    t->partitions = t->grown;
    return ERR_OK;
}

static enum err record_store(struct meta *m, const struct meta_record *r, struct why *why)
{
    struct meta_store *s = meta_store_add(m, r->store);
    if (s->recorded && !id16_equal(s->id, r->id))
        return record_broken("the store has another id already", r, why);
    s->id = r->id;
    s->recorded = true;
    return ERR_OK;
}

enum err meta_on_record(struct meta *m, const struct meta_event *in)
{
    struct meta_record r;
    check(!m->started);
    TRY(meta_record_decode(in->record, &r, in->why));
    if (r.kind == META_STORE)
        return record_store(m, &r, in->why);
    if (r.kind == META_TOPIC)
        return record_topic(m, &r, in->why);
    struct meta_topic *t = meta_table_by_id(&m->topics, r.id);
    if (!t || (r.kind == META_GONE) != (t->state == META_DROPPING))
        return record_broken("it does not fit the topic's life", &r, in->why);
    if (r.kind == META_GROWTH)
        return record_growth(m, t, &r, in->why);
    if (r.kind == META_SETTINGS)
        t->settings = r.settings;
    else if (r.kind == META_DELETE)
        meta_topic_unname(m, t);
    else
        meta_topic_forget(m, t);
    return ERR_OK;
}

void meta_on_store(struct meta *m, const struct meta_event *in)
{
    struct meta_store *s = meta_store_add(m, in->store);
    s->err = in->err;
    if (s->err == ERR_OK && s->recorded && !id16_equal(s->id, in->id))
        s->err = ERR_MISMATCH;
    if (!s->recorded)
        s->id = in->id;
    s->open = s->err == ERR_OK;
}

void meta_on_part(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    const struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    if (!t || in->index >= t->partitions || t->stores[in->index] != in->store) {
        struct meta_action *act = meta_act(out, META_ORPHAN);
        act->id = in->id;
        act->store = in->store;
        act->index = in->index;
    }
}

void meta_start_settle(struct meta *m, struct meta_actions *out)
{
    if (!m->started || m->ready || m->steps)
        return;
    m->ready = true;
    meta_act(out, META_READY);
}

static void start_stores(struct meta *m, struct meta_actions *out)
{
    for (uint32_t i = 0; i < m->store_count; i++) {
        struct meta_store *s = &m->stores[i];
        if (s->recorded || !s->open)
            continue;
        s->open = false; /* until its record is synced */
        s->err = ERR_NOT_FOUND;
        struct meta_record r = { .kind = META_STORE, .id = s->id, .store = s->number };
        meta_act_append(out, &r);
        m->steps++;
    }
}

static void start_topic(struct meta *m, const struct meta_topic *t, struct meta_actions *out)
{
    if (t->state == META_DROPPING)
        meta_act_topic(out, META_DROP, t);
    else
        meta_act_place(out, t, 0);
    m->steps++;
}

void meta_on_start(struct meta *m, struct meta_actions *out)
{
    m->started = true;
    start_stores(m, out);
    for (uint32_t i = 0; i < m->topics.buckets; i++)
        for (struct meta_topic *t = m->topics.by_id[i]; t; t = t->next_by_id)
            start_topic(m, t, out);
    meta_start_settle(m, out);
}
