/* test_test.c -- the framework, tested by itself: registration, directories, checks. */
#include "tests/test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ran;

TEST(framework, a_runs_cases_in_source_order)
{
    // Goal: order is that of the file. Method: the next case looks for the mark of this one.
    ran = true;
    EXPECT(ran);
}

TEST(framework, b_comes_after_a)
{
    EXPECT(ran);
}

TEST(framework, checks_hold_on_equal_values)
{
    EXPECT_EQ(UINT64_MAX, -1);
    EXPECT_NE(0, 1);
    EXPECT_STR("x", "x");
    EXPECT_STR(NULL, NULL);
    EXPECT_BYTES("abc", "abd", 2);
    EXPECT_ERR(0, 0);
}

TEST(framework, directories_are_fresh_and_empty)
{
    const char *a = test_dir(), *b = test_dir();
    struct stat st;
    EXPECT(strcmp(a, b) != 0);
    EXPECT(stat(a, &st) == 0 && S_ISDIR(st.st_mode));
    EXPECT(access(test_path(a, "nothing"), F_OK) != 0);
}
