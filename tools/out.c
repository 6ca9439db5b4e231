/* out.c -- see out.h: facts and groups. Sheets are sheet.c's. */
#include "tools/out_in.h"

#include <inttypes.h>
#include <stdarg.h>
#include <time.h>

#include "engine/base/check.h"

void out_open(struct out *o, FILE *to, bool json)
{
    *o = (struct out){ .to = to, .json = json };
    if (json)
        fputc('{', to);
    o->depth = 1;
}

void out_close(struct out *o)
{
    check(o->depth == 1);
    if (o->json)
        fputs("\n}\n", o->to);
    o->depth = 0;
}

void json_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(to, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(to, "\\u%04x", *c);
        else
            fputc(*c, to);
    }
    fputc('"', to);
}

void json_key(struct out *o, const char *key)
{
    if (o->filled[o->depth - 1])
        fputc(',', o->to);
    o->filled[o->depth - 1] = true;
    fprintf(o->to, "\n%*s", (int)(2 * o->depth), "");
    if (!key)
        return;
    json_text(o->to, key);
    fputs(": ", o->to);
}

static void json_enter(struct out *o, const char *key, char bracket)
{
    check(o->depth < OUT_DEPTH_MAX);
    json_key(o, key);
    fputc(bracket, o->to);
    o->filled[o->depth++] = false;
}

static void json_leave(struct out *o, char bracket)
{
    bool filled = o->filled[--o->depth];
    if (filled)
        fprintf(o->to, "\n%*s", (int)(2 * o->depth), "");
    fputc(bracket, o->to);
}

void out_group(struct out *o, const char *key, const char *title)
{
    if (o->json) {
        json_enter(o, key, '{');
        return;
    }
    if (title)
        fprintf(o->to, "%s%s\n", o->filled[0] ? "\n" : "", title);
    o->filled[0] = true;
    o->depth++;
}

void out_group_end(struct out *o)
{
    if (o->json)
        json_leave(o, '}');
    else
        o->depth--;
}

void out_list(struct out *o, const char *key)
{
    if (o->json)
        json_enter(o, key, '[');
}

void out_list_end(struct out *o)
{
    if (o->json)
        json_leave(o, ']');
}

/* ---- values, as text ---- */

void text_bytes(char *text, size_t cap, uint64_t v)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    double d = (double)v;
    uint32_t i = 0;
    while (d >= 1024 && i + 1 < sizeof(units) / sizeof(units[0])) {
        d /= 1024;
        i++;
    }
    snprintf(text, cap, i && d < 100 ? "%.1f %s" : "%.0f %s", d, units[i]);
}

void text_time(char *text, size_t cap, int64_t ms)
{
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    if (ms == INT64_MIN || !gmtime_r(&s, &tm)) {
        snprintf(text, cap, "-");
        return;
    }
    size_t n = strftime(text, cap, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, cap - n, ".%03dZ", (int)(ms % 1000 < 0 ? 0 : ms % 1000));
}

void id_text(struct id16 id, char text[33])
{
    for (uint32_t i = 0; i < 16; i++)
        snprintf(text + (size_t)i * 2, 3, "%02x", id.b[i]);
}

/* ---- facts ---- */

static void fact(struct out *o, const char *label, const char *text)
{
    fprintf(o->to, "  %-22s %s\n", label, text);
}

void out_count(struct out *o, const char *key, const char *label, uint64_t v)
{
    char text[OUT_TEXT_MAX];
    snprintf(text, sizeof(text), "%" PRIu64, v);
    if (o->json) {
        json_key(o, key);
        fputs(text, o->to);
    } else {
        fact(o, label, text);
    }
}

void out_bytes(struct out *o, const char *key, const char *label, uint64_t v)
{
    char text[OUT_TEXT_MAX];
    if (o->json) {
        out_count(o, key, label, v);
        return;
    }
    text_bytes(text, sizeof(text), v);
    fact(o, label, text);
}

void out_time(struct out *o, const char *key, const char *label, int64_t ms)
{
    char text[OUT_TEXT_MAX];
    if (!o->json) {
        text_time(text, sizeof(text), ms);
        fact(o, label, text);
        return;
    }
    json_key(o, key);
    if (ms == INT64_MIN)
        fputs("null", o->to);
    else
        fprintf(o->to, "%" PRId64, ms);
}

void text_span(char *text, size_t cap, int64_t ms, bool exact)
{
    const char *form = exact ? "%" PRId64 ".%03" PRId64 : "%" PRId64 ".%" PRId64;
    snprintf(text, cap, form, ms / 1000, exact ? ms % 1000 : ms % 1000 / 100);
}

void out_span(struct out *o, const char *key, const char *label, int64_t ms)
{
    char text[OUT_TEXT_MAX];
    text_span(text, sizeof(text), ms < 0 ? 0 : ms, o->json);
    if (!o->json) {
        fact(o, label, ms < 0 ? "-" : text);
        return;
    }
    json_key(o, key);
    fputs(ms < 0 ? "null" : text, o->to);
}

void out_flag(struct out *o, const char *key, const char *label, bool v)
{
    if (o->json) {
        json_key(o, key);
        fputs(v ? "true" : "false", o->to);
    } else {
        fact(o, label, v ? "yes" : "no");
    }
}

void out_text(struct out *o, const char *key, const char *label, const char *fmt, ...)
{
    char text[OUT_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (o->json) {
        json_key(o, key);
        json_text(o->to, text);
    } else {
        fact(o, label, text);
    }
}

void out_say(struct out *o, const char *fmt, ...)
{
    va_list args;
    if (o->json)
        return;
    o->filled[0] = true;
    va_start(args, fmt);
    vfprintf(o->to, fmt, args);
    va_end(args);
}
