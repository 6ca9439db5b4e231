/* option.c -- options of a command: rows, taken out of the words wherever they stand. */
#include <errno.h>
#include <stdlib.h>

#include "tools/command.h"

static const struct option_row *option_find(const struct option_row *rows, uint32_t count,
                                            const char *word, size_t len)
{
    for (uint32_t i = 0; i < count; i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, word, len) == 0)
            return &rows[i];
    return NULL;
}

static bool number_read(const char *word, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(word, &end, 0);
    *out = v;
    return errno == 0 && *word != '-' && end != word && *end == '\0';
}

static bool value_take(const struct option_row *row, const char *word)
{
    if (!word) {
        complain("%s wants a value", row->name);
        return false;
    }
    if (row->text)
        *row->text = word;
    if (row->number && !number_read(word, row->number)) {
        complain("%s wants a number, not `%s`", row->name, word);
        return false;
    }
    if (row->json && strcmp(word, "json") != 0 && strcmp(word, "table") != 0) {
        complain("%s wants json or table, not `%s`", row->name, word);
        return false;
    }
    if (row->json)
        *row->json = strcmp(word, "json") == 0;
    if (row->given)
        *row->given = true;
    return true;
}

static void option_refuse(const struct option_row *rows, uint32_t count, const char *word,
                          size_t len, void (*more)(struct near *n))
{
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : 0), word);
    struct near n = near_open(word[1] == '-' ? name : ""); /* one letter is like any other */
    for (uint32_t i = 0; i < count; i++)
        near_try(&n, rows[i].name);
    if (more)
        more(&n);
    if (n.best)
        complain("no such option: %.*s; did you mean %s?", (int)len, word, n.best);
    else
        complain("no such option: %.*s; --help lists them", (int)len, word);
}

/* One option at argv[i]. Returns how many words it took; 0 after a complaint. */
static int option_take(const struct option_row *row, int i, int argc, char **argv)
{
    const char *value = strchr(argv[i], '=');
    if (row->flag) {
        *row->flag = true;
        if (value)
            complain("%s takes no value", row->name);
        return value ? 0 : 1;
    }
    if (value)
        return value_take(row, value + 1) ? 1 : 0;
    return value_take(row, i + 1 < argc ? argv[i + 1] : NULL) ? 2 : 0;
}

/* "-" is a word, and so is a negative number. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9');
}

bool options_take_after(const struct option_row *rows, uint32_t count, int *argc, char **argv,
                        void (*more)(struct near *n))
{
    int kept = 0, i = 0;
    while (i < *argc && strcmp(argv[i], "--") != 0) {
        size_t len = strcspn(argv[i], "=");
        if (!is_option(argv[i])) {
            argv[kept++] = argv[i++];
            continue;
        }
        const struct option_row *row = option_find(rows, count, argv[i], len);
        if (!row) {
            option_refuse(rows, count, argv[i], len, more);
            return false;
        }
        int took = option_take(row, i, *argc, argv);
        if (!took)
            return false;
        i += took;
    }
    for (i += i < *argc; i < *argc; i++)
        argv[kept++] = argv[i];
    *argc = kept;
    return true;
}

bool options_take(const struct option_row *rows, uint32_t count, int *argc, char **argv)
{
    return options_take_after(rows, count, argc, argv, NULL);
}

bool words_none(int argc, char **argv)
{
    if (argc)
        complain("`%s` is one word too many; --help says what is wanted", argv[0]);
    return argc == 0;
}
