/* out.h -- what a command says, once, as text for people or as JSON for programs.
 *
 * A document is facts, groups of facts, and sheets (a heading, columns, rows). In JSON a fact is a
 * key, a group an object, a sheet an array of objects; numbers stay numbers, times are
 * milliseconds since 1970, spans of time are seconds, and what is not known is null.
 *
 * Memory     a sheet keeps its cells until it is closed, to measure its columns.
 * Thread     one.
 */
#ifndef TOOLS_OUT_H
#define TOOLS_OUT_H

#include <stdio.h>

#include "engine/base/types.h"

enum out_kind {
    OUT_COUNT,
    OUT_BYTES, /* people get KiB, MiB, ... */
    OUT_TIME,  /* int64_t ms; INT64_MIN: none */
    OUT_SPAN,  /* int64_t ms, told as seconds; below 0: not known */
    OUT_TEXT,
    OUT_FLAG, /* people get yes or nothing */
};

#define OUT_DEPTH_MAX   16u
#define OUT_COLUMNS_MAX 20u
#define OUT_TEXT_MAX    8192u /* the longest list of settings */

struct out {
    FILE *to;
    bool json;
    uint32_t depth;             /* groups that are open */
    bool filled[OUT_DEPTH_MAX]; /* JSON: something stands before, so a comma comes first */
};

void out_open(struct out *o, FILE *to, bool json);
void out_close(struct out *o);

/* A group; `title` is for people and may be NULL. key NULL: an element of a list. */
void out_group(struct out *o, const char *key, const char *title);
void out_group_end(struct out *o);
void out_list(struct out *o, const char *key);
void out_list_end(struct out *o);

void out_count(struct out *o, const char *key, const char *label, uint64_t v);
void out_bytes(struct out *o, const char *key, const char *label, uint64_t v);
void out_time(struct out *o, const char *key, const char *label, int64_t ms);
void out_span(struct out *o, const char *key, const char *label, int64_t ms);
void out_flag(struct out *o, const char *key, const char *label, bool v);
void out_text(struct out *o, const char *key, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* For people alone. */
void out_say(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct out_column {
    const char *key, *heading;
    enum out_kind kind;
};

struct out_sheet {
    struct out *o;
    const struct out_column *columns;
    uint32_t column_count, at; /* at: cell of the row being filled */
    uint64_t rows;
    char **cells; /* people: every cell as text */
    uint64_t cell_cap;
};

/* Cells come row by row, in the order of the columns, each with the function of its kind. */
void sheet_open(struct out_sheet *s, struct out *o, const char *key, const char *title,
                const struct out_column *columns, uint32_t column_count);
void sheet_count(struct out_sheet *s, uint64_t v); /* COUNT and BYTES */
void sheet_time(struct out_sheet *s, int64_t ms);
void sheet_span(struct out_sheet *s, int64_t ms);
void sheet_flag(struct out_sheet *s, bool v);
void sheet_text(struct out_sheet *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sheet_none(struct out_sheet *s); /* not known, or does not apply */
void sheet_close(struct out_sheet *s);

/* For people: rounded, "7.8 GiB". Exact: engine/base/units.h. */
void text_bytes(char *text, size_t cap, uint64_t v);
/* 32 digits and the end. */
void id_text(struct id16 id, char text[33]);

#endif
