/* registry.c -- drives the metadata decider: records go to the system partition, orders to the
 * desks, answers to whoever asked. */
#include "engine/serve/serve.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

static_assert(PARTITIONS_MAX == TOPIC_PARTITIONS_MAX, "fronts may say no where the decider would");

/* Who asked for a change; the decider carries the pointer. */
struct request {
    struct verb *verb;
    struct why *why;
    struct id16 *id; /* NULL: not wanted */
};

/* A record on its way into the system partition. */
struct minute {
    struct append append;
    struct serve *serve;
    enum meta_record_kind kind;
    struct id16 id;
    bool refused; /* the store took nothing any more: no doubt about this one */
    uint8_t batch[];
};

struct registry *registry_open(void)
{
    struct registry *r = calloc(1, sizeof(*r));
    check(r);
    return r;
}

void registry_close(struct registry **r)
{
    start_close(*r);
    meta_actions_close(&(*r)->actions);
    meta_close(&(*r)->meta);
    free(*r);
    *r = NULL;
}

static void under_way_end(struct serve *s)
{
    check(s->registry->under_way > 0);
    s->registry->under_way--;
    desk_stop_settle(&s->desks[0]);
}

/* ---- actions ---- */

static void minute_done(struct append *a)
{
    struct minute *m = container_of(a, struct minute, append);
    struct serve *s = m->serve;
    struct meta_event in = {
        .kind = META_EVENT_APPENDED, .kind_of_record = m->kind, .id = m->id, .err = a->err
    };
    in.doubt = a->err == ERR_POISONED && !m->refused;
    loan_give(m);
    registry_step(s, &in);
    under_way_end(s);
}

/* What takes space is not made in the room that is kept for what gives it back. */
static bool leads_to_more(enum meta_record_kind kind)
{
    return kind == META_TOPIC || kind == META_GROWTH;
}

static void act_append(struct serve *s, const struct meta_action *act)
{
    struct registry *r = s->registry;
    struct batch_record record = { .time = io_wall_ms(s->desks[0].shard.io), .value = act->record };
    size_t cap = BATCH_HEADER_BYTES + batch_record_bytes_max(&record);
    struct minute *m = loan_take(&s->desks[0], sizeof(*m) + cap);
    struct batch_builder b;
    batch_builder_open(&b, m->batch, cap);
    check(batch_builder_add(&b, &record) == ERR_OK);
    m->serve = s;
    m->kind = act->kind_of_record;
    m->id = act->id;
    m->refused = store_poisoned(shelf_find(&s->desks[0], 0)->store, NULL);
    m->append = (struct append){ .done = minute_done,
                                 .batch = batch_builder_done(&b),
                                 .max_time = record.time,
                                 .count = 1,
                                 .want = DURABILITY_SYNCED,
                                 .reserve = !leads_to_more(act->kind_of_record) };
    r->under_way++;
    part_append(r->part, &m->append);
}

static void posted(struct serve *s, enum posting_kind kind, struct id16 id, enum err err)
{
    static const enum meta_event_kind events[] = { [POSTING_ADD] = META_EVENT_PLACED,
                                                   [POSTING_DROP] = META_EVENT_DROPPED,
                                                   [POSTING_APPLY] = META_EVENT_APPLIED,
                                                   [POSTING_REFUSE] = META_EVENT_REFUSED };
    struct meta_event in = { .kind = events[kind], .id = id, .err = err };
    if (kind == POSTING_ADD && meta_find_id(s->registry->meta, id)) /* it has grown */
        atomic_store(&s->topics_version, serve_topics_version(s) + 1);
    if (kind == POSTING_DROP && err)
        serve_note(s,
                   "topic %s is deleted, but not all of its partitions are dropped (%s): the "
                   "next start goes on with that",
                   meta_topic(s->registry->meta, id)->name, err_text(err));
    registry_step(s, &in);
    under_way_end(s);
}

static void act_post(struct serve *s, const struct meta_action *act)
{
    static const enum posting_kind kinds[] = { [META_PLACE] = POSTING_ADD,
                                               [META_DROP] = POSTING_DROP,
                                               [META_APPLY] = POSTING_APPLY,
                                               [META_REFUSE] = POSTING_REFUSE };
    uint64_t version = serve_topics_version(s) + 1;
    s->registry->under_way++;
    if (act->kind == META_DROP)
        wards_topic_gone(s, act->topic->name, version);
    if (act->kind == META_REFUSE)
        serve_note(
            s,
            "topic %s: its deletion is in doubt, for the metadata log failed meanwhile: it can "
            "be read and takes nothing until the next start, which may find it deleted",
            act->topic->name);
    posting_send(s, kinds[act->kind], s->registry->meta, act->topic, act->index, posted);
    if (act->kind == META_DROP || act->kind == META_APPLY)
        atomic_store(&s->topics_version, version); /* behind the letters: whoever sees it posts
                                                    * behind them */
}

static void act_reply(const struct meta_action *act)
{
    struct request *q = act->request;
    struct verb *v = q->verb;
    *q->why = act->why;
    if (q->id)
        *q->id = act->id;
    loan_give(q);
    verb_end(v, act->err);
}

static void orphan_dropped(struct serve *s, enum posting_kind kind, struct id16 id, enum err err)
{
    (void)kind, (void)id, (void)err;
    under_way_end(s);
}

/* The pitfall's body: what must never happen to a partition that nobody knows. */
static void orphan_drop(struct serve *s, const struct meta_action *act)
{
    struct meta_topic *t = calloc(1, sizeof(*t) + 1);
    check(t);
    t->id = act->id;
    t->partitions = t->grown = act->index + 1;
    t->stores = malloc(t->partitions * sizeof(*t->stores));
    check(t->stores);
    for (uint32_t i = 0; i < t->partitions; i++)
        t->stores[i] = i == act->index ? act->store : UINT32_MAX;
    s->registry->under_way++;
    posting_send(s, POSTING_DROP, s->registry->meta, t, 0, orphan_dropped);
    free(t->stores);
    free(t);
}

static void act_orphan(struct serve *s, const struct meta_action *act)
{
    probe("start: a partition that the metadata does not know");
    s->registry->orphans++;
    if (pitfall(ORPHAN_DELETION))
        orphan_drop(s, act);
}

static void act_ready(struct serve *s)
{
    struct registry *r = s->registry;
    if (r->orphans)
        serve_note(s,
                   "%u partitions are on disk, but the metadata does not know them; they are kept: "
                   "`shardlog check` lists them",
                   r->orphans);
    wards_place(s);
    serve_ready(s);
}

static void act_perform(struct serve *s, const struct meta_action *act)
{
    switch (act->kind) {
    case META_APPEND:
        act_append(s, act);
        break;
    case META_PLACE:
    case META_DROP:
    case META_APPLY:
    case META_REFUSE:
        act_post(s, act);
        break;
    case META_REPLY:
        act_reply(act);
        break;
    case META_ORPHAN:
        act_orphan(s, act);
        break;
    case META_READY:
        act_ready(s);
        break;
    }
}

enum err registry_step(struct serve *s, const struct meta_event *in)
{
    struct registry *r = s->registry;
    check(!r->stepping);
    r->stepping = true;
    enum err err = meta_step(r->meta, in, &r->actions);
    for (uint32_t i = 0; i < r->actions.count; i++)
        act_perform(s, &r->actions.at[i]);
    meta_actions_clear(&r->actions);
    r->stepping = false;
    return err;
}

/* ---- verbs ---- */

static struct request *request_make(struct verb *v, struct why *why, struct id16 *id)
{
    struct request *q = loan_take(&v->serve->desks[0], sizeof(*q));
    *q = (struct request){ v, why, id };
    return q;
}

static enum err settings_take(struct settings *s, const struct setting_text *texts, uint32_t count,
                              struct why *why)
{
    for (uint32_t i = 0; i < count; i++)
        TRY(settings_parse(s, texts[i].key, texts[i].value, why));
    return ERR_OK;
}

/* Random, and neither zero nor one of ours. */
static struct id16 topic_id_draw(struct io *io)
{
    uint64_t halves[2];
    struct id16 id;
    do {
        halves[0] = io_random(io);
        halves[1] = io_random(io);
        memcpy(id.b, halves, 16);
    } while (id16_zero(id) || id16_equal(id, SYSTEM_TOPIC) || id16_equal(id, GROUP_TOPIC));
    return id;
}

static void create_open(struct letter *l, struct shard *at)
{
    struct verb_create *v = container_of(l, struct verb_create, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    struct settings settings = settings_default();
    enum err err = settings_take(&settings, v->settings, v->setting_count, &v->why);
    if (err != ERR_OK) {
        verb_end(&v->verb, err);
        return;
    }
    struct meta_event in = { .kind = META_EVENT_CREATE,
                             .name = v->name,
                             .id = topic_id_draw(d->shard.io),
                             .partitions = v->partitions,
                             .settings = &settings,
                             .request = request_make(&v->verb, &v->why, &v->id) };
    registry_step(d->serve, &in);
}

void serve_create(struct serve *s, struct verb_create *v)
{
    v->id = (struct id16){ { 0 } };
    v->why.text[0] = '\0';
    verb_send(s, &v->verb, 0, create_open);
}

static void delete_open(struct letter *l, struct shard *at)
{
    struct verb_delete *v = container_of(l, struct verb_delete, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    struct meta_event in = { .kind = META_EVENT_DELETE,
                             .name = v->name,
                             .id = v->id,
                             .request = request_make(&v->verb, &v->why, NULL) };
    registry_step(d->serve, &in);
}

void serve_delete(struct serve *s, struct verb_delete *v)
{
    v->why.text[0] = '\0';
    verb_send(s, &v->verb, 0, delete_open);
}

static void alter_open(struct letter *l, struct shard *at)
{
    struct verb_alter *v = container_of(l, struct verb_alter, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    const struct meta_topic *t = meta_find(d->serve->registry->meta, v->name);
    struct settings settings = t ? t->settings : settings_default();
    enum err err = settings_take(&settings, v->settings, v->setting_count, &v->why);
    if (err != ERR_OK) {
        verb_end(&v->verb, err);
        return;
    }
    struct meta_event in = { .kind = META_EVENT_ALTER,
                             .name = v->name,
                             .settings = &settings,
                             .request = request_make(&v->verb, &v->why, NULL) };
    registry_step(d->serve, &in);
}

void serve_alter(struct serve *s, struct verb_alter *v)
{
    v->why.text[0] = '\0';
    verb_send(s, &v->verb, 0, alter_open);
}

static void grow_open(struct letter *l, struct shard *at)
{
    struct verb_grow *v = container_of(l, struct verb_grow, verb.letter);
    struct desk *d = desk_of(at);
    if (!verb_admit(l, d))
        return;
    struct meta_event in = { .kind = META_EVENT_GROW,
                             .name = v->name,
                             .partitions = v->partitions,
                             .request = request_make(&v->verb, &v->why, NULL) };
    registry_step(d->serve, &in);
}

void serve_grow(struct serve *s, struct verb_grow *v)
{
    v->why.text[0] = '\0';
    verb_send(s, &v->verb, 0, grow_open);
}
