/* array_test.c -- room is there when asked for, doubled; what was in it stays, what is new is zero.
 */
#include "engine/base/array.h"

#include <stdlib.h>

#include "tests/test.h"

TEST(array, grows_by_doubling)
{
    static const struct {
        uint32_t need, cap;
    } rows[] = {
        { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 4 }, { 4, 4 }, { 5, 8 }, { 33, 64 }, { 2, 64 }
    };
    uint64_t *at = NULL;
    uint32_t cap = 0;
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        at = array_grow(at, &cap, rows[i].need, sizeof(*at));
        EXPECT_EQ(cap, rows[i].cap);
    }
    free(at);
}

TEST(array, keeps_what_it_has_and_zeroes_what_is_new)
{
    uint32_t *at = NULL, cap = 0;
    for (uint32_t n = 0; n < 100; n++) {
        uint32_t before = cap;
        at = array_grow(at, &cap, n + 1, sizeof(*at));
        for (uint32_t i = before; i < cap; i++)
            EXPECT_EQ(at[i], 0);
        at[n] = n + 1;
    }
    for (uint32_t n = 0; n < 100; n++)
        EXPECT_EQ(at[n], n + 1);
    free(at);
}
