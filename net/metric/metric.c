/* metric.c -- metric.def as a table, and where each row's figure lies. */
#include "net/metric/metric.h"

#include "engine/base/check.h"

enum source {
    SOURCE_ENGINE,
    SOURCE_PART,
    SOURCE_LAG,
    SOURCE_NODE,
    SOURCE_OWN,
    SOURCE_CODES,
    SOURCE_LATENCY
};

/* A row, and the field that it shows: where it begins in its struct, how many bytes it has. */
static const struct full_row {
    struct metric_row row;
    enum source source;
    uint32_t at, bytes;
} rows[METRIC_COUNT] = {
#define FIELD(type, field) offsetof(type, field), sizeof(((type *)0)->field)
#define ENGINE(field)      SOURCE_ENGINE, FIELD(struct serve_stats, field)
#define PART(field)        SOURCE_PART, FIELD(struct part_state_info, field)
#define LAG(field)         SOURCE_LAG, FIELD(struct metrics_lag, field)
#define NODE(field)        SOURCE_NODE, FIELD(struct metrics_node, field)
#define OWN                SOURCE_OWN, 0, 8
#define CODES              SOURCE_CODES, 0, 8
#define LATENCY(which)     SOURCE_LATENCY, METRIC_LATENCY_##which, 0
#define METRIC(name, type, labels, unit, text_name, source, text)                                  \
    [METRIC_##name] = { { text_name, text, METRIC_##type, METRIC_LABELS_##labels, METRIC_##unit }, \
                        source },
#include "net/metric/metric.def"
#undef METRIC
};

const uint64_t latency_bound_ns[LATENCY_BOUNDS] = {
    25000,     50000,     100000,     250000,     500000,     1000000,
    2500000,   5000000,   10000000,   25000000,   50000000,   100000000,
    250000000, 500000000, 1000000000, 2500000000, 5000000000, 10000000000,
};

const enum err metric_codes[] = {
#define ERR(name, code, retriable, text) ERR_##name,
#include <shardlog/err.def>
#undef ERR
};
const uint32_t metric_code_count = sizeof(metric_codes) / sizeof(metric_codes[0]);
static_assert(sizeof(metric_codes) / sizeof(metric_codes[0]) <= METRIC_CODES, "a code is a byte");

const struct metric_row *metric_row(enum metric which)
{
    return &rows[which].row;
}

const char *metric_type_text(enum metric_type type)
{
    static const char *const words[] = { "counter", "gauge", "histogram" };
    return words[type];
}

/* ---- counting ---- */

void metrics_error(struct metrics *m, enum err err)
{
    if (err != ERR_OK)
        m->codes[(uint32_t)err % METRIC_CODES]++;
}

void metrics_latency(struct metrics *m, enum metric_latency which, uint64_t ns)
{
    struct latency *l = &m->latency[which];
    uint32_t i = 0;
    while (i < LATENCY_BOUNDS && ns > latency_bound_ns[i])
        i++;
    l->buckets[i]++;
    l->sum_ns += ns;
}

/* ---- figures ---- */

static uint64_t field(const struct full_row *r, const void *from)
{
    const uint8_t *at = (const uint8_t *)from + r->at;
    uint64_t wide;
    uint32_t narrow;
    switch (r->bytes) {
    case 8:
        memcpy(&wide, at, 8);
        return wide;
    case 4:
        memcpy(&narrow, at, 4);
        return narrow;
    }
    check(r->bytes == 1);
    return *at;
}

uint64_t metric_of_node(enum metric which, const struct metrics_node *n)
{
    check(rows[which].source == SOURCE_NODE);
    return field(&rows[which], n);
}

uint64_t metric_of_shard(enum metric which, const struct metrics_shard *s)
{
    if (rows[which].source == SOURCE_OWN)
        return s->front.own[which];
    check(rows[which].source == SOURCE_ENGINE);
    return field(&rows[which], &s->engine);
}

uint64_t metric_of_part(enum metric which, const struct part_state_info *p)
{
    check(rows[which].source == SOURCE_PART);
    return field(&rows[which], p);
}

uint64_t metric_of_lag(enum metric which, const struct metrics_lag *l)
{
    check(rows[which].source == SOURCE_LAG);
    return field(&rows[which], l);
}

const struct latency *metric_latency_of(enum metric which, const struct metrics_shard *s)
{
    check(rows[which].source == SOURCE_LATENCY);
    return &s->front.latency[rows[which].at];
}
