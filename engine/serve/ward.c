/* ward.c -- drives the decider of consumer groups: records go to the ward's partition, answers to
 * whoever asked, and a timer brings the time. */
#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

static struct desk *ward_desk(const struct ward *w)
{
    return &w->serve->desks[w->shard];
}

void wards_open(struct serve *s)
{
    for (uint32_t i = 0; i < WARDS; i++)
        s->wards[i] = (struct ward){ .serve = s, .number = i, .store = STORE_NONE };
}

void wards_close(struct serve *s)
{
    for (uint32_t i = 0; i < WARDS; i++) {
        group_actions_close(&s->wards[i].actions);
        groups_close(&s->wards[i].groups);
    }
}

void ward_ended(struct ward *w)
{
    check(w->under_way > 0);
    w->under_way--;
    desk_stop_settle(ward_desk(w));
}

bool wards_busy(const struct desk *d)
{
    for (uint32_t i = 0; i < WARDS; i++) {
        const struct ward *w = &d->serve->wards[i];
        if (w->store != STORE_NONE && w->shard == d->shard.number && w->under_way)
            return true;
    }
    return false;
}

/* ---- append ---- */

/* A record on its way into the ward's partition. */
struct ward_record {
    struct append append;
    struct ward *ward;
    struct group_write *write;
    uint8_t batch[];
};

static void record_done(struct append *a)
{
    struct ward_record *r = container_of(a, struct ward_record, append);
    struct ward *w = r->ward;
    struct group_event in = {
        .kind = GROUP_EVENT_APPENDED, .write = r->write, .err = a->err, .off = a->base_off
    };
    loan_give(r);
    (void)ward_step(w, &in);
    ward_ended(w);
}

static void act_append(struct ward *w, const struct group_action *act)
{
    struct desk *d = ward_desk(w);
    struct batch_record record = { .time = io_wall_ms(d->shard.io), .value = act->record };
    size_t cap = BATCH_HEADER_BYTES + batch_record_bytes_max(&record);
    struct ward_record *r = loan_take(d, sizeof(*r) + cap);
    struct batch_builder b;
    batch_builder_open(&b, r->batch, cap);
    check(batch_builder_add(&b, &record) == ERR_OK);
    r->ward = w;
    r->write = act->write;
    r->append = (struct append){ .done = record_done,
                                 .batch = batch_builder_done(&b),
                                 .max_time = record.time,
                                 .count = 1,
                                 .want = pitfall(KAFKA_COMMIT_EARLY) ? DURABILITY_MEMORY
                                                                     : DURABILITY_SYNCED };
    w->under_way++;
    part_append(w->part, &r->append);
}

/* ---- trim: one at a time, to the latest that is wanted ---- */

static void trim_start(struct ward *w);

static void trim_done(struct part_request *r)
{
    struct ward *w = container_of(r, struct ward, trim);
    w->trimming = false;
    if (w->trim_off)
        trim_start(w);
    ward_ended(w); /* an error: the next snapshot trims again */
}

static void trim_start(struct ward *w)
{
    probe("ward: its log is shortened");
    w->trim = (struct part_request){ .done = trim_done };
    w->trimming = true;
    w->under_way++;
    part_trim(w->part, &w->trim, w->trim_off);
    w->trim_off = 0;
}

static void act_trim(struct ward *w, uint64_t off)
{
    w->trim_off = off;
    if (!w->trimming)
        trim_start(w);
}

/* ---- time ---- */

static void ward_fire(struct timer *t)
{
    struct group_event in = { .kind = GROUP_EVENT_TIME };
    (void)ward_step(container_of(t, struct ward, timer), &in);
}

static void act_arm(struct ward *w, uint64_t at_ms)
{
    struct timers *ts = &ward_desk(w)->shard.timers;
    timer_stop(ts, &w->timer);
    w->timer.fire = ward_fire;
    if (at_ms < UINT64_MAX / MS_NS)
        check(timer_start(ts, &w->timer, at_ms * MS_NS) == ERR_OK);
}

/* ---- the step ---- */

static void act_perform(struct ward *w, const struct group_action *act)
{
    switch (act->kind) {
    case GROUP_APPEND:
        act_append(w, act);
        break;
    case GROUP_ANSWER:
        group_answered(act->request);
        break;
    case GROUP_TRIM:
        act_trim(w, act->off);
        break;
    case GROUP_ARM:
        act_arm(w, act->at_ms);
        break;
    }
}

enum err ward_step(struct ward *w, struct group_event *in)
{
    struct io *io = ward_desk(w)->shard.io;
    uint64_t halves[2] = { 0, 0 };
    check(!w->stepping);
    w->stepping = true;
    if (in->kind == GROUP_EVENT_ASK) {
        halves[0] = io_random(io);
        halves[1] = io_random(io);
    }
    memcpy(in->random.b, halves, sizeof(halves));
    in->now_ms = io_now_ns(io) / MS_NS;
    in->wall_ms = io_wall_ms(io);
    enum err err = groups_step(w->groups, in, &w->actions);
    for (uint32_t i = 0; i < w->actions.count; i++)
        act_perform(w, &w->actions.at[i]);
    group_actions_clear(&w->actions);
    w->stepping = false;
    return err;
}

/* ---- topics that are deleted ---- */

struct topic_gone {
    struct letter letter;
    struct serve *serve;
    uint64_t version;
    size_t len;
    char name[];
};

static void topic_gone_home(struct letter *l, struct shard *at)
{
    (void)at;
    loan_give(container_of(l, struct topic_gone, letter));
}

static void topic_gone_open(struct letter *l, struct shard *at)
{
    struct topic_gone *t = container_of(l, struct topic_gone, letter);
    struct group_event in = { .kind = GROUP_EVENT_TOPIC_GONE, .version = t->version };
    in.topic = (struct bytes){ (const uint8_t *)t->name, t->len };
    for (uint32_t i = 0; i < WARDS; i++) {
        struct ward *w = &t->serve->wards[i];
        if (w->shard == at->number && (w->state == WARD_OPEN || w->state == WARD_LOADING))
            (void)ward_step(w, &in);
    }
    t->letter.open = topic_gone_home;
    shard_post(&t->serve->desks[0].shard, &t->letter);
}

/* A stop or a crash before they have forgotten leaves offsets until they are too old: who makes the
 * topic again by then reads from there. */
void wards_topic_gone(struct serve *s, const char *name, uint64_t version)
{
    if (!s->opts.groups || s->desks[0].state != DESK_READY)
        return;
    for (uint32_t i = 0; i < s->desk_count; i++) {
        struct topic_gone *t = loan_take(&s->desks[0], sizeof(*t) + strlen(name));
        t->letter.open = topic_gone_open;
        t->serve = s;
        t->version = version;
        t->len = strlen(name);
        memcpy(t->name, name, t->len);
        shard_post(&s->desks[i].shard, &t->letter);
    }
}

/* ---- stop ---- */

static void ward_stop(struct ward *w)
{
    struct group_event in = { .kind = GROUP_EVENT_STOP };
    if (w->state == WARD_OPEN)
        (void)ward_step(w, &in);
    if (w->state == WARD_OPEN || w->state == WARD_LOADING)
        w->state = WARD_STOPPED;
    timer_stop(&ward_desk(w)->shard.timers, &w->timer);
}

void wards_stop(struct desk *d)
{
    for (uint32_t i = 0; i < WARDS; i++) {
        struct ward *w = &d->serve->wards[i];
        if (w->store != STORE_NONE && w->shard == d->shard.number)
            ward_stop(w);
    }
}
