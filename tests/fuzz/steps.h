/* steps.h -- what harnesses of whole streams share: taking an input apart, and fixtures that
 * insist.
 *
 * Input      bytes are taken from the front; behind the end everything is zero, or empty.
 * Invariant  a check of the fixtures (EXPECT and its kin) that does not hold ends the program: here
 *            every one must. For that the header defines functions: one file of a program includes
 * it.
 */
#ifndef TESTS_FUZZ_STEPS_H
#define TESTS_FUZZ_STEPS_H

#include <string.h>

#include "engine/base/check.h"
#include "engine/base/types.h"
#include "tests/test.h"

struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t input_byte(struct input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

static inline struct bytes input_bytes(struct input *in, size_t count)
{
    struct bytes b = { in->at, min_u64(count, in->left) };
    in->at += b.len;
    in->left -= b.len;
    return b;
}

bool test_expect(bool held, const char *file, int line, const char *text)
{
    check(held);
    (void)file, (void)line, (void)text;
    return held;
}

bool test_expect_eq(int64_t a, int64_t b, const char *file, int line, const char *text)
{
    return test_expect(a == b, file, line, text);
}

bool test_expect_err(int err, int want, const char *file, int line, const char *text)
{
    return test_expect(err == want, file, line, text);
}

bool test_expect_str(const char *a, const char *b, const char *file, int line, const char *text)
{
    return test_expect(strcmp(a, b) == 0, file, line, text);
}

#endif
