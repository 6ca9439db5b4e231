/* metric_text.c -- Prometheus' text format 0.0.4.
 *
 *     # HELP shardlog_appends_total Batches that were appended.
 *     # TYPE shardlog_appends_total counter
 *     shardlog_appends_total{shard="0"} 5
 *
 * A histogram's buckets are summed up from the smallest on, and end with +Inf, _sum and _count.
 * In a sentence \ and line ends are escaped, in a label's value quotes too.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/base/check.h"
#include "net/metric/metric.h"

struct text {
    char *at;
    size_t cap, len; /* len: of the whole text, also beyond cap */
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
    va_list args;
    size_t room = t->len < t->cap ? t->cap - t->len : 0;
    va_start(args, fmt);
    int n = vsnprintf(room ? t->at + t->len : NULL, room, fmt, args);
    va_end(args);
    t->len += n > 0 ? (size_t)n : 0;
}

static void escaped_put(struct text *t, const char *text, bool quotes)
{
    while (*text) {
        size_t plain = strcspn(text, quotes ? "\n\\\"" : "\n\\");
        put(t, "%.*s", (int)plain, text);
        text += plain;
        if (*text)
            put(t, "\\%c", *text == '\n' ? 'n' : *text);
        text += *text != '\0';
    }
}

/* `v` parts of which `scale` make one, without zeros at the end: 1500000000 / 10^9 is 1.5. */
static void decimal_put(struct text *t, uint64_t v, uint64_t scale)
{
    uint64_t part = v % scale;
    put(t, "%" PRIu64, v / scale);
    if (part)
        put(t, ".");
    for (uint64_t step = scale / 10; part; part %= step, step /= 10)
        put(t, "%u", (unsigned)(part / step));
}

static void value_put(struct text *t, const struct metric_row *row, uint64_t v)
{
    static const uint64_t scales[] = {
        [METRIC_ONE] = 1, [METRIC_BYTES] = 1, [METRIC_NS] = SEC_NS, [METRIC_MS] = 1000
    };
    put(t, " ");
    decimal_put(t, v, scales[row->unit]);
    put(t, "\n");
}

static void head_put(struct text *t, const struct metric_row *row)
{
    put(t, "# HELP %s ", row->name);
    escaped_put(t, row->text, false);
    put(t, "\n# TYPE %s %s\n", row->name, metric_type_text(row->type));
}

/* ---- one function for each kind of labels: series `i` of a row ---- */

static void version_put(struct text *t, enum metric which, const struct metrics_view *v, uint32_t i)
{
    (void)i;
    put(t, "%s{version=\"", metric_row(which)->name);
    escaped_put(t, v->node.version, true);
    put(t, "\"}");
    value_put(t, metric_row(which), metric_of_node(which, &v->node));
}

static void node_put(struct text *t, enum metric which, const struct metrics_view *v, uint32_t i)
{
    (void)i;
    put(t, "%s", metric_row(which)->name);
    value_put(t, metric_row(which), metric_of_node(which, &v->node));
}

static void buckets_put(struct text *t, const char *name, uint32_t shard, const struct latency *l)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < LATENCY_BOUNDS; i++) {
        sum += l->buckets[i];
        put(t, "%s_bucket{shard=\"%" PRIu32 "\",le=\"", name, shard);
        decimal_put(t, latency_bound_ns[i], SEC_NS);
        put(t, "\"} %" PRIu64 "\n", sum);
    }
    sum += l->buckets[LATENCY_BOUNDS];
    put(t, "%s_bucket{shard=\"%" PRIu32 "\",le=\"+Inf\"} %" PRIu64 "\n", name, shard, sum);
    put(t, "%s_sum{shard=\"%" PRIu32 "\"} ", name, shard);
    decimal_put(t, l->sum_ns, SEC_NS);
    put(t, "\n%s_count{shard=\"%" PRIu32 "\"} %" PRIu64 "\n", name, shard, sum);
}

static void shard_put(struct text *t, enum metric which, const struct metrics_view *v, uint32_t i)
{
    const struct metric_row *row = metric_row(which);
    uint32_t shard = v->shard_first + i;
    if (row->type == METRIC_HISTOGRAM) {
        buckets_put(t, row->name, shard, metric_latency_of(which, &v->shards[i]));
        return;
    }
    put(t, "%s{shard=\"%" PRIu32 "\"}", row->name, shard);
    value_put(t, row, metric_of_shard(which, &v->shards[i]));
}

/* Every known code, counted or not: a series that appears with its first error has no rate. */
static void codes_put(struct text *t, enum metric which, const struct metrics_view *v, uint32_t i)
{
    for (uint32_t k = 1; k < metric_code_count; k++)
        put(t, "%s{shard=\"%" PRIu32 "\",code=\"%s\"} %" PRIu64 "\n", metric_row(which)->name,
            v->shard_first + i, err_name(metric_codes[k]),
            v->shards[i].front.codes[metric_codes[k]]);
}

static void part_put(struct text *t, enum metric which, const struct metrics_view *v, uint32_t i)
{
    put(t, "%s{topic=\"", metric_row(which)->name);
    escaped_put(t, v->part_topics[i], true);
    put(t, "\",partition=\"%" PRIu32 "\"}", v->parts[i].index);
    value_put(t, metric_row(which), metric_of_part(which, &v->parts[i]));
}

static void lag_put(struct text *t, enum metric which, const struct metrics_view *v, uint32_t i)
{
    const struct metrics_lag *l = &v->lags[i];
    uint64_t value = metric_of_lag(which, l);
    if (value == METRIC_UNKNOWN)
        return;
    put(t, "%s{group=\"", metric_row(which)->name);
    escaped_put(t, l->group, true);
    put(t, "\",topic=\"%s\",partition=\"%" PRIu32 "\"}", l->topic, l->partition);
    value_put(t, metric_row(which), value);
}

static uint32_t series_count(enum metric which, const struct metrics_view *v)
{
    switch (metric_row(which)->labels) {
    case METRIC_LABELS_NONE:
    case METRIC_LABELS_VERSION:
        return 1;
    case METRIC_LABELS_SHARD:
    case METRIC_LABELS_CODE:
        return v->shard_count;
    case METRIC_LABELS_PART:
        return v->part_count;
    case METRIC_LABELS_GROUP:
        return v->lag_count;
    }
    return 0;
}

/* Item 0 of a row is its head, then come its series. */
static void piece_put(struct text *t, const struct metrics_view *v, const struct metrics_cursor *c)
{
    static void (*const labels[])(struct text *, enum metric, const struct metrics_view *,
                                  uint32_t) = {
        [METRIC_LABELS_NONE] = node_put,   [METRIC_LABELS_VERSION] = version_put,
        [METRIC_LABELS_SHARD] = shard_put, [METRIC_LABELS_CODE] = codes_put,
        [METRIC_LABELS_PART] = part_put,   [METRIC_LABELS_GROUP] = lag_put,
    };
    enum metric which = (enum metric)c->row;
    if (c->item == 0)
        head_put(t, metric_row(which));
    else
        labels[metric_row(which)->labels](t, which, v, c->item - 1);
}

size_t metrics_print(const struct metrics_view *v, struct metrics_cursor *c, char *out, size_t cap)
{
    struct text t = { .at = out, .cap = cap };
    check(cap >= METRICS_PIECE_MAX);
    while (c->row < METRIC_COUNT) {
        size_t before = t.len;
        piece_put(&t, v, c);
        if (t.len >= cap) { /* the terminator wants its place while a piece is written */
            check(before);
            return before;
        }
        if (c->item++ == series_count((enum metric)c->row, v))
            *c = (struct metrics_cursor){ .row = c->row + 1 };
    }
    return t.len;
}
