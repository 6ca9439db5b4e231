/* meta.c -- the decider of meta.h: one function for each event.
 *
 * Create: check name, settings and limits; choose the emptiest open stores; append TOPIC; when it
 *   is synced, place; when all is placed, answer.
 * Delete: append DELETE; when it is synced the topic is gone, whatever comes; drop; when every
 *   store that can has done it, answer, so that the space is back; when all tombstones are durable,
 *   append GONE; when that is synced, forget.
 * Grow: check the number; choose stores for the new partitions; append GROWTH; when it is synced,
 *   place them; when they are placed, users see them: answer.
 * Alter: append SETTINGS; when it is synced they are in force; when every shard has them, answer.
 * Trouble: a record that was not appended takes the topic one state back; of one that may have
 *   been, a DELETE leaves it DOUBTFUL. A partition that cannot be placed ends the request with its
 *   error; one that cannot be placed or dropped leaves the topic where it is: what the records say
 *   is carried out at the next start. */
#include "engine/coord/meta.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/meta_in.h"

struct meta *meta_open(const struct meta_opts *opts)
{
    struct meta *m = calloc(1, sizeof(*m));
    check(m);
    m->record_max = opts->record_max ? opts->record_max : META_RECORD_BYTES_MAX;
    return m;
}

void meta_close(struct meta **m)
{
    if (!*m)
        return;
    meta_table_close(&(*m)->topics);
    free((*m)->stores);
    free(*m);
    *m = NULL;
}

/* ---- answers ---- */

/* The record is not in the log, or nobody knows. */
static void appended_refuse(struct meta_topic *t, const struct meta_event *in,
                            struct meta_actions *out)
{
    if (in->doubt)
        meta_topic_reply_doubt(out, t, in->kind_of_record, in->err);
    else
        meta_topic_reply(out, t, in->err);
}

static void appended_store(struct meta *m, const struct meta_event *in)
{
    for (uint32_t i = 0; i < m->store_count; i++) {
        struct meta_store *s = &m->stores[i];
        if (s->recorded || !id16_equal(s->id, in->id))
            continue;
        s->recorded = s->open = in->err == ERR_OK;
        s->err = in->err;
    }
}

static void appended_topic(struct meta *m, struct meta_topic *t, const struct meta_event *in,
                           struct meta_actions *out)
{
    check(t->state == META_NAMED);
    if (in->err != ERR_OK) {
        appended_refuse(t, in, out);
        meta_topic_forget(m, t);
        return;
    }
    meta_topic_move(m, t, META_ADDING);
    meta_act_place(out, t, 0);
}

static void appended_settings(struct meta_topic *t, const struct meta_event *in,
                              struct meta_actions *out)
{
    check(t->changing);
    if (in->err != ERR_OK) {
        t->changing = false;
        appended_refuse(t, in, out);
        return;
    }
    t->settings = t->wanted;
    meta_act_topic(out, META_APPLY, t);
}

static void appended_growth(struct meta *m, struct meta_topic *t, const struct meta_event *in,
                            struct meta_actions *out)
{
    check(t->changing && t->grown > t->partitions);
    if (in->err == ERR_OK) {
        meta_act_place(out, t, t->partitions);
        return;
    }
    t->changing = false;
    meta_topic_unwiden(m, t);
    appended_refuse(t, in, out);
}

static void appended_delete(struct meta *m, struct meta_topic *t, const struct meta_event *in,
                            struct meta_actions *out)
{
    check(t->state == META_ENDING);
    if (in->err == ERR_OK) {
        meta_topic_unname(m, t);
        meta_act_topic(out, META_DROP, t);
    } else if (in->doubt) {
        probe("meta: a delete is in doubt");
        meta_topic_move(m, t, META_DOUBTFUL);
        meta_act_topic(out, META_REFUSE, t);
    } else {
        meta_topic_move(m, t, META_LIVE);
        appended_refuse(t, in, out);
    }
}

static void appended_gone(struct meta *m, struct meta_topic *t, enum err err)
{
    check(t->state == META_LEAVING);
    if (err == ERR_OK)
        meta_topic_forget(m, t);
    else
        meta_topic_move(m, t, META_DROPPING); /* until the next start */
}

/* One answer of those that start-up waits for. */
static void answered(struct meta *m)
{
    if (m->steps)
        m->steps--;
}

static void event_appended(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    answered(m);
    if (in->kind_of_record == META_STORE) {
        appended_store(m, in);
        return;
    }
    struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    check(t);
    if (in->kind_of_record == META_TOPIC)
        appended_topic(m, t, in, out);
    else if (in->kind_of_record == META_SETTINGS)
        appended_settings(t, in, out);
    else if (in->kind_of_record == META_GROWTH)
        appended_growth(m, t, in, out);
    else if (in->kind_of_record == META_DELETE)
        appended_delete(m, t, in, out);
    else
        appended_gone(m, t, in->err);
}

static void event_placed(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    check(t && (t->state == META_ADDING || t->changing));
    answered(m);
    meta_topic_move(m, t, META_LIVE);
    t->changing = false;
    t->partitions = t->grown;
    meta_topic_reply(out, t, in->err);
}

/* Stores that are not open may still hold partitions: their tombstones are missing. */
static bool topic_missing(const struct meta *m, const struct meta_topic *t)
{
    for (uint32_t i = 0; i < t->grown; i++)
        if (meta_store_err(m, t->stores[i]) != ERR_OK)
            return true;
    return false;
}

static void event_dropped(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    check(t && t->state == META_DROPPING);
    meta_topic_reply(out, t, ERR_OK); /* its DELETE is synced: no error would be true */
    if (in->err != ERR_OK || topic_missing(m, t)) {
        answered(m);
        return;
    }
    meta_topic_move(m, t, META_LEAVING);
    struct meta_record r = { .kind = META_GONE, .id = t->id };
    meta_act_append(out, &r);
}

static void event_applied(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    check(t && t->changing);
    t->changing = false;
    meta_topic_reply(out, t, ERR_OK); /* its record is synced: no error would be true */
}

static void event_refused(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    check(t && t->state == META_DOUBTFUL);
    meta_topic_reply_doubt(out, t, META_DELETE, ERR_POISONED);
}

enum err meta_step(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    enum err err = ERR_OK;
    check(m->ready || in->kind < META_EVENT_CREATE || in->kind > META_EVENT_GROW);
    switch (in->kind) {
    case META_EVENT_RECORD:
        err = meta_on_record(m, in);
        break;
    case META_EVENT_STORE:
        meta_on_store(m, in);
        break;
    case META_EVENT_PART:
        meta_on_part(m, in, out);
        break;
    case META_EVENT_START:
        meta_on_start(m, out);
        break;
    case META_EVENT_CREATE:
        meta_on_create(m, in, out);
        break;
    case META_EVENT_DELETE:
        meta_on_delete(m, in, out);
        break;
    case META_EVENT_ALTER:
        meta_on_alter(m, in, out);
        break;
    case META_EVENT_GROW:
        meta_on_grow(m, in, out);
        break;
    case META_EVENT_APPENDED:
        event_appended(m, in, out);
        break;
    case META_EVENT_PLACED:
        event_placed(m, in, out);
        break;
    case META_EVENT_DROPPED:
        event_dropped(m, in, out);
        break;
    case META_EVENT_APPLIED:
        event_applied(m, in, out);
        break;
    case META_EVENT_REFUSED:
        event_refused(m, in, out);
        break;
    }
    meta_start_settle(m, out);
    return err;
}

/* ---- questions ---- */

const struct meta_topic *meta_find(const struct meta *m, const char *name)
{
    const struct meta_topic *t = meta_table_by_name(&m->topics, name);
    return t && meta_topic_visible(t) && strcmp(t->name, name) == 0 ? t : NULL;
}

const struct meta_topic *meta_find_id(const struct meta *m, struct id16 id)
{
    const struct meta_topic *t = meta_table_by_id(&m->topics, id);
    return t && meta_topic_visible(t) ? t : NULL;
}

const struct meta_topic *meta_topic(const struct meta *m, struct id16 id)
{
    return meta_table_by_id(&m->topics, id);
}

uint32_t meta_count(const struct meta *m)
{
    return m->visible;
}

void meta_each(const struct meta *m, void (*each)(const struct meta_topic *t, void *arg), void *arg)
{
    for (uint32_t i = 0; i < m->topics.buckets; i++)
        for (const struct meta_topic *t = m->topics.by_id[i]; t; t = t->next_by_id)
            if (meta_topic_visible(t))
                each(t, arg);
}

enum err meta_store_err(const struct meta *m, uint32_t store)
{
    const struct meta_store *s = meta_store_find(m, store);
    return s ? s->err : ERR_NOT_FOUND;
}

bool meta_store_recorded(const struct meta *m, uint32_t store)
{
    const struct meta_store *s = meta_store_find(m, store);
    return s && s->recorded;
}

bool meta_store_at(const struct meta *m, uint32_t i, uint32_t *number, uint64_t *partitions)
{
    if (i >= m->store_count)
        return false;
    *number = m->stores[i].number;
    *partitions = m->stores[i].partitions;
    return true;
}

uint32_t meta_store_next(const struct meta *m)
{
    return m->store_count ? m->stores[m->store_count - 1].number + 1 : 0;
}
