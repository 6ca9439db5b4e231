/* config_value.c -- one value: from text by its kind, within its limits, and back to text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/units.h"
#include "net/config/config_in.h"

#define ITEMS_MAX  1024u /* of a list: more directories, listeners or cores than any machine has */
#define ITEM_BYTES 4096u /* the longest path of Linux */
#define CPU_MAX    65535u

/* ---- lists: items between commas, blanks around them cut off ---- */

typedef enum err item_add(struct config_value *v, const char *item, struct why *why);

/* Room for one more item of `bytes`; NULL: there are too many. */
static void *item_room(struct config_value *v, size_t bytes, struct why *why)
{
    if (v->count == ITEMS_MAX) {
        why_set(why, "has more than %u items", ITEMS_MAX);
        return NULL;
    }
    v->items = realloc(v->items, (v->count + 1) * bytes);
    check(v->items);
    return (char *)v->items + v->count * bytes;
}

static enum err path_add(struct config_value *v, const char *item, struct why *why)
{
    char **at = item_room(v, sizeof(*at), why);
    if (!at)
        return ERR_INVALID;
    for (uint32_t i = 0; i < v->count; i++)
        if (strcmp(((char **)v->items)[i], item) == 0) {
            why_set(why, "names '%.64s' twice", item);
            return ERR_INVALID;
        }
    *at = config_copy(item, strlen(item));
    v->count++;
    return ERR_OK;
}

static enum err listener_add(struct config_value *v, const char *item, struct why *why)
{
    struct io_address a;
    TRY(io_address_parse(item, &a, why));
    struct io_address *at = item_room(v, sizeof(a), why);
    if (!at)
        return ERR_INVALID;
    *at = a;
    v->count++;
    return ERR_OK;
}

static enum err cpu_add(struct config_value *v, uint32_t cpu, struct why *why)
{
    uint32_t *at = item_room(v, sizeof(*at), why);
    if (!at)
        return ERR_INVALID;
    for (uint32_t i = 0; i < v->count; i++)
        if (((uint32_t *)v->items)[i] == cpu) {
            why_set(why, "names core %u twice", cpu);
            return ERR_INVALID;
        }
    *at = cpu;
    v->count++;
    return ERR_OK;
}

/* "3" or "0-3". */
static enum err cpus_add(struct config_value *v, const char *item, struct why *why)
{
    char word[32], *dash;
    uint64_t from, to;
    snprintf(word, sizeof(word), "%s", item);
    dash = strchr(word, '-');
    if (dash)
        *dash = '\0';
    if (strlen(item) >= sizeof(word) || units_count(word, &from, NULL) != ERR_OK ||
        units_count(dash ? dash + 1 : word, &to, NULL) != ERR_OK || from > to || to > CPU_MAX) {
        why_set(why, "'%.64s' is no core: write none, auto, or a list like 0-3,6", item);
        return ERR_INVALID;
    }
    for (; from <= to; from++)
        TRY(cpu_add(v, (uint32_t)from, why));
    return ERR_OK;
}

static enum err list_parse(const char *text, item_add *add, struct config_value *v, struct why *why)
{
    for (const char *at = text;; at++) {
        char item[ITEM_BYTES];
        size_t len = strcspn(at, ","), skip = strspn(at, " \t");
        size_t from = skip < len ? skip : len, to = len;
        while (to > from && (at[to - 1] == ' ' || at[to - 1] == '\t'))
            to--;
        if (to == from || to - from >= sizeof(item)) {
            why_set(why, to == from ? "has an empty item" : "has an item longer than a path");
            return ERR_INVALID;
        }
        memcpy(item, at + from, to - from);
        item[to - from] = '\0';
        TRY(add(v, item, why));
        at += len;
        if (*at == '\0')
            return ERR_OK;
    }
}

/* ---- single values ---- */

static enum err word_parse(const struct config_row *row, const char *text, uint64_t *out,
                           struct why *why)
{
    struct near n = near_open(text);
    char limits[CONFIG_NAME_MAX];
    for (uint64_t i = 0; row->words[i]; i++) {
        if (strcmp(row->words[i], text) == 0) {
            *out = config_is_bool(row) ? i % 2 : i; /* BOOL: false true, no yes, off on */
            return ERR_OK;
        }
        near_try(&n, row->words[i]);
    }
    config_limits_text(config_find(row->key), limits);
    if (n.best)
        why_set(why, "is not one of: %s; did you mean %s?", limits, n.best);
    else
        why_set(why, "is not one of: %s", limits);
    return ERR_INVALID;
}

static enum err number_parse(const struct config_row *row, const char *text, uint64_t *out,
                             struct why *why)
{
    uint64_t v = 0;
    enum err err = row->kind == CONFIG_KIND_BYTES      ? units_bytes(text, &v, why)
                   : row->kind == CONFIG_KIND_DURATION ? units_duration(text, &v, why)
                                                       : units_count(text, &v, why);
    if (err != ERR_OK)
        return err;
    if ((v < row->lowest || v > row->highest) && !(v == 0 && row->zero)) {
        char limits[CONFIG_NAME_MAX];
        config_limits_text(config_find(row->key), limits);
        why_set(why, "is outside %s%s%s", limits, row->zero ? "; 0: " : "",
                row->zero ? row->zero : "");
        return ERR_INVALID;
    }
    *out = v;
    return ERR_OK;
}

static enum err list_or_word_parse(const struct config_row *row, const char *text,
                                   struct config_value *v, struct why *why)
{
    v->number = row->kind == CONFIG_KIND_CPUS && strcmp(text, "auto") == 0;
    if (row->kind == CONFIG_KIND_PATHS)
        return list_parse(text, path_add, v, why);
    if (v->number || strcmp(text, "none") == 0)
        return ERR_OK;
    return list_parse(text, row->kind == CONFIG_KIND_CPUS ? cpus_add : listener_add, v, why);
}

/* ---- both ---- */

static enum err kind_parse(const struct config_row *row, const char *text, struct config_value *v,
                           struct why *why)
{
    switch (row->kind) {
    case CONFIG_KIND_BYTES:
    case CONFIG_KIND_DURATION:
    case CONFIG_KIND_COUNT:
        return number_parse(row, text, &v->number, why);
    case CONFIG_KIND_WORD:
        return word_parse(row, text, &v->number, why);
    case CONFIG_KIND_PATHS:
    case CONFIG_KIND_ADDRESSES:
    case CONFIG_KIND_CPUS:
        return list_or_word_parse(row, text, v, why);
    }
    check(!"a kind of setting");
    return ERR_INVALID;
}

/* The text that `config print` shows: numbers in their largest unit, lists as they were written. */
static char *value_text(const struct config_row *row, const char *text, uint64_t number)
{
    char out[CONFIG_NAME_MAX];
    if (row->kind == CONFIG_KIND_WORD)
        text = row->words[number];
    else if (row->kind <= CONFIG_KIND_COUNT) {
        config_number_print(row, number, out);
        text = out;
    }
    return config_copy(text, strlen(text));
}

enum err config_value_parse(const struct config_row *row, const char *text,
                            struct config_value *out, struct why *why)
{
    enum err err = kind_parse(row, text, out, why);
    if (err == ERR_OK)
        out->text = value_text(row, text, out->number);
    else
        config_value_free(row, out);
    return err;
}

void config_value_free(const struct config_row *row, struct config_value *v)
{
    for (uint32_t i = 0; row->kind == CONFIG_KIND_PATHS && i < v->count; i++)
        free(((char **)v->items)[i]);
    free(v->items);
    free(v->text);
    *v = (struct config_value){ .number = 0 };
}

void config_number_print(const struct config_row *row, uint64_t v, char out[CONFIG_NAME_MAX])
{
    if (row->kind == CONFIG_KIND_BYTES)
        units_bytes_print(v, out);
    else if (row->kind == CONFIG_KIND_DURATION)
        units_duration_print(v, out);
    else
        snprintf(out, CONFIG_NAME_MAX, "%" PRIu64, v);
}
