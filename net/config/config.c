/* config.c -- values from four places, the strongest wins, and what they say together. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "net/config/config_in.h"

#define SAY_MAX 512u /* of a message */

static void value_default(struct config *c, enum config_key which);

void config_open(struct config *c, void (*say)(void *arg, enum config_said what, const char *line),
                 void *arg)
{
    *c = (struct config){ .say = say, .arg = arg };
    for (uint32_t i = 0; i < CONFIG_COUNT; i++)
        value_default(c, (enum config_key)i);
}

static void value_default(struct config *c, enum config_key which)
{
    const struct config_row *row = config_row(which);
    check(config_value_parse(row, row->def, &c->values[which], NULL) == ERR_OK);
}

void config_close(struct config *c)
{
    for (uint32_t i = 0; i < CONFIG_COUNT; i++)
        config_value_free(config_row((enum config_key)i), &c->values[i]);
    free(c->file);
    c->file = NULL;
}

char *config_copy(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    check(copy);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void config_say(struct config *c, enum config_said what, const char *fmt, ...)
{
    char line[SAY_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    c->faults += what == CONFIG_FAULT;
    if (c->say)
        c->say(c->arg, what, line);
}

/* ---- setting ---- */

/* Where a value was given, as people look for it. */
static void place_print(const struct config *c, enum config_key which, enum config_from from,
                        uint32_t line, char *out, size_t cap)
{
    char name[CONFIG_NAME_MAX] = "default";
    if (from == CONFIG_FILE) {
        snprintf(out, cap, "%.200s:%u", c->file ? c->file : "file", line);
        return;
    }
    if (from == CONFIG_FLAG)
        config_flag_name(which, name);
    if (from == CONFIG_ENVIRONMENT)
        config_environment_name(which, name);
    snprintf(out, cap, "%s", name);
}

/* Given twice in one place: which one did they mean? */
static bool twice(struct config *c, enum config_key which, enum config_from from, uint32_t line)
{
    const struct config_value *v = &c->values[which];
    const char *key = config_row(which)->key;
    char place[256];
    if (!(v->seen & (1u << from)))
        return false;
    place_print(c, which, from, line, place, sizeof(place));
    if (from == CONFIG_FILE)
        config_say(c, CONFIG_FAULT, "%s: %s stands in line %u already: keep one of them", place,
                   key, v->file_line);
    else
        config_say(c, CONFIG_FAULT, "%s is given twice: keep one of them", place);
    return true;
}

/* A message of value_parse() begins with the text in quotes, or goes on after it. */
static void value_complain(struct config *c, const char *place, const char *key, const char *text,
                           const struct why *why)
{
    if (why->text[0] == '\'')
        config_say(c, CONFIG_FAULT, "%s: %s: %s", place, key, why->text);
    else
        config_say(c, CONFIG_FAULT, "%s: %s: '%.64s' %s", place, key, text, why->text);
}

void config_set(struct config *c, enum config_key which, const char *text, enum config_from from,
                uint32_t line)
{
    const struct config_row *row = config_row(which);
    struct config_value new = { .number = 0 }, *v = &c->values[which];
    struct why why = { "" };
    char place[256];
    if (twice(c, which, from, line))
        return;
    place_print(c, which, from, line, place, sizeof(place));
    v->seen |= 1u << from;
    v->file_line = from == CONFIG_FILE ? line : v->file_line;
    if (!*text)
        config_say(c, CONFIG_FAULT, "%s: %s has no value", place, row->key);
    else if (config_value_parse(row, text, &new, &why) != ERR_OK)
        value_complain(c, place, row->key, text, &why);
    else if (from < v->from)
        config_value_free(row, &new); /* it is right, and a stronger place has spoken */
    else {
        new.from = from;
        new.seen = v->seen;
        new.file_line = v->file_line;
        config_value_free(row, v);
        *v = new;
    }
}

/* ---- reading ---- */

uint64_t config_number(const struct config *c, enum config_key which)
{
    check(config_row(which)->kind <= CONFIG_KIND_WORD);
    return c->values[which].number;
}

bool config_on(const struct config *c, enum config_key which)
{
    check(config_is_bool(config_row(which)));
    return c->values[which].number != 0;
}

const char *config_text(const struct config *c, enum config_key which)
{
    return c->values[which].text;
}

static const void *items(const struct config *c, enum config_key which, enum config_kind kind,
                         uint32_t *count)
{
    check(config_row(which)->kind == kind);
    *count = c->values[which].count;
    return c->values[which].items;
}

const char *const *config_paths(const struct config *c, enum config_key which, uint32_t *count)
{
    return items(c, which, CONFIG_KIND_PATHS, count);
}

const struct io_address *config_addresses(const struct config *c, enum config_key which,
                                          uint32_t *count)
{
    return items(c, which, CONFIG_KIND_ADDRESSES, count);
}

const uint32_t *config_cpus(const struct config *c, enum config_key which, uint32_t *count,
                            bool *automatic)
{
    *automatic = c->values[which].number != 0;
    return items(c, which, CONFIG_KIND_CPUS, count);
}

void config_from_text(const struct config *c, enum config_key which, char *out, size_t cap)
{
    const struct config_value *v = &c->values[which];
    place_print(c, which, v->from, v->file_line, out, cap);
}
