/* mailbox.h -- letters from any thread to one shard.
 *
 * A letter lies inside its owner's memory and is the mailbox's from mailbox_post() until the shard
 * has taken it. Many threads post, one takes: an intrusive stack that is taken whole and turned
 * round, so that letters of one poster arrive in the order in which they were posted, posting is
 * one compare-and-swap, and there is nothing to allocate or to fill up (each poster's own memory
 * is the limit). Why not a ring for each pair of shards: docs/decisions/0010.
 *
 * The doorbell: a shard that is about to wait says so with mailbox_sleep(); whoever posts first
 * after that is told to wake it, and nobody else. A shard that is awake costs a poster no system
 * call.
 *
 * Owner      a shard.
 * Thread     post from any; all else from the shard's.
 * Fails      cannot.
 */
#ifndef SHARD_MAILBOX_H
#define SHARD_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct shard;

struct letter {
    struct letter *next;                              /* mailbox's */
    void (*open)(struct letter *l, struct shard *at); /* runs on the shard that took it */
};

struct mailbox {
    _Atomic(struct letter *) top; /* newest first; posters push, the shard takes all */
    atomic_bool asleep;           /* the shard sets it; whoever clears it owes a wake-up */
    char pad[64 - sizeof(void *) - sizeof(atomic_bool)]; /* posters share this line, no other */
};

void mailbox_open(struct mailbox *m);
/* Returns true when the shard sleeps: the caller must wake it. */
bool mailbox_post(struct mailbox *m, struct letter *l);
/* All letters, oldest first, linked by `next`; NULL: none. */
struct letter *mailbox_take(struct mailbox *m);
bool mailbox_empty(const struct mailbox *m);
/* Announces that the shard is about to wait. False: there is mail, do not wait. */
bool mailbox_sleep(struct mailbox *m);
void mailbox_wake(struct mailbox *m); /* the shard is back, for whatever reason */

#endif
