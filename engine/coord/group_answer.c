/* group_answer.c -- actions, answers, and the memory of results. */
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "engine/coord/group_in.h"

struct group_action *group_act(struct group_actions *a, enum group_action_kind kind)
{
    a->at = array_grow(a->at, &a->cap, (uint64_t)a->count + 1, sizeof(*a->at));
    struct group_action *act = &a->at[a->count++];
    *act = (struct group_action){ .kind = kind };
    return act;
}

void group_actions_clear(struct group_actions *a)
{
    a->count = 0;
}

void group_actions_close(struct group_actions *a)
{
    free(a->at);
    *a = (struct group_actions){ 0 };
}

const char *group_err_text(enum group_err err)
{
    switch (err) {
#define GROUP_ERR(name, code, text) \
    case GROUP_ERR_##name:          \
        return text;
#include "engine/coord/group_err.def"
#undef GROUP_ERR
    }
    return "an unknown error";
}

enum group_err group_err_of(enum err err)
{
    if (err == ERR_OK)
        return GROUP_ERR_OK;
    return err == ERR_TOO_LARGE ? GROUP_ERR_UNKNOWN : GROUP_ERR_UNAVAILABLE;
}

void group_answer(struct groups *gs, struct group_request *q, enum group_err err)
{
    q->err = err;
    group_act(gs->out, GROUP_ANSWER)->request = q;
}

/* ---- memory ---- */

struct group_block group_block_open(size_t cap)
{
    struct group_block b = { .at = malloc(cap + 1), .cap = cap };
    check(b.at);
    return b;
}

void *group_block_array(struct group_block *b, size_t bytes)
{
    check(b->len % alignof(max_align_t) == 0 && bytes <= b->cap - b->len);
    void *at = b->at + b->len;
    memset(at, 0, bytes);
    b->len += bytes;
    return at;
}

struct bytes group_block_text(struct group_block *b, struct bytes text)
{
    if (!text.at)
        return text;
    check(text.len <= b->cap - b->len);
    struct bytes copy = { b->at + b->len, text.len };
    if (text.len)
        memcpy(b->at + b->len, text.at, text.len);
    b->len += text.len;
    return copy;
}

void group_block_give(struct group_block *b, struct group_request *q)
{
    q->block = b->at;
    q->block_bytes = b->cap;
}

void group_block_free(struct group_request *q)
{
    free(q->block);
    q->block = NULL;
    q->block_bytes = 0;
}

/* ---- join and sync ---- */

static size_t rows_bytes(const struct group *g)
{
    size_t sum = g->member_count * sizeof(struct group_member_row);
    list_each (&g->members, n) {
        const struct group_note_member *is = &container_of(n, struct member, node)->is;
        sum += is->id.len + is->instance.len + is->client_id.len + is->client_host.len +
               is->protocols.len + is->assignment.len;
    }
    return sum;
}

/* `whole`: with metadata and assignment, as Kafka shows them of a stable group alone. */
static struct group_member_row *rows_fill(struct group_block *b, const struct group *g, bool whole)
{
    static const struct bytes none = { (const uint8_t *)"", 0 };
    struct group_member_row *rows = group_block_array(b, g->member_count * sizeof(*rows)),
                            *row = rows;
    list_each (&g->members, n) {
        const struct member *m = container_of(n, struct member, node);
        row->id = group_block_text(b, m->is.id);
        row->instance = group_block_text(b, m->is.instance);
        row->client_id = group_block_text(b, m->is.client_id);
        row->client_host = group_block_text(b, m->is.client_host);
        row->metadata = whole ? group_block_text(b, member_metadata(m, g->protocol)) : none;
        row->assignment = whole ? group_block_text(b, m->is.assignment) : none;
        row++;
    }
    return rows;
}

void group_join_results(const struct group *g, const struct member *m, struct group_request *q,
                        bool with_members)
{
    size_t texts = m->is.id.len + g->leader->is.id.len + g->protocol_type.len + g->protocol.len;
    struct group_block b = group_block_open((with_members ? rows_bytes(g) : 0) + texts);
    if (with_members) {
        q->out.members = rows_fill(&b, g, true);
        q->out.member_count = g->member_count;
    }
    q->out.generation = g->generation;
    q->out.member = group_block_text(&b, m->is.id);
    q->out.leader = group_block_text(&b, g->leader->is.id);
    q->out.protocol_type = group_block_text(&b, g->protocol_type);
    q->out.protocol = group_block_text(&b, g->protocol);
    group_block_give(&b, q);
}

void group_sync_results(const struct group *g, const struct member *m, struct group_request *q)
{
    struct group_block b =
        group_block_open(g->protocol_type.len + g->protocol.len + m->is.assignment.len);
    q->out.protocol_type = group_block_text(&b, g->protocol_type);
    q->out.protocol = group_block_text(&b, g->protocol);
    q->out.assignment = group_block_text(&b, m->is.assignment);
    group_block_give(&b, q);
}

/* ---- looking ---- */

void group_describe(struct groups *gs, struct group *g, struct group_request *q)
{
    static const struct bytes none = { (const uint8_t *)"", 0 };
    bool stable = g->state == GROUP_STABLE;
    struct group_block b = group_block_open(rows_bytes(g) + g->protocol_type.len + g->protocol.len);
    q->out.members = rows_fill(&b, g, stable);
    q->out.member_count = g->member_count;
    q->out.state = g->state;
    q->out.protocol_type = g->protocol_type.at ? group_block_text(&b, g->protocol_type) : none;
    q->out.protocol = stable ? group_block_text(&b, g->protocol) : none;
    group_block_give(&b, q);
    group_answer(gs, q, GROUP_ERR_OK);
}

void group_list(struct groups *gs, struct group *none, struct group_request *q)
{
    size_t texts = 0;
    (void)none;
    for (const struct group *g = group_first(gs); g; g = group_next(gs, g))
        texts += g->id.len + g->protocol_type.len;
    struct group_block b = group_block_open(gs->count * sizeof(struct group_row) + texts);
    struct group_row *row = group_block_array(&b, gs->count * sizeof(*row));
    q->out.groups = row;
    q->out.group_count = gs->count;
    for (const struct group *g = group_first(gs); g; g = group_next(gs, g), row++) {
        row->id = group_block_text(&b, g->id);
        row->protocol_type = g->protocol_type.at ? group_block_text(&b, g->protocol_type)
                                                 : (struct bytes){ row->id.at, 0 };
        row->state = g->state;
    }
    group_block_give(&b, q);
    group_answer(gs, q, GROUP_ERR_OK);
}
