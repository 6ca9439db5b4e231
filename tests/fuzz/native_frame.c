/* native_frame.c -- hostile frames of the native protocol.
 *
 * Input: one byte of flags, then a frame. Flag bits: 1 the receiver is a client; 2 magic, version
 * and header checksum are made to fit; 4 the length and the payload's checksum too, so that the
 * fields are reached. What must hold:
 *
 * - nothing reads outside the input (the sanitizer watches an exact block);
 * - what decodes encodes to the same bytes, and its lists are walked to their end;
 * - what is refused leaves its output alone, and says why in a frame that decodes.
 */
#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "net/native/hello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX  ((size_t)1 << 20)
#define FITS_HEAD  2
#define FITS_WHOLE 4

static void frame_fit(uint8_t *at, size_t len, uint8_t flags)
{
    struct frame f;
    if (flags & FITS_WHOLE) {
        f = (struct frame){ .verb = at[5], .flags = le16_get(at + 6) };
        f.payload_bytes = (uint32_t)(len - FRAME_HEADER_BYTES);
        le32_put(at + 36, f.payload_bytes);
        le32_put(at + 40, crc32c(0, at + FRAME_HEADER_BYTES, frame_checked_bytes(&f)));
    }
    if (flags & (FITS_HEAD | FITS_WHOLE)) {
        memcpy(at, "SLN1\1", 5);
        le32_put(at + 44, crc32c(0, at, 44));
    }
}

static void fault_tried(const struct frame *f, const struct fault *fault)
{
    uint8_t at[FRAME_ERROR_MAX];
    struct frame_gate gate = { .version = 1, .answers = true, .payload_max = FRAME_PAYLOAD_MAX };
    struct frame back;
    union payload p;
    struct fault again = { 0 };
    check(fault->kind != FAULT_NONE && fault->err != ERR_OK && fault->field);
    size_t len = frame_make_fault(at, sizeof(at), f, 1, fault);
    check(len > FRAME_HEADER_BYTES);
    enum err err = frame_decode(at, &gate, &back, &again);
    if (err == ERR_UNSUPPORTED) /* the request's verb is unknown, and repeated */
        return;
    check(err == ERR_OK && frame_is_error(&back));
    check(payload_decode(&back, (struct bytes){ at + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES },
                         &p, NULL) == ERR_OK);
    check(p.error.code == fault->err && p.error.text.len);
}

/* Walks every list of a decoded payload. */
static void items_tried(const struct shape *s, const union payload *p)
{
    union {
        struct item_name name;
        struct item_setting setting;
        struct item_shown shown;
        struct item_place place;
        struct item_figure figure;
        struct item_group group;
        struct item_member member;
        struct item_lag lag;
        struct item_commit commit;
    } item;
    for (uint32_t i = 0; i < s->count; i++) {
        struct items list;
        if (s->fields[i].kind != FIELD_ITEMS)
            continue;
        memcpy(&list, (const uint8_t *)p + s->fields[i].at, sizeof(list));
        check(list.count <= s->fields[i].limit);
        while (items_next(&list, s->fields[i].item, &item))
            continue;
        check(list.raw.len == 0);
    }
}

static void hello_tried(const struct frame *f, const union payload *p)
{
    static const struct hello_server server = {
        .version_min = 1, .version_max = 2, .frame_max = 1 << 20, .shards = 3, .text = "fuzz"
    };
    struct hello_answer tell;
    struct feature_words known = { 0 };
    bool read_only;
    if (f->verb != VERB_HELLO || f->flags)
        return;
    if (hello_judge(&p->hello, &server, &tell, NULL) == ERR_OK) {
        check(tell.shard < server.shards && tell.version >= p->hello.version_min);
        check(hello_accept(&p->hello, &tell, &known, &read_only, NULL) == ERR_OK);
        check(read_only == (p->hello.read_only != 0));
    }
}

static void payload_tried(const struct frame *f, const uint8_t *at, size_t len)
{
    struct bytes payload = { at + FRAME_HEADER_BYTES, f->payload_bytes };
    union payload p, before;
    struct frame copy = *f;
    struct fault fault = { 0 };
    memset(&p, 0x5a, sizeof(p));
    before = p;
    if (payload_decode(f, payload, &p, &fault) != ERR_OK) {
        check(memcmp(&p, &before, sizeof(p)) == 0 && !fault.lost);
        fault_tried(f, &fault);
        return;
    }
    items_tried(payload_shape(f->verb, f->flags), &p);
    hello_tried(f, &p);
    uint8_t *again = malloc(len);
    check(again);
    struct bytes batches = frame_batches(f, &p);
    size_t head = frame_make(again, len, &copy, &p, FRAME_PAYLOAD_MAX, &fault);
    check(head && head + batches.len == FRAME_HEADER_BYTES + payload.len);
    check(memcmp(again, at, head) == 0);
    check(batches.len == 0 || batches.at == at + head);
    free(again);
}

static void frame_tried(const uint8_t *at, size_t len, bool answers)
{
    struct frame_gate gate = { .version = 1, .answers = answers, .payload_max = INPUT_MAX };
    struct frame f, before;
    struct fault fault = { 0 };
    memset(&f, 0x5a, sizeof(f));
    before = f;
    enum err err = frame_decode(at, &gate, &f, &fault);
    if (err != ERR_OK) {
        check(err == fault.err && (!fault.lost || memcmp(&f, &before, sizeof(f)) == 0));
        fault_tried(&f, &fault);
        return;
    }
    check(f.payload_bytes <= gate.payload_max && f.verb < VERB_COUNT);
    if (f.payload_bytes <= len - FRAME_HEADER_BYTES)
        payload_tried(&f, at, FRAME_HEADER_BYTES + f.payload_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = size - 1;
    if (size < 1 + FRAME_HEADER_BYTES || size > INPUT_MAX)
        return 0;
    uint8_t *exact = malloc(len);
    check(exact);
    memcpy(exact, data + 1, len);
    frame_fit(exact, len, data[0]);
    frame_tried(exact, len, data[0] & 1);
    free(exact);
    return 0;
}
