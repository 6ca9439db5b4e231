/* verbs_group.c -- verbs of consumer groups: who they are, how far they are behind, and what an
 * operator may change of one that has no members.
 *
 * Members join, and commit, over the Kafka protocol; docs/decisions/0015. Texts that people chose
 * may be longer than a field here, or hold a byte zero: they are cut before it. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/metric/lags.h"
#include "net/native/server_in.h"

#define TEXT_TOLD_MAX 255u
#define STATE_MAX     32u
#define GROUPS_FIXED  8u
#define GROUP_FIXED   (18u + STATE_MAX + 2u * TEXT_TOLD_MAX)
#define LAG_FIXED     8u
#define LAG_BYTES     (2u + NATIVE_NAME_MAX + 48u)

/* What a request about groups does, one thing or several; its asked views lie in the request. */
struct group_errand {
    struct request *r;
    uint32_t left;                 /* wards that have not answered */
    struct verb_group asks[WARDS]; /* GROUPS: all; else the first one */
    struct lags lags;              /* LAG */
    /* COMMIT: topics are looked up before anything is committed. */
    struct verb_describe describe;
    struct topic_info *topic;
    struct group_offset *offsets;
    uint32_t offset_count, at;
    uint64_t topics_seen; /* before they were looked up */
    char name[NATIVE_NAME_MAX + 1];
};

void group_errand_free(struct group_errand *e)
{
    if (!e)
        return;
    for (uint32_t i = 0; i < WARDS; i++)
        free(e->asks[i].ask.block);
    lags_free(&e->lags);
    free(e->topic);
    free(e->offsets);
    free(e);
}

/* NULL: no memory, it was refused. */
static struct group_errand *errand_take(struct request *r, size_t more)
{
    if (!request_charge(r, sizeof(struct group_errand) + more))
        return NULL;
    struct group_errand *e = calloc(1, sizeof(*e));
    check(e); /* within the budget: the system is out of memory */
    r->groups = e;
    e->r = r;
    return e;
}

static struct verb errand_verb(struct group_errand *e, void (*done)(struct verb *v))
{
    struct verb v = request_verb(e->r);
    v.done = done;
    v.arg = e;
    return v;
}

/* ---- what went wrong ---- */

static const struct {
    enum group_err group_err;
    enum err err;
} group_errs[] = {
    { GROUP_ERR_NOT_FOUND, ERR_NOT_FOUND },
    { GROUP_ERR_NOT_EMPTY, ERR_NOT_EMPTY },
    { GROUP_ERR_UNKNOWN_MEMBER, ERR_NOT_EMPTY }, /* of a commit: by somebody who is no member */
    { GROUP_ERR_UNKNOWN_TOPIC, ERR_NOT_FOUND },  /* deleted since it was looked up */
    { GROUP_ERR_LOADING, ERR_BUSY },
    { GROUP_ERR_UNAVAILABLE, ERR_BUSY },
    { GROUP_ERR_NOT_COORDINATOR, ERR_BUSY },
    { GROUP_ERR_COMMIT_TOO_LARGE, ERR_TOO_LARGE },
    { GROUP_ERR_FULL, ERR_NO_MEMORY },
};

static void group_refuse(struct group_errand *e, enum err err, enum group_err group_err)
{
    const char *text = group_err != GROUP_ERR_OK ? group_err_text(group_err) : NULL;
    if (err == ERR_NOT_FOUND) {
        err = ERR_UNSUPPORTED;
        text = "no consumer groups here: this node does not speak Kafka's protocol "
               "(listen.kafka), or the store that has this group did not open";
    } else if (err == ERR_OK) {
        err = ERR_INVALID;
        for (uint32_t i = 0; i < sizeof(group_errs) / sizeof(group_errs[0]); i++)
            if (group_errs[i].group_err == group_err)
                err = group_errs[i].err;
        if (err == ERR_NOT_EMPTY)
            text = "the group has members: stop them, and wait until the group has noticed";
    }
    request_refuse(e->r, err, 0, 0, text);
}

/* What it brought is charged now that its size is known. False: it was refused. */
static bool ward_answered(struct group_errand *e, const struct verb_group *v)
{
    if (v->verb.err == ERR_OK && v->ask.err == GROUP_ERR_OK)
        return request_charge(e->r, v->ask.block_bytes);
    group_refuse(e, v->verb.err, v->ask.err);
    return false;
}

static struct bytes text_told(struct bytes text, size_t most)
{
    size_t len = min_u64(text.len, most);
    const uint8_t *zero = len ? memchr(text.at, 0, len) : NULL;
    return (struct bytes){ text.at, zero ? (size_t)(zero - text.at) : len };
}

/* ---- groups ---- */

static int bytes_order(struct bytes a, struct bytes b)
{
    size_t both = min_u64(a.len, b.len);
    int order = both ? memcmp(a.at, b.at, both) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int group_order(const void *a, const void *b)
{
    return bytes_order((*(const struct group_row *const *)a)->id,
                       (*(const struct group_row *const *)b)->id);
}

/* Those after the last one seen, in order. One whose id has a byte zero cannot be asked for. */
static uint32_t groups_gather(const struct group_errand *e, const struct group_row **rows)
{
    struct bytes after = e->r->asked.groups.after;
    uint32_t count = 0;
    for (uint32_t w = 0; w < WARDS; w++) {
        const struct group_request *q = &e->asks[w].ask;
        for (uint32_t i = 0; i < q->out.group_count; i++) {
            struct bytes id = q->out.groups[i].id;
            if (text_told(id, id.len).len == id.len && (!after.len || bytes_order(id, after) > 0))
                rows[count++] = &q->out.groups[i];
        }
    }
    qsort(rows, count, sizeof(*rows), group_order);
    return count;
}

static struct item_group group_item(const struct group_row *row)
{
    return (struct item_group){ .group = row->id,
                                .protocol_type = text_told(row->protocol_type, TEXT_TOLD_MAX),
                                .state = text_of(group_state_word(row->state)) };
}

static void groups_tell(struct group_errand *e, const struct group_row *const *rows, uint32_t count)
{
    struct request *r = e->r;
    uint32_t most = r->asked.groups.count_max, i = 0;
    uint32_t limit = (uint32_t)min_u64(most ? most : GROUPS_MAX, min_u64(GROUPS_MAX, count));
    size_t bytes = 0;
    struct groups_answer tell = { .more = 0 };
    struct writer w;
    struct fault fault;
    for (uint32_t k = 0; k < limit; k++)
        bytes += 6u + STATE_MAX + TEXT_TOLD_MAX + rows[k]->id.len;
    uint32_t cap = (uint32_t)min_u64(bytes, native_of(r->conn)->peer_max - GROUPS_FIXED);
    if (!request_charge(r, cap))
        return;
    uint8_t *room = malloc(cap + 1);
    check(room);
    writer_open(&w, room, cap);
    for (; i < limit; i++) {
        struct item_group item = group_item(rows[i]);
        if (!items_add(&tell.groups, ITEM_GROUP, &item, &w, &fault))
            break;
    }
    tell.more = i < count;
    if (i || !limit)
        request_answer(r, &tell, GROUPS_FIXED + cap);
    else
        request_refuse(r, ERR_TOO_LARGE, cap, bytes,
                       "groups: the id of one is larger than the "
                       "largest answer that this client takes");
    free(room);
}

static void groups_told(struct group_errand *e)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < WARDS; w++) {
        if (!ward_answered(e, &e->asks[w]))
            return;
        count += e->asks[w].ask.out.group_count;
    }
    if (!request_charge(e->r, count * sizeof(void *)))
        return;
    const struct group_row **rows = calloc(count + 1u, sizeof(*rows));
    check(rows);
    groups_tell(e, rows, groups_gather(e, rows));
    free(rows);
}

static void ward_done(struct verb *v)
{
    struct group_errand *e = v->arg;
    if (--e->left)
        return;
    conn_mark(e->r->conn);
    groups_told(e);
}

void groups_start(struct request *r)
{
    struct group_errand *e = errand_take(r, 0);
    if (!e)
        return;
    e->left = WARDS;
    for (uint32_t i = 0; i < WARDS; i++) {
        e->asks[i] = (struct verb_group){ .verb = errand_verb(e, ward_done),
                                          .ask = { .verb = GROUP_VERB_LIST },
                                          .ward = i };
        serve_group(r->conn->desk->serve, &e->asks[i]);
    }
}

/* ---- group ---- */

static struct item_member member_item(const struct group_member_row *m)
{
    struct item_member item = { .member = text_told(m->id, TEXT_TOLD_MAX),
                                .client_id = text_told(m->client_id, TEXT_TOLD_MAX),
                                .client_host = text_told(m->client_host, TEXT_TOLD_MAX),
                                .assignment = m->assignment };
    if (m->instance.at)
        item.instance = text_told(m->instance, TEXT_TOLD_MAX);
    return item;
}

static size_t member_bytes(const struct group_member_row *m)
{
    return 12u + 4u * TEXT_TOLD_MAX + m->assignment.len;
}

static void group_tell(struct group_errand *e, const struct group_request *q)
{
    struct request *r = e->r;
    const struct group_ask ask = r->asked.group;
    struct group_answer tell = { .members = q->out.member_count,
                                 .first = ask.first,
                                 .state = text_of(group_state_word(q->out.state)),
                                 .protocol_type = text_told(q->out.protocol_type, TEXT_TOLD_MAX),
                                 .protocol = text_told(q->out.protocol, TEXT_TOLD_MAX) };
    uint64_t end = (uint64_t)ask.first + (ask.count_max ? ask.count_max : MEMBERS_MAX);
    end = min_u64(min_u64(end, (uint64_t)ask.first + MEMBERS_MAX), q->out.member_count);
    size_t bytes = 0;
    struct writer w;
    struct fault fault;
    for (uint64_t i = ask.first; i < end; i++)
        bytes += member_bytes(&q->out.members[i]);
    uint32_t cap = (uint32_t)min_u64(bytes, native_of(r->conn)->peer_max - GROUP_FIXED);
    if (!request_charge(r, cap))
        return;
    uint8_t *room = malloc(cap + 1);
    check(room);
    writer_open(&w, room, cap);
    for (uint64_t i = ask.first; i < end; i++) {
        struct item_member item = member_item(&q->out.members[i]);
        if (!items_add(&tell.list, ITEM_MEMBER, &item, &w, &fault))
            break;
    }
    if (tell.list.count || ask.first >= end)
        request_answer(r, &tell, GROUP_FIXED + cap);
    else
        request_refuse(r, ERR_TOO_LARGE, cap, bytes,
                       "group: a member is larger than the largest "
                       "answer that this client takes");
    free(room);
}

static void group_done(struct verb *v)
{
    struct group_errand *e = v->arg;
    conn_mark(e->r->conn);
    if (ward_answered(e, &e->asks[0]))
        group_tell(e, &e->asks[0].ask);
}

static void ward_ask(struct group_errand *e, struct group_request ask, void (*done)(struct verb *v))
{
    e->asks[0] = (struct verb_group){ .verb = errand_verb(e, done), .ask = ask };
    serve_group(e->r->conn->desk->serve, &e->asks[0]);
}

void group_start(struct request *r)
{
    struct group_errand *e = errand_take(r, 0);
    if (e)
        ward_ask(
            e, (struct group_request){ .verb = GROUP_VERB_DESCRIBE, .group = r->asked.group.group },
            group_done);
}

/* ---- lag ---- */

static struct item_lag lag_item(const struct lag_row *row)
{
    return (struct item_lag){ .topic = text_told(row->topic, NATIVE_NAME_MAX),
                              .partition = row->partition,
                              .err = row->err,
                              .committed = row->committed,
                              .start_offset = row->start_off,
                              .end_offset = row->end_off,
                              .records = row->records,
                              .bytes = row->bytes,
                              .lag_ms = row->lag_ms };
}

static void lag_done(struct lags *l)
{
    struct group_errand *e = l->arg;
    struct request *r = e->r;
    struct lag_answer tell = { .more = l->left_out > 0 };
    struct fault fault;
    struct writer w;
    conn_mark(r->conn);
    if (l->err != ERR_OK) {
        group_refuse(e, l->group_err != GROUP_ERR_OK && l->err == ERR_INVALID ? ERR_OK : l->err,
                     l->group_err);
        return;
    }
    uint32_t cap = l->count * LAG_BYTES;
    uint64_t rows = (l->count + (uint64_t)l->left_out) * sizeof(*l->rows);
    if (!request_charge(r, cap + rows + l->ask.ask.block_bytes))
        return;
    uint8_t *room = malloc(cap + 1);
    check(room);
    writer_open(&w, room, cap);
    for (uint32_t i = 0; i < l->count; i++) {
        struct item_lag item = lag_item(&l->rows[i]);
        check(items_add(&tell.rows, ITEM_LAG, &item, &w, &fault));
    }
    request_answer(r, &tell, LAG_FIXED + cap);
    free(room);
}

void lag_start(struct request *r)
{
    const struct lag_request ask = r->asked.lag;
    uint32_t fits = (native_of(r->conn)->peer_max - LAG_FIXED) / LAG_BYTES;
    struct group_errand *e = errand_take(r, 0);
    if (!e)
        return;
    uint32_t most = ask.count_max ? ask.count_max : LAGS_MAX;
    e->lags = (struct lags){ .serve = r->conn->desk->serve,
                             .home = r->conn->desk->shard->number,
                             .group = ask.group,
                             .after_topic = ask.after_topic,
                             .after_partition = ask.after_partition,
                             .room = (uint32_t)min_u64(most, min_u64(fits, LAGS_MAX)),
                             .client = r->conn->number,
                             .done = lag_done,
                             .arg = e };
    lags_start(&e->lags);
}

/* ---- commit ---- */

static void commit_done(struct verb *v)
{
    struct group_errand *e = v->arg;
    conn_mark(e->r->conn);
    for (uint32_t i = 0; i < e->offset_count; i++)
        if (e->asks[0].ask.err == GROUP_ERR_OK)
            e->asks[0].ask.err = e->offsets[i].err;
    if (ward_answered(e, &e->asks[0]))
        nothing_answer(e->r);
}

static void commit_refuse(struct group_errand *e, const struct group_offset *o, enum err err)
{
    struct why why;
    why_set(&why, "commit: there is no partition %u of a topic %s", (uint32_t)o->partition,
            e->name);
    request_refuse(e->r, err, 0, 0, err == ERR_NOT_FOUND ? why.text : NULL);
}

static void rows_look(struct group_errand *e);

static void topic_known(struct verb *v)
{
    struct group_errand *e = v->arg;
    conn_mark(e->r->conn);
    if (v->err != ERR_OK) {
        commit_refuse(e, &e->offsets[e->at], v->err);
        return;
    }
    e->topic = e->describe.topic;
    rows_look(e);
}

static void topic_ask(struct group_errand *e, struct bytes name)
{
    free(e->topic);
    e->topic = NULL;
    check(text_copy(name, e->name, sizeof(e->name)));
    e->describe = (struct verb_describe){ .verb = errand_verb(e, topic_known), .name = e->name };
    serve_describe(e->r->conn->desk->serve, &e->describe);
}

/* Every row names a partition that is there; then all are committed at once. */
static void rows_look(struct group_errand *e)
{
    for (; e->at < e->offset_count; e->at++) {
        const struct group_offset *o = &e->offsets[e->at];
        if (!e->topic || strlen(e->name) != o->topic.len ||
            memcmp(e->name, o->topic.at, o->topic.len) != 0) {
            topic_ask(e, o->topic);
            return;
        }
        if ((uint32_t)o->partition >= e->topic->partitions) {
            commit_refuse(e, o, ERR_NOT_FOUND);
            return;
        }
    }
    ward_ask(e,
             (struct group_request){ .verb = GROUP_VERB_COMMIT,
                                     .group = e->r->asked.commit.group,
                                     .generation = -1,
                                     .offsets = e->offsets,
                                     .offset_count = e->offset_count,
                                     .retention_ms = -1,
                                     .topics_seen = e->topics_seen },
             commit_done);
}

void commit_start(struct request *r)
{
    struct items rows = r->asked.commit.rows;
    struct item_commit item;
    struct group_errand *e = errand_take(r, rows.count * sizeof(struct group_offset));
    if (!e)
        return;
    e->topics_seen = serve_topics_version(r->conn->desk->serve);
    e->offsets = calloc(rows.count + 1u, sizeof(*e->offsets));
    check(e->offsets);
    while (items_next(&rows, ITEM_COMMIT, &item))
        e->offsets[e->offset_count++] = (struct group_offset){ .topic = item.topic,
                                                               .partition = (int32_t)item.partition,
                                                               .leader_epoch = -1,
                                                               .off = (int64_t)item.offset };
    if (e->offset_count)
        rows_look(e);
    else
        request_refuse(r, ERR_INVALID, 0, 0, "commit: no rows");
}

/* ---- forget ---- */

static void forget_done(struct verb *v)
{
    struct group_errand *e = v->arg;
    conn_mark(e->r->conn);
    if (ward_answered(e, &e->asks[0]))
        nothing_answer(e->r);
}

void forget_start(struct request *r)
{
    struct group_errand *e = errand_take(r, 0);
    if (e)
        ward_ask(
            e, (struct group_request){ .verb = GROUP_VERB_DELETE, .group = r->asked.forget.group },
            forget_done);
}
