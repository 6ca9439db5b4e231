/* far.h -- work of errands that is too long for a shard's turn, done by the door's helper.
 *
 * Each connection has one piece of it in the helper's queue at most, whatever it asked for; the
 * others wait here, in the order of asking. So connections take turns, and what one asks for costs
 * another one a piece of work, not all of it.
 *
 * Thread     far_do() and done in the shard's turns; run in a helper's thread, where it touches
 *            nothing but what is the work's.
 * Memory     the errand's: a far is borrowed until its done.
 */
#ifndef KAFKA_FAR_H
#define KAFKA_FAR_H

#include "net/door/helper.h"
#include "net/kafka/front_in.h"

struct far {
    void (*run)(struct far *f);
    void (*done)(struct far *f); /* the errand may end in it */
    /* far.c's. */
    struct errand *errand;
    struct node node; /* conn_kafka.far */
    struct job job;
};
void far_do(struct errand *c, struct far *f);
/* Nobody waits for it any more: run() may look, and end early. */
static inline const atomic_bool *far_gone(const struct far *f)
{
    return &kafka_of(f->errand->conn)->gone;
}

#endif
