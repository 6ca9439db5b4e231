/* A decoded struct as text, as Golden.java says it: fields of the version in their order, tagged
 * ones after them. */
#include "engine/base/check.h"
#include "tests/unit/net_kafka/golden.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct out {
    char *at;
    size_t cap, len;
    unsigned version;
};

__attribute__((format(printf, 2, 3))) static void say(struct out *o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(o->at + o->len, o->cap - o->len, fmt, args);
    va_end(args);
    check(n >= 0 && (size_t)n < o->cap - o->len);
    o->len += (size_t)n;
}

static void shape_told(struct out *o, const struct kafka_shape *s, const uint8_t *from);

static void text_told(struct out *o, struct bytes b)
{
    say(o, "\"");
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] < 0x20 || b.at[i] > 0x7e || b.at[i] == '"' || b.at[i] == '\\')
            say(o, "\\%02x", b.at[i]);
        else
            say(o, "%c", b.at[i]);
    say(o, "\"");
}

static void hex_told(struct out *o, const char *sign, const uint8_t *at, size_t len)
{
    say(o, "%s", sign);
    for (size_t i = 0; i < len; i++)
        say(o, "%02x", at[i]);
}

static void bytes_told(struct out *o, bool text, const uint8_t *member)
{
    struct bytes b;
    memcpy(&b, member, sizeof(b));
    if (!b.at)
        say(o, "null");
    else if (text)
        text_told(o, b);
    else
        hex_told(o, "x", b.at, b.len);
}

static void i32_told(struct out *o, const uint8_t *member)
{
    int32_t v;
    memcpy(&v, member, sizeof(v));
    say(o, "%" PRId32, v);
}

static void element_told(struct out *o, const struct kafka_row *row, const uint8_t *element)
{
    if (row->kind == KAFKA_ITEMS)
        shape_told(o, row->shape(), element);
    else if (row->kind == KAFKA_I32S)
        i32_told(o, element);
    else
        bytes_told(o, true, element);
}

static void list_told(struct out *o, const struct kafka_row *row, const uint8_t *member)
{
    struct kafka_list list;
    memcpy(&list, member, sizeof(list));
    if (!list.at) {
        say(o, "null");
        return;
    }
    say(o, "[");
    for (uint32_t i = 0; i < list.count; i++) {
        say(o, "%s", i ? "," : "");
        element_told(o, row, (const uint8_t *)list.at + i * kafka_element_bytes(row));
    }
    say(o, "]");
}

static void number_told(struct out *o, const struct kafka_row *row, const uint8_t *member)
{
    int16_t v16;
    int64_t v64;
    switch (row->kind) {
    case KAFKA_BOOL:
        say(o, "%s", *member ? "true" : "false");
        break;
    case KAFKA_I8:
        say(o, "%d", *(const int8_t *)member);
        break;
    case KAFKA_I16:
        memcpy(&v16, member, sizeof(v16));
        say(o, "%d", v16);
        break;
    case KAFKA_I32:
        i32_told(o, member);
        break;
    default:
        memcpy(&v64, member, sizeof(v64));
        say(o, "%" PRId64, v64);
        break;
    }
}

static void row_told(struct out *o, const struct kafka_row *row, const uint8_t *member)
{
    say(o, "%s%s:", o->at[o->len - 1] == '{' ? "" : ",", row->name);
    switch (row->kind) {
    case KAFKA_ID:
        hex_told(o, "#", member, sizeof(struct id16));
        break;
    case KAFKA_TEXT:
    case KAFKA_BLOB:
    case KAFKA_RECORDS:
        bytes_told(o, row->kind == KAFKA_TEXT, member);
        break;
    case KAFKA_I32S:
    case KAFKA_TEXTS:
    case KAFKA_ITEMS:
        list_told(o, row, member);
        break;
    case KAFKA_STRUCT:
        shape_told(o, row->shape(), member);
        break;
    default:
        number_told(o, row, member);
        break;
    }
}

static void shape_told(struct out *o, const struct kafka_shape *s, const uint8_t *from)
{
    say(o, "{");
    for (int tagged = 0; tagged < 2; tagged++)
        for (unsigned i = 0; i < s->count; i++) {
            const struct kafka_row *row = &s->rows[i];
            if (kafka_row_lives(row, o->version) && kafka_row_tagged(row, o->version) == tagged)
                row_told(o, row, from + row->at);
        }
    say(o, "}");
}

size_t struct_told(const struct kafka_what *what, const void *from, char *out, size_t cap)
{
    struct out o = { .at = out, .cap = cap, .version = (unsigned)what->version };
    shape_told(&o, what->shape, from);
    return o.len;
}
