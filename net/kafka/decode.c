/* decode.c -- bytes to structs.
 *
 * A struct is its untagged fields in the order of the rows, then, in flexible versions, tags:
 * a count, and for each a number, a size and so many bytes. Each kind of field is a function in one
 * table. Every function returns false after filling the fault, and nobody goes on then.
 */
#include "engine/base/le.h"
#include "net/kafka/codec.h"

#define VARINT_BYTES_MAX 5u
#define TAG_BYTES_MIN    2u /* its number and its size */

struct reader {
    const uint8_t *base, *at, *end;
    const struct kafka_what *what;
    struct kafka_arena *arena;
    struct kafka_fault *fault;
    const struct kafka_shape *shape; /* where it stands, for faults: shape, */
    const char *field;               /* field or NULL, */
    const uint8_t *start;            /* and the field's first byte */
};

static bool fields_in(struct reader *r, const struct kafka_shape *s, uint8_t *to);

/* ---- bounds ---- */

static bool refuse(struct reader *r, enum kafka_fault_kind kind, int64_t value, int64_t limit)
{
    struct kafka_what what = *r->what;
    what.shape = r->shape;
    kafka_fault_set(r->fault, kind, &what, r->field, (size_t)(r->start - r->base), value, limit);
    return false;
}

static void stand(struct reader *r, const struct kafka_shape *s, const char *field)
{
    r->shape = s;
    r->field = field;
    r->start = r->at;
}

static size_t left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

static const uint8_t *take(struct reader *r, size_t bytes)
{
    if (bytes > left(r)) {
        refuse(r, KAFKA_FAULT_SHORT, (int64_t)bytes, (int64_t)left(r));
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += bytes;
    return at;
}

void *kafka_arena_take(struct kafka_arena *a, size_t bytes)
{
    size_t from = (a->len + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (from > a->cap || bytes > a->cap - from)
        return NULL;
    a->len = from + bytes;
    return a->at + from;
}

/* ---- numbers ---- */

/* Seven bits a byte, the lowest first. */
static bool uvarint_in(struct reader *r, uint32_t *out)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        const uint8_t *at = take(r, 1);
        if (!at)
            return false;
        if (i == VARINT_BYTES_MAX - 1 && *at > UINT32_MAX >> 7 * i)
            break;
        v |= (uint32_t)(*at & 0x7f) << 7 * i;
        if (*at < 0x80) {
            *out = v;
            return true;
        }
    }
    return refuse(r, KAFKA_FAULT_VARINT, VARINT_BYTES_MAX, UINT32_MAX);
}

static bool bool_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    (void)row;
    const uint8_t *at = take(r, 1);
    bool v = at && *at;
    memcpy(member, &v, sizeof(v));
    return at != NULL;
}

static bool i8_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    (void)row;
    const uint8_t *at = take(r, 1);
    if (at)
        *member = *at;
    return at != NULL;
}

static bool i16_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    (void)row;
    const uint8_t *at = take(r, 2);
    uint16_t v = at ? be16_get(at) : 0;
    memcpy(member, &v, sizeof(v));
    return at != NULL;
}

static bool i32_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    (void)row;
    const uint8_t *at = take(r, 4);
    uint32_t v = at ? be32_get(at) : 0;
    memcpy(member, &v, sizeof(v));
    return at != NULL;
}

static bool i64_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    (void)row;
    const uint8_t *at = take(r, 8);
    uint64_t v = at ? be64_get(at) : 0;
    memcpy(member, &v, sizeof(v));
    return at != NULL;
}

static bool id_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    (void)row;
    const uint8_t *at = take(r, sizeof(struct id16));
    if (at)
        memcpy(member, at, sizeof(struct id16));
    return at != NULL;
}

/* ---- lengths ---- */

static bool null_in(struct reader *r, const struct kafka_row *row)
{
    if (row->nullable && r->what->version >= row->null_first)
        return true;
    if (row->nullable)
        return refuse(r, KAFKA_FAULT_NULL, r->what->version, row->null_first);
    return refuse(r, KAFKA_FAULT_NO_NULL, r->what->version, 0);
}

/* A length or a count: classic in two or four bytes, -1 for null; flexible plus one, 0 for null. */
static bool length_in(struct reader *r, const struct kafka_row *row, unsigned classic_bytes,
                      int64_t *out)
{
    uint32_t plus_one;
    if (r->what->flexible && !row->classic) {
        if (!uvarint_in(r, &plus_one))
            return false;
        *out = (int64_t)plus_one - 1;
    } else {
        const uint8_t *at = take(r, classic_bytes);
        if (!at)
            return false;
        *out = classic_bytes == 2 ? (int16_t)be16_get(at) : (int32_t)be32_get(at);
    }
    if (*out < -1)
        return refuse(r, KAFKA_FAULT_NEGATIVE, *out, -1);
    return true;
}

/* The bytes of a text or a blob; an empty one has an address: it is not null. */
static bool view_in(struct reader *r, int64_t length, int64_t limit, uint8_t *member)
{
    if (length > limit)
        return refuse(r, KAFKA_FAULT_LARGE, length, limit);
    struct bytes b = { take(r, (size_t)length), (size_t)length };
    memcpy(member, &b, sizeof(b));
    return b.at != NULL;
}

static bool bytes_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    bool text = row->kind == KAFKA_TEXT;
    struct bytes null = { NULL, 0 };
    int64_t length;
    if (!length_in(r, row, text ? 2 : 4, &length))
        return false;
    if (length >= 0)
        return view_in(r, length, text ? KAFKA_TEXT_MAX : INT32_MAX, member);
    memcpy(member, &null, sizeof(null));
    return null_in(r, row);
}

/* ---- lists ---- */

static bool element_in(struct reader *r, const struct kafka_row *row, uint8_t *element)
{
    int64_t length;
    switch (row->kind) {
    case KAFKA_ITEMS:
        return fields_in(r, row->shape(), element);
    case KAFKA_I32S:
        return i32_in(r, row, element);
    default:
        r->start = r->at;
        if (!length_in(r, row, 2, &length))
            return false;
        if (length < 0)
            return refuse(r, KAFKA_FAULT_NO_NULL, r->what->version, 0);
        return view_in(r, length, KAFKA_TEXT_MAX, element);
    }
}

/* Room for `count` elements, of which there are enough bytes. */
static bool list_room(struct reader *r, const struct kafka_row *row, int64_t count,
                      struct kafka_list *list)
{
    size_t least = kafka_element_bytes_min(row, (unsigned)r->what->version, r->what->flexible);
    size_t bytes = kafka_element_bytes(row);
    size_t most = left(r) / least;
    if ((uint64_t)count > most)
        return refuse(r, KAFKA_FAULT_COUNT, count, (int64_t)most);
    list->count = (uint32_t)count;
    list->at = (uint64_t)count <= r->arena->cap / bytes
                   ? kafka_arena_take(r->arena, (size_t)count * bytes)
                   : NULL;
    if (!list->at)
        return refuse(r, KAFKA_FAULT_MEMORY, count * (int64_t)bytes,
                      (int64_t)(r->arena->cap - r->arena->len));
    return true;
}

static bool list_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    struct kafka_list list = { NULL, 0 };
    size_t bytes = kafka_element_bytes(row);
    int64_t count;
    if (!length_in(r, row, 4, &count))
        return false;
    if (count < 0) {
        memcpy(member, &list, sizeof(list));
        return null_in(r, row);
    }
    if (!count)
        list.at = kafka_nothing;
    else if (!list_room(r, row, count, &list))
        return false;
    for (uint32_t i = 0; i < list.count; i++)
        if (!element_in(r, row, (uint8_t *)list.at + i * bytes))
            return false;
    memcpy(member, &list, sizeof(list));
    return true;
}

static bool struct_in(struct reader *r, const struct kafka_row *row, uint8_t *member)
{
    return fields_in(r, row->shape(), member);
}

/* ---- the rows ---- */

static bool (*const ins[KAFKA_KINDS])(struct reader *r, const struct kafka_row *row,
                                      uint8_t *member) = {
    [KAFKA_BOOL] = bool_in,     [KAFKA_I8] = i8_in,      [KAFKA_I16] = i16_in,
    [KAFKA_I32] = i32_in,       [KAFKA_I64] = i64_in,    [KAFKA_ID] = id_in,
    [KAFKA_TEXT] = bytes_in,    [KAFKA_BLOB] = bytes_in, [KAFKA_RECORDS] = bytes_in,
    [KAFKA_I32S] = list_in,     [KAFKA_TEXTS] = list_in, [KAFKA_ITEMS] = list_in,
    [KAFKA_STRUCT] = struct_in,
};

static const struct kafka_row *tag_row(const struct kafka_shape *s, uint32_t tag, unsigned version)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct kafka_row *row = &s->rows[i];
        if (row->tag == tag && kafka_row_lives(row, version) && kafka_row_tagged(row, version))
            return row;
    }
    return NULL;
}

/* What a known tag holds: exactly its `size` bytes. */
static bool tagged_in(struct reader *r, const struct kafka_shape *s, const struct kafka_row *row,
                      size_t size, uint8_t *to)
{
    const uint8_t *end = r->end, *start = r->at;
    r->end = start + size;
    stand(r, s, row->name);
    if (!ins[row->kind](r, row, to + row->at))
        return false;
    if (r->at != r->end) {
        size_t took = (size_t)(r->at - start);
        r->at = start;
        stand(r, s, row->name);
        return refuse(r, KAFKA_FAULT_TAG_SIZE, (int64_t)took, (int64_t)size);
    }
    r->end = end;
    return true;
}

static bool tag_in(struct reader *r, const struct kafka_shape *s, int64_t *last, uint8_t *to)
{
    uint32_t tag, size;
    stand(r, s, "tags");
    if (!uvarint_in(r, &tag) || !uvarint_in(r, &size))
        return false;
    if ((int64_t)tag <= *last)
        return refuse(r, KAFKA_FAULT_TAG, tag, *last);
    if (size > left(r))
        return refuse(r, KAFKA_FAULT_SHORT, size, (int64_t)left(r));
    *last = tag;
    const struct kafka_row *row = tag_row(s, tag, (unsigned)r->what->version);
    if (row)
        return tagged_in(r, s, row, size, to);
    r->at += size; /* of a newer version than ours */
    return true;
}

static bool tags_in(struct reader *r, const struct kafka_shape *s, uint8_t *to)
{
    uint32_t count;
    int64_t last = -1;
    stand(r, s, "tags");
    if (!uvarint_in(r, &count))
        return false;
    if (count > left(r) / TAG_BYTES_MIN)
        return refuse(r, KAFKA_FAULT_COUNT, count, (int64_t)(left(r) / TAG_BYTES_MIN));
    for (uint32_t i = 0; i < count; i++)
        if (!tag_in(r, s, &last, to))
            return false;
    return true;
}

static bool fields_in(struct reader *r, const struct kafka_shape *s, uint8_t *to)
{
    unsigned version = (unsigned)r->what->version;
    for (unsigned i = 0; i < s->count; i++) {
        const struct kafka_row *row = &s->rows[i];
        stand(r, s, row->name);
        if (!kafka_row_lives(row, version) || kafka_row_tagged(row, version))
            kafka_row_unset(row, to + row->at);
        else if (!ins[row->kind](r, row, to + row->at))
            return false;
    }
    return !r->what->flexible || tags_in(r, s, to);
}

/* ---- whole messages ---- */

enum err kafka_decode_front(const struct kafka_what *what, struct bytes *from, void *to,
                            struct kafka_arena *arena, struct kafka_fault *fault)
{
    struct kafka_arena none = { NULL, 0, 0 };
    struct kafka_fault mine = { .kind = KAFKA_FAULT_NONE };
    const uint8_t *at = from->at ? from->at : (const uint8_t *)kafka_nothing;
    struct reader r = { .base = at,
                        .at = at,
                        .end = at + from->len,
                        .what = what,
                        .arena = arena ? arena : &none,
                        .fault = &mine };
    if (fields_in(&r, what->shape, to)) {
        *from = (struct bytes){ r.at, left(&r) };
        return ERR_OK;
    }
    if (fault)
        *fault = mine;
    return mine.err;
}

enum err kafka_decode(const struct kafka_what *what, struct bytes from, void *to,
                      struct kafka_arena *arena, struct kafka_fault *fault)
{
    struct bytes rest = from;
    TRY(kafka_decode_front(what, &rest, to, arena, fault));
    if (!rest.len)
        return ERR_OK;
    return kafka_fault_set(fault, KAFKA_FAULT_TRAILING, what, NULL, from.len - rest.len,
                           (int64_t)rest.len, 0);
}
