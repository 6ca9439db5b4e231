/* sheet.c -- sheets of out.h: columns as wide as their widest cell, numbers to the right. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "engine/base/check.h"
#include "tools/out_in.h"

#define PAD_MAX 100

void sheet_open(struct out_sheet *s, struct out *o, const char *key, const char *title,
                const struct out_column *columns, uint32_t column_count)
{
    check(column_count && column_count <= OUT_COLUMNS_MAX);
    *s = (struct out_sheet){ .o = o, .columns = columns, .column_count = column_count };
    if (o->json)
        out_list(o, key);
    else if (title)
        out_say(o, "%s%s\n", o->filled[0] ? "\n" : "", title);
}

/* JSON: the text goes out as it is. People: kept until the columns are known. */
static void cell(struct out_sheet *s, const char *text, bool quoted)
{
    struct out *o = s->o;
    uint64_t i = s->rows * s->column_count + s->at;
    if (o->json) {
        if (s->at == 0)
            out_group(o, NULL, NULL);
        json_key(o, s->columns[s->at].key);
        if (quoted)
            json_text(o->to, text);
        else
            fputs(text, o->to);
    } else {
        if (i >= s->cell_cap) {
            s->cell_cap = s->cell_cap ? s->cell_cap * 2 : 256;
            s->cells = realloc(s->cells, s->cell_cap * sizeof(*s->cells));
            check(s->cells);
        }
        s->cells[i] = strdup(text);
        check(s->cells[i]);
    }
    if (++s->at < s->column_count)
        return;
    s->at = 0;
    s->rows++;
    if (o->json)
        out_group_end(o);
}

void sheet_count(struct out_sheet *s, uint64_t v)
{
    char text[OUT_TEXT_MAX];
    enum out_kind kind = s->columns[s->at].kind;
    check(kind == OUT_COUNT || kind == OUT_BYTES);
    if (kind == OUT_BYTES && !s->o->json)
        text_bytes(text, sizeof(text), v);
    else
        snprintf(text, sizeof(text), "%" PRIu64, v);
    cell(s, text, false);
}

void sheet_time(struct out_sheet *s, int64_t ms)
{
    char text[OUT_TEXT_MAX];
    check(s->columns[s->at].kind == OUT_TIME);
    if (ms == INT64_MIN) {
        sheet_none(s);
        return;
    }
    if (s->o->json)
        snprintf(text, sizeof(text), "%" PRId64, ms);
    else
        text_time(text, sizeof(text), ms);
    cell(s, text, false);
}

void sheet_span(struct out_sheet *s, int64_t ms)
{
    char text[OUT_TEXT_MAX];
    check(s->columns[s->at].kind == OUT_SPAN);
    if (ms < 0) {
        sheet_none(s);
        return;
    }
    text_span(text, sizeof(text), ms, s->o->json);
    cell(s, text, false);
}

void sheet_flag(struct out_sheet *s, bool v)
{
    check(s->columns[s->at].kind == OUT_FLAG);
    if (s->o->json)
        cell(s, v ? "true" : "false", false);
    else
        cell(s, v ? "yes" : "", false);
}

void sheet_text(struct out_sheet *s, const char *fmt, ...)
{
    char text[OUT_TEXT_MAX];
    va_list args;
    check(s->columns[s->at].kind == OUT_TEXT);
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    cell(s, text, true);
}

void sheet_none(struct out_sheet *s)
{
    cell(s, s->o->json ? "null" : "-", false);
}

static void columns_measure(const struct out_sheet *s, int *widths)
{
    for (uint32_t c = 0; c < s->column_count; c++) {
        widths[c] = (int)strlen(s->columns[c].heading);
        for (uint64_t r = 0; r < s->rows; r++) {
            int n = (int)strlen(s->cells[r * s->column_count + c]);
            widths[c] = n > widths[c] ? n : widths[c];
        }
        widths[c] = widths[c] > PAD_MAX ? PAD_MAX : widths[c];
    }
}

static void row_print(const struct out_sheet *s, const int *widths, char *const *cells)
{
    FILE *to = s->o->to;
    for (uint32_t c = 0; c < s->column_count; c++) {
        const char *text = cells ? cells[c] : s->columns[c].heading;
        enum out_kind kind = s->columns[c].kind;
        bool right = kind == OUT_COUNT || kind == OUT_BYTES || kind == OUT_SPAN;
        bool last = c + 1 == s->column_count;
        fprintf(to, "  %*s", right ? widths[c] : last ? 0 : -widths[c], text);
    }
    fputc('\n', to);
}

static void sheet_print(const struct out_sheet *s)
{
    int widths[OUT_COLUMNS_MAX];
    columns_measure(s, widths);
    row_print(s, widths, NULL);
    for (uint64_t r = 0; r < s->rows; r++)
        row_print(s, widths, s->cells + r * s->column_count);
    if (!s->rows)
        fputs("  (none)\n", s->o->to);
}

void sheet_close(struct out_sheet *s)
{
    check(s->at == 0);
    if (s->o->json) {
        out_list_end(s->o);
        return;
    }
    sheet_print(s);
    for (uint64_t i = 0; i < s->rows * s->column_count; i++)
        free(s->cells[i]);
    free(s->cells);
    s->cells = NULL;
}
