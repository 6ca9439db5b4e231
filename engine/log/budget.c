/* budget.c -- memory of reads: taken before there is any, waited for in order.
 *
 * Who waits holds nothing, and is started anew by store_turn() when there is room for what it
 * wanted: room appears only inside turns, so no wake-up is lost.
 *
 * Two lanes. Large reads leave a quarter to small ones, which do not wait behind them: whoever
 * reads the newest records goes on while others hold all that they may of the old ones. A large
 * read that is more than its share passes when no other one is out. */
#include "engine/base/check.h"
#include "engine/log/store_in.h"

#define SMALL_BYTES KIB(128) /* a batch of 64 KiB, or as much, with what lies around it */

void read_budget_open(struct read_budget *b, uint64_t max)
{
    *b = (struct read_budget){ .max = max };
    for (uint32_t i = 0; i < READ_LANES; i++)
        list_init(&b->waiting[i]);
}

uint64_t read_budget_used(const struct read_budget *b)
{
    return b->used[READ_SMALL] + b->used[READ_LARGE];
}

bool read_budget_short(const struct read_budget *b)
{
    return !list_empty(&b->waiting[READ_SMALL]) || !list_empty(&b->waiting[READ_LARGE]);
}

static enum read_lane lane_of(uint64_t bytes)
{
    return bytes > SMALL_BYTES ? READ_LARGE : READ_SMALL;
}

static bool budget_room(const struct read_budget *b, uint64_t bytes)
{
    enum read_lane lane = lane_of(bytes);
    uint64_t share = lane == READ_LARGE ? b->max - b->max / 4 : b->max;
    uint64_t used = lane == READ_LARGE ? b->used[READ_LARGE] : read_budget_used(b);
    return !b->max || !b->used[lane] || used + bytes <= share;
}

bool budget_take(struct read *r, uint64_t bytes)
{
    struct read_budget *b = r->store->opts.reads;
    enum read_lane lane = lane_of(bytes);
    check(!r->charged);
    if (!b)
        return true;
    /* Those that wait come first; one of them that is tried again is no longer on the list. */
    if (budget_room(b, bytes) && (r->woken || list_empty(&b->waiting[lane]))) {
        b->used[lane] += bytes;
        r->charged = bytes;
        return true;
    }
    probe("a read waits for memory");
    r->wants = bytes;
    if (r->woken)
        list_push_front(&b->waiting[lane], &r->waits);
    else
        list_push(&b->waiting[lane], &r->waits);
    return false;
}

void budget_give(struct read *r)
{
    if (!r->charged)
        return;
    uint64_t *used = &r->store->opts.reads->used[lane_of(r->charged)];
    check(*used >= r->charged);
    *used -= r->charged;
    r->charged = 0;
}

/* A read of another store of the shard is resumed here as well: its own turn comes in this pass. */
static void lane_wake(struct read_budget *b, struct list *lane)
{
    struct node *n;
    while ((n = list_first(lane))) {
        struct read *r = container_of(n, struct read, waits);
        if (!budget_room(b, r->wants))
            return;
        node_unlink(n);
        r->woken = true;
        read_again(r);
        r->woken = false;
    }
}

void budget_wake(struct read_budget *b)
{
    for (uint32_t i = 0; b && i < READ_LANES; i++)
        lane_wake(b, &b->waiting[i]);
}
