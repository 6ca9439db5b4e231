/* mailbox.c -- the atomics of a shard's mail.
 *
 * Two pairs hold it together:
 *
 *   the stack     mailbox_post() publishes a letter by its compare-and-swap on `top`; the exchange
 *                 in mailbox_take() sees everything that the poster wrote before.
 *   the doorbell  a poster writes `top`, then reads `asleep`; the shard writes `asleep`, then reads
 *                 `top`. In one order of all four (hence seq_cst) at least one of them sees the
 *                 other, so a letter is never left lying beside a shard that sleeps.
 *
 * Taking the whole stack leaves no ABA: a poster's compare-and-swap that succeeds has a `next`
 * that is right, whatever came and went in between.
 */
#include "engine/shard/mailbox.h"

#include <stdint.h>

void mailbox_open(struct mailbox *m)
{
    atomic_init(&m->top, NULL);
    atomic_init(&m->asleep, false);
}

bool mailbox_post(struct mailbox *m, struct letter *l)
{
    struct letter *top = atomic_load_explicit(&m->top, memory_order_relaxed);
    do {
        l->next = top;
        /* seq_cst: pairs with the exchange in mailbox_take() and the load in mailbox_sleep(). */
    } while (!atomic_compare_exchange_weak(&m->top, &top, l));
    /* seq_cst: pairs with the store in mailbox_sleep(). Read before exchanging: an awake shard's
     * line stays shared. */
    return atomic_load(&m->asleep) && atomic_exchange(&m->asleep, false);
}

struct letter *mailbox_take(struct mailbox *m)
{
    if (mailbox_empty(m))
        return NULL;
    /* acquire: pairs with the compare-and-swap in mailbox_post(). */
    struct letter *l = atomic_exchange_explicit(&m->top, NULL, memory_order_acquire);
    struct letter *oldest = NULL;
    while (l) {
        struct letter *next = l->next;
        l->next = oldest;
        oldest = l;
        l = next;
    }
    return oldest;
}

bool mailbox_empty(const struct mailbox *m)
{
    return atomic_load_explicit(&m->top, memory_order_relaxed) == NULL;
}

bool mailbox_sleep(struct mailbox *m)
{
    atomic_store(&m->asleep, true);   /* seq_cst: pairs with the load in mailbox_post() */
    if (atomic_load(&m->top) == NULL) /* seq_cst: pairs with the swap in mailbox_post() */
        return true;
    mailbox_wake(m);
    return false;
}

void mailbox_wake(struct mailbox *m)
{
    /* relaxed: whoever still reads `true` rings a bell in vain, which is legal. */
    atomic_store_explicit(&m->asleep, false, memory_order_relaxed);
}
