/* main.c -- shardlog: one program, one row for each thing it can do. */
#include "tools/command.h"
#include "tools/metrics.h"
#include "tools/node_config.h"
#include "tools/remote.h"

#include <shardlog/engine.h>

static int help_command(int argc, char **argv);
static int version_command(int argc, char **argv);

static const struct command commands[] = {
    { "serve", "[--config FILE] [--KEY VALUE]...", "run a node: stores, shards, listeners",
      serve_command,
      "  --config FILE  the file of settings; else the one that SHARDLOG_CONFIG names\n"
      "  --KEY VALUE    any setting: `shardlog config print` lists them\n"
      "\n"
      "  Listens on 127.0.0.1 and ::1, port 9700, and 9720 for metrics; another address needs\n"
      "  --insecure. Log lines go to stderr; the last one of the start is `ready in N ms`. "
      "SIGTERM\n"
      "  and SIGINT stop it in order: what is under way is finished, a checkpoint is written, "
      "exit\n"
      "  code 0. A second one ends it at once, which loses nothing either. Exit code 2: it did "
      "not\n"
      "  start; stderr says why.\n"
      "\n"
      "  shardlog serve --data-dirs /var/lib/shardlog\n"
      "  shardlog serve --data-dirs data --listen-native 127.0.0.1:0 --shards 2 --pin auto\n",
      NULL },
    { "topic", "COMMAND ...", "topics of a node", NULL, "", topic_commands },
    { "group", "COMMAND ...", "consumer groups of a node", NULL, "", group_commands },
    { "produce", "TOPIC [FILE...]", "append lines, from stdin or files", produce_command,
      "  --key-separator S  what stands before it is the key; the key chooses the partition, by\n"
      "                 murmur2 as Kafka's Java client does\n"
      "  --partition N  all to this one; else keys choose, and batches without go round\n"
      "  --batch N      records in a batch at most (1000)\n"
      "  --linger MS    a batch that is not full is sent when no line came for so long (5)\n"
      "  --durability W what an acknowledgement waits for: topic, memory, written, synced\n"
      "  -o json|table  how the answer is written\n" HELP_REMOTE "\n"
      "  Lines of a partition keep their order. If it ends early, what is in the log is a\n"
      "  beginning of what was sent; `topic describe` shows how much.\n"
      "\n"
      "  shardlog produce events < access.log\n",
      NULL },
    { "consume", "TOPIC", "print records", consume_command,
      "  --partition N  only this one; else all of them, one after another\n"
      "  --from F       earliest (default), latest, an offset, @MS or @2026-11-26T09:00:00Z\n"
      "  --follow       wait for more at the end\n"
      "  --max N        at most so many records\n"
      "  --format F     value (default), key-value (a tab between), json (a line each; what is\n"
      "                 no UTF-8 is base64); -o json is --format json\n" HELP_REMOTE "\n"
      "  shardlog consume events --from latest --follow --format json\n",
      NULL },
    { "bench", "COMMAND ...", "how quick a node is, simply", NULL, "", bench_commands },
    { "stats", "", "a node's figures", stats_command,
      "  --shard N      of one shard\n"
      "  -o json|table  how the answer is written\n" HELP_REMOTE,
      NULL },
    { "inspect", "DIR... [VIEW]", "show what is in a store, and where", inspect_command,
      "  VIEW is nothing (an overview), or one of\n"
      "    journal      entries since the last checkpoint\n"
      "    image        both copies of both generations\n"
      "    extents      where every extent is, and what it holds\n"
      "    partitions   offsets, bytes, space, state\n"
      "    batches      of one partition (--partition)\n"
      "    producers    idempotent ones: what would be recognised if it came again\n"
      "  --partition N  only the partition with this number in its store\n"
      "  --from OFF     batches: from this offset on\n"
      "  --limit N      batches, journal: at most this many (100)\n"
      "  --rows         journal: the rows of each entry too\n"
      "  -o json|table  how the answer is written; --json is -o json\n"
      "\n"
      "  Nothing is written and nothing is locked. Of a store that is in use, what is shown may\n"
      "  be old, and reading may fail: stop it, or look at a copy.\n"
      "\n"
      "  shardlog inspect /var/lib/shardlog\n"
      "  shardlog inspect /var/lib/shardlog/store-00 batches --partition 3 --from 1000\n",
      NULL },
    { "check", "DIR...", "verify every byte of a stopped store, or of a copy", check_command,
      "  -o json|table  how the answer is written; --json is -o json\n"
      "  --quiet        only the exit code, and what was found\n"
      "\n"
      "  Exit code: 0 clean; 1 acknowledged data is damaged; 2 it cannot look; 3 something is\n"
      "  wrong, but nothing is lost: `shardlog repair` heals it.\n"
      "\n"
      "  shardlog check /var/lib/shardlog && echo sound\n",
      NULL },
    { "repair", "DIR", "heal what can be healed, accept what is lost", repair_command,
      "  --write        do it; without it, nothing is written and the plan is shown\n"
      "  --save FILE    before that, keep the damaged bytes in this (new) file\n"
      "  -o json|table  how the answer is written; --json is -o json\n"
      "\n"
      "  Ranges that verify are not touched. An accepted loss is recorded in the store: readers\n"
      "  go on with the next batch after it. Do it on a copy first.\n"
      "\n"
      "  Exit code: 0 nothing to do, or all is healed; 1 something was given up, or would be;\n"
      "  2 it cannot; 3 (without --write) all of it can be healed.\n"
      "\n"
      "  shardlog repair /var/lib/shardlog/store-00\n"
      "  shardlog repair /var/lib/shardlog/store-00 --write --save damaged-bytes\n",
      NULL },
    { "config", "COMMAND ...", "settings of a node", NULL, "", config_commands },
    { "metrics", "COMMAND ...", "figures of a node", NULL, "", metrics_commands },
    { "help", "[COMMAND]", "this, or all about one command", help_command, "", NULL },
    { "version", "", "print the version", version_command,
      "  -o json|table  how the answer is written\n", NULL },
    { 0 },
};

static int help_command(int argc, char **argv)
{
    return command_help(commands, argc, argv);
}

static int version_command(int argc, char **argv)
{
    bool json = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json) };
    struct out o;
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv) || !words_none(argc, argv))
        return EXIT_TROUBLE;
    out_open(&o, stdout, json);
    if (json)
        out_text(&o, "version", NULL, "%s", sl_version());
    out_say(&o, "shardlog %s\n", sl_version());
    out_close(&o);
    return EXIT_CLEAN;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        argv[1] = "version";
    return command_run(commands, argc - 1, argv + 1);
}
