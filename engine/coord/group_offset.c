/* group_offset.c -- committed offsets: by topic, then by partition.
 *
 * A commit becomes what is known only when its record is durable, and in the order of the log, by
 * the same function that replays the log. */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/coord/group_in.h"

/* ---- the table ---- */

/* Where the topic is, or would be. */
static uint32_t topic_place(const struct group *g, struct bytes name)
{
    uint32_t low = 0, high = g->topic_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        struct bytes at = g->topics[mid].name;
        int order = memcmp(at.at, name.at, min_u64(at.len, name.len));
        if (order < 0 || (order == 0 && at.len < name.len))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static uint32_t row_place(const struct topic_rows *t, int32_t partition)
{
    uint32_t low = 0, high = t->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (t->rows[mid].partition < partition)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct topic_rows *topic_find(const struct group *g, struct bytes name)
{
    uint32_t at = topic_place(g, name);
    return at < g->topic_count && bytes_equal(g->topics[at].name, name) ? &g->topics[at] : NULL;
}

struct offset_row *group_offset_find(const struct group *g, struct bytes topic, int32_t partition)
{
    const struct topic_rows *t = topic_find(g, topic);
    uint32_t at = t ? row_place(t, partition) : 0;
    return t && at < t->count && t->rows[at].partition == partition ? &t->rows[at] : NULL;
}

struct group_note_offset group_offset_note(const struct topic_rows *t, const struct offset_row *r)
{
    return (struct group_note_offset){ .topic = t->name,
                                       .partition = r->partition,
                                       .leader_epoch = r->leader_epoch,
                                       .off = r->off,
                                       .commit_ms = r->commit_ms,
                                       .expire_ms = r->expire_ms,
                                       .metadata = r->metadata };
}

static uint64_t row_bytes(const struct topic_rows *t, const struct offset_row *r)
{
    struct group_note_offset o = group_offset_note(t, r);
    return group_note_offset_bytes(&o);
}

static struct topic_rows *topic_add(struct group *g, struct bytes name)
{
    struct topic_rows *t = topic_find(g, name);
    if (t)
        return t;
    uint32_t at = topic_place(g, name);
    g->topics =
        array_grow(g->topics, &g->topic_cap, (uint64_t)g->topic_count + 1, sizeof(*g->topics));
    memmove(g->topics + at + 1, g->topics + at, (g->topic_count - at) * sizeof(*g->topics));
    g->topic_count++;
    g->topics[at] = (struct topic_rows){ .name = group_text_copy(name) };
    return &g->topics[at];
}

static void row_set(struct groups *gs, struct group *g, const struct group_note_offset *o,
                    uint64_t seen)
{
    struct topic_rows *t = topic_add(g, o->topic);
    uint32_t at = row_place(t, o->partition);
    if (at == t->count || t->rows[at].partition != o->partition) {
        t->rows = array_grow(t->rows, &t->cap, (uint64_t)t->count + 1, sizeof(*t->rows));
        memmove(t->rows + at + 1, t->rows + at, (t->count - at) * sizeof(*t->rows));
        t->count++;
        t->rows[at] = (struct offset_row){ .partition = o->partition };
    } else {
        gs->bytes -= row_bytes(t, &t->rows[at]);
    }
    struct offset_row *r = &t->rows[at];
    r->off = o->off;
    r->leader_epoch = o->leader_epoch;
    r->commit_ms = o->commit_ms;
    r->expire_ms = o->expire_ms;
    r->gone = group_gone_check(gs, o->topic, seen) != GROUP_ERR_OK;
    if (r->gone)
        gs->sweep_due_ms = gs->now_ms;
    group_text_set(&r->metadata, o->metadata);
    gs->bytes += row_bytes(t, r);
}

static void topic_drop(struct group *g, struct topic_rows *t)
{
    uint32_t at = (uint32_t)(t - g->topics);
    group_text_free(&t->name);
    free(t->rows);
    g->topic_count--;
    memmove(g->topics + at, g->topics + at + 1, (g->topic_count - at) * sizeof(*g->topics));
}

static void row_forget(struct groups *gs, struct group *g, const struct group_note_offset *o)
{
    struct offset_row *r = group_offset_find(g, o->topic, o->partition);
    if (!r)
        return;
    struct topic_rows *t = topic_find(g, o->topic);
    gs->bytes -= row_bytes(t, r);
    group_text_free(&r->metadata);
    uint32_t at = (uint32_t)(r - t->rows);
    t->count--;
    memmove(t->rows + at, t->rows + at + 1, (t->count - at) * sizeof(*t->rows));
    if (!t->count)
        topic_drop(g, t);
}

void group_offsets_apply(struct groups *gs, struct group *g, const struct group_note *n,
                         uint64_t seen)
{
    struct group_note_offset o = { 0 };
    struct bytes rows = n->rows;
    for (uint32_t i = 0; i < n->count; i++) {
        group_note_offset(&rows, n->kind, &o);
        if (n->kind == GROUP_NOTE_OFFSETS)
            row_set(gs, g, &o, seen);
        else
            row_forget(gs, g, &o);
    }
}

void group_offsets_clear(struct groups *gs, struct group *g)
{
    for (uint32_t i = 0; i < g->topic_count; i++) {
        struct topic_rows *t = &g->topics[i];
        for (uint32_t k = 0; k < t->count; k++) {
            gs->bytes -= row_bytes(t, &t->rows[k]);
            group_text_free(&t->rows[k].metadata);
        }
        group_text_free(&t->name);
        free(t->rows);
    }
    free(g->topics);
    g->topics = NULL;
    g->topic_count = g->topic_cap = 0;
}

void group_offsets_hide(struct groups *gs, struct bytes topic)
{
    for (struct group *g = group_first(gs); g; g = group_next(gs, g)) {
        struct topic_rows *t = topic_find(g, topic);
        for (uint32_t i = 0; t && i < t->count; i++) {
            t->rows[i].gone = true;
            gs->sweep_due_ms = gs->now_ms;
        }
    }
}

void group_offsets_each(const struct group *g,
                        void (*each)(void *arg, const struct group_note_offset *o), void *arg)
{
    for (uint32_t i = 0; i < g->topic_count; i++) {
        for (uint32_t k = 0; k < g->topics[i].count; k++) {
            struct group_note_offset o = group_offset_note(&g->topics[i], &g->topics[i].rows[k]);
            each(arg, &o);
        }
    }
}
