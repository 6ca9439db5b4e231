/* main.c -- shardlog: one program, one row for each thing it can do. */
#include "tools/command.h"

#include <shardlog/engine.h>

static int help_command(int argc, char **argv);
static int version_command(int argc, char **argv);

static const struct command commands[] = {
    { "inspect", "DIR... [VIEW]", "show what is in a store, and where", inspect_command,
      "  VIEW is nothing (an overview), or one of\n"
      "    journal      entries since the last checkpoint\n"
      "    image        both copies of both generations\n"
      "    extents      where every extent is, and what it holds\n"
      "    partitions   offsets, bytes, space, state\n"
      "    batches      of one partition (--partition)\n"
      "  --partition N  only the partition with this number in its store\n"
      "  --from OFF     batches: from this offset on\n"
      "  --limit N      batches, journal: at most this many (100)\n"
      "  --rows         journal: the rows of each entry too\n"
      "  --json         for programs\n"
      "\n"
      "  Nothing is written and nothing is locked. Of a store that is in use, what is shown may\n"
      "  be old, and reading may fail: stop it, or look at a copy.\n"
      "\n"
      "  shardlog inspect /var/lib/shardlog\n"
      "  shardlog inspect /var/lib/shardlog/store-00 batches --partition 3 --from 1000\n" },
    { "check", "DIR...", "verify every byte of a stopped store, or of a copy", check_command,
      "  --json    for programs\n"
      "  --quiet   only the exit code, and what was found\n"
      "\n"
      "  Exit code: 0 clean; 1 acknowledged data is damaged; 2 it cannot look; 3 something is\n"
      "  wrong, but nothing is lost: `shardlog repair` heals it.\n"
      "\n"
      "  shardlog check /var/lib/shardlog && echo sound\n" },
    { "repair", "DIR", "heal what can be healed, accept what is lost", repair_command,
      "  --write        do it; without it, nothing is written and the plan is shown\n"
      "  --save FILE    before that, keep the damaged bytes in this (new) file\n"
      "  --json         for programs\n"
      "\n"
      "  Ranges that verify are not touched. An accepted loss is recorded in the store: readers\n"
      "  go on with the next batch after it. Do it on a copy first.\n"
      "\n"
      "  Exit code: 0 nothing to do, or all is healed; 1 something was given up, or would be;\n"
      "  2 it cannot; 3 (without --write) all of it can be healed.\n"
      "\n"
      "  shardlog repair /var/lib/shardlog/store-00\n"
      "  shardlog repair /var/lib/shardlog/store-00 --write --save damaged-bytes\n" },
    { "help", "[COMMAND]", "this, or all about one command", help_command, "" },
    { "version", "", "print the version", version_command, "" },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void usage(FILE *to)
{
    fputs("usage: shardlog COMMAND ...\n\n", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-8s %-16s %s\n", commands[i].name, commands[i].words, commands[i].purpose);
    fputs("\nExit codes: 0 clean, 1 damage, 2 trouble (wrong words, cannot look), 3 healable.\n"
          "`shardlog help COMMAND` says more.\n",
          to);
}

static int help_command(int argc, char **argv)
{
    const struct command *c = argc ? command_find(argv[0]) : NULL;
    if (argc && !c) {
        complain("no such command: %s", argv[0]);
        return EXIT_TROUBLE;
    }
    if (!c)
        usage(stdout);
    else
        printf("usage: shardlog %s %s\n\n%s.\n\n%s", c->name, c->words, c->purpose, c->help);
    return EXIT_CLEAN;
}

static int version_command(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("shardlog %s\n", sl_version());
    return EXIT_CLEAN;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_TROUBLE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *c = command_find(name);
    if (!c) {
        complain("no such command: %s; `shardlog help` lists them", name);
        return EXIT_TROUBLE;
    }
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return help_command(1, (char *[]){ (char *)c->name });
    int code = c->run(argc - 2, argv + 2);
    if (fflush(stdout) != 0) {
        complain("cannot write the answer");
        return EXIT_TROUBLE;
    }
    return code;
}
