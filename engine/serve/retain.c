/* retain.c -- retention: looks at every partition in turn, and does what the decider says.
 *
 * A tick a second at most; each takes its share of the partitions, so that all are looked at once
 * in opts.retention_ns and no turn is long. At most one change of a partition is under way. */
#include "engine/base/check.h"
#include "engine/coord/retention.h"
#include "engine/serve/serve_in.h"

#define TICK_NS SEC_NS

struct retain {
    struct part_request request;
    struct slot *slot;
};

static bool retain_extent(void *arg, uint32_t i, struct retention_extent *out)
{
    struct part_extent_info e;
    if (!part_extent_at(arg, i, &e))
        return false;
    *out = (struct retention_extent){ .end_off = e.end_off,
                                      .bytes = e.bytes,
                                      .max_time = e.max_time,
                                      .max_append = e.max_append,
                                      .sealed = e.sealed };
    return true;
}

/* Whatever came of it, the next round sees what is left to do. */
static void retain_done(struct part_request *r)
{
    struct retain *w = container_of(r, struct retain, request);
    w->slot->retaining = false;
    slot_leave(w->slot);
    loan_give(w);
}

static struct part_request *retain_request(struct desk *d, struct slot *slot)
{
    struct retain *w = loan_take(d, sizeof(*w));
    w->request.done = retain_done;
    w->slot = slot;
    slot->users++;
    slot->retaining = true;
    return &w->request;
}

static void slot_retain(struct desk *d, struct slot *slot)
{
    if (slot->retaining)
        return;
    struct part_state_info info = part_info(slot->part);
    struct retention r = { .settings = &slot->topic->settings,
                           .now_ms = io_wall_ms(d->shard.io),
                           .start_off = info.start_off,
                           .visible_off = info.visible_off,
                           .extent = retain_extent,
                           .arg = slot->part };
    struct retention_verdict v = retention_decide(&r);
    if (v.trim_off > info.start_off) {
        probe("retention: trims");
        part_trim(slot->part, retain_request(d, slot), v.trim_off);
    } else if (v.seal) {
        probe("retention: seals an idle extent");
        part_seal(slot->part, retain_request(d, slot));
    }
}

static uint64_t tick_ns(const struct desk *d)
{
    return min_u64(TICK_NS, d->serve->opts.retention_ns);
}

static void retain_arm(struct desk *d)
{
    /* Without memory for the timer there is no retention until the next start: no data is lost. */
    (void)timer_start(&d->shard.timers, &d->retention, io_now_ns(d->shard.io) + tick_ns(d));
}

static void retain_fire(struct timer *t)
{
    struct desk *d = container_of(t, struct desk, retention);
    uint64_t ticks = d->serve->opts.retention_ns / tick_ns(d);
    uint64_t share = (d->slot_count + ticks - 1) / ticks;
    for (uint64_t i = 0; i < share; i++) {
        struct node *n = list_pop(&d->round);
        struct slot *slot = container_of(n, struct slot, round);
        list_push(&d->round, n);
        slot_retain(d, slot);
    }
    retain_arm(d);
}

void retain_start(struct desk *d)
{
    d->retention.fire = retain_fire;
    retain_arm(d);
}

void retain_stop(struct desk *d)
{
    timer_stop(&d->shard.timers, &d->retention);
}
