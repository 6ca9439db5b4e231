/* field.c -- writes and reads structs by their shapes.
 *
 * Each kind of field is a row of two functions; both know the field's limit, so a sender learns
 * that a name is too long from its own side. */
#include "net/native/field.h"

#include "engine/base/check.h"
#include "engine/base/le.h"

#define TEXT_NULL 0xffffu

/* ---- shapes of items ---- */

static const struct field name_fields[] = { FIELD_OF(item_name, TEXT, name, 249) };
static const struct field setting_fields[] = { FIELD_OF(item_setting, TEXT, key, 64),
                                               FIELD_OF(item_setting, TEXT_NULL, value, 256) };
static const struct field shown_fields[] = { FIELD_OF(item_shown, TEXT, key, 64),
                                             FIELD_OF(item_shown, TEXT, value, 256),
                                             FIELD_OF(item_shown, U8, given, 1) };
static const struct field place_fields[] = { FIELD_OF(item_place, U32, shard, 0),
                                             FIELD_OF(item_place, U32, store, 0),
                                             FIELD_OF(item_place, U32, err, 0) };
static const struct field figure_fields[] = { FIELD_OF(item_figure, TEXT, name, 64),
                                              FIELD_OF(item_figure, U64, value, 0) };
static const struct field group_fields[] = { FIELD_OF(item_group, TEXT, group, 32767),
                                             FIELD_OF(item_group, TEXT, protocol_type, 255),
                                             FIELD_OF(item_group, TEXT, state, 32) };
static const struct field member_fields[] = { FIELD_OF(item_member, TEXT, member, 255),
                                              FIELD_OF(item_member, TEXT_NULL, instance, 255),
                                              FIELD_OF(item_member, TEXT, client_id, 255),
                                              FIELD_OF(item_member, TEXT, client_host, 255),
                                              FIELD_OF(item_member, BLOB, assignment, 524288) };
static const struct field lag_fields[] = {
    FIELD_OF(item_lag, TEXT, topic, 249),     FIELD_OF(item_lag, U32, partition, 0),
    FIELD_OF(item_lag, U32, err, 0),          FIELD_OF(item_lag, U64, committed, 0),
    FIELD_OF(item_lag, U64, start_offset, 0), FIELD_OF(item_lag, U64, end_offset, 0),
    FIELD_OF(item_lag, U64, records, 0),      FIELD_OF(item_lag, U64, bytes, 0),
    FIELD_OF(item_lag, U64, lag_ms, 0)
};
static const struct field commit_fields[] = { FIELD_OF(item_commit, TEXT, topic, 249),
                                              FIELD_OF(item_commit, U32, partition, 0),
                                              FIELD_OF(item_commit, U64, offset, INT64_MAX) };

static const struct shape item_shapes[ITEM_COUNT] = {
    [ITEM_NAME] = SHAPE(name_fields),     [ITEM_SETTING] = SHAPE(setting_fields),
    [ITEM_SHOWN] = SHAPE(shown_fields),   [ITEM_PLACE] = SHAPE(place_fields),
    [ITEM_FIGURE] = SHAPE(figure_fields), [ITEM_GROUP] = SHAPE(group_fields),
    [ITEM_MEMBER] = SHAPE(member_fields), [ITEM_LAG] = SHAPE(lag_fields),
    [ITEM_COMMIT] = SHAPE(commit_fields),
};

union item {
    struct item_name name;
    struct item_setting setting;
    struct item_shown shown;
    struct item_place place;
    struct item_figure figure;
    struct item_group group;
    struct item_member member;
    struct item_lag lag;
    struct item_commit commit;
};

/* ---- sizes ---- */

static uint64_t field_bytes_min(const struct field *f)
{
    static const uint8_t fixed[FIELD_KINDS] = {
        [FIELD_U8] = 1,        [FIELD_U16] = 2,  [FIELD_U32] = 4,
        [FIELD_U64] = 8,       [FIELD_ID] = 16,  [FIELD_TEXT] = 2,
        [FIELD_TEXT_NULL] = 2, [FIELD_BLOB] = 4, [FIELD_ITEMS] = 4
    };
    return f->kind == FIELD_ZERO ? f->bytes : fixed[f->kind];
}

static uint64_t field_bytes_max(const struct field *f)
{
    uint64_t least = field_bytes_min(f);
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_TEXT_NULL:
    case FIELD_BLOB:
    case FIELD_REST:
        return least + f->limit;
    case FIELD_ITEMS:
        return least + f->limit * shape_bytes_max(&item_shapes[f->item]);
    default:
        return least;
    }
}

uint64_t shape_bytes_min(const struct shape *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->count; i++)
        sum += field_bytes_min(&s->fields[i]);
    return sum;
}

uint64_t shape_bytes_max(const struct shape *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->count; i++)
        sum += field_bytes_max(&s->fields[i]);
    return sum;
}

/* ---- limits, the same both ways ---- */

static bool value_fits(const struct field *f, uint64_t value, struct fault *fault)
{
    if (!f->limit || value <= f->limit)
        return true;
    fault_set(fault, FAULT_RANGE, f->name, value, f->limit);
    return false;
}

static bool length_fits(const struct field *f, uint64_t length, struct fault *fault)
{
    if (length <= f->limit)
        return true;
    fault_set(fault, FAULT_LARGE, f->name, length, f->limit);
    return false;
}

static bool text_whole(const struct field *f, struct bytes text, struct fault *fault)
{
    const uint8_t *zero = text.len ? memchr(text.at, 0, text.len) : NULL;
    if (!zero)
        return true;
    fault_set(fault, FAULT_TEXT, f->name, (uint64_t)(zero - text.at), text.len);
    return false;
}

/* ---- writing ---- */

void writer_open(struct writer *w, void *at, size_t cap)
{
    *w = (struct writer){ .at = at, .cap = cap };
}

uint8_t *writer_take(struct writer *w, size_t bytes)
{
    if (w->overflow || bytes > w->cap - w->len) {
        w->overflow = true;
        return NULL;
    }
    uint8_t *at = w->at + w->len;
    w->len += bytes;
    return at;
}

static void number_write(struct writer *w, uint64_t value, unsigned bytes)
{
    uint8_t *at = writer_take(w, bytes);
    for (unsigned i = 0; at && i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void bytes_write(struct writer *w, struct bytes b)
{
    uint8_t *at = writer_take(w, b.len);
    if (at && b.len)
        memcpy(at, b.at, b.len);
}

/* A member that is a number, whatever its width. */
static uint64_t member_number(const struct field *f, const uint8_t *member)
{
    uint64_t v64;
    uint32_t v32;
    uint16_t v16;
    switch (f->bytes) {
    case 1:
        return *member;
    case 2:
        memcpy(&v16, member, 2);
        return v16;
    case 4:
        memcpy(&v32, member, 4);
        return v32;
    default:
        memcpy(&v64, member, 8);
        return v64;
    }
}

static bool number_out(const struct field *f, const uint8_t *member, struct writer *w,
                       struct fault *fault)
{
    uint64_t value = member_number(f, member);
    number_write(w, value, f->bytes);
    return value_fits(f, value, fault);
}

static bool zero_out(const struct field *f, const uint8_t *member, struct writer *w,
                     struct fault *fault)
{
    (void)member, (void)fault;
    uint8_t *at = writer_take(w, f->bytes);
    if (at)
        memset(at, 0, f->bytes);
    return true;
}

static bool id_out(const struct field *f, const uint8_t *member, struct writer *w,
                   struct fault *fault)
{
    (void)fault;
    bytes_write(w, (struct bytes){ member, f->bytes });
    return true;
}

static bool text_out(const struct field *f, const uint8_t *member, struct writer *w,
                     struct fault *fault)
{
    struct bytes b;
    memcpy(&b, member, sizeof(b));
    if (f->kind == FIELD_TEXT_NULL && !b.at) {
        number_write(w, TEXT_NULL, 2);
        return true;
    }
    if (!length_fits(f, b.len, fault) || !text_whole(f, b, fault))
        return false;
    number_write(w, b.len, 2);
    bytes_write(w, b);
    return true;
}

static bool blob_out(const struct field *f, const uint8_t *member, struct writer *w,
                     struct fault *fault)
{
    struct bytes b;
    memcpy(&b, member, sizeof(b));
    if (!length_fits(f, b.len, fault))
        return false;
    if (f->kind == FIELD_BLOB)
        number_write(w, b.len, 4);
    bytes_write(w, b);
    return true;
}

static bool items_out(const struct field *f, const uint8_t *member, struct writer *w,
                      struct fault *fault)
{
    struct items list;
    memcpy(&list, member, sizeof(list));
    if (!length_fits(f, list.count, fault))
        return false;
    number_write(w, list.count, 4);
    bytes_write(w, list.raw);
    return true;
}

static bool batches_out(const struct field *f, const uint8_t *member, struct writer *w,
                        struct fault *fault)
{
    (void)f, (void)member, (void)w, (void)fault; /* behind the payload: payload.h */
    return true;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at, *end;
    struct fault *fault;
};

static size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

static const uint8_t *reader_take(struct reader *r, const struct field *f, uint64_t bytes)
{
    if (bytes > reader_left(r)) {
        fault_set(r->fault, FAULT_SHORT, f->name, bytes, reader_left(r));
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += bytes;
    return at;
}

static bool number_read(struct reader *r, const struct field *f, unsigned bytes, uint64_t *out)
{
    const uint8_t *at = reader_take(r, f, bytes);
    *out = 0;
    for (unsigned i = 0; at && i < bytes; i++)
        *out |= (uint64_t)at[i] << 8 * i;
    return at != NULL;
}

static bool number_in(struct reader *r, const struct field *f, uint8_t *member)
{
    uint64_t v;
    if (!number_read(r, f, f->bytes, &v) || !value_fits(f, v, r->fault))
        return false;
    uint32_t v32 = (uint32_t)v;
    uint16_t v16 = (uint16_t)v;
    if (f->bytes == 8)
        memcpy(member, &v, 8);
    else if (f->bytes == 4)
        memcpy(member, &v32, 4);
    else if (f->bytes == 2)
        memcpy(member, &v16, 2);
    else
        *member = (uint8_t)v;
    return true;
}

static bool zero_in(struct reader *r, const struct field *f, uint8_t *member)
{
    (void)member;
    const uint8_t *at = reader_take(r, f, f->bytes);
    for (unsigned i = 0; at && i < f->bytes; i++)
        if (at[i]) {
            fault_set(r->fault, FAULT_ZERO, f->name, at[i], 0);
            return false;
        }
    return at != NULL;
}

static bool id_in(struct reader *r, const struct field *f, uint8_t *member)
{
    const uint8_t *at = reader_take(r, f, f->bytes);
    if (at)
        memcpy(member, at, f->bytes);
    return at != NULL;
}

/* The view of `length` bytes; a text that is empty has an address too: it is not null. */
static bool view_in(struct reader *r, const struct field *f, uint64_t length, uint8_t *member)
{
    if (!length_fits(f, length, r->fault))
        return false;
    struct bytes b = { reader_take(r, f, length), (size_t)length };
    memcpy(member, &b, sizeof(b));
    return b.at != NULL;
}

static bool text_in(struct reader *r, const struct field *f, uint8_t *member)
{
    uint64_t length;
    struct bytes b = { NULL, 0 };
    if (!number_read(r, f, 2, &length))
        return false;
    if (f->kind == FIELD_TEXT_NULL && length == TEXT_NULL) {
        memcpy(member, &b, sizeof(b));
        return true;
    }
    if (!view_in(r, f, length, member))
        return false;
    memcpy(&b, member, sizeof(b));
    return text_whole(f, b, r->fault);
}

static bool blob_in(struct reader *r, const struct field *f, uint8_t *member)
{
    uint64_t length;
    return number_read(r, f, 4, &length) && view_in(r, f, length, member);
}

static bool rest_in(struct reader *r, const struct field *f, uint8_t *member)
{
    return view_in(r, f, reader_left(r), member);
}

static bool fields_in(const struct shape *s, struct reader *r, void *to);

static bool items_in(struct reader *r, const struct field *f, uint8_t *member)
{
    const struct shape *shape = &item_shapes[f->item];
    uint64_t count, least = shape_bytes_min(shape);
    union item scratch;
    if (!number_read(r, f, 4, &count) || !length_fits(f, count, r->fault))
        return false;
    if (count > reader_left(r) / least) {
        fault_set(r->fault, FAULT_SHORT, f->name, count * least, reader_left(r));
        return false;
    }
    struct items list = { .count = (uint32_t)count, .raw.at = r->at };
    for (uint32_t i = 0; i < list.count; i++)
        if (!fields_in(shape, r, &scratch))
            return false;
    list.raw.len = (size_t)(r->at - list.raw.at);
    memcpy(member, &list, sizeof(list));
    return true;
}

/* ---- the rows ---- */

static const struct {
    bool (*out)(const struct field *f, const uint8_t *member, struct writer *w,
                struct fault *fault);
    bool (*in)(struct reader *r, const struct field *f, uint8_t *member);
} kinds[FIELD_KINDS] = {
    [FIELD_U8] = { number_out, number_in },  [FIELD_U16] = { number_out, number_in },
    [FIELD_U32] = { number_out, number_in }, [FIELD_U64] = { number_out, number_in },
    [FIELD_ZERO] = { zero_out, zero_in },    [FIELD_ID] = { id_out, id_in },
    [FIELD_TEXT] = { text_out, text_in },    [FIELD_TEXT_NULL] = { text_out, text_in },
    [FIELD_BLOB] = { blob_out, blob_in },    [FIELD_ITEMS] = { items_out, items_in },
    [FIELD_REST] = { blob_out, rest_in },    [FIELD_BATCHES] = { batches_out, rest_in },
};

bool shape_write(const struct shape *s, const void *from, struct writer *w, struct fault *fault)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        if (!kinds[f->kind].out(f, (const uint8_t *)from + f->at, w, fault))
            return false;
    }
    return !w->overflow;
}

static bool fields_in(const struct shape *s, struct reader *r, void *to)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        if (!kinds[f->kind].in(r, f, (uint8_t *)to + f->at))
            return false;
    }
    return true;
}

bool shape_read(const struct shape *s, struct bytes from, void *to, struct fault *fault)
{
    static const uint8_t nothing[1];
    const uint8_t *at = from.at ? from.at : nothing;
    struct reader r = { at, at + from.len, fault };
    if (!fields_in(s, &r, to))
        return false;
    if (r.at == r.end)
        return true;
    fault_set(fault, FAULT_LONG, "payload", from.len, from.len - reader_left(&r));
    return false;
}

/* ---- items ---- */

bool items_add(struct items *list, enum item_kind kind, const void *item, struct writer *w,
               struct fault *fault)
{
    size_t len = w->len;
    if (!shape_write(&item_shapes[kind], item, w, fault)) {
        w->len = len;
        return false;
    }
    list->raw =
        (struct bytes){ list->count ? list->raw.at : w->at + len, list->raw.len + w->len - len };
    list->count++;
    return true;
}

bool items_next(struct items *list, enum item_kind kind, void *item)
{
    if (!list->count)
        return false;
    struct reader r = { list->raw.at, list->raw.at + list->raw.len, NULL };
    check(fields_in(&item_shapes[kind], &r, item)); /* it was read once */
    list->count--;
    list->raw = (struct bytes){ r.at, reader_left(&r) };
    return true;
}

bool text_copy(struct bytes text, char *out, size_t cap)
{
    if (text.len >= cap)
        return false;
    if (text.len)
        memcpy(out, text.at, text.len);
    out[text.len] = 0;
    return true;
}
