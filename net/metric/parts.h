/* parts.h -- the figures of every partition of a running node, with the names of their topics.
 *
 *     p = (struct parts){ .serve = s, .home = this shard, .done = tell };
 *     parts_start(&p, room);           -> tell(&p), in a later turn of this shard
 *     parts_free(&p);                  when they are told
 *
 * Thread     starts in a turn of shard `home`, and `done` runs there.
 * Memory     room x 120 B and the names of all topics, until parts_free().
 * Fails      err: NO_MEMORY, or what the verbs give; then there are none.
 */
#ifndef NET_METRIC_PARTS_H
#define NET_METRIC_PARTS_H

#include "engine/serve/serve.h"

struct parts {
    struct serve *serve;
    uint32_t home;
    void (*done)(struct parts *p);
    /* Results. */
    enum err err;
    struct part_state_info *infos;
    const char **topics; /* topics[i] is the name of infos[i]'s */
    uint32_t count, left_out;
    /* Its own. */
    uint32_t room;
    struct verb_list list;
    struct verb_parts ask;
};
/* At most `room` partitions, shard by shard; left_out counts the others. */
void parts_start(struct parts *p, uint32_t room);
void parts_free(struct parts *p); /* again is fine, not while it is under way */

#endif
