/* SHARDLOG_AT, which the client commands read, was noted by `serve` and `config` as no setting,
 * with another setting as its suggestion. Goal: a name that the tools read is no news, and a wrong
 * one still is. */
#include "net/config/config.h"
#include "tests/test.h"

static void noted(void *arg, enum config_said what, const char *line)
{
    (void)line;
    *(uint32_t *)arg += what == CONFIG_NOTE;
}

TEST(r0032, own_names_noted)
{
    char at[] = "SHARDLOG_AT=127.0.0.1:9700", wrong[] = "SHARDLOG_ATT=1";
    char *const own[] = { at, NULL }, *const wrongs[] = { wrong, NULL };
    struct config c;
    uint32_t notes = 0;
    config_open(&c, noted, &notes);
    config_environment(&c, own);
    EXPECT_EQ(notes, 0u);
    config_environment(&c, wrongs);
    EXPECT_EQ(notes, 1u);
    config_close(&c);
}
