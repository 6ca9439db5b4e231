/* group_gone.c -- topics that were deleted, and commits that have not heard of it.
 *
 * Whoever commits has looked its topics up before, and a topic may be deleted while the commit is
 * on its way here, or from here to the log. Neither may bring an offset back: another topic of that
 * name would be read from there. So every deletion has a number, a commit says up to which one it
 * has heard (group_request.topics_seen), and the names of the latest ones are kept:
 *
 *   a commit comes           rows of topics that were deleted after its number are refused
 *   its record is durable    likewise: such rows are gone at once, and the next look forgets them
 *   the log was read         all its rows are older than what was deleted meanwhile
 */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/coord/group_in.h"

#define GONE_MAX 1024u /* a commit that is on its way for longer than so many is to come again */

/* Up to which deletion all have heard whose records are under way. */
static uint64_t seen_by_writes(const struct groups *gs)
{
    uint64_t seen = UINT64_MAX;
    list_each (&gs->writes, n) {
        const struct group_write *w = container_of(n, struct group_write, node);
        if (w->kind == WRITE_OFFSETS && w->request)
            seen = min_u64(seen, w->request->topics_seen);
    }
    return seen;
}

static void gone_prune(struct groups *gs)
{
    uint64_t seen = gs->started ? seen_by_writes(gs) : 0;
    uint32_t count = 0;
    while (gs->gone_count - count > GONE_MAX && gs->gone[count].version <= seen)
        group_text_free(&gs->gone[count++].name);
    if (!count)
        return;
    gs->gone_floor = gs->gone[count - 1].version;
    gs->gone_count -= count;
    memmove(gs->gone, gs->gone + count, gs->gone_count * sizeof(*gs->gone));
}

void group_topic_gone(struct groups *gs, struct bytes topic, uint64_t version)
{
    uint64_t last = gs->gone_count ? gs->gone[gs->gone_count - 1].version : gs->gone_floor;
    check(version > last);
    gs->gone = array_grow(gs->gone, &gs->gone_cap, (uint64_t)gs->gone_count + 1, sizeof(*gs->gone));
    gs->gone[gs->gone_count++] = (struct group_gone){ group_text_copy(topic), version };
    gone_prune(gs);
    if (gs->started)
        group_offsets_hide(gs, topic);
}

void group_gone_start(struct groups *gs)
{
    for (uint32_t i = 0; i < gs->gone_count; i++)
        group_offsets_hide(gs, gs->gone[i].name);
    gone_prune(gs);
}

enum group_err group_gone_check(const struct groups *gs, struct bytes topic, uint64_t seen)
{
    if (seen < gs->gone_floor)
        return GROUP_ERR_UNAVAILABLE; /* nobody knows any more: it asks again */
    for (uint32_t i = gs->gone_count; i > 0 && gs->gone[i - 1].version > seen; i--)
        if (bytes_equal(gs->gone[i - 1].name, topic))
            return GROUP_ERR_UNKNOWN_TOPIC;
    return GROUP_ERR_OK;
}

void group_gone_close(struct groups *gs)
{
    for (uint32_t i = 0; i < gs->gone_count; i++)
        group_text_free(&gs->gone[i].name);
    free(gs->gone);
}
