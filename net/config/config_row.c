/* config_row.c -- node.def as a table, and the names that follow from a key. */
#include <ctype.h>
#include <stdio.h>

#include "net/config/config_in.h"

/* BOOL: every even word is no, every odd one yes; the first two are what is printed. */
static const char *const bool_words[] = { "false", "true", "no", "yes", "off", "on", NULL };
static const char *const io_words[] = { "auto", "uring", "plain", NULL };
static const char *const verify_words[] = { "load", "always", NULL };
static const char *const level_words[] = { "error", "warn", "info", "debug", NULL };
static const char *const format_words[] = { "logfmt", "text", NULL };

#define KIND_BYTES      CONFIG_KIND_BYTES, NULL
#define KIND_DURATION   CONFIG_KIND_DURATION, NULL
#define KIND_COUNT      CONFIG_KIND_COUNT, NULL
#define KIND_PATHS      CONFIG_KIND_PATHS, NULL
#define KIND_ADDRESSES  CONFIG_KIND_ADDRESSES, NULL
#define KIND_CPUS       CONFIG_KIND_CPUS, NULL
#define KIND_BOOL       CONFIG_KIND_WORD, bool_words
#define KIND_IO         CONFIG_KIND_WORD, io_words
#define KIND_VERIFY     CONFIG_KIND_WORD, verify_words
#define KIND_DURABILITY CONFIG_KIND_WORD, durability_words
#define KIND_LOG_LEVEL  CONFIG_KIND_WORD, level_words
#define KIND_LOG_FORMAT CONFIG_KIND_WORD, format_words

#define IS_START false
#define IS_LIVE  true

static const struct config_row rows[CONFIG_COUNT] = {
#define CONFIG(name, key, kind, def, lowest, highest, zero, when, text) \
    [CONFIG_##name] = { key, KIND_##kind, def, lowest, highest, zero, IS_##when, text },
#include "net/config/node.def"
#undef CONFIG
};

bool config_is_bool(const struct config_row *row)
{
    return row->words == bool_words;
}

const struct config_row *config_row(enum config_key which)
{
    return &rows[which];
}

enum config_key config_find(const char *key)
{
    for (uint32_t i = 0; i < CONFIG_COUNT; i++)
        if (strcmp(rows[i].key, key) == 0)
            return (enum config_key)i;
    return CONFIG_COUNT;
}

void config_flag_name(enum config_key which, char out[CONFIG_NAME_MAX])
{
    snprintf(out, CONFIG_NAME_MAX, "--%s", rows[which].key);
    for (char *c = out; *c; c++)
        if (*c == '.' || *c == '_')
            *c = '-';
}

void config_environment_name(enum config_key which, char out[CONFIG_NAME_MAX])
{
    snprintf(out, CONFIG_NAME_MAX, "SHARDLOG_%s", rows[which].key);
    for (char *c = out; *c; c++)
        *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

static void words_print(const struct config_row *row, char out[CONFIG_NAME_MAX])
{
    out[0] = '\0';
    for (uint32_t i = 0; row->words[i] && !(config_is_bool(row) && i == 2); i++) {
        size_t len = strlen(out);
        snprintf(out + len, CONFIG_NAME_MAX - len, "%s%s", i ? ", " : "", row->words[i]);
    }
}

void config_limits_text(enum config_key which, char out[CONFIG_NAME_MAX])
{
    const struct config_row *row = &rows[which];
    char lowest[CONFIG_NAME_MAX], highest[CONFIG_NAME_MAX];
    out[0] = '\0';
    if (row->words) {
        words_print(row, out);
        return;
    }
    if (row->kind > CONFIG_KIND_COUNT)
        return;
    config_number_print(row, row->lowest, lowest);
    config_number_print(row, row->highest, highest);
    if (row->highest == UINT64_MAX)
        snprintf(out, CONFIG_NAME_MAX, "%.28s and more", lowest);
    else
        snprintf(out, CONFIG_NAME_MAX, "%.28s .. %.28s", lowest, highest);
}
