/* net/native/frame.c: what decides whether there is a frame, and what only concerns this one. */
#include "net/native/payload.h"

#include "engine/base/crc32c.h"
#include "engine/base/le.h"
#include "tests/test.h"
#include "tests/unit/net/native_values.h"

#include <stdio.h>

static const struct frame_gate server = { .version = 1, .payload_max = 1u << 20 };
static const struct frame_gate client = { .version = 1, .answers = true, .payload_max = 1u << 20 };

static struct frame frame_some(void)
{
    struct frame f = { .version = 1, .verb = VERB_FETCH, .correlation = 0x0102030405060708 };
    f.topic.b[0] = 9;
    f.partition = 77;
    f.payload_bytes = 24;
    return f;
}

static void header_fit(uint8_t at[FRAME_HEADER_BYTES])
{
    le32_put(at + 44, crc32c(0, at, 44));
}

TEST(native_frame, every_bit_of_a_header_is_guarded)
{
    // Goal: a header that changed on its way is never believed. Method: each bit, one by one.
    uint8_t at[FRAME_HEADER_BYTES];
    struct frame f = frame_some(), out;
    for (unsigned bit = 0; bit < 8 * FRAME_HEADER_BYTES; bit++) {
        struct fault fault = { 0 };
        frame_encode(&f, at);
        at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EXPECT(frame_decode(at, &server, &out, &fault) != ERR_OK && fault.lost);
    }
}

TEST(native_frame, lost_leaves_the_output_alone)
{
    uint8_t at[FRAME_HEADER_BYTES];
    struct frame f = frame_some(), out, before;
    memset(&out, 0x5a, sizeof(out));
    before = out;
    frame_encode(&f, at);
    at[0] = 'X';
    EXPECT_ERR(frame_decode(at, &server, &out, NULL), ERR_BAD_FRAME);
    EXPECT_BYTES(&out, &before, sizeof(out));
}

/* One change to a good header, and what it is called. */
struct change {
    const char *what;
    unsigned pos, bytes;
    uint64_t value;
    const struct frame_gate *gate;
    enum fault_kind kind;
    uint64_t limit;
};

static const struct change changes[] = {
    { "magic", 0, 4, 0x12345678, &server, FAULT_MAGIC, 0x314e4c53 },
    { "version", 4, 1, 2, &server, FAULT_VERSION, 1 },
    { "unknown verb", 5, 1, VERB_COUNT, &server, FAULT_VERB, VERB_COUNT - 1 },
    { "close as a request", 5, 1, VERB_CLOSE, &server, FAULT_VERB, VERB_COUNT - 1 },
    { "answer to a server", 6, 2, FRAME_ANSWER, &server, FAULT_FLAGS, 0 },
    { "error that is no answer", 6, 2, FRAME_ERROR, &client, FAULT_FLAGS, 3 },
    { "request to a client", 6, 2, 0, &client, FAULT_FLAGS, 3 },
    { "flag of a later version", 6, 2, 4, &server, FAULT_FLAGS, 0 },
    { "topic where none belongs", 5, 1, VERB_STATS, &server, FAULT_PLACE, 0 },
    { "longer than any frame", 36, 4, FRAME_PAYLOAD_MAX + 1, &server, FAULT_FRAME,
      FRAME_PAYLOAD_MAX },
    { "as long as can be", 36, 4, UINT32_MAX, &server, FAULT_FRAME, FRAME_PAYLOAD_MAX },
    { "longer than its verb's", 36, 4, 25, &server, FAULT_LARGE, 24 },
    { "shorter than its verb's", 36, 4, 23, &server, FAULT_SHORT, 23 },
};

TEST(native_frame, says_what_is_wrong)
{
    for (unsigned i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        const struct change *c = &changes[i];
        uint8_t at[FRAME_HEADER_BYTES];
        struct frame f = frame_some(), out;
        struct fault fault = { 0 };
        struct why why = { "" };
        frame_encode(&f, at);
        memcpy(at + c->pos, &c->value, c->bytes);
        header_fit(at);
        enum err err = frame_decode(at, c->gate, &out, &fault);
        fault_text(&fault, f.verb, &why);
        if (!EXPECT_EQ(fault.kind, c->kind) || !EXPECT_ERR(err, fault.err) ||
            !EXPECT_EQ(fault.limit, c->limit) || !EXPECT(why.text[0]))
            printf("    %s: %s\n", c->what, why.text);
        if (!fault.lost)
            EXPECT_EQ(out.correlation, f.correlation);
    }
}

TEST(native_frame, connection_limit_comes_before_the_verb_s)
{
    uint8_t at[FRAME_HEADER_BYTES];
    struct frame f = frame_some(), out;
    struct fault fault = { 0 };
    f.verb = VERB_APPEND;
    f.payload_bytes = server.payload_max;
    frame_encode(&f, at);
    EXPECT_OK(frame_decode(at, &server, &out, &fault));
    f.payload_bytes++;
    frame_encode(&f, at);
    EXPECT_ERR(frame_decode(at, &server, &out, &fault), ERR_TOO_LARGE);
    EXPECT_EQ(fault.limit, server.payload_max);
    EXPECT_EQ(fault.value, server.payload_max + 1);
    EXPECT(!fault.lost);
}

TEST(native_frame, table_adds_up)
{
    // Goal: verb.def and the rows of payload.c are one truth. Method: sum the fields.
    for (uint32_t verb = 0; verb < VERB_COUNT; verb++)
        for (uint32_t way = 0; way < 2; way++) {
            const struct verb_row *row = verb_row(verb);
            const struct shape *s = payload_shape(verb, way ? FRAME_ANSWER : 0);
            uint64_t least = shape_bytes_min(s), most = shape_bytes_max(s);
            bool batches = s->count && s->fields[s->count - 1].kind == FIELD_BATCHES;
            EXPECT_EQ(row->batch_at[way], batches ? least : 0);
            if (batches)
                most = FRAME_PAYLOAD_MAX;
            if (verb == VERB_APPEND && !way)
                least += 61; /* an empty batch is none */
            if (!EXPECT_EQ(row->min[way], least) || !EXPECT_EQ(row->max[way], most))
                printf("    %s, %u\n", row->name, way);
            EXPECT(most <= FRAME_PAYLOAD_MAX);
        }
    EXPECT(verb_row(VERB_HELLO)->max[0] <= FRAME_FIRST_MAX);
    EXPECT(!verb_row(VERB_COUNT));
    EXPECT_EQ(shape_bytes_max(payload_shape(VERB_CLOSE, FRAME_ERROR)) + FRAME_HEADER_BYTES,
              FRAME_ERROR_MAX);
}

TEST(native_frame, members_are_as_wide_as_their_kinds)
{
    static const unsigned wide[FIELD_KINDS] = {
        [FIELD_U8] = 1,
        [FIELD_U16] = 2,
        [FIELD_U32] = 4,
        [FIELD_U64] = 8,
        [FIELD_ID] = 16,
        [FIELD_TEXT] = sizeof(struct bytes),
        [FIELD_TEXT_NULL] = sizeof(struct bytes),
        [FIELD_BLOB] = sizeof(struct bytes),
        [FIELD_REST] = sizeof(struct bytes),
        [FIELD_BATCHES] = sizeof(struct bytes),
        [FIELD_ITEMS] = sizeof(struct items),
    };
    for (uint32_t verb = 0; verb < VERB_COUNT; verb++)
        for (uint32_t flags = 0; flags < 4; flags++) {
            const struct shape *s = payload_shape(verb, flags);
            for (uint32_t i = 0; i < s->count; i++)
                if (s->fields[i].kind != FIELD_ZERO)
                    EXPECT_EQ(s->fields[i].bytes, wide[s->fields[i].kind]);
        }
}

/* Decodes an answer that was made; the error's rows. */
static enum err error_back(const uint8_t *at, size_t len, struct frame *f, struct error_answer *e)
{
    union payload p;
    TRY(frame_decode(at, &client, f, NULL));
    TRY(payload_decode(f, (struct bytes){ at + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES }, &p,
                       NULL));
    *e = p.error;
    return ERR_OK;
}

TEST(native_frame, fault_becomes_an_answer)
{
    uint8_t at[FRAME_HEADER_BYTES], answer[FRAME_ERROR_MAX];
    struct frame f = frame_some(), request, back;
    struct fault fault = { 0 };
    struct error_answer e = { 0 };
    char text[ERROR_TEXT_MAX + 1];
    f.payload_bytes = 25;
    frame_encode(&f, at);
    EXPECT_ERR(frame_decode(at, &server, &request, &fault), ERR_TOO_LARGE);
    size_t len = frame_make_fault(answer, sizeof(answer), &request, 1, &fault);
    REQUIRE_OK(error_back(answer, len, &back, &e));
    EXPECT(frame_is_error(&back) && back.correlation == f.correlation && back.partition == 77);
    EXPECT_EQ(e.code, ERR_TOO_LARGE);
    EXPECT_EQ(e.limit, 24);
    EXPECT_EQ(e.value, 25);
    REQUIRE(text_copy(e.text, text, sizeof(text)));
    EXPECT_STR(text, "fetch: payload length is 25; the limit is 24");
}

TEST(native_frame, lost_framing_becomes_a_close)
{
    uint8_t at[FRAME_HEADER_BYTES] = "GET / HTTP/1.1\r\n", answer[FRAME_ERROR_MAX];
    struct frame request = { 0 }, back;
    struct fault fault = { 0 };
    struct error_answer e = { 0 };
    EXPECT_ERR(frame_decode(at, &server, &request, &fault), ERR_BAD_FRAME);
    size_t len = frame_make_fault(answer, sizeof(answer), &request, 1, &fault);
    REQUIRE_OK(error_back(answer, len, &back, &e));
    EXPECT_EQ(back.verb, VERB_CLOSE);
    EXPECT_EQ(back.correlation, 0);
    EXPECT_EQ(e.code, ERR_BAD_FRAME);
}

TEST(native_frame, unknown_verb_is_answered)
{
    uint8_t at[FRAME_HEADER_BYTES], answer[FRAME_ERROR_MAX];
    struct frame f = frame_some(), request;
    struct fault fault = { 0 };
    f.verb = 200;
    frame_encode(&f, at);
    EXPECT_ERR(frame_decode(at, &server, &request, &fault), ERR_UNSUPPORTED);
    EXPECT(!fault.lost);
    EXPECT(frame_make_fault(answer, sizeof(answer), &request, 1, &fault) > FRAME_HEADER_BYTES);
    EXPECT_EQ(answer[5], 200);
}

TEST(native_frame, long_error_text_is_cut)
{
    char text[2000];
    uint8_t at[FRAME_ERROR_MAX];
    struct frame f = frame_some();
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    EXPECT_EQ(frame_make_error(at, sizeof(at), &f, ERR_BUSY, 0, 0, text), FRAME_ERROR_MAX);
}
