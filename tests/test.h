/* test.h -- test cases that register themselves, and checks that print what they saw.
 *
 *     TEST(tail, misses_below_floor)
 *     {
 *         // Goal: an overwritten offset is a miss. Method: fill the ring once and a bit more.
 *         EXPECT_EQ(tail_find(&t, 0).hit, false);
 *     }
 *
 * A failing EXPECT prints file, line and values, and the case goes on; REQUIRE also ends the case.
 * Every EXPECT is an expression: true when it held, so that `if (!EXPECT(p)) return;` reads well.
 *
 * Running      <program> [-l] [word...]   cases whose "module.behaviour" contains a word; -l lists
 * Environment  TEST_KEEP=1 keeps the temporary directories and names them; a case that crashes
 *              leaves its own behind too, for the one who looks at it
 * Exit status  0 all passed, 1 some failed, 2 nothing matched, 77 all chosen cases were skipped
 * Thread       EXPECT from any thread of a case; the case is over when its function returns.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test {
    const char *module, *behaviour;
    const char *file;
    int line;
    void (*run)(void);
    struct test *next; /* test_register()'s */
};

void test_register(struct test *t);

#define TEST(module_, behaviour_)                                                          \
    static void test_##module_##_##behaviour_(void);                                       \
    __attribute__((constructor)) static void test_add_##module_##_##behaviour_(void)       \
    {                                                                                      \
        static struct test test_ = {                                                       \
            #module_, #behaviour_, __FILE__, __LINE__, test_##module_##_##behaviour_, NULL \
        };                                                                                 \
        test_register(&test_);                                                             \
    }                                                                                      \
    static void test_##module_##_##behaviour_(void)

/* Truth. */
#define EXPECT(x) test_expect((x) ? true : false, __FILE__, __LINE__, #x)

/* Integers of up to 64 bits, bools, enums: both sides are widened by sign. */
#define EXPECT_EQ(a, b) test_expect_eq((int64_t)(a), (int64_t)(b), __FILE__, __LINE__, #a " == " #b)
#define EXPECT_NE(a, b) test_expect_ne((int64_t)(a), (int64_t)(b), __FILE__, __LINE__, #a " != " #b)

/* Strings; NULL equals NULL alone. */
#define EXPECT_STR(a, b) test_expect_str(a, b, __FILE__, __LINE__, #a " is " #b)

/* Error codes, by name: EXPECT_ERR(volume_open(&v), ERR_OK). */
#define EXPECT_ERR(err, want) test_expect_err((int)(err), (int)(want), __FILE__, __LINE__, #err)
#define EXPECT_OK(err)        test_expect_err((int)(err), 0, __FILE__, __LINE__, #err)

/* `len` bytes; a difference prints its position and the bytes around it. */
#define EXPECT_BYTES(a, b, len) test_expect_bytes(a, b, len, __FILE__, __LINE__, #a " is " #b)

/* Ends the case where going on makes no sense. Only in the case's own function. */
#define REQUIRE(x)      \
    do {                \
        if (!EXPECT(x)) \
            return;     \
    } while (0)
#define REQUIRE_OK(err)      \
    do {                     \
        if (!EXPECT_OK(err)) \
            return;          \
    } while (0)

/* Ends the case as skipped, with one line that says why. Only in the case's own function. */
#define SKIP(reason)       \
    do {                   \
        test_skip(reason); \
        return;            \
    } while (0)

/* A fresh empty directory under TMPDIR (or /tmp), removed at exit with all that is in it.
 * Borrowed: the path stays valid until exit. A new one at each call. */
const char *test_dir(void);

/* `name` inside directory `dir`, in memory that stays valid until exit. */
const char *test_path(const char *dir, const char *name);

/* Runs `before` and `after` around every case of the program; `after` may check. One pair. */
void test_around(void (*before)(void), void (*after)(void));

/* What the macros call; each returns whether the check held. */
bool test_expect(bool held, const char *file, int line, const char *what);
bool test_expect_eq(int64_t a, int64_t b, const char *file, int line, const char *what);
bool test_expect_ne(int64_t a, int64_t b, const char *file, int line, const char *what);
bool test_expect_str(const char *a, const char *b, const char *file, int line, const char *what);
bool test_expect_err(int err, int want, const char *file, int line, const char *what);
bool test_expect_bytes(const void *a, const void *b, size_t len, const char *file, int line,
                       const char *what);
void test_skip(const char *reason);

#endif
