/* lags.h -- how far a consumer group is behind, partition by partition.
 *
 *     l = (struct lags){ .serve = s, .home = this shard, .group = id, .room = n, .done = tell };
 *     lags_start(&l);                  -> tell(&l), in a later turn of this shard
 *     lags_free(&l);                   when they are told
 *
 * What the group has committed, in the order of topic and partition, and for each what the
 * partition's shard says of it (serve_lag), one after another. A group that is not there has
 * committed nothing.
 *
 * Thread     starts in a turn of shard `home`, and `done` runs there.
 * Memory     what the group has committed, until lags_free(); `group` and `after_topic` are
 *            borrowed until then.
 * Fails      err: what the group's ward gives; then there are no rows. What becomes of a partition
 *            is its row's own err.
 */
#ifndef NET_METRIC_LAGS_H
#define NET_METRIC_LAGS_H

#include "engine/serve/serve.h"

struct lag_row {
    struct bytes topic;
    uint32_t partition;
    enum err err; /* not OK: of the rest only `committed` is known */
    uint64_t committed;
    uint64_t start_off, end_off, records, bytes;
    int64_t lag_ms; /* -1: not known; see struct verb_lag */
};

struct lags {
    struct serve *serve;
    uint32_t home;
    struct bytes group;
    struct bytes after_topic; /* rows above this one alone; empty: all */
    uint32_t after_partition;
    uint32_t room;
    uint64_t timed_until_ns; /* of the shard's clock: later rows are not timed. 0: all are */
    uint64_t client;         /* whose reads they are, as of a fetch */
    void (*done)(struct lags *l);
    void *arg;
    /* Results. */
    enum err err;
    enum group_err group_err;
    struct lag_row *rows;
    uint32_t count, left_out; /* left_out: for which there was no room */
    /* Its own. */
    uint32_t at; /* the row that is being filled */
    struct verb_group ask;
    struct verb_describe describe;
    struct verb_lag lag;
    struct topic_info *topic; /* of row `at`, if it is there */
    char name[256];           /* that was asked for; empty: none */
};
void lags_start(struct lags *l);
void lags_free(struct lags *l); /* again is fine, not while it is under way */

#endif
