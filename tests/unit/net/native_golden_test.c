/* Frames of version 1, fixed for ever: native_golden.py wrote them down from docs/PROTOCOL.md
 * without the codec. Every verb is there both ways. */
#include "engine/base/batch.h"
#include "engine/base/check.h"
#include "tests/test.h"
#include "tests/unit/log/format_hex.h"
#include "tests/unit/net/native_values.h"

#include <stdio.h>
#include <stdlib.h>

TEST(native_golden, encodes)
{
    unsigned count;
    const struct native_value *v = native_values(&count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t got[1024], want[1024];
        size_t len = native_golden(&v[i], want, sizeof(want));
        if (!EXPECT_EQ(native_make(&v[i], got, sizeof(got)), len) || !EXPECT_BYTES(got, want, len))
            printf("    in %s\n", v[i].name);
    }
}

TEST(native_golden, decodes_and_encodes_again)
{
    // Goal: nothing is lost on the way in. Method: what was decoded is made again, byte for byte.
    unsigned count;
    const struct native_value *v = native_values(&count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t want[1024], got[1024];
        struct native_value back = { .name = v[i].name };
        struct frame_gate gate = native_gate(&v[i].frame);
        size_t len = native_golden(&v[i], want, sizeof(want));
        struct bytes payload = { want + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES };
        struct fault fault = { 0 };
        if (!EXPECT_OK(frame_decode(want, &gate, &back.frame, &fault)) ||
            !EXPECT_EQ(back.frame.payload_bytes, payload.len) ||
            !EXPECT_OK(payload_decode(&back.frame, payload, &back.payload, &fault)) ||
            !EXPECT_EQ(native_make(&back, got, sizeof(got)), len) || !EXPECT_BYTES(got, want, len))
            printf("    in %s\n", v[i].name);
    }
}

TEST(native_golden, has_every_verb_both_ways)
{
    unsigned count, seen[VERB_COUNT] = { 0 };
    const struct native_value *v = native_values(&count);
    for (unsigned i = 0; i < count; i++)
        seen[v[i].frame.verb] |= 1u << (v[i].frame.flags & FRAME_ANSWER);
    for (unsigned verb = 0; verb < VERB_COUNT; verb++)
        EXPECT_EQ(seen[verb], verb_row(verb)->flags & VERB_ANSWERS ? 2 : 3);
}

TEST(native_golden, batch_is_one)
{
    unsigned count;
    const struct native_value *v = native_values(&count);
    for (unsigned i = 0; i < count; i++) {
        struct bytes b = frame_batches(&v[i].frame, &v[i].payload);
        struct batch_info info;
        int64_t max_time;
        if (b.len)
            EXPECT_OK(batch_verify(b, &info, &max_time, NULL));
    }
}

/* The next example of the manual: 16 bytes a line behind their position. */
static size_t manual_next(FILE *f, uint8_t *at, size_t cap)
{
    char line[256];
    size_t n = 0;
    bool inside = false;
    while (fgets(line, sizeof(line), f)) {
        if (strncmp(line, "```", 3) == 0) {
            if (inside)
                return n;
            inside = strncmp(line, "```hex", 6) == 0;
            continue;
        }
        if (!inside)
            continue;
        if (!EXPECT_EQ(strtoul(line, NULL, 16), n) || n + 16 > cap)
            return n;
        line[6 + 47] = 0; /* what follows 16 bytes is the remark */
        n += hex_bytes(line + 6, at + n, 16);
    }
    return n;
}

static void manual_holds(FILE *f, const char *name)
{
    unsigned count;
    const struct native_value *v = native_values(&count);
    uint8_t manual[1024], want[1024];
    for (unsigned i = 0; i < count; i++)
        if (strcmp(v[i].name, name) == 0) {
            size_t len = native_golden(&v[i], want, sizeof(want));
            EXPECT_EQ(manual_next(f, manual, sizeof(manual)), len);
            EXPECT_BYTES(manual, want, len);
        }
}

TEST(native_golden, example_in_the_manual)
{
    FILE *f = fopen("docs/PROTOCOL.md", "r");
    if (!f)
        SKIP("docs/PROTOCOL.md is not here: run from the root of the tree");
    manual_holds(f, "append_request");
    manual_holds(f, "append_answer");
    fclose(f);
}
