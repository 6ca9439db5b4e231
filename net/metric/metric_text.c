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
    for (; *text; text++) {
        if (*text == '\n')
            put(t, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            put(t, "\\%c", *text);
        else
            put(t, "%c", *text);
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

/* ---- one function for each kind of labels ---- */

static void version_put(struct text *t, enum metric which, const struct metrics_view *v)
{
    put(t, "%s{version=\"", metric_row(which)->name);
    escaped_put(t, v->node.version, true);
    put(t, "\"}");
    value_put(t, metric_row(which), metric_of_node(which, &v->node));
}

static void node_put(struct text *t, enum metric which, const struct metrics_view *v)
{
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

static void shards_put(struct text *t, enum metric which, const struct metrics_view *v)
{
    const struct metric_row *row = metric_row(which);
    for (uint32_t i = 0; i < v->shard_count; i++) {
        if (row->type == METRIC_HISTOGRAM) {
            buckets_put(t, row->name, i, metric_latency_of(which, &v->shards[i]));
            continue;
        }
        put(t, "%s{shard=\"%" PRIu32 "\"}", row->name, i);
        value_put(t, row, metric_of_shard(which, &v->shards[i]));
    }
}

/* Every known code, counted or not: a series that appears with its first error has no rate. */
static void codes_put(struct text *t, enum metric which, const struct metrics_view *v)
{
    static const enum err codes[] = {
#define ERR(name, code, retriable, text) ERR_##name,
#include <shardlog/err.def>
#undef ERR
    };
    for (uint32_t s = 0; s < v->shard_count; s++)
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
            if (codes[i] != ERR_OK)
                put(t, "%s{shard=\"%" PRIu32 "\",code=\"%s\"} %" PRIu64 "\n",
                    metric_row(which)->name, s, err_name(codes[i]),
                    v->shards[s].front.codes[(uint32_t)codes[i] % METRIC_CODES]);
}

static void parts_put(struct text *t, enum metric which, const struct metrics_view *v)
{
    for (uint32_t i = 0; i < v->part_count; i++) {
        put(t, "%s{topic=\"", metric_row(which)->name);
        escaped_put(t, v->parts[i].topic, true);
        put(t, "\",partition=\"%" PRIu32 "\"}", v->parts[i].partition);
        value_put(t, metric_row(which), metric_of_part(which, &v->parts[i]));
    }
}

size_t metrics_print(const struct metrics_view *v, char *out, size_t cap)
{
    static void (*const labels[])(struct text *, enum metric, const struct metrics_view *) = {
        [METRIC_LABELS_NONE] = node_put,    [METRIC_LABELS_VERSION] = version_put,
        [METRIC_LABELS_SHARD] = shards_put, [METRIC_LABELS_CODE] = codes_put,
        [METRIC_LABELS_PART] = parts_put,
    };
    struct text t = { .at = out, .cap = cap };
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        if (!metric_is_told((enum metric)i, v))
            continue;
        head_put(&t, metric_row((enum metric)i));
        labels[metric_row((enum metric)i)->labels](&t, (enum metric)i, v);
    }
    return t.len;
}
