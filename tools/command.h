/* command.h -- the tables of commands, and what they share: words, exit codes.
 *
 * A command gets the words after its name, writes its answer to stdout and its complaints to
 * stderr, and returns an exit code. A noun (topic, config) has a table of its own under it.
 *
 * To add one: a row in main.c, or in the table of its noun. A row appears when its command works.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include "engine/base/near.h"
#include "tools/out.h"

enum exit_code {
#define EXIT(name, code, text) EXIT_##name = code,
#include "tools/exit.def"
#undef EXIT
};

struct command {
    const char *name, *words, *purpose;
    int (*run)(int argc, char **argv); /* NULL: a noun */
    const char *help;                  /* options and examples */
    const struct command *under;       /* a noun's commands; a row without a name ends them */
};

/* Finds the command that the words name and runs it with the rest; answers --help at every level,
 * and unknown words with the nearest known one. */
int command_run(const struct command *table, int argc, char **argv);
/* `shardlog help WORDS...` */
int command_help(const struct command *table, int argc, char **argv);

int inspect_command(int argc, char **argv);
int check_command(int argc, char **argv);
int repair_command(int argc, char **argv);
int serve_command(int argc, char **argv);

/* ---- words ---- */

struct option_row {
    const char *name;  /* "--from" */
    bool *flag;        /* given or not; or */
    const char **text; /* takes a word; or */
    uint64_t *number;  /* takes a number; or */
    bool *json;        /* takes json or table */
    bool *given;       /* number: may be NULL */
};
/* What every command that answers has: `-o json|table`, and --json for -o json. */
#define OPTIONS_OUT(json_)                 \
    { .name = "--json", .flag = (json_) }, \
    {                                      \
        .name = "-o", .json = (json_)      \
    }
#define OPTION_COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Takes options out of argv wherever they stand, "--name value" or "--name=value"; what is left are
 * words, *argc of them. After "--" everything is a word. False after a complaint. */
bool options_take(const struct option_row *rows, uint32_t count, int *argc, char **argv);
/* The same; `more` (may be NULL) knows options that were taken already, for "did you mean". */
bool options_take_after(const struct option_row *rows, uint32_t count, int *argc, char **argv,
                        void (*more)(struct near *n));
/* No words are left. False after a complaint about the first one. */
bool words_none(int argc, char **argv);

/* "shardlog: ..." on stderr. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
