/* test.c -- the main of every test program: choose, run, count, clean up.
 *
 * Cases run in the order of file and line, so that a run reads like the sources. Counters are
 * atomics because checks may come from several threads of one case.
 */
#include "tests/test.h"

#include <shardlog/err.h>

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test *tests;
static _Atomic uint32_t fail_count; /* failing checks of the running case */
static const char *skip_reason;     /* of the running case; NULL: not skipped */
static void (*around[2])(void);     /* before and after each case; NULL: nothing */

struct kept {
    struct kept *next;
    bool remove; /* a directory of test_dir() */
    char text[];
};
static struct kept *kept_texts;

struct tally {
    uint32_t passed, failed, skipped;
};

static bool test_before(const struct test *a, const struct test *b)
{
    int order = strcmp(a->file, b->file);
    return order < 0 || (order == 0 && a->line < b->line);
}

void test_register(struct test *t)
{
    struct test **at = &tests;
    while (*at && test_before(*at, t))
        at = &(*at)->next;
    t->next = *at;
    *at = t;
}

void test_around(void (*before)(void), void (*after)(void))
{
    around[0] = before;
    around[1] = after;
}

static bool test_chosen(const struct test *t, char **words)
{
    char name[256];
    snprintf(name, sizeof(name), "%s.%s", t->module, t->behaviour);
    for (char **word = words; *word; word++)
        if (strstr(name, *word))
            return true;
    return !*words;
}

static void test_run(const struct test *t, struct tally *tally)
{
    atomic_store(&fail_count, 0);
    skip_reason = NULL;
    if (around[0])
        around[0]();
    t->run();
    if (around[1])
        around[1]();
    uint32_t failed = atomic_load(&fail_count);
    if (failed) {
        printf("FAIL %s.%s: %" PRIu32 " checks failed\n", t->module, t->behaviour, failed);
        tally->failed++;
    } else if (skip_reason) {
        printf("SKIP %s.%s: %s\n", t->module, t->behaviour, skip_reason);
        tally->skipped++;
    } else {
        tally->passed++;
    }
    fflush(stdout);
}

static int tally_say(struct tally tally)
{
    printf("%" PRIu32 " passed, %" PRIu32 " failed, %" PRIu32 " skipped\n", tally.passed,
           tally.failed, tally.skipped);
    if (tally.failed)
        return 1;
    if (!tally.passed)
        return tally.skipped ? 77 : 2;
    return 0;
}

/* Texts and directories that live until exit. */

static struct kept *kept_take(size_t bytes)
{
    struct kept *k = malloc(sizeof(*k) + bytes);
    if (!k)
        abort();
    k->next = kept_texts;
    k->remove = false;
    kept_texts = k;
    return k;
}

static int dir_remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st, (void)kind, (void)walk;
    return remove(path);
}

static void kept_give_all(void)
{
    while (kept_texts) {
        struct kept *k = kept_texts;
        kept_texts = k->next;
        if (k->remove && getenv("TEST_KEEP"))
            printf("kept %s\n", k->text);
        else if (k->remove)
            nftw(k->text, dir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(k);
    }
}

const char *test_dir(void)
{
    const char *base = getenv("TMPDIR");
    if (!base || !*base)
        base = "/tmp";
    struct kept *k = kept_take(strlen(base) + sizeof("/shardlog-test-XXXXXX"));
    sprintf(k->text, "%s/shardlog-test-XXXXXX", base);
    if (!mkdtemp(k->text)) {
        printf("no temporary directory in %s: %s; set TMPDIR\n", base, strerror(errno));
        exit(1);
    }
    k->remove = true;
    return k->text;
}

const char *test_path(const char *dir, const char *name)
{
    struct kept *k = kept_take(strlen(dir) + strlen(name) + 2);
    sprintf(k->text, "%s/%s", dir, name);
    return k->text;
}

/* Checks. */

static bool test_failed(const char *file, int line, const char *what)
{
    atomic_fetch_add(&fail_count, 1);
    printf("%s:%d: %s", file, line, what);
    return false;
}

bool test_expect(bool held, const char *file, int line, const char *what)
{
    if (held)
        return true;
    test_failed(file, line, what);
    printf("\n");
    return false;
}

bool test_expect_eq(int64_t a, int64_t b, const char *file, int line, const char *what)
{
    if (a == b)
        return true;
    test_failed(file, line, what);
    printf(": %" PRId64 " (0x%" PRIx64 ") and %" PRId64 " (0x%" PRIx64 ")\n", a, (uint64_t)a, b,
           (uint64_t)b);
    return false;
}

bool test_expect_ne(int64_t a, int64_t b, const char *file, int line, const char *what)
{
    if (a != b)
        return true;
    test_failed(file, line, what);
    printf(": both are %" PRId64 " (0x%" PRIx64 ")\n", a, (uint64_t)a);
    return false;
}

bool test_expect_str(const char *a, const char *b, const char *file, int line, const char *what)
{
    if (a == b || (a && b && strcmp(a, b) == 0))
        return true;
    test_failed(file, line, what);
    printf(": \"%s\" and \"%s\"\n", a ? a : "(NULL)", b ? b : "(NULL)");
    return false;
}

bool test_expect_err(int err, int want, const char *file, int line, const char *what)
{
    if (err == want)
        return true;
    test_failed(file, line, what);
    printf(": %s (%s), wanted %s\n", sl_err_name((enum sl_err)err), sl_err_text((enum sl_err)err),
           sl_err_name((enum sl_err)want));
    return false;
}

static void bytes_print(const uint8_t *at, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        printf(" %02x", at[i]);
}

bool test_expect_bytes(const void *a, const void *b, size_t len, const char *file, int line,
                       const char *what)
{
    const uint8_t *left = a, *right = b;
    size_t pos = 0;
    while (pos < len && left[pos] == right[pos])
        pos++;
    if (pos == len)
        return true;
    size_t from = pos < 4 ? 0 : pos - 4;
    size_t to = len - pos < 12 ? len : pos + 12;
    test_failed(file, line, what);
    printf(": byte %zu of %zu differs; from byte %zu:\n   ", pos, len, from);
    bytes_print(left, from, to);
    printf("\n   ");
    bytes_print(right, from, to);
    printf("\n");
    return false;
}

void test_skip(const char *reason)
{
    skip_reason = reason;
}

int main(int argc, char **argv)
{
    (void)argc;
    char **words = argv + 1;
    bool list = *words && strcmp(*words, "-l") == 0;
    if (list)
        words++;
    atexit(kept_give_all);
    struct tally tally = { 0 };
    for (const struct test *t = tests; t; t = t->next) {
        if (!test_chosen(t, words))
            continue;
        if (list)
            printf("%s.%s\n", t->module, t->behaviour);
        else
            test_run(t, &tally);
    }
    return list ? 0 : tally_say(tally);
}
