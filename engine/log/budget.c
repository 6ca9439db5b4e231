/* budget.c -- memory of reads: taken before there is any, waited for in order.
 *
 * Who waits holds nothing, and is started anew by store_turn() when there is room for what it
 * wanted: room appears only inside turns, so no wake-up is lost. What is larger than all of the
 * budget passes when nothing else is out. */
#include "engine/base/check.h"
#include "engine/log/store_in.h"

void read_budget_open(struct read_budget *b, uint64_t max)
{
    *b = (struct read_budget){ .max = max };
    list_init(&b->waiting);
}

static bool budget_room(const struct read_budget *b, uint64_t bytes)
{
    return !b->max || !b->used || b->used + bytes <= b->max;
}

bool budget_take(struct read *r, uint64_t bytes)
{
    struct read_budget *b = r->store->opts.reads;
    check(!r->charged);
    if (!b)
        return true;
    /* Those that wait come first; one of them that is tried again is no longer on the list. */
    if (budget_room(b, bytes) && (r->woken || list_empty(&b->waiting))) {
        b->used += bytes;
        r->charged = bytes;
        return true;
    }
    probe("a read waits for memory");
    r->wants = bytes;
    if (r->woken)
        list_push_front(&b->waiting, &r->waits);
    else
        list_push(&b->waiting, &r->waits);
    return false;
}

void budget_give(struct read *r)
{
    if (!r->charged)
        return;
    check(r->store->opts.reads->used >= r->charged);
    r->store->opts.reads->used -= r->charged;
    r->charged = 0;
}

/* A read of another store of the shard is resumed here as well: its own turn comes in this pass. */
void budget_wake(struct read_budget *b)
{
    struct node *n;
    while (b && (n = list_first(&b->waiting))) {
        struct read *r = container_of(n, struct read, waits);
        if (!budget_room(b, r->wants))
            return;
        node_unlink(n);
        r->woken = true;
        read_again(r);
        r->woken = false;
    }
}
