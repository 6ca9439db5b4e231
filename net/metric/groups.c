/* groups.c -- see groups.h: ids ward by ward, then sorted; then one group after another. */
#include "net/metric/groups.h"

#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/base/check.h"
#include "net/log/utf8.h"

/* ---- one group after another ---- */

static void group_go(struct groups_walk *g);

static void row_add(struct groups_walk *g, const struct lag_row *from)
{
    struct metrics_lag *to = &g->rows[g->count];
    if (from->err != ERR_OK || from->topic.len >= sizeof(to->topic))
        return;
    *to = (struct metrics_lag){ .group = g->ids[g->at],
                                .partition = from->partition,
                                .committed = from->committed,
                                .records = from->records,
                                .bytes = from->bytes,
                                .lag_ms =
                                    from->lag_ms < 0 ? METRIC_UNKNOWN : (uint64_t)from->lag_ms };
    memcpy(to->topic, from->topic.at, from->topic.len);
    g->count++;
}

static void group_taken(struct lags *l)
{
    struct groups_walk *g = container_of(l, struct groups_walk, lags);
    for (uint32_t i = 0; i < l->count; i++)
        row_add(g, &l->rows[i]);
    g->left_out += l->err != ERR_OK || l->left_out;
    g->at++;
    lags_free(l);
    group_go(g);
}

static void group_go(struct groups_walk *g)
{
    if (g->at == g->id_count || g->at == g->groups_max || g->count == g->rows_max) {
        g->left_out += g->id_count - g->at;
        g->done(g);
        return;
    }
    const char *id = g->ids[g->at];
    g->lags = (struct lags){ .serve = g->serve,
                             .home = g->home,
                             .group = { (const uint8_t *)id, strlen(id) },
                             .room = g->rows_max - g->count,
                             .timed_until_ns = g->timed_until_ns,
                             .done = group_taken };
    lags_start(&g->lags);
}

static int id_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- ids ---- */

static bool label_fits(struct bytes id)
{
    uint32_t code, took;
    if (id.len > METRIC_LABEL_MAX)
        return false;
    for (; id.len; id = (struct bytes){ id.at + took, id.len - took })
        if (!(took = utf8_next(id, &code)) || code == 0)
            return false;
    return true;
}

static void id_add(struct groups_walk *g, struct bytes id)
{
    if (!label_fits(id)) {
        g->left_out++;
        return;
    }
    g->ids = array_grow(g->ids, &g->id_cap, (uint64_t)g->id_count + 1, sizeof(*g->ids));
    char *text = malloc(id.len + 1);
    check(text); /* 256 bytes at most: the system is out of memory */
    if (id.len)
        memcpy(text, id.at, id.len);
    text[id.len] = '\0';
    g->ids[g->id_count++] = text;
}

static void ward_ask(struct groups_walk *g, uint32_t ward);

static void ward_taken(struct verb *v)
{
    struct groups_walk *g = container_of(v, struct groups_walk, list.verb);
    const struct group_request *q = &g->list.ask;
    bool told = v->err == ERR_OK && q->err == GROUP_ERR_OK;
    for (uint32_t i = 0; told && i < q->out.group_count; i++)
        id_add(g, q->out.groups[i].id);
    free(q->block);
    if (g->list.ward + 1 < WARDS) {
        ward_ask(g, g->list.ward + 1);
        return;
    }
    if (g->id_count)
        qsort(g->ids, g->id_count, sizeof(*g->ids), id_order);
    group_go(g);
}

static void ward_ask(struct groups_walk *g, uint32_t ward)
{
    g->list = (struct verb_group){ .verb = { .done = ward_taken, .home = g->home },
                                   .ask = { .verb = GROUP_VERB_LIST },
                                   .ward = ward };
    serve_group(g->serve, &g->list);
}

/* ---- begin, end ---- */

void groups_walk_start(struct groups_walk *g)
{
    g->ids = NULL;
    g->id_count = g->id_cap = g->at = g->count = g->left_out = 0;
    g->rows = calloc(g->rows_max + 1u, sizeof(*g->rows));
    check(g->rows); /* a megabyte at most: the system is out of memory */
    ward_ask(g, 0);
}

void groups_walk_free(struct groups_walk *g)
{
    for (uint32_t i = 0; i < g->id_count; i++)
        free(g->ids[i]);
    free(g->ids);
    free(g->rows);
    g->ids = NULL;
    g->rows = NULL;
    g->id_count = g->count = 0;
}
