/* meta.c -- the decider of meta.h: one function for each event.
 *
 * Create: check name, settings and limits; choose the emptiest open stores; append TOPIC; when it
 *   is synced, place; when all is placed, answer.
 * Delete: append DELETE; when it is synced the name is free; drop; when all tombstones are
 *   durable, append GONE; when that is synced, forget and answer.
 * Trouble: a record that was not appended takes the topic one state back. A partition that cannot
 *   be placed or dropped ends the request with its error and leaves the topic where it is: what
 *   the records say is carried out at the next start. */
#include "engine/coord/meta.h"

#include <stdio.h>
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

/* ---- actions ---- */

static struct meta_action *action_add(struct meta_actions *a, enum meta_action_kind kind)
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

static void act_append(struct meta_actions *out, const struct meta_record *r)
{
    struct meta_action *act = action_add(out, META_APPEND);
    size_t len = meta_record_bytes(r);
    uint8_t *at = malloc(len);
    check(at);
    meta_record_encode(r, at);
    act->record = (struct bytes){ at, len };
    act->kind_of_record = r->kind;
    act->id = r->id;
}

static void act_topic(struct meta_actions *out, enum meta_action_kind kind,
                      const struct meta_topic *t)
{
    struct meta_action *act = action_add(out, kind);
    act->topic = t;
    act->id = t->id;
}

static void act_reply(struct meta_actions *out, void *request, enum err err, struct id16 id,
                      const struct why *why)
{
    if (!request)
        return; /* start-up: nobody asked */
    struct meta_action *act = action_add(out, META_REPLY);
    act->request = request;
    act->err = err;
    act->id = id;
    if (why)
        act->why = *why;
    else if (err != ERR_OK)
        why_set(&act->why, "%s", err_text(err));
}

static void topic_reply(struct meta_actions *out, struct meta_topic *t, enum err err)
{
    act_reply(out, t->request, err, t->id, NULL);
    t->request = NULL;
}

/* ---- topics ---- */

static bool topic_visible(const struct meta_topic *t)
{
    return t->state == META_LIVE || t->state == META_ENDING;
}

static void topic_move(struct meta *m, struct meta_topic *t, enum meta_state to)
{
    m->visible -= topic_visible(t);
    t->state = to;
    m->visible += topic_visible(t);
}

/* From here on its name is free. */
static void topic_unname(struct meta *m, struct meta_topic *t)
{
    meta_table_unname(&m->topics, t);
    topic_move(m, t, META_DROPPING);
}

static void topic_forget(struct meta *m, struct meta_topic *t)
{
    m->visible -= topic_visible(t);
    for (uint32_t i = 0; i < t->partitions; i++)
        meta_store_find(m, t->stores[i])->partitions--;
    meta_table_remove(&m->topics, t);
}

static struct meta_topic *topic_make(const char *name, size_t name_len, struct id16 id,
                                     uint32_t partitions)
{
    struct meta_topic *t = calloc(1, sizeof(*t) + name_len + 1);
    check(t);
    memcpy(t->name, name, name_len);
    t->id = id;
    t->partitions = partitions;
    t->stores = calloc(partitions, sizeof(*t->stores));
    check(t->stores);
    return t;
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

/* ---- start-up ---- */

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
    struct meta_topic *t = topic_make(name, r->name_len, r->id, r->partitions);
    for (uint32_t i = 0; i < t->partitions; i++) {
        t->stores[i] = meta_record_store(r, i);
        meta_store_add(m, t->stores[i])->partitions++;
    }
    t->settings = r->settings;
    t->state = META_ADDING;
    meta_table_add(&m->topics, t);
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

static enum err event_record(struct meta *m, const struct meta_event *in)
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
    if (r.kind == META_SETTINGS)
        t->settings = r.settings;
    else if (r.kind == META_DELETE)
        topic_unname(m, t);
    else
        topic_forget(m, t);
    return ERR_OK;
}

static void event_store(struct meta *m, const struct meta_event *in)
{
    struct meta_store *s = meta_store_add(m, in->store);
    s->err = in->err;
    if (s->err == ERR_OK && s->recorded && !id16_equal(s->id, in->id))
        s->err = ERR_MISMATCH;
    if (!s->recorded)
        s->id = in->id;
    s->open = s->err == ERR_OK;
}

static void event_part(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    const struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    if (!t || in->index >= t->partitions || t->stores[in->index] != in->store) {
        struct meta_action *act = action_add(out, META_ORPHAN);
        act->id = in->id;
        act->store = in->store;
        act->index = in->index;
    }
}

static void start_settle(struct meta *m, struct meta_actions *out)
{
    if (!m->started || m->ready || m->steps)
        return;
    m->ready = true;
    action_add(out, META_READY);
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
        act_append(out, &r);
        m->steps++;
    }
}

static void start_topic(struct meta *m, const struct meta_topic *t, struct meta_actions *out)
{
    act_topic(out, t->state == META_DROPPING ? META_DROP : META_PLACE, t);
    m->steps++;
}

static void event_start(struct meta *m, struct meta_actions *out)
{
    m->started = true;
    start_stores(m, out);
    for (uint32_t i = 0; i < m->topics.buckets; i++)
        for (struct meta_topic *t = m->topics.by_id[i]; t; t = t->next_by_id)
            start_topic(m, t, out);
    start_settle(m, out);
}

/* ---- commands ---- */

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

static enum err create_check(const struct meta *m, const struct meta_event *in, struct why *why)
{
    TRY(topic_name_check(in->name, why));
    if (in->partitions < 1 || in->partitions > TOPIC_PARTITIONS_MAX) {
        why_set(why, "a topic has 1 to %u partitions, not %u", TOPIC_PARTITIONS_MAX,
                in->partitions);
        return ERR_INVALID;
    }
    const struct meta_topic *old = meta_table_by_name(&m->topics, in->name);
    if (old && strcmp(old->name, in->name) == 0) {
        why_set(why, "topic '%s' exists", in->name);
        return ERR_EXISTS;
    }
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

static void event_create(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct why why = { "" };
    enum err err = create_check(m, in, &why);
    if (err == ERR_OK && !store_emptiest(m)) {
        why_set(&why, "no store is open: topic '%.100s' has no place", in->name);
        err = ERR_NO_SPACE;
    }
    if (err != ERR_OK) {
        act_reply(out, in->request, err, (struct id16){ { 0 } }, &why);
        return;
    }
    struct meta_topic *t = topic_make(in->name, strlen(in->name), in->id, in->partitions);
    for (uint32_t i = 0; i < t->partitions; i++) {
        struct meta_store *s = store_emptiest(m);
        t->stores[i] = s->number;
        s->partitions++;
    }
    t->settings = *in->settings;
    t->state = META_NAMED;
    t->request = in->request;
    meta_table_add(&m->topics, t);
    struct meta_record r = topic_record(t);
    if (meta_record_bytes(&r) > m->record_max) {
        topic_reply(out, t, ERR_TOO_LARGE);
        topic_forget(m, t);
        return;
    }
    act_append(out, &r);
}

/* The topic that a command is for, or NULL after a reply. */
static struct meta_topic *command_topic(struct meta *m, const struct meta_event *in,
                                        struct meta_actions *out)
{
    struct meta_topic *t = meta_table_by_name(&m->topics, in->name);
    struct why why;
    why_set(&why, "topic '%.200s' does not exist", in->name);
    if (!t || strcmp(t->name, in->name) != 0) {
        act_reply(out, in->request, ERR_NOT_FOUND, (struct id16){ { 0 } }, &why);
        return NULL;
    }
    if (t->state != META_LIVE || t->altering) {
        why_set(&why, "topic '%.200s' is being created, altered or deleted", in->name);
        act_reply(out, in->request, ERR_BUSY, t->id, &why);
        return NULL;
    }
    t->request = in->request;
    return t;
}

static void event_delete(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = command_topic(m, in, out);
    if (!t)
        return;
    topic_move(m, t, META_ENDING);
    struct meta_record r = { .kind = META_DELETE, .id = t->id };
    act_append(out, &r);
}

static void event_alter(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = command_topic(m, in, out);
    if (!t)
        return;
    t->altering = true;
    t->wanted = *in->settings;
    struct meta_record r = { .kind = META_SETTINGS, .id = t->id, .settings = t->wanted };
    act_append(out, &r);
}

/* ---- answers ---- */

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

static void appended_topic(struct meta *m, struct meta_topic *t, enum err err,
                           struct meta_actions *out)
{
    check(t->state == META_NAMED);
    if (err != ERR_OK) {
        topic_reply(out, t, err);
        topic_forget(m, t);
        return;
    }
    topic_move(m, t, META_ADDING);
    act_topic(out, META_PLACE, t);
}

static void appended_settings(struct meta_topic *t, enum err err, struct meta_actions *out)
{
    check(t->altering);
    t->altering = false;
    if (err == ERR_OK) {
        t->settings = t->wanted;
        act_topic(out, META_APPLY, t);
    }
    topic_reply(out, t, err);
}

static void appended_delete(struct meta *m, struct meta_topic *t, enum err err,
                            struct meta_actions *out)
{
    check(t->state == META_ENDING);
    if (err != ERR_OK) {
        topic_move(m, t, META_LIVE);
        topic_reply(out, t, err);
        return;
    }
    topic_unname(m, t);
    act_topic(out, META_DROP, t);
}

static void appended_gone(struct meta *m, struct meta_topic *t, enum err err,
                          struct meta_actions *out)
{
    check(t->state == META_LEAVING);
    topic_reply(out, t, err);
    if (err == ERR_OK)
        topic_forget(m, t);
    else
        topic_move(m, t, META_DROPPING); /* until the next start */
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
        appended_topic(m, t, in->err, out);
    else if (in->kind_of_record == META_SETTINGS)
        appended_settings(t, in->err, out);
    else if (in->kind_of_record == META_DELETE)
        appended_delete(m, t, in->err, out);
    else
        appended_gone(m, t, in->err, out);
}

static void event_placed(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    check(t && t->state == META_ADDING);
    answered(m);
    topic_move(m, t, META_LIVE);
    topic_reply(out, t, in->err);
}

/* Stores that are not open may still hold partitions: their tombstones are missing. */
static enum err topic_missing(const struct meta *m, const struct meta_topic *t)
{
    for (uint32_t i = 0; i < t->partitions; i++)
        TRY(meta_store_err(m, t->stores[i]));
    return ERR_OK;
}

static void event_dropped(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    struct meta_topic *t = meta_table_by_id(&m->topics, in->id);
    check(t && t->state == META_DROPPING);
    enum err err = in->err != ERR_OK ? in->err : topic_missing(m, t);
    if (err != ERR_OK) {
        answered(m);
        topic_reply(out, t, err);
        return;
    }
    topic_move(m, t, META_LEAVING);
    struct meta_record r = { .kind = META_GONE, .id = t->id };
    act_append(out, &r);
}

enum err meta_step(struct meta *m, const struct meta_event *in, struct meta_actions *out)
{
    enum err err = ERR_OK;
    check(m->ready || in->kind < META_EVENT_CREATE || in->kind > META_EVENT_ALTER);
    switch (in->kind) {
    case META_EVENT_RECORD:
        err = event_record(m, in);
        break;
    case META_EVENT_STORE:
        event_store(m, in);
        break;
    case META_EVENT_PART:
        event_part(m, in, out);
        break;
    case META_EVENT_START:
        event_start(m, out);
        break;
    case META_EVENT_CREATE:
        event_create(m, in, out);
        break;
    case META_EVENT_DELETE:
        event_delete(m, in, out);
        break;
    case META_EVENT_ALTER:
        event_alter(m, in, out);
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
    }
    start_settle(m, out);
    return err;
}

/* ---- questions ---- */

const struct meta_topic *meta_find(const struct meta *m, const char *name)
{
    const struct meta_topic *t = meta_table_by_name(&m->topics, name);
    return t && topic_visible(t) && strcmp(t->name, name) == 0 ? t : NULL;
}

const struct meta_topic *meta_find_id(const struct meta *m, struct id16 id)
{
    const struct meta_topic *t = meta_table_by_id(&m->topics, id);
    return t && topic_visible(t) ? t : NULL;
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
            if (topic_visible(t))
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
