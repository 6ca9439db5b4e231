/* metric_test.c -- the table keeps Prometheus' rules; the text is what its parser expects. */
#include "net/metric/metric.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"

static struct metrics_shard shards[2];

/* The text of `v`, free() it; the measured length is the written one. */
static char *text_of(const struct metrics_view *v)
{
    size_t len = metrics_print(v, NULL, 0);
    char *out = malloc(len + 1);
    EXPECT_EQ(metrics_print(v, out, len + 1), len);
    EXPECT_EQ(strlen(out), len);
    return out;
}

static struct metrics_view view_of(void)
{
    memset(shards, 0, sizeof(shards));
    return (struct metrics_view){
        .node = { .version = "0.1.0", .one = 1, .start_ms = 1795682846050, .ready = true },
        .shards = shards,
        .shard_count = 2,
        .fronts = true
    };
}

static bool ends(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

TEST(metric, names_keep_the_rules)
{
    /* Goal: letters, units, _total, no name twice, sentences. */
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *r = metric_row((enum metric)i);
        EXPECT_EQ(strspn(r->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(r->name));
        EXPECT(strncmp(r->name, "shardlog_", 9) == 0);
        EXPECT_EQ(ends(r->name, "_total"), r->type == METRIC_COUNTER);
        bool seconds = r->unit == METRIC_NS || r->unit == METRIC_MS;
        EXPECT_EQ(strstr(r->name, "_seconds") != NULL, seconds);
        if (!ends(r->name, "_bytes") && !ends(r->name, "_bytes_total"))
            EXPECT_NE(r->unit, METRIC_BYTES);
        EXPECT(ends(r->text, ".") && strlen(r->heading) > 0);
        for (uint32_t j = 0; j < i; j++)
            EXPECT(strcmp(r->name, metric_row((enum metric)j)->name) != 0);
    }
}

TEST(metric, text_of_each_kind)
{
    /* Goal: heads, labels, scaled times, escapes. Method: one row of each kind of labels. */
    struct metrics_view v = view_of();
    struct metrics_part parts[] = { { .topic = "a\\b\"c\nd", .partition = 7 } };
    v.node.version = "0.1\"x";
    v.parts = parts;
    v.part_count = 1;
    parts[0].info = (struct part_state_info){ .visible_off = 42, .damaged = true };
    shards[0].engine.open_ns = 1500000000;
    shards[1].engine.open_ns = 12;
    shards[1].engine.counts.appends = UINT64_MAX;
    shards[1].engine.partitions = 3;
    metrics_add(&shards[0].front, METRIC_CONNECTIONS, 5);
    metrics_sub(&shards[0].front, METRIC_CONNECTIONS, 2);
    metrics_error(&shards[1].front, ERR_TOO_LARGE);
    metrics_error(&shards[1].front, ERR_OK);
    char *text = text_of(&v);
    static const char *const want[] = {
        "# HELP shardlog_build_info Always 1; the label is the version.\n"
        "# TYPE shardlog_build_info gauge\n"
        "shardlog_build_info{version=\"0.1\\\"x\"} 1\n"
        "# HELP shardlog_start_time_seconds When the node was started, since 1970.\n"
        "# TYPE shardlog_start_time_seconds gauge\n"
        "shardlog_start_time_seconds 1795682846.05\n",
        "\nshardlog_ready 1\n",
        "# TYPE shardlog_connections gauge\n"
        "shardlog_connections{shard=\"0\"} 3\n"
        "shardlog_connections{shard=\"1\"} 0\n",
        "# TYPE shardlog_recovery_seconds gauge\n"
        "shardlog_recovery_seconds{shard=\"0\"} 1.5\n"
        "shardlog_recovery_seconds{shard=\"1\"} 0.000000012\n",
        "# TYPE shardlog_appends_total counter\n"
        "shardlog_appends_total{shard=\"0\"} 0\n"
        "shardlog_appends_total{shard=\"1\"} 18446744073709551615\n",
        "\nshardlog_partitions{shard=\"1\"} 3\n",
        "\nshardlog_errors_total{shard=\"1\",code=\"TOO_LARGE\"} 1\n",
        "\nshardlog_errors_total{shard=\"1\",code=\"IO\"} 0\n",
        "\nshardlog_partition_high_offset{topic=\"a\\\\b\\\"c\\nd\",partition=\"7\"} 42\n",
        "\nshardlog_partition_damaged{topic=\"a\\\\b\\\"c\\nd\",partition=\"7\"} 1\n",
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        if (!EXPECT(strstr(text, want[i]) != NULL))
            fprintf(stderr, "  missing: %s\n", want[i]);
    EXPECT(!strstr(text, "code=\"OK\""));
    free(text);
}

TEST(metric, what_is_not_counted_is_not_told)
{
    /* Goal: no series of zeros for figures that nobody counts, and all others stay. */
    struct metrics_view v = view_of();
    v.fronts = false;
    char *text = text_of(&v);
    EXPECT(strstr(text, "shardlog_appends_total{shard=\"1\"} 0\n") != NULL);
    EXPECT(strstr(text, "shardlog_ready 1\n") != NULL);
    EXPECT(strstr(text, "shardlog_connections") == NULL);
    EXPECT(strstr(text, "shardlog_errors_total") == NULL);
    EXPECT(strstr(text, "shardlog_append_seconds") == NULL);
    EXPECT(strstr(text, "shardlog_partition_") == NULL);
    free(text);
}

TEST(metric, histograms)
{
    /* Goal: buckets are summed up, bounds belong to their bucket, sum and count agree. */
    struct metrics_view v = view_of();
    struct metrics *m = &shards[0].front;
    metrics_latency(m, METRIC_LATENCY_APPEND, 0);
    metrics_latency(m, METRIC_LATENCY_APPEND, 25000);
    metrics_latency(m, METRIC_LATENCY_APPEND, 25001);
    metrics_latency(m, METRIC_LATENCY_APPEND, 10000000000);
    metrics_latency(m, METRIC_LATENCY_APPEND, 20000000000);
    v.shard_count = 1;
    char *text = text_of(&v);
    EXPECT(strstr(text, "# TYPE shardlog_append_seconds histogram\n"
                        "shardlog_append_seconds_bucket{shard=\"0\",le=\"0.000025\"} 2\n"
                        "shardlog_append_seconds_bucket{shard=\"0\",le=\"0.00005\"} 3\n"));
    EXPECT(strstr(text, "shardlog_append_seconds_bucket{shard=\"0\",le=\"5\"} 3\n"
                        "shardlog_append_seconds_bucket{shard=\"0\",le=\"10\"} 4\n"
                        "shardlog_append_seconds_bucket{shard=\"0\",le=\"+Inf\"} 5\n"
                        "shardlog_append_seconds_sum{shard=\"0\"} 30.000050001\n"
                        "shardlog_append_seconds_count{shard=\"0\"} 5\n"));
    EXPECT(strstr(text, "shardlog_fetch_seconds_count{shard=\"0\"} 0\n"));
    free(text);
    for (uint32_t i = 1; i < LATENCY_BOUNDS; i++)
        EXPECT(latency_bound_ns[i] > latency_bound_ns[i - 1]);
}

/* name{labels} number, or a comment. */
static bool line_sound(const char *line, size_t len)
{
    char text[512], *at;
    if (len == 0 || len >= sizeof(text))
        return false;
    memcpy(text, line, len);
    text[len] = '\0';
    if (strncmp(text, "# HELP shardlog_", 16) == 0 || strncmp(text, "# TYPE shardlog_", 16) == 0)
        return true;
    at = text + strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    if (*at == '{')
        at = strstr(at, "} ");
    else if (*at == ' ')
        at--;
    else
        return false;
    return at && at[2] && strspn(at + 2, "0123456789.") == strlen(at + 2);
}

TEST(metric, every_line_is_sound)
{
    /* Goal: nothing a scraper would choke on. Method: all lines of a view, by a reader of our own.
     */
    struct metrics_view v = view_of();
    struct metrics_part part = { .topic = "t" };
    v.parts = &part;
    v.part_count = 1;
    char *text = text_of(&v);
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "\n");
        if (!EXPECT(at[len] == '\n' && line_sound(at, len)))
            fprintf(stderr, "  line: %.*s\n", (int)len, at);
        at += len + (at[len] == '\n');
    }
    free(text);
}

TEST(metric, short_of_room)
{
    /* Goal: never a byte beyond the room. Method: every room up to a few lines. */
    struct metrics_view v = view_of();
    char *whole = text_of(&v), out[600];
    size_t len = strlen(whole);
    for (size_t cap = 1; cap < 500; cap++) {
        memset(out, '#', sizeof(out));
        EXPECT_EQ(metrics_print(&v, out, cap), len);
        EXPECT(strlen(out) == cap - 1 && memcmp(out, whole, cap - 1) == 0 && out[cap] == '#');
    }
    free(whole);
}
