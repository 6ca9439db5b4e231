/* encode.c -- structs to bytes, and how many bytes that will be.
 *
 * The same walk does both: a writer without memory only counts. A tag carries its size in front,
 * so what it holds is counted by such a writer first; tags hold at most one more level.
 */
#include "engine/base/le.h"
#include "net/kafka/codec.h"

struct writer {
    uint8_t *at; /* NULL: only counts */
    size_t cap;
    uint64_t len;
    const struct kafka_what *what;
    struct kafka_fault *fault;
    struct kafka_holes *holes;       /* NULL: none may be */
    const struct kafka_shape *shape; /* where it stands, for faults */
    const char *field;
};

static bool fields_out(struct writer *w, const struct kafka_shape *s, const uint8_t *from);

/* ---- bounds ---- */

static bool refuse(struct writer *w, enum kafka_fault_kind kind, int64_t value, int64_t limit)
{
    struct kafka_what what = *w->what;
    what.shape = w->shape;
    kafka_fault_set(w->fault, kind, &what, w->field, w->len, value, limit);
    return false;
}

static void stand(struct writer *w, const struct kafka_shape *s, const char *field)
{
    w->shape = s;
    w->field = field;
}

static bool put(struct writer *w, const void *from, size_t bytes)
{
    if (w->at && bytes > w->cap - w->len)
        return refuse(w, KAFKA_FAULT_SPACE, (int64_t)bytes, (int64_t)(w->cap - w->len));
    if (w->at && bytes)
        memcpy(w->at + w->len, from, bytes);
    w->len += bytes;
    return true;
}

/* ---- numbers ---- */

static bool uvarint_out(struct writer *w, uint32_t v)
{
    uint8_t at[5];
    unsigned n = 0;
    for (; v >= 0x80; v >>= 7)
        at[n++] = (uint8_t)(v | 0x80);
    at[n++] = (uint8_t)v;
    return put(w, at, n);
}

static bool byte_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    (void)row;
    return put(w, member, 1);
}

static bool i16_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    (void)row;
    uint8_t at[2];
    uint16_t v;
    memcpy(&v, member, sizeof(v));
    be16_put(at, v);
    return put(w, at, sizeof(at));
}

static bool i32_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    (void)row;
    uint8_t at[4];
    uint32_t v;
    memcpy(&v, member, sizeof(v));
    be32_put(at, v);
    return put(w, at, sizeof(at));
}

static bool i64_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    (void)row;
    uint8_t at[8];
    uint64_t v;
    memcpy(&v, member, sizeof(v));
    be64_put(at, v);
    return put(w, at, sizeof(at));
}

static bool id_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    (void)row;
    return put(w, member, sizeof(struct id16));
}

/* ---- lengths ---- */

/* A length or a count; -1 is null. */
static bool length_out(struct writer *w, const struct kafka_row *row, unsigned classic_bytes,
                       int64_t length, int64_t limit)
{
    uint8_t at[4];
    if (length > limit)
        return refuse(w, KAFKA_FAULT_LARGE, length, limit);
    if (w->what->flexible && !row->classic)
        return uvarint_out(w, (uint32_t)(length + 1));
    if (classic_bytes == 2)
        be16_put(at, (uint16_t)length);
    else
        be32_put(at, (uint32_t)length);
    return put(w, at, classic_bytes);
}

static bool null_out(struct writer *w, const struct kafka_row *row, unsigned classic_bytes)
{
    if (!row->nullable)
        return refuse(w, KAFKA_FAULT_NO_NULL, w->what->version, 0);
    if (w->what->version < row->null_first)
        return refuse(w, KAFKA_FAULT_NULL, w->what->version, row->null_first);
    return length_out(w, row, classic_bytes, -1, 0);
}

static bool text_out(struct writer *w, const struct kafka_row *row, struct bytes text)
{
    return length_out(w, row, 2, (int64_t)text.len, KAFKA_TEXT_MAX) && put(w, text.at, text.len);
}

/* Records that stay where they are: only their length is written. */
static bool hole_out(struct writer *w, const struct kafka_row *row, uint64_t bytes)
{
    struct kafka_holes *h = w->holes;
    if (!length_out(w, row, 4, (int64_t)bytes, INT32_MAX))
        return false;
    if (w->at && h) {
        if (h->count == h->cap)
            return refuse(w, KAFKA_FAULT_SPACE, h->count + 1ll, h->cap);
        h->pos[h->count++] = w->len;
    }
    return true;
}

static bool bytes_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    struct bytes b;
    memcpy(&b, member, sizeof(b));
    if (!b.at)
        return null_out(w, row, row->kind == KAFKA_TEXT ? 2 : 4);
    if (row->kind == KAFKA_RECORDS && b.at == kafka_elsewhere)
        return hole_out(w, row, b.len);
    if (row->kind == KAFKA_TEXT)
        return text_out(w, row, b);
    return length_out(w, row, 4, (int64_t)b.len, INT32_MAX) && put(w, b.at, b.len);
}

/* ---- lists ---- */

static bool element_out(struct writer *w, const struct kafka_row *row, const uint8_t *element)
{
    struct bytes text;
    switch (row->kind) {
    case KAFKA_ITEMS:
        return fields_out(w, row->shape(), element);
    case KAFKA_I32S:
        return i32_out(w, row, element);
    default:
        memcpy(&text, element, sizeof(text));
        return text.at ? text_out(w, row, text)
                       : refuse(w, KAFKA_FAULT_NO_NULL, w->what->version, 0);
    }
}

static bool list_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    struct kafka_list list;
    size_t bytes = kafka_element_bytes(row);
    memcpy(&list, member, sizeof(list));
    if (!list.at)
        return null_out(w, row, 4);
    if (!length_out(w, row, 4, list.count, INT32_MAX))
        return false;
    for (uint32_t i = 0; i < list.count; i++)
        if (!element_out(w, row, (const uint8_t *)list.at + i * bytes))
            return false;
    return true;
}

static bool struct_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    return fields_out(w, row->shape(), member);
}

/* ---- the rows ---- */

static bool (*const outs[KAFKA_KINDS])(struct writer *w, const struct kafka_row *row,
                                       const uint8_t *member) = {
    [KAFKA_BOOL] = byte_out,     [KAFKA_I8] = byte_out,    [KAFKA_I16] = i16_out,
    [KAFKA_I32] = i32_out,       [KAFKA_I64] = i64_out,    [KAFKA_ID] = id_out,
    [KAFKA_TEXT] = bytes_out,    [KAFKA_BLOB] = bytes_out, [KAFKA_RECORDS] = bytes_out,
    [KAFKA_I32S] = list_out,     [KAFKA_TEXTS] = list_out, [KAFKA_ITEMS] = list_out,
    [KAFKA_STRUCT] = struct_out,
};

static bool tag_goes(const struct kafka_row *row, unsigned version, const uint8_t *from)
{
    return kafka_row_lives(row, version) && kafka_row_tagged(row, version) &&
           !kafka_row_is_unset(row, from + row->at);
}

static bool tag_out(struct writer *w, const struct kafka_row *row, const uint8_t *member)
{
    struct writer count = *w;
    count.at = NULL;
    if (!outs[row->kind](&count, row, member))
        return false;
    uint64_t size = count.len - w->len;
    if (size > INT32_MAX)
        return refuse(w, KAFKA_FAULT_LARGE, (int64_t)size, INT32_MAX);
    return uvarint_out(w, row->tag) && uvarint_out(w, (uint32_t)size) &&
           outs[row->kind](w, row, member);
}

/* Rows stand in the order of their tags. */
static bool tags_out(struct writer *w, const struct kafka_shape *s, const uint8_t *from)
{
    unsigned version = (unsigned)w->what->version;
    uint32_t count = 0;
    for (unsigned i = 0; i < s->count; i++)
        count += tag_goes(&s->rows[i], version, from);
    stand(w, s, "tags");
    if (!uvarint_out(w, count))
        return false;
    for (unsigned i = 0; i < s->count && count; i++) {
        const struct kafka_row *row = &s->rows[i];
        stand(w, s, row->name);
        if (tag_goes(row, version, from) && !tag_out(w, row, from + row->at))
            return false;
    }
    return true;
}

static bool fields_out(struct writer *w, const struct kafka_shape *s, const uint8_t *from)
{
    unsigned version = (unsigned)w->what->version;
    for (unsigned i = 0; i < s->count; i++) {
        const struct kafka_row *row = &s->rows[i];
        stand(w, s, row->name);
        if (kafka_row_lives(row, version) && !kafka_row_tagged(row, version) &&
            !outs[row->kind](w, row, from + row->at))
            return false;
    }
    return !w->what->flexible || tags_out(w, s, from);
}

/* ---- whole messages ---- */

static enum err message_out(struct writer *w, const void *from, struct kafka_fault *fault)
{
    struct kafka_fault mine = { .kind = KAFKA_FAULT_NONE };
    w->fault = &mine;
    if (fields_out(w, w->what->shape, from))
        return ERR_OK;
    if (fault)
        *fault = mine;
    return mine.err;
}

enum err kafka_size(const struct kafka_what *what, const void *from, uint64_t *bytes,
                    struct kafka_fault *fault)
{
    struct writer w = { .what = what };
    TRY(message_out(&w, from, fault));
    *bytes = w.len;
    return ERR_OK;
}

const uint8_t kafka_elsewhere[1];

enum err kafka_encode(const struct kafka_what *what, const void *from, void *at, size_t cap,
                      size_t *len, struct kafka_fault *fault)
{
    return kafka_encode_around(what, from, at, cap, len, NULL, fault);
}

enum err kafka_encode_around(const struct kafka_what *what, const void *from, void *at, size_t cap,
                             size_t *len, struct kafka_holes *holes, struct kafka_fault *fault)
{
    uint8_t nowhere[1];
    struct writer w = {
        .at = at ? at : nowhere, .cap = at ? cap : 0, .what = what, .holes = holes
    };
    TRY(message_out(&w, from, fault));
    *len = (size_t)w.len;
    return ERR_OK;
}
