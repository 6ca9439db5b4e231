/* config_source.c -- where values are given: a file, the environment, flags.
 *
 * A line of a file is blank, a comment (#), or
 *
 *     key = value          # the comment begins at a # after a blank
 *     key = "value # 1"    \" and \\ inside quotes
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/config/config_in.h"

#define LINE_BYTES  8192u /* two of the longest path; a longer line is no setting */
#define ENVIRONMENT "SHARDLOG_"
#define BLANKS      " \t"

/* ---- the file ---- */

/* One line, taken apart in place. */
struct line {
    char text[LINE_BYTES];
    const char *key, *value;
};

static void blanks_cut(char *text)
{
    size_t len = strlen(text);
    while (len && strchr(BLANKS, text[len - 1]))
        text[--len] = '\0';
}

/* The value after an opening quote, unescaped in place. NULL: fine; else what is wrong. */
static const char *quoted_read(char *at)
{
    char *to = at;
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        *to++ = *at;
    }
    if (!*at)
        return "the quote is not closed";
    at += 1 + strspn(at + 1, BLANKS);
    *to = '\0';
    return *at && *at != '#' ? "something stands behind the closing quote" : NULL;
}

static const char *value_read(struct line *l, char *at)
{
    l->value = at;
    if (*at == '"')
        return quoted_read(at);
    for (char *c = at; *c; c++)
        if (*c == '#' && (c == at || strchr(BLANKS, c[-1]))) {
            *c = '\0';
            break;
        }
    blanks_cut(at);
    return NULL;
}

/* NULL: fine, key NULL when the line says nothing; else what is wrong. */
static const char *line_read(struct line *l)
{
    char *key = l->text + strspn(l->text, BLANKS);
    l->key = NULL;
    if (!*key || *key == '#')
        return NULL;
    char *sign = strchr(key, '=');
    if (!sign)
        return "is no setting: write key = value";
    *sign = '\0';
    blanks_cut(key);
    l->key = key;
    return value_read(l, sign + 1 + strspn(sign + 1, BLANKS));
}

static void unknown_key(struct config *c, const char *key, uint32_t line)
{
    struct near n = near_open(key);
    for (uint32_t i = 0; i < CONFIG_COUNT; i++)
        near_try(&n, config_row((enum config_key)i)->key);
    if (n.best)
        config_say(c, CONFIG_FAULT, "%.200s:%u: unknown setting '%.64s': did you mean '%s'?",
                   c->file, line, key, n.best);
    else
        config_say(c, CONFIG_FAULT,
                   "%.200s:%u: unknown setting '%.64s': `shardlog config print` lists them",
                   c->file, line, key);
}

static void line_take(struct config *c, struct line *l, uint32_t number)
{
    const char *wrong = line_read(l);
    if (wrong) {
        config_say(c, CONFIG_FAULT, "%.200s:%u: '%.64s' %s", c->file, number,
                   l->key ? l->key : l->text + strspn(l->text, BLANKS), wrong);
        return;
    }
    if (!l->key)
        return;
    enum config_key which = config_find(l->key);
    if (which == CONFIG_COUNT)
        unknown_key(c, l->key, number);
    else
        config_set(c, which, l->value, CONFIG_FILE, number);
}

/* The next line without its end into l->text. False: it is too long, or no text. */
static bool line_next(struct bytes *text, struct line *l)
{
    const uint8_t *end = memchr(text->at, '\n', text->len);
    size_t len = end ? (size_t)(end - text->at) : text->len, kept = len;
    bool fits = len < sizeof(l->text) && !memchr(text->at, '\0', len);
    kept -= kept && text->at[kept - 1] == '\r';
    if (fits) {
        memcpy(l->text, text->at, kept);
        l->text[kept] = '\0';
    }
    len += end ? 1 : 0;
    *text = (struct bytes){ text->at + len, text->len - len };
    return fits;
}

void config_file(struct config *c, const char *name, struct bytes text)
{
    struct line l;
    free(c->file);
    c->file = config_copy(name, strlen(name));
    if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
        text = (struct bytes){ text.at + 3, text.len - 3 }; /* some editors' mark of UTF-8 */
    for (uint32_t number = 1; text.len; number++) {
        if (line_next(&text, &l))
            line_take(c, &l, number);
        else
            config_say(c, CONFIG_FAULT, "%.200s:%u: the line is too long, or no text", name,
                       number);
    }
}

/* ---- the environment ---- */

/* Names that are no settings: the tools' own, and those that Kubernetes sets for a service that is
 * called shardlog. */
static bool name_foreign(const char *name)
{
    static const char *const names[] = { "AT", "CONFIG", "MASK", "BUILD", "PORT", "CI_TIMED" };
    static const char *const beginnings[] = { "PORT_", "SERVICE_" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        if (strncmp(beginnings[i], name, strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static void unknown_name(struct config *c, const char *name)
{
    char names[CONFIG_COUNT][CONFIG_NAME_MAX]; /* near keeps pointers */
    char best[CONFIG_NAME_MAX + 32] = "";
    struct near n = near_open(name);
    if (name_foreign(name + strlen(ENVIRONMENT)))
        return;
    for (uint32_t i = 0; i < CONFIG_COUNT; i++) {
        config_environment_name((enum config_key)i, names[i]);
        near_try(&n, names[i]);
    }
    if (n.best)
        snprintf(best, sizeof(best), ": did you mean %s?", n.best);
    config_say(c, CONFIG_NOTE, "%.64s in the environment is no setting%s", name, best);
}

static enum config_key name_find(const char *name)
{
    char own[CONFIG_NAME_MAX];
    for (uint32_t i = 0; i < CONFIG_COUNT; i++) {
        config_environment_name((enum config_key)i, own);
        if (strcmp(own, name) == 0)
            return (enum config_key)i;
    }
    return CONFIG_COUNT;
}

void config_environment(struct config *c, char *const *environment)
{
    for (; *environment; environment++) {
        const char *at = *environment, *sign = strchr(at, '=');
        if (strncmp(at, ENVIRONMENT, strlen(ENVIRONMENT)) != 0 || !sign || !sign[1])
            continue;
        char *name = config_copy(at, (size_t)(sign - at));
        enum config_key which = name_find(name);
        if (which == CONFIG_COUNT)
            unknown_name(c, name);
        else
            config_set(c, which, sign + 1, CONFIG_ENVIRONMENT, 0);
        free(name);
    }
}

/* ---- flags ---- */

static const char *flag_of(enum config_key which)
{
    static char names[CONFIG_COUNT][CONFIG_NAME_MAX];
    config_flag_name(which, names[which]);
    return names[which];
}

void config_flags_near(struct near *n)
{
    for (uint32_t i = 0; i < CONFIG_COUNT; i++)
        near_try(n, flag_of((enum config_key)i));
}

static enum config_key flag_find(const char *word, size_t len)
{
    for (uint32_t i = 0; i < CONFIG_COUNT; i++) {
        const char *name = flag_of((enum config_key)i);
        if (strlen(name) == len && memcmp(name, word, len) == 0)
            return (enum config_key)i;
    }
    return CONFIG_COUNT;
}

void config_flags(struct config *c, int *argc, char **argv)
{
    int kept = 0, i = 0;
    for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        size_t len = strcspn(argv[i], "=");
        enum config_key which = flag_find(argv[i], len);
        const char *value = argv[i][len] ? argv[i] + len + 1 : NULL;
        if (which == CONFIG_COUNT) {
            argv[kept++] = argv[i];
            continue;
        }
        if (!value && config_is_bool(config_row(which)))
            value = "true";
        else if (!value && i + 1 < *argc && strncmp(argv[i + 1], "--", 2) != 0)
            value = argv[++i];
        config_set(c, which, value ? value : "", CONFIG_FLAG, 0);
    }
    while (i < *argc)
        argv[kept++] = argv[i++];
    *argc = kept;
}
