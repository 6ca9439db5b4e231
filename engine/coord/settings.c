/* settings.c -- settings.def as a table, and text to values and back. */
#include "engine/coord/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/near.h"

static const char *const policy_words[] = { "delete", NULL };
static const char *const time_type_words[] = { "CreateTime", "LogAppendTime", NULL };

/* What a value of each kind is made of; NULL: a decimal number. */
#define WORDS_MS         NULL
#define WORDS_BYTES      NULL
#define WORDS_POLICY     policy_words
#define WORDS_TIME_TYPE  time_type_words
#define WORDS_DURABILITY durability_words

static const struct setting_row {
    const char *key;
    const char *text;
    const char *const *words;
    int64_t def, lowest, highest;
} rows[SETTING_COUNT] = {
#define SETTING(name, key, kind, def, lowest, highest, text) \
    [SETTING_##name] = { key, text, WORDS_##kind, def, lowest, highest },
#include "engine/coord/settings.def"
#undef SETTING
};

static_assert(SETTING_COUNT <= 32, "one bit each in settings.set");

struct settings settings_default(void)
{
    struct settings s = { .set = 0 };
    for (uint32_t i = 0; i < SETTING_COUNT; i++)
        s.value[i] = rows[i].def;
    return s;
}

const char *setting_key(enum setting which)
{
    return rows[which].key;
}

const char *setting_text(enum setting which)
{
    return rows[which].text;
}

enum setting setting_find(const char *key)
{
    for (uint32_t i = 0; i < SETTING_COUNT; i++)
        if (strcmp(rows[i].key, key) == 0)
            return (enum setting)i;
    return SETTING_COUNT;
}

static enum err key_refuse(const char *key, struct why *why)
{
    struct near n = near_open(key);
    for (uint32_t i = 0; i < SETTING_COUNT; i++)
        near_try(&n, rows[i].key);
    if (!n.best)
        why_set(why, "unknown setting '%.64s'", key);
    else
        why_set(why, "unknown setting '%.64s': did you mean '%s'?", key, n.best);
    return ERR_INVALID;
}

static enum err word_parse(const struct setting_row *row, const char *text, int64_t *out,
                           struct why *why)
{
    char legal[96] = "";
    for (int64_t i = 0; row->words[i]; i++) {
        if (strcmp(row->words[i], text) == 0) {
            *out = i;
            return ERR_OK;
        }
        size_t len = strlen(legal);
        snprintf(legal + len, sizeof(legal) - len, "%s%s", i ? ", " : "", row->words[i]);
    }
    why_set(why, "%s: '%.64s' is not one of: %s", row->key, text, legal);
    return ERR_INVALID;
}

static enum err number_parse(const struct setting_row *row, const char *text, int64_t *out,
                             struct why *why)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    size_t len = strspn(digits, "0123456789");
    errno = 0;
    long long v = strtoll(text, NULL, 10);
    if (len == 0 || digits[len] != '\0') {
        why_set(why, "%s: '%.64s' is not a whole number", row->key, text);
        return ERR_INVALID;
    }
    if (errno || v < row->lowest || v > row->highest) {
        why_set(why, "%s: %.64s is outside %" PRId64 " .. %" PRId64, row->key, text, row->lowest,
                row->highest);
        return ERR_INVALID;
    }
    *out = v;
    return ERR_OK;
}

enum err settings_parse(struct settings *s, const char *key, const char *text, struct why *why)
{
    enum setting which = setting_find(key);
    if (which == SETTING_COUNT)
        return key_refuse(key, why);
    const struct setting_row *row = &rows[which];
    if (!text) {
        s->value[which] = row->def;
        s->set &= ~(1u << which);
        return ERR_OK;
    }
    int64_t v;
    TRY(row->words ? word_parse(row, text, &v, why) : number_parse(row, text, &v, why));
    s->value[which] = v;
    s->set |= 1u << which;
    return ERR_OK;
}

void settings_print(const struct settings *s, enum setting which, char out[SETTING_TEXT_MAX])
{
    const struct setting_row *row = &rows[which];
    if (row->words)
        snprintf(out, SETTING_TEXT_MAX, "%s", row->words[s->value[which]]);
    else
        snprintf(out, SETTING_TEXT_MAX, "%" PRId64, s->value[which]);
}
