/* helper.h -- work that is too long for a shard's turn, done by threads beside the shards.
 *
 *     h = helper_open();                   whoever starts the node
 *     helper_run(h);                       in threads of their own, until helper_stop()
 *     helper_do(h, &job, shard);           from the shard; job.done runs there, later
 *
 * Each thread does one job after another, in no order among them. Without a helper (NULL) a job is
 * done in a turn of the shard, soon after: in the simulator there is nobody else.
 *
 * Thread     helper_do() from any shard; helper_run() in any number of others.
 * Memory     the caller's: a job is borrowed until its done.
 */
#ifndef DOOR_HELPER_H
#define DOOR_HELPER_H

#include "engine/serve/serve.h"

struct helper;

struct job {
    void (*run)(struct job *j);  /* in the helper's thread; touches nothing of a shard */
    void (*done)(struct job *j); /* in the shard's turn */
    /* Helper's. */
    struct node node;
    struct letter letter;
    struct shard *home;
};

struct helper *helper_open(void);
void helper_run(struct helper *h);
/* Any thread: each helper_run() returns when no job is left. */
void helper_stop(struct helper *h);
void helper_close(struct helper **h); /* it does not run any more; NULL is fine */
void helper_do(struct helper *h, struct job *j, struct shard *home);

#endif
