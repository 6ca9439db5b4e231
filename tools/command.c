/* command.c -- from words to a row of a table; --help at every level. */
#include "tools/command.h"

#include <stdarg.h>

void complain(const char *fmt, ...)
{
    va_list args;
    fflush(stdout);
    fputs("shardlog: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

/* How far words led: a table to choose from, or a command. */
struct found {
    const struct command *table;   /* what the next word chooses from */
    const struct command *command; /* NULL: no word yet */
    int depth;                     /* words used */
};

static const struct command *row_find(const struct command *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Follows words as long as they choose from a table. */
static struct found words_follow(const struct command *table, int argc, char **argv)
{
    struct found f = { .table = table };
    while (f.depth < argc && f.table && !is_help(argv[f.depth])) {
        const struct command *row = row_find(f.table, argv[f.depth]);
        if (!row)
            break;
        f.command = row;
        f.table = row->under;
        f.depth++;
    }
    return f;
}

/* ---- help ---- */

static void path_print(FILE *to, const struct found *f, char **argv)
{
    fputs("shardlog", to);
    for (int i = 0; i < f->depth; i++)
        fprintf(to, " %s", argv[i]);
}

static void exits_print(FILE *to)
{
    static const char *const texts[] = {
#define EXIT(name, code, text) [code] = text,
#include "tools/exit.def"
#undef EXIT
    };
    fputs("\nExit codes:\n", to);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        fprintf(to, "  %zu  %s\n", i, texts[i]);
}

static void table_print(FILE *to, const struct found *f, char **argv)
{
    int name = 0, words = 0;
    for (const struct command *c = f->table; c->name; c++) {
        name = (int)strlen(c->name) > name ? (int)strlen(c->name) : name;
        words = (int)strlen(c->words) > words ? (int)strlen(c->words) : words;
    }
    fputs("usage: ", to);
    path_print(to, f, argv);
    fputs(" COMMAND ...\n\n", to);
    if (f->command)
        fprintf(to, "%s.\n\n", f->command->purpose);
    for (const struct command *c = f->table; c->name; c++)
        fprintf(to, "  %-*s %-*s  %s\n", name, c->name, words, c->words, c->purpose);
    fputs("\n`", to);
    path_print(to, f, argv);
    fputs(" COMMAND --help` says more.\n", to);
    if (!f->command)
        exits_print(to);
}

static void help_print(FILE *to, const struct found *f, char **argv)
{
    if (f->table) {
        table_print(to, f, argv);
        return;
    }
    fputs("usage: ", to);
    path_print(to, f, argv);
    fprintf(to, " %s\n\n%s.\n\n%s", f->command->words, f->command->purpose, f->command->help);
}

static int word_refuse(const struct found *f, char **argv)
{
    const char *word = argv[f->depth];
    struct near n = near_open(word);
    for (const struct command *c = f->table; c->name; c++)
        near_try(&n, c->name);
    if (n.best)
        complain("no such command: %s; did you mean %s?", word, n.best);
    else
        complain("no such command: %s; `shardlog help` lists them", word);
    return EXIT_TROUBLE;
}

int command_help(const struct command *table, int argc, char **argv)
{
    struct found f = words_follow(table, argc, argv);
    if (f.depth < argc && f.table && !is_help(argv[f.depth]))
        return word_refuse(&f, argv);
    help_print(stdout, &f, argv);
    return EXIT_CLEAN;
}

/* ---- running ---- */

static bool help_wanted(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help(argv[i]))
            return true;
    return false;
}

int command_run(const struct command *table, int argc, char **argv)
{
    struct found f = words_follow(table, argc, argv);
    if (help_wanted(argc - f.depth, argv + f.depth))
        return command_help(table, argc, argv);
    if (f.table && f.depth < argc)
        return word_refuse(&f, argv);
    if (f.table) {
        help_print(stderr, &f, argv);
        return EXIT_TROUBLE;
    }
    int code = f.command->run(argc - f.depth, argv + f.depth);
    if (fflush(stdout) != 0) {
        complain("cannot write the answer");
        return EXIT_TROUBLE;
    }
    return code;
}
