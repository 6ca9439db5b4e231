/* metric.h -- figures of a node, from one table (metric.def).
 *
 *     metrics_add(m, METRIC_BYTES_IN, n);              a front counts, on its shard's thread
 *     metrics_latency(m, METRIC_LATENCY_APPEND, ns);
 *     walk_start(&w);                                  walk.h: copies of all shards
 *     while ((len = metrics_print(&view, &cursor, at, room)))    Prometheus' text format 0.0.4
 *     metrics_figures(&view, tell, arg);               the same, added up: the verb stats
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
#define METRIC(name, type, labels, unit, text_name, source, text) METRIC_##name,
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
    METRIC_LABELS_PART,
    METRIC_LABELS_GROUP
};
enum metric_unit { METRIC_ONE, METRIC_BYTES, METRIC_NS, METRIC_MS };
enum metric_latency { METRIC_LATENCY_APPEND, METRIC_LATENCY_FETCH, METRIC_LATENCY_COUNT };

struct metric_row {
    const char *name;
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

#define METRIC_CODES 256u             /* one byte: err.def is far from it */
extern const enum err metric_codes[]; /* all of err.def; the first is OK, which nobody counts */
extern const uint32_t metric_code_count;

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
static inline uint64_t metrics_own(const struct metrics *m, enum metric which)
{
    return m->own[which];
}
void metrics_error(struct metrics *m, enum err err); /* OK counts nothing */
void metrics_latency(struct metrics *m, enum metric_latency which, uint64_t ns);

/* ---- telling ---- */

struct metrics_node {
    const char *version;
    uint64_t one; /* 1 */
    uint64_t start_ms;
    uint32_t parts_left_out;
    uint32_t groups_left_out;
    bool ready;
};
struct metrics_shard {
    struct serve_stats engine;
    struct metrics front;
};
#define METRIC_LABEL_MAX 255u
#define METRIC_UNKNOWN   UINT64_MAX /* has no series */

/* How far a consumer group is behind in a partition; see groups.h. */
struct metrics_lag {
    const char *group; /* METRIC_LABEL_MAX bytes at most */
    char topic[250];
    uint32_t partition;
    uint64_t committed, records, bytes;
    uint64_t lag_ms; /* or METRIC_UNKNOWN */
};
struct metrics_view {
    struct metrics_node node;
    const struct metrics_shard *shards;
    uint32_t shard_count, shard_first; /* shards[i] is shard shard_first + i */
    const struct part_state_info *parts;
    const char *const *part_topics; /* name of each one's topic */
    uint32_t part_count;
    const struct metrics_lag *lags;
    uint32_t lag_count;
};

/* The figure as it is kept; rows without labels, of a shard (not CODE, no histograms), of a
 * partition, of a group in a partition. */
uint64_t metric_of_node(enum metric which, const struct metrics_node *n);
uint64_t metric_of_shard(enum metric which, const struct metrics_shard *s);
uint64_t metric_of_part(enum metric which, const struct part_state_info *p);
uint64_t metric_of_lag(enum metric which, const struct metrics_lag *l); /* or METRIC_UNKNOWN */
const struct latency *metric_latency_of(enum metric which, const struct metrics_shard *s);

/* ---- Prometheus' text, piece by piece: a large node's has megabytes ---- */

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_PIECE_MAX    8192u /* the codes of one shard have half of it */

struct metrics_cursor {
    uint32_t row, item; /* the next piece; zeros: the first */
};
/* Writes whole pieces while they fit into `cap` (METRICS_PIECE_MAX at least), without a terminator.
 * Returns their length; 0: all was told. */
size_t metrics_print(const struct metrics_view *v, struct metrics_cursor *c, char *out, size_t cap);

/* ---- whole numbers, for the verb stats ---- */

#define METRIC_FIGURE_NAME_MAX 64u
/* Rows without labels, and of shards, added up: metric.def says how. Of a histogram its _count and
 * its sum of nanoseconds; of errors those codes that were counted, as name{code="..."}. */
void metrics_figures(const struct metrics_view *v,
                     void (*tell)(void *arg, const char *name, uint64_t value), void *arg);

#endif
