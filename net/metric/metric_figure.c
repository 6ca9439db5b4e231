/* metric_figure.c -- the table as named whole numbers, all shards of the view together.
 *
 * Names are those of the text, but that "_seconds" would lie about a whole number:
 *
 *     shardlog_recovery_seconds        shardlog_recovery_nanoseconds
 *     shardlog_append_seconds_bucket   shardlog_append_nanoseconds_count, ..._sum
 */
#include <stdio.h>

#include "engine/base/check.h"
#include "net/metric/metric.h"

/* "_seconds" stands for the unit in which the figure is kept. */
static void figure_name(const struct metric_row *row, const char *end,
                        char out[METRIC_FIGURE_NAME_MAX])
{
    static const char *const units[] = {
        [METRIC_NS] = "_nanoseconds", [METRIC_MS] = "_milliseconds"
    };
    const char *at = strstr(row->name, "_seconds");
    int len = at ? (int)(at - row->name) : (int)strlen(row->name);
    bool time = row->unit == METRIC_NS || row->unit == METRIC_MS;
    int n = snprintf(out, METRIC_FIGURE_NAME_MAX, "%.*s%s%s%s", len, row->name,
                     at && time ? units[row->unit] : "", at ? at + strlen("_seconds") : "", end);
    check(n > 0 && (uint32_t)n < METRIC_FIGURE_NAME_MAX);
}

typedef void figure_tell(void *arg, const char *name, uint64_t value);

static void latency_figures(enum metric which, const struct metrics_view *v, figure_tell *tell,
                            void *arg)
{
    char name[METRIC_FIGURE_NAME_MAX];
    uint64_t count = 0, sum_ns = 0;
    for (uint32_t s = 0; s < v->shard_count; s++) {
        const struct latency *l = metric_latency_of(which, &v->shards[s]);
        sum_ns += l->sum_ns;
        for (uint32_t i = 0; i <= LATENCY_BOUNDS; i++)
            count += l->buckets[i];
    }
    figure_name(metric_row(which), "_count", name);
    tell(arg, name, count);
    figure_name(metric_row(which), "_sum", name);
    tell(arg, name, sum_ns);
}

static void code_figures(enum metric which, const struct metrics_view *v, figure_tell *tell,
                         void *arg)
{
    for (uint32_t k = 1; k < metric_code_count; k++) {
        char end[METRIC_FIGURE_NAME_MAX], name[METRIC_FIGURE_NAME_MAX];
        uint64_t count = 0;
        for (uint32_t s = 0; s < v->shard_count; s++)
            count += v->shards[s].front.codes[metric_codes[k]];
        if (!count)
            continue;
        snprintf(end, sizeof(end), "{code=\"%s\"}", err_name(metric_codes[k]));
        figure_name(metric_row(which), end, name);
        tell(arg, name, count);
    }
}

static void shard_figures(enum metric which, const struct metrics_view *v, figure_tell *tell,
                          void *arg)
{
    const struct metric_row *row = metric_row(which);
    bool largest = row->type == METRIC_GAUGE && row->unit == METRIC_NS;
    char name[METRIC_FIGURE_NAME_MAX];
    uint64_t all = 0;
    for (uint32_t s = 0; s < v->shard_count; s++) {
        uint64_t one = metric_of_shard(which, &v->shards[s]);
        all = largest ? max_u64(all, one) : all + one;
    }
    figure_name(row, "", name);
    tell(arg, name, all);
}

static void node_figure(enum metric which, const struct metrics_view *v, figure_tell *tell,
                        void *arg)
{
    char name[METRIC_FIGURE_NAME_MAX];
    figure_name(metric_row(which), "", name);
    tell(arg, name, metric_of_node(which, &v->node));
}

void metrics_figures(const struct metrics_view *v, figure_tell *tell, void *arg)
{
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = metric_row((enum metric)i);
        if (row->labels == METRIC_LABELS_NONE)
            node_figure((enum metric)i, v, tell, arg);
        else if (row->labels == METRIC_LABELS_CODE)
            code_figures((enum metric)i, v, tell, arg);
        else if (row->type == METRIC_HISTOGRAM)
            latency_figures((enum metric)i, v, tell, arg);
        else if (row->labels == METRIC_LABELS_SHARD)
            shard_figures((enum metric)i, v, tell, arg);
    }
}
