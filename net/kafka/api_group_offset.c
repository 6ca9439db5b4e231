/* api_group_offset.c -- the offsets of a group: commit, fetch, delete. */
#include "net/kafka/group_call.h"

#define FETCH_TOP_ERROR_FROM 2 /* version from which an error stands above the topics */
#define FETCH_GROUPS_FROM    8

/* ---- commit and delete: rows of topics that have to be there ---- */

/* Where a partition's answer comes from. */
struct commit_row {
    struct topic_want *want;
    int32_t partition;
    uint32_t offset; /* in the request to the coordinator; NO_ROW: it is not asked */
};
#define NO_ROW UINT32_MAX

struct commit_rows {
    struct commit_row *at;
    struct group_offset *offsets;
    uint32_t count;
};

static struct commit_rows *rows_make(struct errand *c, uint64_t count)
{
    if (!errand_parts_within(c, count))
        return NULL;
    struct commit_rows *rows = errand_take(c, sizeof(*rows));
    if (!rows)
        return NULL;
    rows->at = errand_take(c, count * sizeof(*rows->at) + 1);
    rows->offsets = rows->at ? errand_take(c, count * sizeof(*rows->offsets) + 1) : NULL;
    return rows->offsets ? rows : NULL;
}

static void row_add(struct commit_rows *rows, struct topic_want *want, const struct group_offset *o)
{
    rows->offsets[rows->count] = *o;
    rows->at[rows->count++] = (struct commit_row){ .want = want, .partition = o->partition };
}

static bool row_there(const struct commit_row *row)
{
    struct place place;
    return topic_place(row->want->topic, row->partition, &place);
}

/* Topics are known: those rows go to the coordinator whose partition is there. */
static void rows_known(struct errand *c)
{
    struct group_calls *s = c->state;
    struct commit_rows *rows = s->own;
    struct group_request *q = &s->at[0].v.ask;
    q->offsets = rows->offsets;
    q->topics_seen = c->topics_seen;
    for (uint32_t i = 0; i < rows->count; i++) {
        struct commit_row *row = &rows->at[i];
        row->offset = NO_ROW;
        if (!row_there(row))
            continue;
        row->offset = q->offset_count++;
        q->offsets[row->offset] = rows->offsets[i];
    }
    s->at[0].skip = q->err != GROUP_ERR_OK || (rows->count && !q->offset_count);
    group_calls_go(c);
}

static int16_t row_error(const struct errand *c, const struct commit_row *row)
{
    const struct group_request *q = &group_calls_of(c)->at[0].v.ask;
    if (row->offset == NO_ROW)
        return row->want->topic ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION
                                : (int16_t)topic_error(row->want);
    return (int16_t)q->offsets[row->offset].err;
}

static struct topic_want *wants_make(struct errand *c, uint32_t count)
{
    return errand_parts_within(c, count) ? errand_take(c, count * sizeof(struct topic_want) + 1)
                                         : NULL;
}

/* ---- OffsetCommit ---- */

static void commit_answer(struct errand *c)
{
    const struct kafka_offset_commit_request *ask = c->asked;
    const struct commit_rows *rows = group_calls_of(c)->own;
    RESPONSE(offset_commit, r);
    uint32_t next = 0;
    r.topics.at = errand_items(c, kafka_offset_commit_response_topic_shape(), ask->topics.count);
    if (!r.topics.at)
        return;
    r.topics.count = ask->topics.count;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        struct kafka_offset_commit_response_topic *to = &r.topics.at[t];
        uint32_t count = ask->topics.at[t].partitions.count;
        to->name = ask->topics.at[t].name;
        to->partitions.at = errand_items(c, kafka_offset_commit_response_partition_shape(), count);
        if (!to->partitions.at)
            return;
        to->partitions.count = count;
        for (uint32_t i = 0; i < count; i++, next++) {
            to->partitions.at[i].partition_index = rows->at[next].partition;
            to->partitions.at[i].error_code = row_error(c, &rows->at[next]);
        }
    }
    errand_answer(c, &r);
}

void commits_start(struct errand *c)
{
    const struct kafka_offset_commit_request *ask = c->asked;
    uint64_t count = 0;
    for (uint32_t t = 0; t < ask->topics.count; t++)
        count += ask->topics.at[t].partitions.count;
    struct topic_want *wants = wants_make(c, ask->topics.count);
    struct commit_rows *rows = wants ? rows_make(c, count) : NULL;
    struct group_calls *s = rows ? group_calls_make(c, 1, GROUP_VERB_COMMIT, commit_answer) : NULL;
    if (!s)
        return;
    s->own = rows;
    struct group_request *q = &s->at[0].v.ask;
    q->group = ask->group_id;
    q->member = ask->member_id;
    q->instance = ask->group_instance_id;
    q->generation = ask->generation_id_or_member_epoch;
    q->retention_ms = ask->retention_time_ms;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        const struct kafka_offset_commit_request_topic *from = &ask->topics.at[t];
        wants[t] = (struct topic_want){ .name = from->name };
        for (uint32_t i = 0; i < from->partitions.count; i++) {
            const struct kafka_offset_commit_request_partition *p = &from->partitions.at[i];
            row_add(rows, &wants[t],
                    &(struct group_offset){ .topic = from->name,
                                            .partition = p->partition_index,
                                            .leader_epoch = p->committed_leader_epoch,
                                            .off = p->committed_offset,
                                            .metadata = p->committed_metadata });
        }
    }
    topics_find(c, wants, ask->topics.count, rows_known);
}

/* ---- OffsetDelete ---- */

static void forget_answer(struct errand *c)
{
    const struct kafka_offset_delete_request *ask = c->asked;
    const struct group_calls *s = c->state;
    const struct commit_rows *rows = s->own;
    RESPONSE(offset_delete, r);
    r.error_code = (int16_t)s->at[0].v.ask.err;
    uint32_t topics = r.error_code ? 0 : ask->topics.count, next = 0;
    r.topics.at = errand_items(c, kafka_offset_delete_response_topic_shape(), topics);
    if (!r.topics.at)
        return;
    r.topics.count = topics;
    for (uint32_t t = 0; t < topics; t++) {
        struct kafka_offset_delete_response_topic *to = &r.topics.at[t];
        uint32_t count = ask->topics.at[t].partitions.count;
        to->name = ask->topics.at[t].name;
        to->partitions.at = errand_items(c, kafka_offset_delete_response_partition_shape(), count);
        if (!to->partitions.at)
            return;
        to->partitions.count = count;
        for (uint32_t i = 0; i < count; i++, next++) {
            to->partitions.at[i].partition_index = rows->at[next].partition;
            to->partitions.at[i].error_code = row_error(c, &rows->at[next]);
        }
    }
    errand_answer(c, &r);
}

void forgets_start(struct errand *c)
{
    const struct kafka_offset_delete_request *ask = c->asked;
    uint64_t count = 0;
    for (uint32_t t = 0; t < ask->topics.count; t++)
        count += ask->topics.at[t].partitions.count;
    struct topic_want *wants = wants_make(c, ask->topics.count);
    struct commit_rows *rows = wants ? rows_make(c, count) : NULL;
    struct group_calls *s =
        rows ? group_calls_make(c, 1, GROUP_VERB_DELETE_OFFSETS, forget_answer) : NULL;
    if (!s)
        return;
    s->own = rows;
    if (!ask->group_id.len) { /* a group of simple consumers may be called so, and is not deleted */
        s->at[0].v.ask.err = GROUP_ERR_INVALID_GROUP_ID;
        s->at[0].skip = true;
    }
    s->at[0].v.ask.group = ask->group_id;
    for (uint32_t t = 0; t < ask->topics.count; t++) {
        const struct kafka_offset_delete_request_topic *from = &ask->topics.at[t];
        wants[t] = (struct topic_want){ .name = from->name };
        for (uint32_t i = 0; i < from->partitions.count; i++)
            row_add(rows, &wants[t],
                    &(struct group_offset){ .topic = from->name,
                                            .partition = from->partitions.at[i].partition_index });
    }
    topics_find(c, wants, ask->topics.count, rows_known);
}

/* ---- OffsetFetch ----
 *
 * One group until version 7, many from 8 on, with the same members under other names: each topic
 * of an answer is a run of rows of one name. */

/* Rows as they are answered: those that were asked for, or all. */
static struct group_offset *fetched(const struct group_request *q, uint32_t *count)
{
    *count = q->err != GROUP_ERR_OK ? 0 : q->offsets ? q->offset_count : q->out.offset_count;
    return q->offsets ? q->offsets : q->out.offsets;
}

/* Rows from `at` on that are of one topic; in a request, two topics of one name are two. */
static uint32_t run_of(const struct group_offset *o, uint32_t at, uint32_t count)
{
    uint32_t end = at + 1;
    while (end < count && o[end].topic.at == o[at].topic.at)
        end++;
    return end - at;
}

static uint32_t runs_of(const struct group_offset *o, uint32_t count)
{
    uint32_t runs = 0;
    for (uint32_t at = 0; at < count; at += run_of(o, at, count))
        runs++;
    return runs;
}

/* An answer's topics of one group: `to` is the list, its shapes are those of `shape_`. */
#define FETCHED_FILL(c, to, shape_, rows, count)                                               \
    do {                                                                                       \
        uint32_t runs_ = runs_of(rows, count), at_ = 0;                                        \
        (to)->at = errand_items(c, kafka_##shape_##_shape(), runs_);                           \
        if (!(to)->at)                                                                         \
            return;                                                                            \
        (to)->count = runs_;                                                                   \
        for (uint32_t t_ = 0; t_ < runs_; t_++) {                                              \
            struct kafka_##shape_ *topic_ = &(to)->at[t_];                                     \
            uint32_t run_ = run_of(rows, at_, count);                                          \
            topic_->name = (rows)[at_].topic;                                                  \
            topic_->partitions.at = errand_items(c, kafka_##shape_##_partition_shape(), run_); \
            if (!topic_->partitions.at)                                                        \
                return;                                                                        \
            topic_->partitions.count = run_;                                                   \
            for (uint32_t i_ = 0; i_ < run_; i_++, at_++) {                                    \
                topic_->partitions.at[i_].partition_index = (rows)[at_].partition;             \
                topic_->partitions.at[i_].committed_offset = (rows)[at_].off;                  \
                topic_->partitions.at[i_].committed_leader_epoch = (rows)[at_].leader_epoch;   \
                topic_->partitions.at[i_].metadata = (rows)[at_].metadata;                     \
                topic_->partitions.at[i_].error_code = (int16_t)(rows)[at_].err;               \
            }                                                                                  \
        }                                                                                      \
    } while (0)

static void fetch_answer_one(struct errand *c)
{
    struct group_request *q = &group_calls_of(c)->at[0].v.ask;
    uint32_t count;
    RESPONSE(offset_fetch, r);
    r.error_code = (int16_t)q->err;
    if (errand_version(c) < FETCH_TOP_ERROR_FROM && q->err != GROUP_ERR_OK) {
        for (uint32_t i = 0; i < q->offset_count; i++) {
            q->offsets[i] = (struct group_offset){ .topic = q->offsets[i].topic,
                                                   .partition = q->offsets[i].partition,
                                                   .off = -1,
                                                   .metadata = text_bytes(""),
                                                   .err = q->err };
        }
        q->err = GROUP_ERR_OK;
    }
    const struct group_offset *rows = fetched(q, &count);
    FETCHED_FILL(c, &r.topics, offset_fetch_response_topic, rows, count);
    errand_answer(c, &r);
}

static void fetch_answer_many(struct errand *c)
{
    const struct group_calls *s = c->state;
    RESPONSE(offset_fetch, r);
    r.groups.at = errand_items(c, kafka_offset_fetch_response_group_shape(), s->count);
    if (!r.groups.at)
        return;
    r.groups.count = s->count;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct group_request *q = &s->at[i].v.ask;
        struct kafka_offset_fetch_response_group *to = &r.groups.at[i];
        uint32_t count;
        const struct group_offset *rows = fetched(q, &count);
        to->group_id = q->group;
        to->error_code = (int16_t)q->err;
        FETCHED_FILL(c, &to->topics, offset_fetch_response_group_topic, rows, count);
    }
    errand_answer(c, &r);
}

static void fetch_row(struct group_offset *o, struct bytes topic, int32_t partition)
{
    *o = (struct group_offset){ .topic = topic, .partition = partition };
}

static void fetches_one(struct errand *c)
{
    const struct kafka_offset_fetch_request *ask = c->asked;
    uint64_t count = 0;
    for (uint32_t t = 0; t < ask->topics.count; t++)
        count += ask->topics.at[t].partition_indexes.count;
    struct commit_rows *rows = rows_make(c, count);
    struct group_calls *s =
        rows ? group_calls_make(c, 1, GROUP_VERB_FETCH, fetch_answer_one) : NULL;
    if (!s)
        return;
    s->at[0].v.ask.group = ask->group_id;
    if (ask->topics.at) {
        s->at[0].v.ask.offsets = rows->offsets;
        s->at[0].v.ask.offset_count = (uint32_t)count;
    }
    for (uint32_t t = 0; t < ask->topics.count; t++)
        for (uint32_t i = 0; i < ask->topics.at[t].partition_indexes.count; i++)
            fetch_row(&rows->offsets[rows->count++], ask->topics.at[t].name,
                      ask->topics.at[t].partition_indexes.at[i]);
    group_calls_go(c);
}

static bool fetch_group(struct errand *c, struct group_request *q,
                        const struct kafka_offset_fetch_request_group *from)
{
    uint64_t count = 0;
    for (uint32_t t = 0; t < from->topics.count; t++)
        count += from->topics.at[t].partition_indexes.count;
    struct commit_rows *rows = rows_make(c, count);
    if (!rows)
        return false;
    q->group = from->group_id;
    if (from->topics.at) {
        q->offsets = rows->offsets;
        q->offset_count = (uint32_t)count;
    }
    for (uint32_t t = 0; t < from->topics.count; t++)
        for (uint32_t i = 0; i < from->topics.at[t].partition_indexes.count; i++)
            fetch_row(&rows->offsets[rows->count++], from->topics.at[t].name,
                      from->topics.at[t].partition_indexes.at[i]);
    return true;
}

void committed_start(struct errand *c)
{
    const struct kafka_offset_fetch_request *ask = c->asked;
    if (errand_version(c) < FETCH_GROUPS_FROM) {
        fetches_one(c);
        return;
    }
    if (!errand_parts_within(c, ask->groups.count))
        return;
    struct group_calls *s =
        group_calls_make(c, ask->groups.count, GROUP_VERB_FETCH, fetch_answer_many);
    if (!s)
        return;
    for (uint32_t i = 0; i < s->count; i++)
        if (!fetch_group(c, &s->at[i].v.ask, &ask->groups.at[i]))
            return;
    group_calls_go(c);
}
