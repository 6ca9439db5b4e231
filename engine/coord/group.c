/* group.c -- the decider of group.h: which event goes where, and who waits.
 *
 * Ask: what changes a group waits in group.parked while a record of its members is under way, and
 *   in groups.parked while a snapshot waits for the last append; what only looks never waits.
 * Time: only groups that are due are looked at. A due time is never too late and may be too early:
 *   a sign of life does not move it, the look does. */
#include "engine/coord/group.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/group_in.h"

static const struct {
    void (*step)(struct groups *gs, struct group *g, struct group_request *q);
    bool changes, empty_id;
    enum group_err missing, loading, unavailable;
} verbs[] = {
#define GROUP_VERB(name, step, changes, empty_id, missing, loading, unavailable)                   \
    [GROUP_VERB_##name] = {                                                                        \
        step, changes, empty_id, GROUP_ERR_##missing, GROUP_ERR_##loading, GROUP_ERR_##unavailable \
    },
#include "engine/coord/group_verb.def"
#undef GROUP_VERB
};

/* ---- life ---- */

static void opts_default(struct group_opts *o)
{
#define DEFAULT(field, value) o->field = o->field ? o->field : (value)
    DEFAULT(record_max, KIB(512));
    DEFAULT(groups_max, 16384);
    DEFAULT(members_max, 1024);
    DEFAULT(bytes_max, MIB(32));
    DEFAULT(metadata_max, 4096);
    DEFAULT(timeout_min_ms, 6000);
    DEFAULT(timeout_max_ms, 30 * 60 * 1000);
    DEFAULT(delay_ms, 3000);
    DEFAULT(retention_ms, 7ll * 24 * 3600 * 1000);
    DEFAULT(sweep_ms, 10 * 60 * 1000);
    DEFAULT(snapshot_bytes, MIB(1));
#undef DEFAULT
}

struct groups *groups_open(const struct group_opts *opts)
{
    struct groups *gs = calloc(1, sizeof(*gs));
    check(gs);
    gs->opts = *opts;
    opts_default(&gs->opts);
    gs->snapshot_at = gs->opts.snapshot_bytes;
    gs->sweep_due_ms = gs->armed_ms = NEVER_MS;
    list_init(&gs->writes);
    list_init(&gs->parked);
    return gs;
}

void groups_close(struct groups **gs)
{
    struct groups *it = *gs;
    struct node *n;
    if (!it)
        return;
    while ((n = list_pop(&it->writes))) {
        struct group_write *w = container_of(n, struct group_write, node);
        free((void *)w->record.at);
        free(w);
    }
    for (struct group *g = group_first(it); g; g = group_first(it)) {
        g->under_way = 0;
        list_init(&g->parked);
        group_free(it, g);
    }
    group_gone_close(it);
    free(it->buckets);
    free(it->heap);
    free(it);
    *gs = NULL;
}

/* ---- asking ---- */

static enum group_err ask_check(const struct groups *gs, const struct group_request *q)
{
    if (gs->stopped)
        return verbs[q->verb].unavailable;
    if (q->group.len > GROUP_TEXT_MAX || (!q->group.len && !verbs[q->verb].empty_id))
        return GROUP_ERR_INVALID_GROUP_ID;
    return GROUP_ERR_OK;
}

/* What every row gets, where there is nothing to be said of one in particular. */
static void ask_refuse(struct groups *gs, struct group_request *q, enum group_err err)
{
    for (uint32_t i = 0; i < q->offset_count; i++)
        q->offsets[i].err = err;
    for (uint32_t i = 0; i < q->leaver_count; i++)
        q->leavers[i].err = err;
    group_answer(gs, q, err);
}

void group_ask(struct groups *gs, struct group_request *q)
{
    struct group *g = group_find(gs, q->group);
    enum group_err err = ask_check(gs, q);
    if (err == GROUP_ERR_OK && !g)
        err = verbs[q->verb].missing;
    bool changes = verbs[q->verb].changes;
    if (changes && g && g->writing && !gs->stopped)
        list_push(&g->parked, &q->node);
    else if (changes && gs->settling)
        list_push(&gs->parked, &q->node);
    else if (err != GROUP_ERR_OK)
        ask_refuse(gs, q, err);
    else
        verbs[q->verb].step(gs, g, q);
}

void group_release(struct groups *gs, struct list *parked)
{
    struct list mine;
    struct node *n;
    list_init(&mine);
    list_move(&mine, parked);
    while ((n = list_pop(&mine)))
        group_ask(gs, container_of(n, struct group_request, node));
}

static void event_ask(struct groups *gs, struct group_request *q, struct id16 random)
{
    check(gs->started);
    q->err = GROUP_ERR_OK;
    q->block = NULL;
    q->block_bytes = 0;
    memset(&q->out, 0, sizeof(q->out));
    q->node = (struct node){ NULL, NULL };
    q->random = random;
    group_ask(gs, q);
}

/* ---- time ---- */

static void event_time(struct groups *gs)
{
    while (gs->heap_count && gs->heap[1]->due_ms <= gs->now_ms) {
        struct group *g = gs->heap[1];
        group_disarm(gs, g);
        if (g->writing)
            continue; /* the end of that looks again */
        group_time(gs, g);
        if (group_unused(g))
            group_free(gs, g);
        else if (!g->writing)
            group_arm(gs, g, group_due_ms(g));
    }
    if (gs->sweep_due_ms <= gs->now_ms)
        group_sweep(gs);
}

static void event_start(struct groups *gs)
{
    gs->started = true;
    gs->sweep_due_ms = gs->now_ms + gs->opts.sweep_ms;
    for (struct group *g = group_first(gs); g; g = group_next(gs, g))
        group_resume(gs, g);
    group_gone_start(gs);
}

/* ---- waiting no more ---- */

static void event_give_up(struct groups *gs, struct group_request *q)
{
    const struct group *g = group_find(gs, q->group);
    if (node_linked(&q->node)) {
        node_unlink(&q->node);
        ask_refuse(gs, q, GROUP_ERR_UNAVAILABLE);
        return;
    }
    struct list none;
    list_init(&none);
    list_each (g ? &g->members : &none, n) {
        struct member *m = container_of(n, struct member, node);
        if (m->join == q)
            member_end_join(gs, m, GROUP_ERR_UNAVAILABLE);
        else if (m->sync == q)
            member_end_sync(gs, m, GROUP_ERR_UNAVAILABLE);
    }
}

static void event_stop(struct groups *gs)
{
    gs->stopped = true;
    gs->settling = false;
    group_release(gs, &gs->parked);
    for (struct group *g = group_first(gs); g; g = group_next(gs, g)) {
        group_release(gs, &g->parked);
        list_each (&g->members, n) {
            struct member *m = container_of(n, struct member, node);
            member_end_join(gs, m, GROUP_ERR_UNAVAILABLE);
            member_end_sync(gs, m, GROUP_ERR_UNAVAILABLE);
        }
    }
}

/* ---- the step ---- */

static void arm(struct groups *gs)
{
    uint64_t due = gs->heap_count ? gs->heap[1]->due_ms : NEVER_MS;
    due = gs->settling || gs->stopped ? NEVER_MS : min_u64(due, gs->sweep_due_ms);
    if (due == gs->armed_ms)
        return;
    gs->armed_ms = due;
    group_act(gs->out, GROUP_ARM)->at_ms = due;
}

enum err groups_step(struct groups *gs, const struct group_event *in, struct group_actions *out)
{
    gs->now_ms = in->now_ms;
    gs->wall_ms = in->wall_ms;
    gs->out = out;
    switch (in->kind) {
    case GROUP_EVENT_RECORD:
        return group_replay(gs, in);
    case GROUP_EVENT_START:
        event_start(gs);
        break;
    case GROUP_EVENT_ASK:
        event_ask(gs, in->request, in->random);
        break;
    case GROUP_EVENT_APPENDED:
        group_appended(gs, in);
        break;
    case GROUP_EVENT_TIME:
        if (gs->started && !gs->settling && !gs->stopped)
            event_time(gs);
        break;
    case GROUP_EVENT_TOPIC_GONE:
        group_topic_gone(gs, in->topic, in->version);
        break;
    case GROUP_EVENT_GIVE_UP:
        event_give_up(gs, in->request);
        break;
    case GROUP_EVENT_STOP:
        event_stop(gs);
        break;
    }
    group_snapshot(gs);
    arm(gs);
    return ERR_OK;
}

/* ---- questions ---- */

enum group_err group_verb_loading(enum group_verb v)
{
    return verbs[v].loading;
}

enum group_err group_verb_unavailable(enum group_verb v)
{
    return verbs[v].unavailable;
}

uint32_t groups_count(const struct groups *gs)
{
    return gs->count;
}

uint32_t groups_under_way(const struct groups *gs)
{
    return gs->under_way;
}

static int id_order(const void *a, const void *b)
{
    const struct group *const *one = a, *const *other = b;
    struct bytes x = (*one)->id, y = (*other)->id;
    int order = memcmp(x.at, y.at, min_u64(x.len, y.len));
    return order ? order : x.len < y.len ? -1 : x.len > y.len;
}

static void image_offset(void *arg, const struct group_note_offset *o)
{
    group_writer_offset(arg, GROUP_NOTE_OFFSETS, o);
}

struct bytes groups_image(const struct groups *gs)
{
    struct group_writer w = { 0 };
    struct group **all = malloc((gs->count + 1) * sizeof(struct group *));
    uint32_t count = 0;
    check(all);
    for (struct group *g = group_first(gs); g; g = group_next(gs, g))
        if (g->recorded)
            all[count++] = g;
    qsort(all, count, sizeof(struct group *), id_order);
    for (uint32_t i = 0; i < count; i++) {
        struct group_note n = { .kind = GROUP_NOTE_OFFSETS, .group = all[i]->id };
        group_writer_raw(&w, all[i]->note);
        group_writer_open(&w, &n);
        group_offsets_each(all[i], image_offset, &w);
        group_writer_close(&w);
    }
    free(all);
    return (struct bytes){ w.at, w.len };
}
