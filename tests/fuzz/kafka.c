/* kafka.c -- hostile messages of the Kafka protocol, of every API and version.
 *
 * Input: one byte of flags, then a request frame without its length: header and body. Flag bit 1:
 * the body is that of a response of the same API and version. What must hold:
 *
 * - nothing reads outside the input (the sanitizer watches an exact block);
 * - lists stay within the arena, texts, blobs and records within the input;
 * - what decodes is encoded to as many bytes as were counted, and those decode and encode to
 *   themselves: the first ones may differ, for a number may be longer than it has to be, and
 *   unknown tags are passed over;
 * - what is refused says where and why.
 */
#include "engine/base/check.h"
#include "net/kafka/api.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX   ((size_t)1 << 20)
#define ARENA_BYTES ((size_t)1 << 18)
#define STRUCT_MAX  1024u
#define RESPONSE    1

/* A struct with its lists. */
struct held {
    _Alignas(max_align_t) uint8_t to[STRUCT_MAX];
    struct kafka_arena lists;
};

static void held_open(struct held *h)
{
    *h = (struct held){ .lists = { .at = malloc(ARENA_BYTES), .cap = ARENA_BYTES } };
    check(h->lists.at);
}

static void fault_tried(const struct kafka_fault *f, enum err err, size_t len)
{
    struct why why = { "" };
    check(f->kind != KAFKA_FAULT_NONE && f->err == err && f->api && f->shape);
    check(f->pos <= len);
    kafka_fault_text(f, &why);
    check(strstr(why.text, f->shape));
}

/* ---- what was decoded lies where it may ---- */

static bool within(const void *at, size_t bytes, const void *from, size_t len)
{
    uintptr_t a = (uintptr_t)at, f = (uintptr_t)from;
    return a >= f && a - f <= len && bytes <= len - (a - f);
}

static void view_tried(const uint8_t *member, struct bytes from)
{
    struct bytes b;
    memcpy(&b, member, sizeof(b));
    check(!b.len || within(b.at, b.len, from.at, from.len));
}

static void shape_tried(const struct kafka_shape *s, const uint8_t *at, struct bytes from,
                        const struct kafka_arena *a);

static void list_tried(const struct kafka_row *row, const uint8_t *member, struct bytes from,
                       const struct kafka_arena *a)
{
    struct kafka_list list;
    size_t bytes = kafka_element_bytes(row);
    memcpy(&list, member, sizeof(list));
    check(!list.count || within(list.at, list.count * bytes, a->at, a->len));
    for (uint32_t i = 0; i < list.count; i++) {
        const uint8_t *element = (const uint8_t *)list.at + i * bytes;
        if (row->kind == KAFKA_ITEMS)
            shape_tried(row->shape(), element, from, a);
        else if (row->kind == KAFKA_TEXTS)
            view_tried(element, from);
    }
}

static void shape_tried(const struct kafka_shape *s, const uint8_t *at, struct bytes from,
                        const struct kafka_arena *a)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct kafka_row *row = &s->rows[i];
        switch (row->kind) {
        case KAFKA_TEXT:
        case KAFKA_BLOB:
        case KAFKA_RECORDS:
            view_tried(at + row->at, from);
            break;
        case KAFKA_I32S:
        case KAFKA_TEXTS:
        case KAFKA_ITEMS:
            list_tried(row, at + row->at, from, a);
            break;
        case KAFKA_STRUCT:
            shape_tried(row->shape(), at + row->at, from, a);
            break;
        default:
            break;
        }
    }
}

/* ---- there and back ---- */

/* The bytes of a struct, in a block of exactly their size; free() it. */
static struct bytes encoded(const struct kafka_what *what, const struct held *h)
{
    uint64_t bytes;
    size_t len;
    check(kafka_size(what, h->to, &bytes, NULL) == ERR_OK);
    uint8_t *at = malloc(bytes ? bytes : 1);
    check(at && kafka_encode(what, h->to, at, bytes, &len, NULL) == ERR_OK && len == bytes);
    return (struct bytes){ at, len };
}

static void back_tried(const struct kafka_what *what, struct bytes once)
{
    struct held h;
    held_open(&h);
    check(kafka_decode(what, once, h.to, &h.lists, NULL) == ERR_OK);
    struct bytes twice = encoded(what, &h);
    check(twice.len == once.len && memcmp(twice.at, once.at, once.len) == 0);
    free((void *)twice.at);
    free(h.lists.at);
}

static void body_tried(const struct kafka_what *what, struct bytes body)
{
    struct held h;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    check(what->shape->bytes <= sizeof(h.to));
    held_open(&h);
    enum err err = kafka_decode(what, body, h.to, &h.lists, &fault);
    check(h.lists.len <= h.lists.cap);
    if (err != ERR_OK) {
        fault_tried(&fault, err, body.len);
    } else {
        shape_tried(what->shape, h.to, body, &h.lists);
        struct bytes once = encoded(what, &h);
        back_tried(what, once);
        free((void *)once.at);
    }
    free(h.lists.at);
}

static void frame_tried(struct bytes frame, enum kafka_side side)
{
    struct kafka_request q;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    enum err err = kafka_request_open(frame, &q, &fault);
    if (err != ERR_OK) {
        fault_tried(&fault, err, frame.len);
        return;
    }
    struct kafka_what what = kafka_body(q.api, q.header.request_api_version, side);
    body_tried(&what, q.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    size_t len = size - 1;
    uint8_t *exact = malloc(len ? len : 1);
    check(exact);
    memcpy(exact, data + 1, len);
    frame_tried((struct bytes){ exact, len }, data[0] & RESPONSE ? KAFKA_RESPONSE : KAFKA_REQUEST);
    free(exact);
    return 0;
}
