/* rows.c -- what can be said of a row without bytes: sizes and unset values. */
#include "net/kafka/rows.h"

/* Of the C member, and of its smallest encodings: classic and flexible. */
static const struct {
    uint8_t element, classic, flexible;
} kinds[KAFKA_KINDS] = {
    [KAFKA_BOOL] = { 0, 1, 1 },
    [KAFKA_I8] = { 0, 1, 1 },
    [KAFKA_I16] = { 0, 2, 2 },
    [KAFKA_I32] = { 0, 4, 4 },
    [KAFKA_I64] = { 0, 8, 8 },
    [KAFKA_ID] = { 0, 16, 16 },
    [KAFKA_TEXT] = { 0, 2, 1 },
    [KAFKA_BLOB] = { 0, 4, 1 },
    [KAFKA_RECORDS] = { 0, 4, 1 },
    [KAFKA_I32S] = { sizeof(int32_t), 4, 1 },
    [KAFKA_TEXTS] = { sizeof(struct bytes), 4, 1 },
    [KAFKA_ITEMS] = { 0, 4, 1 },
};

uint64_t kafka_nothing[1];

/* ---- sizes ---- */

size_t kafka_element_bytes(const struct kafka_row *row)
{
    return row->kind == KAFKA_ITEMS ? row->shape()->bytes : kinds[row->kind].element;
}

size_t kafka_row_bytes_min(const struct kafka_row *row, unsigned version, bool flexible)
{
    if (!kafka_row_lives(row, version) || kafka_row_tagged(row, version))
        return 0;
    if (row->kind == KAFKA_STRUCT)
        return kafka_shape_bytes_min(row->shape(), version, flexible);
    return flexible && !row->classic ? kinds[row->kind].flexible : kinds[row->kind].classic;
}

size_t kafka_shape_bytes_min(const struct kafka_shape *s, unsigned version, bool flexible)
{
    size_t sum = flexible ? 1 : 0; /* the tags' count */
    for (unsigned i = 0; i < s->count; i++)
        sum += kafka_row_bytes_min(&s->rows[i], version, flexible);
    return sum;
}

size_t kafka_element_bytes_min(const struct kafka_row *row, unsigned version, bool flexible)
{
    size_t least = 0;
    if (row->kind == KAFKA_ITEMS)
        least = kafka_shape_bytes_min(row->shape(), version, flexible);
    else if (row->kind == KAFKA_I32S)
        least = kinds[KAFKA_I32].classic;
    else
        least = flexible ? kinds[KAFKA_TEXT].flexible : kinds[KAFKA_TEXT].classic;
    return least ? least : 1;
}

/* ---- unset values ---- */

static int64_t number_get(const struct kafka_row *row, const void *member)
{
    int64_t v64;
    int32_t v32;
    int16_t v16;
    switch (kinds[row->kind].classic) {
    case 1:
        return *(const int8_t *)member;
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

static void number_set(const struct kafka_row *row, void *member, int64_t v)
{
    int32_t v32 = (int32_t)v;
    int16_t v16 = (int16_t)v;
    switch (kinds[row->kind].classic) {
    case 1:
        *(int8_t *)member = (int8_t)v;
        break;
    case 2:
        memcpy(member, &v16, 2);
        break;
    case 4:
        memcpy(member, &v32, 4);
        break;
    default:
        memcpy(member, &v, 8);
        break;
    }
}

void kafka_row_unset(const struct kafka_row *row, void *member)
{
    struct bytes none = { row->unset_null ? NULL : (const uint8_t *)kafka_nothing, 0 };
    struct kafka_list empty = { row->unset_null ? NULL : kafka_nothing, 0 };
    switch (row->kind) {
    case KAFKA_ID:
        memset(member, 0, sizeof(struct id16));
        break;
    case KAFKA_TEXT:
    case KAFKA_BLOB:
    case KAFKA_RECORDS:
        memcpy(member, &none, sizeof(none));
        break;
    case KAFKA_I32S:
    case KAFKA_TEXTS:
    case KAFKA_ITEMS:
        memcpy(member, &empty, sizeof(empty));
        break;
    case KAFKA_STRUCT:
        kafka_unset(row->shape(), member);
        break;
    default:
        number_set(row, member, row->unset);
        break;
    }
}

void kafka_unset(const struct kafka_shape *s, void *to)
{
    for (unsigned i = 0; i < s->count; i++)
        kafka_row_unset(&s->rows[i], (uint8_t *)to + s->rows[i].at);
}

static bool shape_is_unset(const struct kafka_shape *s, const void *from)
{
    for (unsigned i = 0; i < s->count; i++)
        if (!kafka_row_is_unset(&s->rows[i], (const uint8_t *)from + s->rows[i].at))
            return false;
    return true;
}

bool kafka_row_is_unset(const struct kafka_row *row, const void *member)
{
    struct id16 id;
    struct bytes b;
    struct kafka_list list;
    switch (row->kind) {
    case KAFKA_ID:
        memcpy(&id, member, sizeof(id));
        return id16_zero(id);
    case KAFKA_TEXT:
    case KAFKA_BLOB:
    case KAFKA_RECORDS:
        memcpy(&b, member, sizeof(b));
        return row->unset_null ? !b.at : b.at && !b.len;
    case KAFKA_I32S:
    case KAFKA_TEXTS:
    case KAFKA_ITEMS:
        memcpy(&list, member, sizeof(list));
        return row->unset_null ? !list.at : list.at && !list.count;
    case KAFKA_STRUCT:
        return shape_is_unset(row->shape(), member);
    default:
        return number_get(row, member) == row->unset;
    }
}

/* ---- bytes ---- */

static bool bytes_visit(enum kafka_kind kind, uint8_t *member, kafka_visit *visit, void *arg)
{
    struct bytes b;
    memcpy(&b, member, sizeof(b));
    bool went = !b.len || visit(arg, kind, &b);
    memcpy(member, &b, sizeof(b));
    return went;
}

static bool list_visit(const struct kafka_row *row, uint8_t *member, kafka_visit *visit, void *arg)
{
    struct kafka_list list;
    memcpy(&list, member, sizeof(list));
    size_t bytes = kafka_element_bytes(row);
    for (uint32_t i = 0; i < list.count; i++) {
        uint8_t *at = (uint8_t *)list.at + i * bytes;
        if (row->kind == KAFKA_TEXTS ? !bytes_visit(KAFKA_TEXT, at, visit, arg)
                                     : !kafka_visit_bytes(row->shape(), at, visit, arg))
            return false;
    }
    return true;
}

static bool row_visit(const struct kafka_row *row, uint8_t *member, kafka_visit *visit, void *arg)
{
    switch (row->kind) {
    case KAFKA_TEXT:
    case KAFKA_BLOB:
    case KAFKA_RECORDS:
        return bytes_visit(row->kind, member, visit, arg);
    case KAFKA_TEXTS:
    case KAFKA_ITEMS:
        return list_visit(row, member, visit, arg);
    case KAFKA_STRUCT:
        return kafka_visit_bytes(row->shape(), member, visit, arg);
    default:
        return true;
    }
}

bool kafka_visit_bytes(const struct kafka_shape *s, void *message, kafka_visit *visit, void *arg)
{
    for (unsigned i = 0; i < s->count; i++)
        if (!row_visit(&s->rows[i], (uint8_t *)message + s->rows[i].at, visit, arg))
            return false;
    return true;
}
