/* command.c -- words and complaints; places are place.c's. */
#include "tools/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

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

static const struct option_row *option_find(const struct option_row *rows, uint32_t count,
                                            const char *word)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, word) == 0)
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
    if (row->given)
        *row->given = true;
    return true;
}

bool options_take(const struct option_row *rows, uint32_t count, int *argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        const struct option_row *row = option_find(rows, count, argv[i]);
        if (!row) {
            complain("no such option: %s", argv[i]);
            return false;
        }
        if (row->flag) {
            *row->flag = true;
            continue;
        }
        if (!value_take(row, i + 1 < *argc ? argv[i + 1] : NULL))
            return false;
        i++;
    }
    *argc = kept;
    return true;
}
