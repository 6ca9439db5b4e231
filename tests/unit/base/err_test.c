/* err_test.c -- the table of errors is complete, unique and safe to ask anything. */
#include "engine/base/err.h"
#include "tests/test.h"

#include <string.h>

static const enum err err_all[] = {
#define ERR(name, code, retriable, text) ERR_##name,
#include <shardlog/err.def>
#undef ERR
};
#define ERR_ALL (sizeof(err_all) / sizeof(err_all[0]))

TEST(err, gives_every_code_a_name_and_a_sentence)
{
    for (unsigned i = 0; i < ERR_ALL; i++) {
        EXPECT(strcmp(err_name(err_all[i]), "UNKNOWN") != 0);
        EXPECT(strlen(err_text(err_all[i])) > 5);
    }
}

TEST(err, never_uses_a_code_twice)
{
    for (unsigned i = 0; i < ERR_ALL; i++)
        for (unsigned k = 0; k < i; k++)
            EXPECT(err_all[i] != err_all[k] &&
                   strcmp(err_name(err_all[i]), err_name(err_all[k])) != 0);
}

TEST(err, answers_for_unknown_codes)
{
    const int codes[] = { -1, 4711, INT32_MAX, INT32_MIN };
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_STR(sl_err_name((enum sl_err)codes[i]), "UNKNOWN");
        EXPECT(sl_err_text((enum sl_err)codes[i])[0] != '\0');
        EXPECT(!sl_err_retriable((enum sl_err)codes[i]));
    }
}

TEST(err, keeps_published_codes)
{
    // Goal: codes are a public contract. Method: a few of them, written down a second time.
    EXPECT_EQ(SL_ERR_OK, 0);
    EXPECT_EQ(SL_ERR_BAD_BATCH, 9);
    EXPECT_EQ(SL_ERR_PERMISSION, 25);
    EXPECT_EQ(SL_ERR_BAD_FRAME, 26);
    EXPECT_EQ(SL_ERR_RESET, 27);
    EXPECT_STR(sl_err_name(SL_ERR_NO_SPACE), "NO_SPACE");
    EXPECT(sl_err_retriable(SL_ERR_NO_SPACE));
    EXPECT(!sl_err_retriable(SL_ERR_CORRUPT));
}

static enum err err_pass(enum err first, int *reached)
{
    TRY(first);
    *reached = 1;
    return ERR_OK;
}

TEST(err, try_returns_early)
{
    int reached = 0;
    EXPECT_ERR(err_pass(ERR_LOCKED, &reached), ERR_LOCKED);
    EXPECT_EQ(reached, 0);
    EXPECT_OK(err_pass(ERR_OK, &reached));
    EXPECT_EQ(reached, 1);
}
