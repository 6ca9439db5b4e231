/* group.c -- the verbs of consumer groups: a letter to the ward's shard, where the decider answers,
 * now or when others have come. */
#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/serve/serve_in.h"

static struct verb_group *group_of(struct letter *l)
{
    return container_of(l, struct verb_group, verb.letter);
}

/* A CRC spreads ids that differ in one letter; docs/FORMAT.md, "Groups". */
uint32_t serve_ward(struct bytes group)
{
    return crc32c(0, group.at, group.len) % WARDS;
}

static void group_end(struct verb_group *v, enum group_err group_err, enum err err)
{
    v->here = false;
    v->ask.err = group_err;
    for (uint32_t i = 0; err != ERR_OK && i < v->ask.offset_count; i++)
        v->ask.offsets[i].err = group_err;
    for (uint32_t i = 0; err != ERR_OK && i < v->ask.leaver_count; i++)
        v->ask.leavers[i].err = group_err;
    verb_end(&v->verb, err);
}

void group_answered(struct group_request *q)
{
    struct verb_group *v = container_of(q, struct verb_group, ask);
    group_end(v, q->err, ERR_OK);
}

static void group_open(struct letter *l, struct shard *at)
{
    struct verb_group *v = group_of(l);
    struct ward *w = &v->verb.serve->wards[v->ward];
    enum err err = verb_admittance(desk_of(at));
    if (err != ERR_OK || w->state == WARD_STOPPED) {
        group_end(v, group_verb_unavailable(v->ask.verb), err != ERR_OK ? err : ERR_CLOSED);
    } else if (w->state == WARD_LOADING) {
        group_end(v, group_verb_loading(v->ask.verb), ERR_BUSY);
    } else if (w->state != WARD_OPEN) {
        group_end(v, group_verb_unavailable(v->ask.verb), ERR_NOT_FOUND);
    } else {
        struct group_event in = { .kind = GROUP_EVENT_ASK, .request = &v->ask };
        v->here = true;
        (void)ward_step(w, &in);
    }
}

static void group_home(struct verb *verb);

void serve_group(struct serve *s, struct verb_group *v)
{
    if (v->ask.verb != GROUP_VERB_LIST)
        v->ward = serve_ward(v->ask.group);
    check(v->ward < WARDS);
    v->ask.block = NULL;
    v->ask.block_bytes = 0;
    memset(&v->ask.out, 0, sizeof(v->ask.out));
    v->here = v->given_up = v->ended = false;
    v->home_done = v->verb.done;
    v->verb.done = group_home;
    verb_send(s, &v->verb, s->wards[v->ward].shard, group_open);
}

/* ---- giving up: two letters of one verb, as for a fetch that is hurried ---- */

static void group_home(struct verb *verb)
{
    struct verb_group *v = container_of(verb, struct verb_group, verb);
    v->ended = true;
    if (v->given_up)
        return;
    v->verb.done = v->home_done;
    v->verb.done(&v->verb);
}

static void give_up_home(struct letter *l, struct shard *at)
{
    struct verb_group *v = container_of(l, struct verb_group, letter);
    (void)at;
    v->given_up = false;
    if (v->ended)
        group_home(&v->verb);
}

static void give_up_open(struct letter *l, struct shard *at)
{
    struct verb_group *v = container_of(l, struct verb_group, letter);
    struct serve *s = v->verb.serve;
    uint32_t home = v->verb.home;
    (void)at;
    if (v->here) {
        struct group_event in = { .kind = GROUP_EVENT_GIVE_UP, .request = &v->ask };
        (void)ward_step(&s->wards[v->ward], &in);
    }
    v->letter.open = give_up_home;
    shard_post(&s->desks[home].shard, &v->letter);
}

void serve_group_give_up(struct verb_group *v)
{
    struct serve *s = v->verb.serve;
    const struct shard *here = shard_current();
    check(here && here->number == v->verb.home);
    if (v->given_up)
        return;
    check(!v->ended);
    v->given_up = true;
    v->letter.open = give_up_open;
    shard_post(&s->desks[s->wards[v->ward].shard].shard, &v->letter);
}
