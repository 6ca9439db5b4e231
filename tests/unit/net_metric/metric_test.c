/* metric_test.c -- the table keeps Prometheus' rules; the text is what its parser expects. */
#include "net/metric/metric.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"

static struct metrics_shard shards[2];

/* The text of `v`, free() it; in pieces of at most `room`. */
static char *text_in(const struct metrics_view *v, size_t room)
{
    struct metrics_cursor c = { 0 };
    size_t len = 0, got;
    char *out = malloc(1);
    do {
        out = realloc(out, len + room + 1);
        memset(out + len, '#', room + 1);
        got = metrics_print(v, &c, out + len, room);
        EXPECT(got <= room && out[len + room] == '#');
        len += got;
    } while (got);
    EXPECT_EQ(metrics_print(v, &c, out + len, room), 0);
    out[len] = '\0';
    EXPECT_EQ(strlen(out), len);
    return out;
}

static char *text_of(const struct metrics_view *v)
{
    return text_in(v, MIB(1));
}

static struct metrics_view view_of(void)
{
    memset(shards, 0, sizeof(shards));
    return (struct metrics_view){
        .node = { .version = "0.1.0", .one = 1, .start_ms = 1795682846050, .ready = true },
        .shards = shards,
        .shard_count = 2,
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
        EXPECT(ends(r->text, "."));
        for (uint32_t j = 0; j < i; j++)
            EXPECT(strcmp(r->name, metric_row((enum metric)j)->name) != 0);
    }
}

TEST(metric, text_of_each_kind)
{
    /* Goal: heads, labels, scaled times, escapes. Method: one row of each kind of labels. */
    struct metrics_view v = view_of();
    const char *topic = "a\\b\"c\nd";
    struct part_state_info part = { .index = 7, .visible_off = 42, .damaged = true };
    v.node.version = "0.1\"x";
    v.parts = &part;
    v.part_topics = &topic;
    v.part_count = 1;
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

TEST(metric, lag_of_groups)
{
    /* Goal: three labels, escaped; ages as seconds; what is not known has no series. */
    const struct metrics_lag lags[] = {
        { "a\"b", "events", 7, 40, 60, 6000, 12345 },
        { "c", "events", 0, 5, 2, 100, METRIC_UNKNOWN },
    };
    struct metrics_view v = view_of();
    v.lags = lags;
    v.lag_count = 2;
    v.node.groups_left_out = 3;
    char *text = text_of(&v);
    static const char *const want[] = {
        "\nshardlog_groups_left_out 3\n",
        "# TYPE shardlog_group_committed_offset gauge\n"
        "shardlog_group_committed_offset{group=\"a\\\"b\",topic=\"events\",partition=\"7\"} 40\n"
        "shardlog_group_committed_offset{group=\"c\",topic=\"events\",partition=\"0\"} 5\n",
        "\nshardlog_group_lag_records{group=\"c\",topic=\"events\",partition=\"0\"} 2\n",
        "\nshardlog_group_lag_bytes{group=\"c\",topic=\"events\",partition=\"0\"} 100\n",
        "\nshardlog_group_lag_seconds{group=\"a\\\"b\",topic=\"events\",partition=\"7\"} 12.345\n",
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        if (!EXPECT(strstr(text, want[i]) != NULL))
            fprintf(stderr, "  missing: %s\n", want[i]);
    EXPECT(!strstr(text, "lag_seconds{group=\"c\""));
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
    struct part_state_info part = { .index = 0 };
    const char *topic = "t";
    v.parts = &part;
    v.part_topics = &topic;
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

TEST(metric, piece_by_piece)
{
    /* Goal: the pieces are the text, whatever the room; never a byte beyond it. Method: many
     * partitions, rooms from the least on. */
    enum { PARTS = 300 };
    static struct part_state_info parts[PARTS];
    static const char *topics[PARTS];
    struct metrics_view v = view_of();
    for (uint32_t i = 0; i < PARTS; i++) {
        parts[i].index = i;
        topics[i] = i % 2 ? "odd" : "a-name-that-is-longer";
    }
    v.parts = parts;
    v.part_topics = topics;
    v.part_count = PARTS;
    char *whole = text_of(&v);
    EXPECT(strlen(whole) > KIB(100));
    for (size_t room = METRICS_PIECE_MAX; room < METRICS_PIECE_MAX + 300; room += 7) {
        char *text = text_in(&v, room);
        EXPECT_STR(text, whole);
        free(text);
    }
    free(whole);
}

/* The figures as "name value\n". */
static void figure_print(void *arg, const char *name, uint64_t value)
{
    fprintf(arg, "%s %llu\n", name, (unsigned long long)value);
}

TEST(metric, whole_numbers)
{
    /* Goal: sums of shards, the largest of times, units in the names, codes that were counted. */
    struct metrics_view v = view_of();
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    shards[0].engine.open_ns = 1500000000;
    shards[1].engine.open_ns = 12;
    shards[0].engine.counts.appends = 40;
    shards[1].engine.counts.appends = 2;
    metrics_error(&shards[0].front, ERR_BUSY);
    metrics_error(&shards[1].front, ERR_BUSY);
    metrics_latency(&shards[0].front, METRIC_LATENCY_FETCH, 30000);
    metrics_latency(&shards[1].front, METRIC_LATENCY_FETCH, 99000000000);
    metrics_figures(&v, figure_print, to);
    fclose(to);
    static const char *const want[] = {
        "shardlog_start_time_milliseconds 1795682846050\n",
        "\nshardlog_ready 1\n",
        "\nshardlog_recovery_nanoseconds 1500000000\n",
        "\nshardlog_appends_total 42\n",
        "\nshardlog_errors_total{code=\"BUSY\"} 2\n",
        "\nshardlog_fetch_nanoseconds_count 2\nshardlog_fetch_nanoseconds_sum 99000030000\n",
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        if (!EXPECT(strstr(text, want[i]) != NULL))
            fprintf(stderr, "  missing: %s in\n%s\n", want[i], text);
    EXPECT(!strstr(text, "_seconds") && !strstr(text, "_partition_") && !strstr(text, "_build"));
    EXPECT(!strstr(text, "code=\"IO\""));
    free(text);
}
