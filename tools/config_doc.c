/* config_doc.c -- docs/CONFIG.md, from the table of settings. */
#include "tools/node_config.h"

static const char head[] =
    "# Settings of a node\n"
    "\n"
    "Written by `shardlog config doc`, from `net/config/node.def`; a test compares.\n"
    "\n"
    "A setting can be given in four places; the one further down wins:\n"
    "\n"
    "| place | for `memory.tail` |\n"
    "|---|---|\n"
    "| its default | `0`: 96 MiB for each shard |\n"
    "| a file: `--config FILE`, or the one that `SHARDLOG_CONFIG` names | `memory.tail = 1 GiB` |\n"
    "| the environment; an empty value is as none | `SHARDLOG_MEMORY_TAIL=1GiB` |\n"
    "| a flag | `--memory-tail 1GiB` or `--memory-tail=1GiB` |\n"
    "\n"
    "`shardlog config print` shows all values and where each comes from; `shardlog config check\n"
    "FILE` finds every fault of a file. An unknown key, a key that stands twice and a value "
    "outside\n"
    "its limits are refused.\n"
    "\n"
    "    # a file of settings: one to a line; a comment begins at a # after a blank\n"
    "    data.dirs = /srv/a, /srv/b\n"
    "    memory.tail = 4 GiB\n"
    "    log.level = warn       # \"warn\" in quotes is the same\n"
    "\n"
    "Sizes: `B`, `KiB` `MiB` `GiB` `TiB` (powers of 1024), `kB` `MB` `GB` `TB` (of 1000); a bare\n"
    "number is bytes. Times: `ns` `us` `ms` `s` `min` `h` `d`; a bare number is refused, but for "
    "0.\n"
    "Lists stand between commas. Settings of a topic are another table: "
    "`engine/coord/settings.def`.\n"
    "\n"
    "A *live* setting can be changed while the node runs: change the file, send SIGHUP. The node\n"
    "says what it took, and which others wait for the next start. A file with a fault changes\n"
    "nothing; flags and the environment stay stronger than the file.\n";

static void row_print(FILE *to, enum config_key which)
{
    const struct config_row *row = config_row(which);
    char flag[CONFIG_NAME_MAX], name[CONFIG_NAME_MAX], limits[CONFIG_NAME_MAX];
    config_flag_name(which, flag);
    config_environment_name(which, name);
    config_limits_text(which, limits);
    fprintf(to, "\n### %s\n\n%s\n\n", row->key, row->text);
    fprintf(to, "Default `%s`", row->def);
    if (limits[0])
        fprintf(to, "; %s", limits);
    if (row->zero)
        fprintf(to, "; 0: %s", row->zero);
    fprintf(to, ".%s `%s`, `%s`\n", row->live ? " Live." : "", flag, name);
}

void config_doc_print(FILE *to)
{
    fputs(head, to);
    for (uint32_t i = 0; i < CONFIG_COUNT; i++)
        row_print(to, (enum config_key)i);
}
