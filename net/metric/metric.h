/* metric.h -- figures of a node, from one table (metric.def).
 *
 *     metrics_add(m, METRIC_BYTES_IN, n);              a front counts, on its shard's thread
 *     metrics_latency(m, METRIC_LATENCY_APPEND, ns);
 *     snapshot = *m;                                   by a letter to that shard
 *     len = metrics_print(&view, NULL, 0);             how much room the text wants
 *     metrics_print(&view, at, len + 1);               Prometheus' text format 0.0.4
 *
 * Thread     a struct metrics is written by its shard's thread alone, so its figures are plain
 *            integers; who wants them asks that shard by letter for a copy. The rest are pure
 *            functions.
 * Memory     the caller's.
 * Fails      never.
 */
#ifndef NET_METRIC_METRIC_H
#define NET_METRIC_METRIC_H

#include "engine/serve/serve.h"

enum metric {
#define METRIC(name, type, labels, unit, text_name, heading, source, text) METRIC_##name,
#include "net/metric/metric.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum metric_labels {
    METRIC_LABELS_NONE,
    METRIC_LABELS_VERSION,
    METRIC_LABELS_SHARD,
    METRIC_LABELS_CODE,
    METRIC_LABELS_PART
};
enum metric_unit { METRIC_ONE, METRIC_BYTES, METRIC_NS, METRIC_MS };
enum metric_latency { METRIC_LATENCY_APPEND, METRIC_LATENCY_FETCH, METRIC_LATENCY_COUNT };

struct metric_row {
    const char *name;    /* for Prometheus */
    const char *heading; /* for a column of `shardlog stats` */
    const char *text;
    enum metric_type type;
    enum metric_labels labels;
    enum metric_unit unit;
};
const struct metric_row *metric_row(enum metric which);
const char *metric_type_text(enum metric_type type);

/* ---- counting ---- */

/* Upper bounds of the buckets, from a fast NVMe's sync to a stuck disk; one more for the rest. */
#define LATENCY_BOUNDS 18u
extern const uint64_t latency_bound_ns[LATENCY_BOUNDS];

struct latency {
    uint64_t buckets[LATENCY_BOUNDS + 1]; /* each on its own, not summed up */
    uint64_t sum_ns;
};

#define METRIC_CODES 256u /* one byte: err.def is far from it */

struct metrics {
    uint64_t own[METRIC_COUNT]; /* rows whose source is OWN */
    uint64_t codes[METRIC_CODES];
    struct latency latency[METRIC_LATENCY_COUNT];
};

static inline void metrics_add(struct metrics *m, enum metric which, uint64_t n)
{
    m->own[which] += n;
}
static inline void metrics_sub(struct metrics *m, enum metric which, uint64_t n) /* gauges */
{
    m->own[which] -= n;
}
void metrics_error(struct metrics *m, enum err err); /* OK counts nothing */
void metrics_latency(struct metrics *m, enum metric_latency which, uint64_t ns);

/* ---- telling ---- */

struct metrics_node {
    const char *version;
    uint64_t one; /* 1 */
    uint64_t start_ms;
    bool ready;
};
struct metrics_shard {
    struct serve_stats engine;
    struct metrics front;
};
struct metrics_part {
    const char *topic;
    uint32_t partition;
    struct part_state_info info;
};
struct metrics_view {
    struct metrics_node node;
    const struct metrics_shard *shards; /* number i is shard i */
    uint32_t shard_count;
    bool fronts; /* they count: .front of each shard is filled */
    const struct metrics_part *parts;
    uint32_t part_count;
};

/* Has the view this figure? Not the fronts' when they do not count, nor partitions' without any. */
bool metric_is_told(enum metric which, const struct metrics_view *v);

/* The figure as it is kept; rows without labels, of a shard (not CODE, no histograms), of a
 * partition. */
uint64_t metric_of_node(enum metric which, const struct metrics_node *n);
uint64_t metric_of_shard(enum metric which, const struct metrics_shard *s);
uint64_t metric_of_part(enum metric which, const struct metrics_part *p);
const struct latency *metric_latency_of(enum metric which, const struct metrics_shard *s);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
/* What is told of the view. Writes at most cap bytes, terminator included, and returns the length
 * of the whole text. */
size_t metrics_print(const struct metrics_view *v, char *out, size_t cap);

#endif
