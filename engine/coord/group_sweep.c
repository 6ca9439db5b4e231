/* group_sweep.c -- what is forgotten in time: offsets that are too old, groups of which nothing is
 * left. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/group_in.h"

#define SWEEP_MAX      64u  /* records of one look ... */
#define SWEEP_AGAIN_MS 100u /* ... and when the rest is looked at */

/* By its own time, or nobody has committed, or was there, for the retention. */
static bool row_old(const struct groups *gs, const struct group *g, const struct offset_row *r)
{
    if (r->expire_ms >= 0)
        return r->expire_ms <= gs->wall_ms;
    int64_t since = r->commit_ms;
    if (g->state == GROUP_EMPTY && g->protocol_type.at)
        since = max_i64(since, g->since_ms);
    return since <= gs->wall_ms - gs->opts.retention_ms; /* a log may say any time */
}

/* As long as a group has members, offsets grow old where it is one of consumers, and none of them
 * subscribes to the topic. */
static bool topic_ages(const struct group *g, const struct topic_rows *t, struct group_reads *reads)
{
    if (g->state == GROUP_EMPTY)
        return true;
    if (g->state != GROUP_STABLE || !group_consumes(g))
        return false;
    if (!reads->slots)
        group_reads_open(reads, g);
    return !group_reads(reads, t->name);
}

/* Of a topic; true: all of it is too old. Its age is looked at first: most rows are young. */
static bool topic_expire(struct groups *gs, const struct group *g, const struct topic_rows *t,
                         struct group_reads *reads, struct group_writer *w, uint32_t *rows)
{
    bool all = true, known = false, ages = false;
    for (uint32_t k = 0; k < t->count; k++) {
        const struct offset_row *r = &t->rows[k];
        struct group_note_offset o = group_offset_note(t, r);
        bool old = !r->gone && row_old(gs, g, r);
        if (old && !known) {
            ages = topic_ages(g, t, reads);
            known = true;
        }
        if (!(r->gone || (old && ages)) ||
            w->len + group_note_offset_bytes(&o) > gs->opts.record_max) {
            all = false;
            continue;
        }
        group_writer_offset(w, GROUP_NOTE_FORGET, &o);
        ++*rows;
    }
    return all;
}

/* One record's worth; true: all that the group has is too old. */
static bool group_expire(struct groups *gs, const struct group *g, struct group_writer *w,
                         uint32_t *rows)
{
    struct group_reads reads = { 0 };
    bool all = true;
    for (uint32_t i = 0; i < g->topic_count; i++)
        all = topic_expire(gs, g, &g->topics[i], &reads, w, rows) && all;
    group_reads_close(&reads);
    return all;
}

/* Returns whether it was worth a record. */
static bool group_look(struct groups *gs, struct group *g)
{
    struct group_writer w = { 0 };
    uint32_t rows = 0;
    group_writer_open(&w, &(struct group_note){ .kind = GROUP_NOTE_FORGET, .group = g->id });
    bool all = group_expire(gs, g, &w, &rows);
    if (!all || g->state != GROUP_EMPTY || g->pending_count) {
        group_forget(gs, g, NULL, &w, rows);
        return rows > 0;
    }
    free(w.at);
    if (g->recorded) {
        probe("group: nothing is left of it");
        group_end(gs, g, NULL);
        return true;
    }
    group_free(gs, g);
    return false;
}

static bool group_has_gone(const struct group *g)
{
    for (uint32_t i = 0; i < g->topic_count; i++)
        for (uint32_t k = 0; k < g->topics[i].count; k++)
            if (g->topics[i].rows[k].gone)
                return true;
    return false;
}

/* What is under way for a group may bring the offset anew that is about to be forgotten: it is
 * looked at when nothing is. */
void group_sweep(struct groups *gs)
{
    uint32_t records = 0;
    bool again = false;
    gs->sweep_due_ms = gs->now_ms + gs->opts.sweep_ms;
    for (struct group *g = group_first(gs), *next; g && records < SWEEP_MAX; g = next) {
        next = group_next(gs, g);
        if (!g->under_way)
            records += group_look(gs, g);
        else
            again = again || group_has_gone(g);
    }
    if (again || records == SWEEP_MAX)
        gs->sweep_due_ms = gs->now_ms + SWEEP_AGAIN_MS;
}
