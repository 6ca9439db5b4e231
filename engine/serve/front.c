/* front.c -- the fronts on a desk: open with READY, closed before the desks stop.
 *
 * A stop with fronts has two steps. First every desk drains: fetches and members of groups that
 * wait end, fronts take no more and finish; verbs still reach every desk. When the last front of
 * the last desk has closed, the desks stop. */
#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

enum err fronts_check(const struct serve_opts *opts, struct why *why)
{
    if (opts->front_count <= FRONTS_MAX)
        return ERR_OK;
    why_set(why, "an engine has at most %u fronts, not %u", FRONTS_MAX, opts->front_count);
    return ERR_INVALID;
}

void fronts_open(struct desk *d)
{
    const struct serve_opts *o = &d->serve->opts;
    d->fronts = o->front_count;
    for (uint32_t i = 0; i < o->front_count; i++)
        o->fronts[i].open(o->fronts[i].arg, d->serve, &d->shard);
}

void fronts_turn(struct desk *d)
{
    const struct serve_opts *o = &d->serve->opts;
    for (uint32_t i = 0; d->fronts && i < o->front_count; i++)
        if (o->fronts[i].turn)
            o->fronts[i].turn(o->fronts[i].arg, &d->shard);
}

/* ---- closing ---- */

static void desk_drained(struct desk *d)
{
    struct gate *g = &d->serve->gate;
    pthread_mutex_lock(&g->lock);
    bool last = ++g->desks_drained == d->serve->desk_count;
    pthread_mutex_unlock(&g->lock);
    if (last)
        desks_stop(d->serve);
}

static void desk_drain(struct letter *l, struct shard *at)
{
    struct desk *d = desk_of(at);
    const struct serve_opts *o = &d->serve->opts;
    (void)l;
    check(d->state == DESK_READY && d->fronts == o->front_count);
    d->state = DESK_DRAINING;
    d->fronts++; /* ours, for as long as the loop runs */
    desk_end_fetches(d);
    wards_stop(d);
    for (uint32_t i = 0; i < o->front_count; i++)
        o->fronts[i].close(o->fronts[i].arg, at);
    serve_front_closed(at);
}

void fronts_drain(struct serve *s)
{
    for (uint32_t i = 0; i < s->desk_count; i++) {
        struct desk *d = &s->desks[i];
        d->drain_letter.open = desk_drain;
        shard_post(&d->shard, &d->drain_letter);
    }
}

void serve_front_closed(struct shard *at)
{
    struct desk *d = desk_of(at);
    check(d->fronts > 0);
    if (--d->fronts == 0)
        desk_drained(d);
}
