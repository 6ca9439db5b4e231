/* group_commit.c -- what is asked of offsets: commit, fetch, delete. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/coord/group_in.h"

/* ---- commit ---- */

static enum group_err commit_check(const struct group *g, const struct group_request *q)
{
    bool member = q->generation >= 0 || q->member.len || q->instance.at;
    if (!g)
        return q->generation < 0 ? GROUP_ERR_OK : GROUP_ERR_ILLEGAL_GENERATION;
    if (q->generation < 0 && g->state == GROUP_EMPTY)
        return GROUP_ERR_OK;
    if (!member)
        return GROUP_ERR_UNKNOWN_MEMBER; /* the group's members alone commit */
    enum group_err err = member_validate(g, q->member, q->instance);
    if (err != GROUP_ERR_OK)
        return err;
    if (q->generation != g->generation && !pitfall(KAFKA_ZOMBIE_COMMIT))
        return GROUP_ERR_ILLEGAL_GENERATION;
    return g->state == GROUP_COMPLETING ? GROUP_ERR_REBALANCE_IN_PROGRESS : GROUP_ERR_OK;
}

static enum group_err commit_row_check(const struct groups *gs, const struct group_request *q,
                                       const struct group_offset *o)
{
    if (o->partition < 0 || !o->topic.len || o->topic.len > GROUP_TEXT_MAX)
        return GROUP_ERR_INVALID_REQUEST;
    if (o->metadata.len > gs->opts.metadata_max)
        return GROUP_ERR_OFFSET_METADATA_TOO_LARGE;
    return group_gone_check(gs, o->topic, q->topics_seen);
}

static void commit_row(const struct groups *gs, struct group_writer *w,
                       const struct group_request *q, const struct group_offset *o)
{
    struct group_note_offset row = { .topic = o->topic,
                                     .partition = o->partition,
                                     .leader_epoch = o->leader_epoch,
                                     .off = o->off,
                                     .commit_ms = gs->wall_ms,
                                     .expire_ms = -1,
                                     .metadata = o->metadata };
    if (q->retention_ms >= 0)
        row.expire_ms =
            q->retention_ms > INT64_MAX - gs->wall_ms ? INT64_MAX : gs->wall_ms + q->retention_ms;
    if (!row.metadata.at)
        row.metadata = (struct bytes){ (const uint8_t *)"", 0 };
    group_writer_offset(w, GROUP_NOTE_OFFSETS, &row);
}

/* What those rows get that were fine by themselves. */
static void rows_end(struct groups *gs, struct group_request *q, enum group_err err)
{
    for (uint32_t i = 0; i < q->offset_count; i++)
        if (q->offsets[i].err == GROUP_ERR_OK)
            q->offsets[i].err = err;
    group_answer(gs, q, err);
}

static uint32_t commit_encode(const struct groups *gs, struct group_request *q,
                              struct group_writer *w)
{
    uint32_t count = 0;
    group_writer_open(w, &(struct group_note){ .kind = GROUP_NOTE_OFFSETS, .group = q->group });
    for (uint32_t i = 0; i < q->offset_count; i++) {
        if (q->offsets[i].err != GROUP_ERR_OK)
            continue;
        commit_row(gs, w, q, &q->offsets[i]);
        count++;
    }
    group_writer_close(w);
    return count;
}

/* Bytes of the rows as they will be counted: each with its topic. */
static uint64_t commit_bytes(const struct group_request *q)
{
    uint64_t sum = group_note_head_bytes(q->group);
    for (uint32_t i = 0; i < q->offset_count; i++) {
        struct group_note_offset o = { .topic = q->offsets[i].topic,
                                       .metadata = q->offsets[i].metadata };
        sum += q->offsets[i].err == GROUP_ERR_OK ? group_note_offset_bytes(&o) : 0;
    }
    return sum;
}

void group_commit(struct groups *gs, struct group *g, struct group_request *q)
{
    struct group_writer w = { 0 };
    enum group_err err = commit_check(g, q);
    struct member *m = g && q->member.len ? member_find(g, q->member) : NULL;
    for (uint32_t i = 0; i < q->offset_count; i++)
        q->offsets[i].err = err != GROUP_ERR_OK ? err : commit_row_check(gs, q, &q->offsets[i]);
    if (err == GROUP_ERR_OK && m)
        member_touch(gs, g, m);
    if (err == GROUP_ERR_OK && !g && gs->count >= gs->opts.groups_max)
        err = GROUP_ERR_FULL;
    if (err == GROUP_ERR_OK && gs->bytes + commit_bytes(q) > gs->opts.bytes_max)
        err = GROUP_ERR_COMMIT_TOO_LARGE;
    uint32_t rows = err == GROUP_ERR_OK ? commit_encode(gs, q, &w) : 0;
    if (w.len > gs->opts.record_max)
        err = GROUP_ERR_COMMIT_TOO_LARGE;
    if (err != GROUP_ERR_OK || !rows) {
        free(w.at);
        rows_end(gs, q, err);
        return;
    }
    g = g ? g : group_make(gs, q->group);
    group_append(gs, WRITE_OFFSETS, g, q, (struct bytes){ w.at, w.len });
}

void group_offsets_written(struct groups *gs, struct group_write *w)
{
    if (w->request)
        rows_end(gs, w->request, group_err_of(w->err));
}

/* ---- fetch ---- */

static void fetch_row(const struct group *g, struct group_offset *o)
{
    const struct offset_row *r = g ? group_offset_find(g, o->topic, o->partition) : NULL;
    r = r && r->gone ? NULL : r;
    o->off = r ? r->off : -1;
    o->leader_epoch = r ? r->leader_epoch : -1;
    o->metadata = r ? r->metadata : (struct bytes){ (const uint8_t *)"", 0 };
    o->err = GROUP_ERR_OK;
}

static void fetch_given(const struct group *g, struct group_request *q)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < q->offset_count; i++) {
        fetch_row(g, &q->offsets[i]);
        bytes += q->offsets[i].metadata.len;
    }
    struct group_block b = group_block_open(bytes);
    for (uint32_t i = 0; i < q->offset_count; i++)
        q->offsets[i].metadata = group_block_text(&b, q->offsets[i].metadata);
    group_block_give(&b, q);
}

static void fetch_all(const struct group *g, struct group_request *q)
{
    size_t rows = 0, texts = 0;
    for (uint32_t i = 0; i < g->topic_count; i++) {
        texts += g->topics[i].name.len;
        rows += g->topics[i].count;
        for (uint32_t k = 0; k < g->topics[i].count; k++)
            texts += g->topics[i].rows[k].metadata.len;
    }
    struct group_block b = group_block_open(rows * sizeof(struct group_offset) + texts);
    struct group_offset *o = group_block_array(&b, rows * sizeof(*o));
    q->out.offsets = o;
    for (uint32_t i = 0; i < g->topic_count; i++) {
        struct bytes topic = group_block_text(&b, g->topics[i].name);
        for (uint32_t k = 0; k < g->topics[i].count; k++) {
            const struct offset_row *r = &g->topics[i].rows[k];
            if (r->gone)
                continue;
            *o++ = (struct group_offset){ .topic = topic,
                                          .partition = r->partition,
                                          .leader_epoch = r->leader_epoch,
                                          .off = r->off,
                                          .metadata = group_block_text(&b, r->metadata) };
        }
    }
    q->out.offset_count = (uint32_t)(o - q->out.offsets);
    group_block_give(&b, q);
}

void group_fetch(struct groups *gs, struct group *g, struct group_request *q)
{
    if (q->offsets)
        fetch_given(g, q);
    else if (g)
        fetch_all(g, q);
    group_answer(gs, q, GROUP_ERR_OK);
}

/* ---- forgetting ---- */

void group_forget(struct groups *gs, struct group *g, struct group_request *q,
                  struct group_writer *w, uint32_t rows)
{
    group_writer_close(w);
    if (rows) {
        group_append(gs, WRITE_OFFSETS, g, q, (struct bytes){ w->at, w->len });
        return;
    }
    free(w->at);
    if (q)
        rows_end(gs, q, GROUP_ERR_OK);
}

void group_delete_offsets(struct groups *gs, struct group *g, struct group_request *q)
{
    struct group_writer w = { 0 };
    uint32_t rows = 0;
    for (uint32_t i = 0; i < q->offset_count; i++)
        q->offsets[i].err = GROUP_ERR_OK;
    if (g->state != GROUP_EMPTY && !group_consumes(g)) {
        rows_end(gs, q, GROUP_ERR_NOT_EMPTY);
        return;
    }
    struct group_reads reads;
    group_reads_open(&reads, g);
    group_writer_open(&w, &(struct group_note){ .kind = GROUP_NOTE_FORGET, .group = g->id });
    for (uint32_t i = 0; i < q->offset_count; i++) {
        struct group_offset *o = &q->offsets[i];
        struct group_note_offset row = { .topic = o->topic, .partition = o->partition };
        if (group_reads(&reads, o->topic))
            o->err = GROUP_ERR_SUBSCRIBED;
        else if (group_offset_find(g, o->topic, o->partition))
            rows++, group_writer_offset(&w, GROUP_NOTE_FORGET, &row);
    }
    group_reads_close(&reads);
    if (w.len > gs->opts.record_max) {
        free(w.at);
        rows_end(gs, q, GROUP_ERR_INVALID_REQUEST);
        return;
    }
    group_forget(gs, g, q, &w, rows);
}
