/* metrics.c -- `shardlog metrics`: which figures a node has, and docs/METRICS.md. */
#include "net/metric/metric.h"

#include "tools/command.h"
#include "tools/metrics.h"

static int list_command(int argc, char **argv);
static int doc_command(int argc, char **argv);

const struct command metrics_commands[] = {
    { "list", "", "every figure that a node has", list_command,
      "  -o json|table  how the answer is written\n", NULL },
    { "doc", "", "the documentation of all figures, as Markdown", doc_command, "", NULL },
    { 0 },
};

static const char *const labels_text[] = {
    [METRIC_LABELS_NONE] = "",
    [METRIC_LABELS_VERSION] = "version",
    [METRIC_LABELS_SHARD] = "shard",
    [METRIC_LABELS_CODE] = "shard, code",
    [METRIC_LABELS_PART] = "topic, partition",
    [METRIC_LABELS_GROUP] = "group, topic, partition",
};

static int list_command(int argc, char **argv)
{
    static const struct out_column columns[] = {
        { "name", "name", OUT_TEXT },
        { "type", "type", OUT_TEXT },
        { "labels", "labels", OUT_TEXT },
        { "text", "what it is", OUT_TEXT },
    };
    bool json = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json) };
    struct out o;
    struct out_sheet s;
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv) || !words_none(argc, argv))
        return EXIT_TROUBLE;
    out_open(&o, stdout, json);
    sheet_open(&s, &o, "metrics", NULL, columns, sizeof(columns) / sizeof(columns[0]));
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *r = metric_row((enum metric)i);
        sheet_text(&s, "%s", r->name);
        sheet_text(&s, "%s", metric_type_text(r->type));
        sheet_text(&s, "%s", labels_text[r->labels]);
        sheet_text(&s, "%s", r->text);
    }
    sheet_close(&s);
    out_close(&o);
    return EXIT_CLEAN;
}

/* ---- the page ---- */

static const char head[] =
    "# Figures of a node\n"
    "\n"
    "Written by `shardlog metrics doc`, from `net/metric/metric.def`; a test compares.\n"
    "\n"
    "A counter only grows, and begins at 0 when the node starts. A gauge goes up and down. A\n"
    "histogram is a family: `_bucket` with the label `le`, `_sum`, `_count`. Shards are added up "
    "by\n"
    "who asks: `sum without (shard) (rate(shardlog_appends_total[1m]))`.\n"
    "\n"
    "`shardlog stats` and the verb `stats` tell the same figures, but for partitions and groups, "
    "added\n"
    "up, as\n"
    "whole numbers: `_seconds` in a name is `_nanoseconds` there (`_milliseconds` of a moment), of "
    "a\n"
    "histogram there are `_count` and the sum, of errors those that were counted.\n"
    "\n"
    "Connections, requests, frames and bytes are those of the native protocol.\n";

static const char lag_text[] =
    "\n"
    "A group's lag is what it has not committed yet, in partitions where it has committed "
    "something.\n"
    "It is looked up when it is told, 1,000 groups and 2,000 partitions at most, in the order of\n"
    "group, topic and partition; `shardlog_groups_left_out` counts groups of which something is\n"
    "missing, also those whose id has more than 255 bytes or is no UTF-8. The age comes from the\n"
    "record itself, so one batch of each partition that is behind is read; of a compressed batch "
    "it "
    "is\n"
    "that of its first record. After two seconds of that, ages are not told. It is the producer's "
    "clock\n"
    "against the node's, or, with `message.timestamp.type=LogAppendTime`, the node's alone.\n"
    "`shardlog group describe` tells the same, of a group, without these limits.\n";

static void group_print(FILE *to, enum metric_labels labels, const char *title)
{
    fprintf(to, "\n## %s\n\n| name | type | what it is |\n|---|---|---|\n", title);
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *r = metric_row((enum metric)i);
        if (r->labels == labels)
            fprintf(to, "| `%s` | %s | %s |\n", r->name, metric_type_text(r->type), r->text);
    }
}

static int doc_command(int argc, char **argv)
{
    if (!options_take(NULL, 0, &argc, argv) || !words_none(argc, argv))
        return EXIT_TROUBLE;
    fputs(head, stdout);
    group_print(stdout, METRIC_LABELS_NONE, "Of the node");
    group_print(stdout, METRIC_LABELS_VERSION, "Of the program: label `version`");
    group_print(stdout, METRIC_LABELS_SHARD, "Of each shard: label `shard`");
    group_print(stdout, METRIC_LABELS_CODE, "Errors: labels `shard`, `code`");
    group_print(stdout, METRIC_LABELS_PART, "Of each partition: labels `topic`, `partition`");
    group_print(stdout, METRIC_LABELS_GROUP,
                "Of each consumer group: labels `group`, `topic`, `partition`");
    fputs(lag_text, stdout);
    return EXIT_CLEAN;
}
