/* fetch.c -- the verb fetch, and how it waits.
 *
 *   LOOK --offset is visible--> READ --enough, or no time left--> end
 *    |  ^                         |
 *    |  +--watermark moved--+     | too little, and time left
 *    +--nothing there yet--> PARK <+
 *                             +--time is over--> LOOK, for the last time
 *
 * A parked fetch costs nothing: it hangs at its slot, and the slot is looked at only while it is
 * on desk.moving, that is, from an append there until all of it is visible, also if the append has
 * to wait before it is placed. One that wants many bytes reads again only when there may be as
 * many: what is visible has grown, and the partition by what lacked. */
#include "engine/base/check.h"
#include "engine/serve/serve_in.h"

static void fetch_look(struct verb_fetch *v);

static struct desk *fetch_desk(const struct verb_fetch *v)
{
    return &v->verb.serve->desks[v->place.shard];
}

static void fetch_end(struct verb_fetch *v, enum err err)
{
    timer_stop(&fetch_desk(v)->shard.timers, &v->timer);
    v->here = false;
    slot_leave(v->slot);
    verb_end(&v->verb, err);
}

static void fetch_unpark(struct verb_fetch *v)
{
    v->parked = false;
    v->waited_ns += io_now_ns(fetch_desk(v)->shard.io) - v->parked_ns;
    node_unlink(&v->node);
}

/* Time is over. */
static void fetch_wait_end(struct verb_fetch *v)
{
    v->expired = true;
    if (!v->parked)
        return; /* reading: the read's end sees it */
    fetch_unpark(v);
    fetch_look(v);
}

static void fetch_expire(struct timer *t)
{
    fetch_wait_end(container_of(t, struct verb_fetch, timer));
}

void slot_stir(struct desk *d, struct slot *slot)
{
    if (!list_empty(&slot->parked) && !node_linked(&slot->moving))
        list_push(&d->moving, &slot->moving);
}

static void fetch_park(struct verb_fetch *v)
{
    struct desk *d = fetch_desk(v);
    if (d->state != DESK_READY) {
        fetch_end(v, ERR_CLOSED);
        return;
    }
    uint64_t now = io_now_ns(d->shard.io);
    if (!v->timer.place) {
        v->timer.fire = fetch_expire;
        uint64_t at = v->wait_ns > UINT64_MAX - now ? UINT64_MAX : now + v->wait_ns;
        enum err err = timer_start(&d->shard.timers, &v->timer, at);
        if (err != ERR_OK) {
            fetch_end(v, err);
            return;
        }
    }
    v->parked = true;
    v->parked_ns = now;
    list_push(&v->slot->parked, &v->node);
    slot_stir(d, v->slot);
}

/* ---- too few bytes ----
 *
 * How much became visible since a look is not known without a read, but no more than the partition
 * has grown since it ended where that look saw, or earlier: `floor` is what it held then. So each
 * look leaves a mark, the log's end and the bytes kept; once what is visible has reached it, these
 * bytes are a floor. Both are good for as long as the oldest extent is there: then bytes go, too.
 */

static uint64_t oldest_off(const struct part *p)
{
    struct part_extent_info e;
    return part_extent_at(p, 0, &e) ? e.base_off : UINT64_MAX;
}

static void fetch_mark(struct verb_fetch *v, const struct part_state_info *info)
{
    uint64_t base = oldest_off(v->slot->part);
    if (base != v->mark_base)
        v->mark_off = v->floor_bytes = UINT64_MAX;
    v->mark_base = base;
    bool reached = v->mark_off <= v->seen_off;
    if (reached)
        v->floor_bytes = v->mark_bytes;
    if (reached || v->mark_off == UINT64_MAX || info->next_off == info->visible_off) {
        v->mark_off = info->next_off;
        v->mark_bytes = info->bytes;
    }
    if (v->mark_off <= v->seen_off)
        v->floor_bytes = v->mark_bytes;
}

/* False: a read would find too little, as the last one did. */
static bool fetch_worth(const struct verb_fetch *v, const struct part_state_info *info)
{
    return v->bytes_min <= 1 || v->floor_bytes == UINT64_MAX ||
           info->bytes - v->floor_bytes >= v->lacks || oldest_off(v->slot->part) != v->mark_base;
}

/* As much as was wanted, or as much as there will be in this answer. */
static bool fetch_enough(const struct verb_fetch *v)
{
    return v->expired || v->wait_ns == 0 || v->read.batches.len >= v->bytes_min ||
           v->read.next_off < v->seen_off;
}

static void fetch_read_done(struct read *r)
{
    struct verb_fetch *v = container_of(r, struct verb_fetch, read);
    if (r->err != ERR_OK || (v->slot->topic && !fetch_enough(v))) {
        v->lacks -= min_u64(v->lacks, r->batches.len);
        read_give(r);
        if (r->err != ERR_OK)
            fetch_end(v, r->err);
        else
            fetch_park(v);
        return;
    }
    v->batches = r->batches;
    v->next_off = r->next_off;
    if (r->part) { /* both ends may have moved since the look: the answer's are of one moment */
        struct part_state_info info = part_info(r->part);
        v->start_off = info.start_off;
        v->visible_off = info.visible_off;
    }
    v->visible_off = max_u64(v->visible_off, v->next_off);
    fetch_end(v, ERR_OK);
}

static void fetch_read(struct verb_fetch *v)
{
    v->read = (struct read){ .done = fetch_read_done,
                             .off = v->off,
                             .bytes_max = v->bytes_max,
                             .client = v->client,
                             .lends = v->lends };
    part_read(v->slot->part, &v->read);
}

static void fetch_look(struct verb_fetch *v)
{
    struct part_state_info info = part_info(v->slot->part);
    v->start_off = info.start_off;
    v->visible_off = v->seen_off = info.visible_off;
    v->next_off = v->off;
    v->lacks = min_u64(v->bytes_min, v->bytes_max); /* more than fits is enough, too */
    if (v->bytes_min > 1 && v->wait_ns)
        fetch_mark(v, &info);
    if (v->off < info.start_off || v->off > info.next_off)
        fetch_end(v, ERR_OFFSET_RANGE);
    else if (v->off < info.visible_off)
        fetch_read(v);
    else if (v->expired || v->wait_ns == 0)
        fetch_end(v, ERR_OK);
    else
        fetch_park(v);
}

static void fetch_open(struct letter *l, struct shard *at)
{
    struct verb_fetch *v = container_of(l, struct verb_fetch, verb.letter);
    struct desk *d = desk_of(at);
    struct slot *slot = verb_slot(l, d, &v->place);
    if (!slot)
        return;
    v->slot = slot;
    v->here = true;
    fetch_look(v);
}

static void fetch_home(struct verb *verb);

void serve_fetch(struct serve *s, struct verb_fetch *v)
{
    v->batches = (struct bytes){ NULL, 0 };
    v->next_off = v->visible_off = v->start_off = v->waited_ns = 0;
    v->read = (struct read){ .off = v->off };
    v->node = (struct node){ NULL, NULL };
    v->timer = (struct timer){ .fire = fetch_expire };
    v->floor_bytes = v->mark_off = UINT64_MAX;
    v->here = v->parked = v->expired = v->hurried = v->ended = false;
    v->home_done = v->verb.done;
    v->verb.done = fetch_home;
    verb_send_place(s, &v->verb, &v->place, fetch_open);
}

/* ---- hurrying ----
 *
 * Two letters of one fetch: the verb, and the one that hurries. The second one may find the first
 * gone, or pass it on the way home; done runs when both are back, so none is left in memory that
 * somebody frees. */

static void fetch_home(struct verb *verb)
{
    struct verb_fetch *v = container_of(verb, struct verb_fetch, verb);
    v->ended = true;
    if (v->hurried)
        return;
    v->verb.done = v->home_done;
    v->verb.done(&v->verb);
}

static void hurry_home(struct letter *l, struct shard *at)
{
    struct verb_fetch *v = container_of(l, struct verb_fetch, hurry);
    (void)at;
    v->hurried = false;
    if (v->ended)
        fetch_home(&v->verb);
}

static void hurry_open(struct letter *l, struct shard *at)
{
    struct verb_fetch *v = container_of(l, struct verb_fetch, hurry);
    struct serve *s = v->verb.serve;
    (void)at;
    if (v->here)
        fetch_wait_end(v);
    v->hurry.open = hurry_home;
    shard_post(&s->desks[v->verb.home].shard, &v->hurry);
}

void serve_fetch_hurry(struct verb_fetch *v)
{
    struct serve *s = v->verb.serve;
    const struct shard *here = shard_current();
    check(here && here->number == v->verb.home);
    if (v->hurried || v->place.shard >= s->desk_count)
        return;
    check(!v->ended);
    v->hurried = true;
    v->hurry.open = hurry_open;
    shard_post(&s->desks[v->place.shard].shard, &v->hurry);
}

/* ---- waking ---- */

static void slot_wake(struct slot *slot, const struct part_state_info *info)
{
    list_each (&slot->parked, n) {
        struct verb_fetch *v = container_of(n, struct verb_fetch, node);
        if (v->seen_off >= info->visible_off || !fetch_worth(v, info))
            continue;
        fetch_unpark(v);
        fetch_look(v); /* may park again, behind those that this pass looks at, as seen */
    }
}

void desk_wake_fetches(struct desk *d)
{
    list_each (&d->moving, n) {
        struct slot *slot = container_of(n, struct slot, moving);
        struct part_state_info info = part_info(slot->part);
        slot_wake(slot, &info);
        bool still = info.visible_off == info.next_off && !info.parked;
        if (list_empty(&slot->parked) || still)
            node_unlink(&slot->moving);
    }
}

void slot_end_fetches(struct slot *slot, enum err err)
{
    struct node *n;
    while ((n = list_first(&slot->parked))) {
        struct verb_fetch *v = container_of(n, struct verb_fetch, node);
        fetch_unpark(v);
        fetch_end(v, err);
    }
}

void desk_end_fetches(struct desk *d)
{
    check(d->state > DESK_READY);
    for (struct node *n = d->round.head.next; n != &d->round.head; n = n->next)
        slot_end_fetches(container_of(n, struct slot, round), ERR_CLOSED);
}

/* ---- giving back ---- */

static void fetch_given(struct letter *l, struct shard *at)
{
    struct verb_fetch *v = container_of(l, struct verb_fetch, verb.letter);
    (void)at;
    read_give(&v->read);
    if (v->given)
        v->given(v);
}

void serve_fetch_give(struct verb_fetch *v, void (*given)(struct verb_fetch *v))
{
    struct serve *s = v->verb.serve;
    uint32_t shard = v->place.shard < s->desk_count ? v->place.shard : 0;
    const struct shard *here = shard_current();
    v->given = given;
    if (here == &s->desks[shard].shard)
        fetch_given(&v->verb.letter, &s->desks[shard].shard);
    else
        verb_send(s, &v->verb, shard, fetch_given);
}
