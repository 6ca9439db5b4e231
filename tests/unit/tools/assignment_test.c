/* assignment_test.c -- what members were assigned, and bytes that are no assignment. */
#include "tools/assignment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#define BYTES(text) text, sizeof(text) - 1

static void keep(void *arg, const char *topic, uint32_t partition)
{
    char *all = arg;
    size_t len = strlen(all);
    snprintf(all + len, 200 - len, "%s/%u ", topic, partition);
}

/* In a block of its own, so that a sanitizer sees a step beyond it. */
static bool read_all(const char *at, size_t bytes, char all[200])
{
    char *exact = malloc(bytes + !bytes);
    all[0] = '\0';
    memcpy(exact, at, bytes);
    bool sound = assignment_each(exact, bytes, keep, all);
    free(exact);
    return sound;
}

TEST(assignment, is_read)
{
    char all[200];
    EXPECT(read_all(BYTES("\0\1\0\0\0\2\0\6events\0\0\0\2\0\0\0\0\0\0\0\3\0\1t\0\0\0\1\0\0\1\0"
                          "\0\0\0\4user"),
                    all));
    EXPECT_STR(all, "events/0 events/3 t/256 ");
    EXPECT(read_all(BYTES("\0\0\0\0\0\0\xff\xff\xff\xff"), all));
    EXPECT_STR(all, "");
}

TEST(assignment, that_is_none)
{
    /* Goal: every beginning of one, and counts that lie, are told apart from the whole. */
    static const char whole[] = "\0\1\0\0\0\1\0\6events\0\0\0\2\0\0\0\0\0\0\0\3";
    char all[200];
    for (size_t i = 0; i < sizeof(whole) - 1; i++)
        EXPECT(!read_all(whole, i, all));
    EXPECT(read_all(whole, sizeof(whole) - 1, all));
    EXPECT(!read_all(BYTES("\0\1\x7f\xff\xff\xff\0\1t\0\0\0\0"), all));
    EXPECT(!read_all(BYTES("\0\1\0\0\0\1\0\1t\xff\xff\xff\xff"), all));
    EXPECT(!read_all(BYTES("\0\1\0\0\0\1\xff\xfft"), all));
}
