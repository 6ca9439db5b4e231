/* groups.h -- how far every consumer group of a running node is behind.
 *
 *     g = (struct groups_walk){ .serve = s, .home = this shard, .done = tell,
 *                               .groups_max = n, .rows_max = m };
 *     groups_walk_start(&g);           -> tell(&g), in a later turn of this shard
 *     groups_walk_free(&g);            when they are told
 *
 * Groups are taken in the order of their ids, and of each all that it has committed, until a limit
 * is reached. A ward that cannot answer now, a partition that is not there, and a group whose id no
 * label can hold (above 255 bytes, or no UTF-8) have no rows; those groups are counted.
 *
 * Thread     starts in a turn of shard `home`, and `done` runs there.
 * Memory     rows_max x 320 B, and the ids of all groups, until groups_walk_free().
 * Fails      never.
 */
#ifndef NET_METRIC_GROUPS_H
#define NET_METRIC_GROUPS_H

#include "net/metric/lags.h"
#include "net/metric/metric.h"

struct groups_walk {
    struct serve *serve;
    uint32_t home;
    uint32_t groups_max, rows_max;
    uint64_t timed_until_ns; /* as of struct lags */
    void (*done)(struct groups_walk *g);
    /* Results. */
    struct metrics_lag *rows;
    uint32_t count;
    uint32_t left_out; /* groups of which some rows are missing */
    /* Its own. */
    char **ids;
    uint32_t id_count, id_cap, at;
    struct verb_group list;
    struct lags lags;
};
void groups_walk_start(struct groups_walk *g);
void groups_walk_free(struct groups_walk *g); /* again is fine, not while it is under way */

#endif
