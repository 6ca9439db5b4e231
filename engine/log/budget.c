/* budget.c -- memory of reads: taken before there is any, waited for in turn.
 *
 * Who waits holds nothing, and is started anew by store_turn() when there is room for what it
 * wanted. Room appears only inside turns, also behind the stores' part of one: another turn is due
 * then (budget_due).
 *
 * Clients wait in a ring, each with its reads in order, and get one read a round. Who holds nothing
 * may use all of the budget; with a large read, three quarters; who holds some already, one half.
 * So a few that ask for much and take nothing do not keep the others from what is theirs. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/log/store_in.h"

#define SMALL_BYTES KIB(128) /* a batch of 64 KiB, or as much, with what lies around it */

/* One that holds, or waits for, memory. */
struct read_client {
    uint64_t key, held;
    struct list waiting; /* read.waits */
    struct node ring;    /* budget.ring: somebody waits */
};

void read_budget_open(struct read_budget *b, uint64_t max)
{
    *b = (struct read_budget){ .max = max };
    list_init(&b->ring);
}

void read_budget_close(struct read_budget *b)
{
    uint32_t at = 0;
    struct read_client *c;
    while ((c = map_next(&b->clients, &at)))
        free(c);
    map_close(&b->clients);
}

static struct read_client *client_get(struct read_budget *b, uint64_t key)
{
    struct read_client *c = map_get(&b->clients, map_key_u64(key));
    if (c)
        return c;
    c = calloc(1, sizeof(*c));
    check(c && map_put(&b->clients, map_key_u64(key), c) == ERR_OK); /* tens of bytes */
    c->key = key;
    list_init(&c->waiting);
    return c;
}

static void client_settle(struct read_budget *b, struct read_client *c)
{
    if (c->held || !list_empty(&c->waiting))
        return;
    map_remove(&b->clients, map_key_u64(c->key));
    free(c);
}

static bool budget_room(const struct read_budget *b, const struct read_client *c, uint64_t bytes)
{
    uint64_t kept = c->held ? b->max / 2 : bytes > SMALL_BYTES ? b->max / 4 : 0;
    return !b->max || !b->used || b->used + bytes <= b->max - kept;
}

static void read_waits(struct read_budget *b, struct read_client *c, struct read *r, uint64_t bytes)
{
    probe("a read waits for memory");
    r->wants = bytes;
    if (r->woken)
        list_push_front(&c->waiting, &r->waits);
    else
        list_push(&c->waiting, &r->waits);
    if (!node_linked(&c->ring))
        list_push(&b->ring, &c->ring);
}

bool budget_take(struct read *r, uint64_t bytes)
{
    struct read_budget *b = r->store->opts.reads;
    check(!r->charged);
    if (!b || !b->max)
        return true;
    struct read_client *c = client_get(b, r->client);
    /* Its older ones come first; one of them that is tried again is not on the list. */
    if (!budget_room(b, c, bytes) || (!r->woken && !list_empty(&c->waiting))) {
        read_waits(b, c, r, bytes);
        return false;
    }
    b->used += bytes;
    c->held += bytes;
    r->charged = bytes;
    return true;
}

void budget_give(struct read *r)
{
    struct read_budget *b = r->charged ? r->store->opts.reads : NULL;
    if (!b)
        return;
    struct read_client *c = client_get(b, r->client);
    check(b->used >= r->charged && c->held >= r->charged);
    b->used -= r->charged;
    c->held -= r->charged;
    b->given = true;
    r->charged = 0;
    client_settle(b, c);
}

/* True: its first read goes on. A read of another store of the shard is resumed here as well: its
 * own turn comes in this pass. */
static bool client_wake(struct read_budget *b, struct read_client *c)
{
    struct read *r = container_of(list_first(&c->waiting), struct read, waits);
    uint64_t key = c->key;
    if (!budget_room(b, c, r->wants))
        return false;
    node_unlink(&r->waits);
    node_unlink(&c->ring);
    if (!list_empty(&c->waiting))
        list_push(&b->ring, &c->ring); /* behind the others */
    r->woken = true;
    read_again(r);
    r->woken = false;
    c = map_get(&b->clients, map_key_u64(key));
    if (c)
        client_settle(b, c); /* it may have ended without memory */
    return true;
}

bool budget_due(const struct read_budget *b)
{
    return b && b->given && !list_empty(&b->ring);
}

void budget_wake(struct read_budget *b)
{
    bool any = b && b->given;
    while (any) {
        any = b->given = false;
        list_each (&b->ring, n) {
            any |= client_wake(b, container_of(n, struct read_client, ring));
        }
    }
}
