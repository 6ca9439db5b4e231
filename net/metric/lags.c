/* lags.c -- see lags.h: what was committed, in order; then topic by topic, row by row. */
#include "net/metric/lags.h"

#include <stdlib.h>

#include "engine/base/check.h"

/* ---- rows ---- */

static int place_order(struct bytes a, uint32_t a_partition, struct bytes b, uint32_t b_partition)
{
    size_t both = min_u64(a.len, b.len);
    int order = both ? memcmp(a.at, b.at, both) : 0;
    if (order == 0 && a.len != b.len)
        order = a.len < b.len ? -1 : 1;
    if (order == 0 && a_partition != b_partition)
        order = a_partition < b_partition ? -1 : 1;
    return order;
}

static int row_order(const void *a, const void *b)
{
    const struct lag_row *left = a, *right = b;
    return place_order(left->topic, left->partition, right->topic, right->partition);
}

static bool row_wanted(const struct lags *l, const struct group_offset *o)
{
    return o->off >= 0 &&
           (!l->after_topic.len ||
            place_order(o->topic, (uint32_t)o->partition, l->after_topic, l->after_partition) > 0);
}

/* All that are wanted, sorted; those beyond `room` are only counted. */
static enum err rows_make(struct lags *l)
{
    const struct group_request *q = &l->ask.ask;
    l->rows = calloc(q->out.offset_count + 1u, sizeof(*l->rows));
    if (!l->rows)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < q->out.offset_count; i++) {
        const struct group_offset *o = &q->out.offsets[i];
        if (row_wanted(l, o))
            l->rows[l->count++] = (struct lag_row){ .topic = o->topic,
                                                    .partition = (uint32_t)o->partition,
                                                    .committed = (uint64_t)o->off,
                                                    .lag_ms = -1 };
    }
    qsort(l->rows, l->count, sizeof(*l->rows), row_order);
    l->left_out = l->count > l->room ? l->count - l->room : 0;
    l->count -= l->left_out;
    return ERR_OK;
}

/* ---- one row after another ---- */

static void rows_go(struct lags *l);

static void lags_end(struct lags *l, enum err err)
{
    free(l->topic);
    l->topic = NULL;
    l->err = err;
    if (err != ERR_OK)
        l->count = 0;
    l->done(l);
}

static void lag_taken(struct verb *v)
{
    struct lags *l = container_of(v, struct lags, lag.verb);
    struct lag_row *row = &l->rows[l->at++];
    row->err = v->err;
    if (v->err == ERR_OK) {
        row->start_off = l->lag.start_off;
        row->end_off = l->lag.visible_off;
        row->records = l->lag.records;
        row->bytes = l->lag.bytes;
        row->lag_ms = l->lag.lag_ms;
    }
    rows_go(l);
}

static bool time_is_over(const struct lags *l)
{
    return l->timed_until_ns && io_now_ns(shard_current()->io) > l->timed_until_ns;
}

static void lag_ask(struct lags *l, const struct lag_row *row)
{
    l->lag = (struct verb_lag){ .verb = { .done = lag_taken, .home = l->home },
                                .place = l->topic->places[row->partition],
                                .off = row->committed,
                                .untimed = time_is_over(l),
                                .client = l->client };
    serve_lag(l->serve, &l->lag);
}

static void topic_taken(struct verb *v)
{
    struct lags *l = container_of(v, struct lags, describe.verb);
    l->topic = v->err == ERR_OK ? l->describe.topic : NULL;
    if (v->err == ERR_OK || v->err == ERR_NOT_FOUND)
        rows_go(l);
    else
        lags_end(l, v->err);
}

/* True: it is being asked for. No topic has a name that cannot be asked for. */
static bool topic_ask(struct lags *l, struct bytes name)
{
    free(l->topic);
    l->topic = NULL;
    l->name[0] = '\0';
    if (!name.len || name.len >= sizeof(l->name) || memchr(name.at, 0, name.len))
        return false;
    memcpy(l->name, name.at, name.len);
    l->name[name.len] = '\0';
    l->describe =
        (struct verb_describe){ .verb = { .done = topic_taken, .home = l->home }, .name = l->name };
    serve_describe(l->serve, &l->describe);
    return true;
}

static bool topic_is(const struct lags *l, struct bytes name)
{
    return name.len && name.len == strlen(l->name) && memcmp(l->name, name.at, name.len) == 0;
}

/* Goes on until something has to be asked. */
static void rows_go(struct lags *l)
{
    for (; l->at < l->count; l->at++) {
        struct lag_row *row = &l->rows[l->at];
        if (!topic_is(l, row->topic) && topic_ask(l, row->topic))
            return;
        if (l->topic && topic_is(l, row->topic) && row->partition < l->topic->partitions) {
            lag_ask(l, row);
            return;
        }
        row->err = ERR_NOT_FOUND;
    }
    lags_end(l, ERR_OK);
}

/* ---- the group ---- */

static void offsets_taken(struct verb *v)
{
    struct lags *l = container_of(v, struct lags, ask.verb);
    enum err err = v->err;
    l->group_err = l->ask.ask.err;
    if (err == ERR_OK && l->group_err != GROUP_ERR_OK)
        err = ERR_INVALID;
    if (err == ERR_OK)
        err = rows_make(l);
    if (err == ERR_OK)
        rows_go(l);
    else
        lags_end(l, err);
}

void lags_start(struct lags *l)
{
    l->rows = NULL;
    l->count = l->left_out = l->at = 0;
    l->topic = NULL;
    l->name[0] = '\0';
    l->ask = (struct verb_group){ .verb = { .done = offsets_taken, .home = l->home },
                                  .ask = { .verb = GROUP_VERB_FETCH, .group = l->group } };
    serve_group(l->serve, &l->ask);
}

void lags_free(struct lags *l)
{
    free(l->rows);
    free(l->ask.ask.block);
    l->rows = NULL;
    l->ask.ask.block = NULL;
    l->count = 0;
}
