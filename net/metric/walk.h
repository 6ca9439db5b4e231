/* walk.h -- the figures of a running node, asked of one shard after another.
 *
 *     w = (struct walk){ .serve = s, .board = b, .home = this shard, .count = n, .done = tell };
 *     w.shards = room for n;
 *     walk_start(&w);                  -> tell(&w), in a later turn of this shard
 *
 * A letter goes from shard to shard, and takes copies there: what the engine has, what the fronts
 * counted. So the figures of a shard are of one moment, those of two shards are not.
 *
 * Thread     starts in a turn of shard `home`, and `done` runs there.
 * Memory     the caller's, borrowed from walk_start() until done.
 * Fails      err: what serve_stats() gives; then no figure is valid.
 */
#ifndef NET_METRIC_WALK_H
#define NET_METRIC_WALK_H

#include "net/metric/board.h"

struct walk {
    struct serve *serve;
    const struct metrics_board *board;
    uint32_t home;
    uint32_t first, count;        /* which shards */
    struct metrics_shard *shards; /* shards[i] is shard first + i */
    void (*done)(struct walk *w);
    void *arg;
    enum err err; /* result */
    /* The walk's. */
    struct verb_stats ask;
    struct letter letter;
};
void walk_start(struct walk *w);

#endif
