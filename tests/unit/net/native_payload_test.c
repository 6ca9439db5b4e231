/* net/native/field.c and payload.c: limits, truncation, and outputs that stay alone. */
#include "net/native/payload.h"

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "tests/test.h"
#include "tests/unit/net/native_values.h"

#include <stdio.h>
#include <stdlib.h>

/* Decodes a payload as the verb's, with its length and checksum made right. */
static enum err payload_try(uint32_t verb, uint16_t flags, struct bytes payload, union payload *out,
                            struct fault *fault)
{
    struct frame f = { .verb = (uint8_t)verb,
                       .flags = flags,
                       .payload_bytes = (uint32_t)payload.len };
    f.payload_crc = crc32c(0, payload.at, frame_checked_bytes(&f));
    return payload_decode(&f, payload, out, fault);
}

/* A copy in a block of exactly its size: a sanitizer sees one byte too far. */
static uint8_t *exact(const uint8_t *at, size_t len)
{
    uint8_t *block = malloc(len ? len : 1);
    check(block);
    if (len)
        memcpy(block, at, len);
    return block;
}

TEST(native_payload, truncated_at_every_byte)
{
    // Goal: no cut is taken for a whole. Method: each golden payload, at each length below its own.
    unsigned count;
    const struct native_value *v = native_values(&count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t whole[1024];
        size_t len = native_golden(&v[i], whole, sizeof(whole)) - FRAME_HEADER_BYTES;
        const struct shape *s = payload_shape(v[i].frame.verb, v[i].frame.flags);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *at = exact(whole + FRAME_HEADER_BYTES, cut);
            union payload out, before;
            struct fault fault = { 0 };
            memset(&out, 0x5a, sizeof(out));
            before = out;
            enum err err = payload_try(v[i].frame.verb, v[i].frame.flags, (struct bytes){ at, cut },
                                       &out, &fault);
            enum field_kind last = s->fields[s->count - 1].kind;
            bool open_end = last == FIELD_REST || last == FIELD_BATCHES;
            if (err == ERR_OK && open_end && cut >= shape_bytes_min(s)) {
                free(at); /* a shorter rest is a rest */
                continue;
            }
            if (!EXPECT(err != ERR_OK) || !EXPECT_BYTES(&out, &before, sizeof(out)) ||
                !EXPECT(fault.kind != FAULT_NONE && fault.field))
                printf("    %s cut at %zu\n", v[i].name, cut);
            free(at);
        }
    }
}

TEST(native_payload, one_byte_more_is_refused)
{
    unsigned count;
    const struct native_value *v = native_values(&count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t whole[1024] = { 0 };
        union payload out;
        struct fault fault = { 0 };
        size_t len = native_golden(&v[i], whole, sizeof(whole)) - FRAME_HEADER_BYTES;
        const struct shape *s = payload_shape(v[i].frame.verb, v[i].frame.flags);
        if (s->count && s->fields[s->count - 1].kind >= FIELD_REST)
            continue;
        EXPECT_ERR(payload_try(v[i].frame.verb, v[i].frame.flags,
                               (struct bytes){ whole + FRAME_HEADER_BYTES, len + 1 }, &out, &fault),
                   ERR_BAD_FRAME);
        EXPECT_EQ(fault.kind, FAULT_LONG);
    }
}

TEST(native_payload, checksum_covers_all_but_batches)
{
    unsigned count;
    const struct native_value *v = native_values(&count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t at[1024];
        struct frame f;
        union payload out;
        struct frame_gate gate = native_gate(&v[i].frame);
        size_t len = native_golden(&v[i], at, sizeof(at));
        struct bytes payload = { at + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES };
        REQUIRE_OK(frame_decode(at, &gate, &f, NULL));
        uint32_t checked = frame_checked_bytes(&f);
        for (size_t pos = 0; pos < payload.len; pos++) {
            struct fault fault = { 0 };
            at[FRAME_HEADER_BYTES + pos] ^= 1;
            payload_decode(&f, payload, &out, &fault);
            EXPECT_EQ(fault.kind == FAULT_PAYLOAD_CRC, pos < checked);
            at[FRAME_HEADER_BYTES + pos] ^= 1;
        }
    }
}

/* A payload as a text of bytes, and what is wrong with it. */
struct bad {
    const char *what;
    uint32_t verb;
    uint16_t flags;
    const char *at;
    size_t len;
    enum fault_kind kind;
    const char *field;
    uint64_t value, limit;
};
#define BYTES(text) text, sizeof(text) - 1

static const struct bad bads[] = {
    { "a count no frame can hold", VERB_STATS, FRAME_ANSWER, BYTES("\xff\xff\xff\xff"), FAULT_LARGE,
      "figures", UINT32_MAX, 256 },
    { "a count beyond the bytes", VERB_STATS, FRAME_ANSWER, BYTES("\x05\0\0\0abcdefghijklmnop"),
      FAULT_SHORT, "figures", 50, 16 },
    { "an item beyond the bytes", VERB_TOPICS, FRAME_ANSWER, BYTES("\0\0\0\0\x01\0\0\0\x05\0abc"),
      FAULT_SHORT, "name", 5, 3 },
    { "a name beyond its limit", VERB_DELETE, 0, BYTES("\xfa\0abc"), FAULT_LARGE, "name", 250,
      249 },
    { "a name that is null", VERB_DELETE, 0, BYTES("\xff\xff"), FAULT_LARGE, "name", 65535, 249 },
    { "a name with a zero", VERB_DELETE, 0, BYTES("\x03\0a\0b"), FAULT_TEXT, "name", 1, 3 },
    { "a durability there is not", VERB_APPEND, 0, BYTES("\x04\0\0\0\0\0\0\0"), FAULT_RANGE,
      "durability", 4, 3 },
    { "reserved bytes", VERB_APPEND, 0, BYTES("\x03\0\0\0\0\x07\0\0"), FAULT_ZERO, "zero", 7, 0 },
    { "a wait without end", VERB_FETCH, 0,
      BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0"), FAULT_RANGE, "wait_ms",
      UINT32_MAX, 300000 },
    { "an offset that is negative", VERB_FETCH, 0,
      BYTES("\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), FAULT_RANGE, "offset",
      1ull << 63, INT64_MAX },
    { "a blob beyond its limit", VERB_AUTH, 0, BYTES("\0\0\x01\x20\0\0"), FAULT_LARGE, "bytes",
      8193, 8192 },
    { "too many partitions", VERB_CREATE, 0, BYTES("\x01\0\x02\0\0\0\0\0\0\0"), FAULT_RANGE,
      "partitions", 131073, 131072 },
};

TEST(native_payload, says_field_value_and_limit)
{
    for (unsigned i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
        const struct bad *b = &bads[i];
        union payload out;
        struct fault fault = { 0 };
        uint8_t *at = exact((const uint8_t *)b->at, b->len);
        enum err err = payload_try(b->verb, b->flags, (struct bytes){ at, b->len }, &out, &fault);
        free(at);
        if (!EXPECT(err != ERR_OK) || !EXPECT_EQ(fault.kind, b->kind) ||
            !EXPECT_STR(fault.field, b->field) || !EXPECT_EQ(fault.value, b->value) ||
            !EXPECT_EQ(fault.limit, b->limit) || !EXPECT(!fault.lost))
            printf("    %s\n", b->what);
    }
}

TEST(native_payload, a_sender_meets_the_same_limits)
{
    char name[260];
    uint8_t at[1024];
    struct fault fault;
    struct frame f = { .version = 1, .verb = VERB_DELETE };
    memset(name, 'n', sizeof(name));
    struct delete_request d = { { (const uint8_t *)name, 250 } };
    EXPECT_EQ(frame_make(at, sizeof(at), &f, &d, FRAME_PAYLOAD_MAX, &fault), 0);
    EXPECT_EQ(fault.kind, FAULT_LARGE);
    d.name.len = 249;
    EXPECT_EQ(frame_make(at, sizeof(at), &f, &d, FRAME_PAYLOAD_MAX, &fault), 48 + 251);
    EXPECT_EQ(fault.kind, FAULT_NONE);
    EXPECT_EQ(frame_make(at, sizeof(at), &f, &d, 250, &fault), 0);
    EXPECT_EQ(fault.limit, 250);
    EXPECT_EQ(frame_make(at, 48 + 250, &f, &d, FRAME_PAYLOAD_MAX, &fault), 0);
    EXPECT_EQ(fault.kind, FAULT_NONE); /* no room is not a fault */
}

TEST(native_payload, null_and_empty_are_two_values)
{
    struct items list = { 0, { NULL, 0 } }, back;
    struct item_setting null = { text_of("k"), { NULL, 0 } }, empty = { text_of("k"), text_of("") };
    struct item_setting got;
    uint8_t at[64];
    struct writer w;
    writer_open(&w, at, sizeof(at));
    REQUIRE(items_add(&list, ITEM_SETTING, &null, &w, NULL));
    REQUIRE(items_add(&list, ITEM_SETTING, &empty, &w, NULL));
    back = list;
    REQUIRE(items_next(&back, ITEM_SETTING, &got));
    EXPECT(!got.value.at);
    REQUIRE(items_next(&back, ITEM_SETTING, &got));
    EXPECT(got.value.at && got.value.len == 0);
    EXPECT(!items_next(&back, ITEM_SETTING, &got));
}

TEST(native_payload, list_that_is_full_stays_whole)
{
    struct items list = { 0, { NULL, 0 } };
    struct item_name name = { text_of("four") };
    uint8_t at[20];
    struct writer w;
    writer_open(&w, at, sizeof(at));
    while (items_add(&list, ITEM_NAME, &name, &w, NULL))
        continue;
    EXPECT_EQ(list.count, 3);
    EXPECT_EQ(list.raw.len, 18);
    EXPECT(w.overflow);
}
