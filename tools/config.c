/* config.c -- `shardlog config`: what a node would run with, is a file sound, the documentation. */
#include "tools/node_config.h"

static int print_command(int argc, char **argv);
static int check_file_command(int argc, char **argv);
static int doc_command(int argc, char **argv);

const struct command config_commands[] = {
    { "print", "[--config FILE] [--KEY VALUE]...", "all settings, and where each comes from",
      print_command,
      "  --config FILE  the file of settings; else the one that SHARDLOG_CONFIG names\n"
      "  --KEY VALUE    any setting, as `shardlog serve` takes it\n"
      "  -o json|table  how the answer is written\n"
      "\n"
      "  A flag wins over the environment, that over the file, that over the default.\n"
      "\n"
      "  SHARDLOG_SHARDS=2 shardlog config print --config shardlog.conf --log-level debug\n",
      NULL },
    { "check", "FILE [--KEY VALUE]...", "is this file of settings sound?", check_file_command,
      "  --KEY VALUE    any setting that will be given as a flag, such as --insecure\n"
      "\n"
      "  Every fault is a line with place, key, value, limit and what to do. The environment is\n"
      "  not looked at. Exit code: 0 sound, 2 not.\n"
      "\n"
      "  shardlog config check shardlog.conf\n",
      NULL },
    { "doc", "", "the documentation of all settings, as Markdown", doc_command, "", NULL },
    { 0 },
};

static void row_tell(struct out_sheet *s, const struct config *c, enum config_key which)
{
    char from[256];
    config_from_text(c, which, from, sizeof(from));
    sheet_text(s, "%s", config_row(which)->key);
    sheet_text(s, "%s", config_text(c, which));
    sheet_text(s, "%s", from);
}

static void config_tell(const struct config *c, bool json)
{
    static const struct out_column columns[] = {
        { "key", "setting", OUT_TEXT },
        { "value", "value", OUT_TEXT },
        { "from", "from", OUT_TEXT },
    };
    struct out_sheet s;
    struct out o;
    out_open(&o, stdout, json);
    sheet_open(&s, &o, "settings", NULL, columns, sizeof(columns) / sizeof(columns[0]));
    for (uint32_t i = 0; i < CONFIG_COUNT; i++)
        row_tell(&s, c, (enum config_key)i);
    sheet_close(&s);
    out_close(&o);
}

static int print_command(int argc, char **argv)
{
    struct config c;
    bool json = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json) };
    int code = node_config_open(&c, rows, OPTION_COUNT(rows), &argc, argv);
    if (code == EXIT_CLEAN && !words_none(argc, argv))
        code = EXIT_TROUBLE;
    if (code == EXIT_CLEAN)
        config_tell(&c, json);
    config_close(&c);
    return code;
}

static int check_file(struct config *c, int argc, char **argv)
{
    if (argc != 1) {
        complain("which file? One at a time");
        return EXIT_TROUBLE;
    }
    if (!node_config_file(c, argv[0]))
        return EXIT_TROUBLE;
    if (!c->faults)
        config_check(c);
    if (c->faults)
        return EXIT_TROUBLE;
    printf("%s: sound\n", argv[0]);
    return EXIT_CLEAN;
}

static int check_file_command(int argc, char **argv)
{
    struct config c;
    int code =
        node_config_words(&c, NULL, 0, &argc, argv) ? check_file(&c, argc, argv) : EXIT_TROUBLE;
    config_close(&c);
    return code;
}

static int doc_command(int argc, char **argv)
{
    if (!options_take(NULL, 0, &argc, argv) || !words_none(argc, argv))
        return EXIT_TROUBLE;
    config_doc_print(stdout);
    return EXIT_CLEAN;
}
