/* near_test.c -- slips find their word, other words find nothing. */
#include "engine/base/near.h"

#include "tests/test.h"

static const char *near_of(const char *word)
{
    static const char *const known[] = { "topic", "produce", "consume", "stats",
                                         "serve", "check",   "config",  "o" };
    struct near n = near_open(word);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        near_try(&n, known[i]);
    return n.best;
}

TEST(near, slips_find_their_word)
{
    /* Goal: one letter more, less, changed, and two swapped. */
    EXPECT_STR(near_of("topics"), "topic");
    EXPECT_STR(near_of("srve"), "serve");
    EXPECT_STR(near_of("stets"), "stats");
    EXPECT_STR(near_of("chekc"), "check");
    EXPECT_STR(near_of("check"), "check");
}

TEST(near, a_part_finds_its_name)
{
    /* Goal: half of a name is enough, in any order of two; a few letters of one are not. */
    static const char *const rows[][3] = {
        { "--listen", "--listen-native", "--listen-native" },
        { "level", "log.level", "log.level" },
        { "--native-listen", "--listen-native", "--listen-native" },
        { "log_level", "level.log", "level.log" },
        { "bytes", "retention.bytes.max", "retention.bytes.max" },
        { "--list", "--listen-native", NULL },
        { "isten", "listen.native", NULL },
        { "io", "io.depth.of.all", NULL },
        { "a-b-c", "c-b-a.and.more", NULL }
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct near n = near_open(rows[i][0]);
        near_try(&n, rows[i][1]);
        EXPECT_STR(n.best, rows[i][2]);
    }
}

TEST(near, other_words_find_nothing)
{
    /* Goal: no silly advice. Method: words that share little, and the shortest ones. */
    EXPECT_STR(near_of("delete"), NULL);
    EXPECT_STR(near_of("x"), NULL);
    EXPECT_STR(near_of(""), NULL);
}

TEST(near, any_length_is_fine)
{
    /* Goal: bounds. Method: 64 letters, 65, and 10,000 on each side. */
    static char word[10001];
    memset(word, 'k', 64);
    EXPECT_STR(near_of(word), NULL);
    struct near n = near_open(word);
    near_try(&n, word);
    EXPECT_STR(n.best, word);
    memset(word, 'k', sizeof(word) - 1);
    EXPECT_STR(near_of(word), NULL);
    n = near_open("kkkk");
    near_try(&n, word);
    EXPECT_STR(n.best, NULL);
}
