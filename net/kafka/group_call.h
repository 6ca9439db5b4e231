/* group_call.h -- what an errand asks the coordinators of groups: calls, and one answer when all
 * have ended.
 *
 * The next request of the connection starts when the errand has ended, as in Kafka: what a member
 * asks is done in its order. Who has gone gives up what waits for other members.
 *
 * Memory     the errand's; what a coordinator answers lies in call.v.ask.block until it is freed,
 * and is charged when it comes. Calls that bring much go one after another: no more than one of an
 * errand is ever in no budget.
 */
#ifndef KAFKA_GROUP_CALL_H
#define KAFKA_GROUP_CALL_H

#include "net/kafka/handler.h"

struct group_call {
    struct errand *errand;
    bool skip, under_way;
    struct verb_group v;
};

struct group_calls {
    void (*answer)(struct errand *c);
    void *own;            /* the handler's */
    uint32_t count, next; /* those before `next` were started */
    bool together;        /* the others need not wait for one */
    struct group_call at[];
};

/* `count` calls, each of `verb`, with every field that has one unset; c->state from then on. NULL:
 * as errand_take(). */
struct group_calls *group_calls_make(struct errand *c, uint32_t count, enum group_verb verb,
                                     void (*answer)(struct errand *c));
/* Asks all but those to be skipped; then answer(c), now or later. */
void group_calls_go(struct errand *c);
static inline struct group_calls *group_calls_of(const struct errand *c)
{
    return c->state;
}

#endif
