/* group_log.c -- records out, their answers, and the log shortened.
 *
 * Answers of appends may come out of order; what they mean happens in the order of the log. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/group_in.h"

#define RECORD_HEAD_BYTES 96u /* of batch and record around the notes, about */
#define SNAPSHOT_FACTOR   4u  /* the log is shortened to at most a quarter */

/* ---- notes of a group ---- */

size_t group_members_bytes(const struct group *g)
{
    return group_note_head_bytes(g->id) + g->protocol_type.len + g->protocol.len +
           (g->leader ? g->leader->is.id.len : 0) + g->member_bytes + g->assigned_bytes;
}

static void members_write(struct group_writer *w, const struct group *g)
{
    struct group_note n = { .kind = GROUP_NOTE_GROUP,
                            .group = g->id,
                            .protocol_type = g->protocol_type,
                            .protocol = g->protocol,
                            .time_ms = g->since_ms,
                            .generation = g->generation,
                            .assigned = g->state == GROUP_STABLE };
    if (g->leader)
        n.leader = g->leader->is.id;
    group_writer_open(w, &n);
    list_each (&g->members, m)
        group_writer_member(w, &container_of(m, struct member, node)->is);
    group_writer_close(w);
}

/* ---- out ---- */

void group_append(struct groups *gs, enum write_kind kind, struct group *g, struct group_request *q,
                  struct bytes record)
{
    struct group_write *w = malloc(sizeof(*w));
    check(w && gs->started);
    *w = (struct group_write){ .kind = kind, .group = g, .request = q, .record = record };
    list_push(&gs->writes, &w->node);
    gs->under_way++;
    gs->log_bytes += RECORD_HEAD_BYTES + record.len;
    if (g) {
        check(!g->writing);
        g->under_way++;
        g->writing = kind == WRITE_OFFSETS ? NULL : w;
    }
    struct group_action *act = group_act(gs->out, GROUP_APPEND);
    act->record = record;
    act->write = w;
}

void group_append_members(struct groups *gs, enum write_kind kind, struct group *g,
                          struct group_request *q)
{
    struct group_writer w = { 0 };
    enum group_state was = g->state;
    if (kind == WRITE_ASSIGNMENT)
        g->state = GROUP_STABLE; /* as the record has it; the group gets there when it is durable */
    members_write(&w, g);
    g->state = was;
    group_append(gs, kind, g, q, (struct bytes){ w.at, w.len });
}

/* ---- back ---- */

static void snapshot_written(struct groups *gs, const struct group_write *w)
{
    gs->snapshot_failed = gs->snapshot_failed || w->err != ERR_OK;
    if (gs->snapshot_off == UINT64_MAX)
        gs->snapshot_off = w->off;
    if (--gs->snapshot_left || gs->snapshot_failed)
        return;
    group_act(gs->out, GROUP_TRIM)->off = gs->snapshot_off;
}

static void gone_written(struct groups *gs, struct group_write *w)
{
    struct group *g = w->group;
    if (w->request)
        group_answer(gs, w->request, group_err_of(w->err));
    if (w->err != ERR_OK)
        return;
    struct list parked;
    list_init(&parked);
    list_move(&parked, &g->parked);
    w->group = NULL;
    group_move(g, GROUP_DEAD);
    group_free(gs, g);
    group_release(gs, &parked);
}

static void member_written(struct groups *gs, struct group_write *w)
{
    struct group_request *q = w->request;
    if (w->err != ERR_OK) {
        group_block_free(q);
        memset(&q->out, 0, sizeof(q->out)); /* it pointed there */
    }
    group_answer(gs, q, group_err_of(w->err));
}

static void offsets_written(struct groups *gs, struct group_write *w)
{
    struct group_note n;
    struct bytes left = w->record;
    if (w->err == ERR_OK) {
        check(group_note_decode(&left, &n, NULL) == ERR_OK && !left.len);
        group_offsets_apply(gs, w->group, &n, w->request ? w->request->topics_seen : UINT64_MAX);
    }
    group_offsets_written(gs, w);
}

/* The record is what the log says of the members from now on. */
static void note_keep(struct group *g, struct bytes *record)
{
    group_text_free(&g->note);
    g->note = *record;
    *record = (struct bytes){ NULL, 0 };
}

static void written(struct groups *gs, struct group_write *w)
{
    bool members = w->kind <= WRITE_MEMBER;
    if (members && w->err == ERR_OK)
        note_keep(w->group, &w->record);
    switch (w->kind) {
    case WRITE_GENERATION:
        group_generation_written(gs, w->group, w->err);
        break;
    case WRITE_ASSIGNMENT:
        group_assignment_written(gs, w->group, w->err);
        break;
    case WRITE_MEMBER:
        member_written(gs, w);
        break;
    case WRITE_GONE:
        gone_written(gs, w);
        break;
    case WRITE_OFFSETS:
        offsets_written(gs, w);
        break;
    case WRITE_SNAPSHOT:
        snapshot_written(gs, w);
        break;
    }
}

/* It is the oldest one under way. */
static void write_end(struct groups *gs, struct group_write *w)
{
    struct group *g = w->group;
    bool blocked = g && g->writing == w;
    node_unlink(&w->node);
    gs->under_way--;
    if (g) {
        g->under_way--;
        g->recorded = g->recorded || w->err == ERR_OK;
        g->writing = blocked ? NULL : g->writing;
    }
    written(gs, w);
    g = w->group; /* gone: NULL */
    if (g && blocked && !g->writing) {
        group_release(gs, &g->parked);
        group_arm(gs, g, group_due_ms(g));
    }
    free((void *)w->record.at);
    free(w);
}

void group_appended(struct groups *gs, const struct group_event *in)
{
    struct node *n;
    in->write->ended = true;
    in->write->err = in->err;
    in->write->off = in->off;
    while ((n = list_first(&gs->writes)) && container_of(n, struct group_write, node)->ended)
        write_end(gs, container_of(n, struct group_write, node));
}

/* ---- replay ---- */

static void members_apply(struct groups *gs, struct group *g, const struct group_note *n)
{
    struct group_note_member is;
    struct bytes rows = n->rows;
    members_clear(gs, g);
    for (uint32_t i = 0; i < n->count; i++) {
        group_note_member(&rows, &is);
        if (member_find(g, is.id))
            continue; /* none of ours: no member is in a group twice */
        struct member *m = member_add(gs, g, &is);
        m->synced = n->assigned;
        if (bytes_equal(is.id, n->leader))
            g->leader = m;
    }
    group_type_set(gs, g, n->protocol_type);
    group_text_set(&g->protocol, n->protocol);
    g->generation = pitfall(KAFKA_GENERATION_AGAIN) ? 0 : n->generation;
    g->since_ms = n->time_ms;
    g->state = !n->count ? GROUP_EMPTY : n->assigned ? GROUP_STABLE : GROUP_COMPLETING;
}

static void note_apply(struct groups *gs, const struct group_note *n, struct bytes raw)
{
    struct group *g = group_find(gs, n->group);
    if (n->kind == GROUP_NOTE_GONE) {
        if (g)
            group_free(gs, g);
        return;
    }
    g = g ? g : group_make(gs, n->group);
    g->recorded = true;
    if (n->kind == GROUP_NOTE_GROUP) {
        members_apply(gs, g, n);
        group_text_set(&g->note, raw);
    } else {
        group_offsets_apply(gs, g, n, UINT64_MAX);
    }
}

enum err group_replay(struct groups *gs, const struct group_event *in)
{
    struct bytes left = in->record;
    struct group_note n;
    check(!gs->started);
    while (left.len) {
        struct bytes raw = left;
        TRY(group_note_decode(&left, &n, in->why));
        note_apply(gs, &n, (struct bytes){ raw.at, raw.len - left.len });
    }
    gs->log_bytes += RECORD_HEAD_BYTES + in->record.len;
    return ERR_OK;
}

/* ---- the log shortened ----
 *
 * Nothing is under way, so what is known is what the log says: the whole of it, once more. */

struct snapshot {
    struct groups *gs;
    const struct group *group;
    struct group_writer w;
    uint32_t rows; /* of the open note of offsets; 0: none is open */
};

static void snapshot_flush(struct snapshot *s)
{
    s->gs->snapshot_left++;
    group_append(s->gs, WRITE_SNAPSHOT, NULL, NULL, (struct bytes){ s->w.at, s->w.len });
    s->w = (struct group_writer){ 0 };
}

static void snapshot_room(struct snapshot *s, size_t len)
{
    if (s->w.len + len <= s->gs->opts.record_max)
        return;
    if (s->rows)
        group_writer_close(&s->w);
    s->rows = 0;
    if (s->w.len)
        snapshot_flush(s);
}

static void snapshot_offset(void *arg, const struct group_note_offset *o)
{
    struct snapshot *s = arg;
    struct group_note n = { .kind = GROUP_NOTE_OFFSETS, .group = s->group->id };
    snapshot_room(s, group_note_head_bytes(n.group) + group_note_offset_bytes(o));
    if (!s->rows++)
        group_writer_open(&s->w, &n);
    group_writer_offset(&s->w, GROUP_NOTE_OFFSETS, o);
}

static void snapshot_group(struct snapshot *s, const struct group *g)
{
    s->group = g;
    s->rows = 0;
    snapshot_room(s, g->note.len);
    group_writer_raw(&s->w, g->note);
    group_offsets_each(g, snapshot_offset, s);
    if (s->rows)
        group_writer_close(&s->w);
}

static void snapshot_write(struct groups *gs)
{
    struct snapshot s = { .gs = gs };
    uint64_t before = gs->log_bytes;
    gs->snapshot_off = UINT64_MAX;
    gs->snapshot_failed = false;
    for (const struct group *g = group_first(gs); g; g = group_next(gs, g))
        if (g->recorded)
            snapshot_group(&s, g);
    if (s.w.len || !gs->snapshot_left)
        snapshot_flush(&s); /* also if there is nothing to say: the log is trimmed up to here */
    gs->log_bytes -= before;
    gs->snapshot_at = max_u64(gs->opts.snapshot_bytes, SNAPSHOT_FACTOR * gs->log_bytes);
}

void group_snapshot(struct groups *gs)
{
    if (!gs->started || gs->stopped || gs->snapshot_left)
        return;
    uint64_t least = SNAPSHOT_FACTOR * gs->bytes;
    if (!gs->settling && gs->log_bytes <= max_u64(gs->snapshot_at, least))
        return; /* what is waited for is done, even if more is kept by now: others wait behind it */
    gs->settling = gs->under_way > 0 && !pitfall(KAFKA_SNAPSHOT_EARLY);
    if (gs->settling)
        return;
    snapshot_write(gs);
    group_release(gs, &gs->parked);
}
