/* settings_test.c -- text to values and back, and what is refused. */
#include "engine/coord/settings.h"

#include "engine/base/err.h"
#include "tests/test.h"

TEST(settings, every_default_prints_and_parses)
{
    /* Goal: the table agrees with itself. Method: each default as text, read back. */
    struct settings s = settings_default(), back = settings_default();
    for (uint32_t i = 0; i < SETTING_COUNT; i++) {
        char text[SETTING_TEXT_MAX];
        settings_print(&s, (enum setting)i, text);
        EXPECT_OK(settings_parse(&back, setting_key((enum setting)i), text, NULL));
        EXPECT_EQ(back.value[i], s.value[i]);
        EXPECT_EQ(setting_find(setting_key((enum setting)i)), i);
        EXPECT(setting_text((enum setting)i)[0]);
    }
    EXPECT_EQ(back.set, (1u << SETTING_COUNT) - 1);
}

TEST(settings, words_and_numbers)
{
    /* Goal: values land where they belong. Method: one of each kind, then back to the default. */
    struct settings s = settings_default();
    EXPECT_OK(settings_parse(&s, "shardlog.durability", "written", NULL));
    EXPECT_EQ(setting_get(&s, SETTING_DURABILITY), DURABILITY_WRITTEN);
    EXPECT_OK(settings_parse(&s, "retention.ms", "-1", NULL));
    EXPECT_EQ(setting_get(&s, SETTING_RETENTION_MS), -1);
    EXPECT_OK(settings_parse(&s, "retention.ms", NULL, NULL));
    EXPECT_EQ(setting_get(&s, SETTING_RETENTION_MS), 604800000);
    EXPECT_EQ(s.set, 1u << SETTING_DURABILITY);
    EXPECT_EQ(setting_get(&s, SETTING_CLEANUP_POLICY), 0);
}

TEST(settings, refuses_what_is_wrong)
{
    /* Goal: nothing unknown is taken, and the text helps. Method: a value of each wrong kind. */
    static const struct {
        const char *key, *value, *says;
    } rows[] = {
        { "retention.mss", "1", "unknown setting 'retention.mss': did you mean 'retention.ms'?" },
        { "compression", "zstd", "unknown setting 'compression'" },
        { "cleanup.policy", "compact", "cleanup.policy: 'compact' is not one of: delete" },
        { "shardlog.durability", "fsync",
          "shardlog.durability: 'fsync' is not one of: memory, written, synced" },
        { "retention.ms", "7d", "retention.ms: '7d' is not a whole number" },
        { "retention.ms", "", "retention.ms: '' is not a whole number" },
        { "retention.ms", "-", "retention.ms: '-' is not a whole number" },
        { "retention.ms", " 1", "retention.ms: ' 1' is not a whole number" },
        { "retention.ms", "-2", "retention.ms: -2 is outside -1 .. 9223372036854775807" },
        { "retention.ms", "9223372036854775808",
          "retention.ms: 9223372036854775808 is outside -1 .. 9223372036854775807" },
        { "segment.ms", "0", "segment.ms: 0 is outside 1 .. 9223372036854775807" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct settings s = settings_default(), before = s;
        struct why why = { "" };
        EXPECT_ERR(settings_parse(&s, rows[i].key, rows[i].value, &why), ERR_INVALID);
        EXPECT_STR(why.text, rows[i].says);
        EXPECT_BYTES(&s, &before, sizeof(s));
    }
}

TEST(settings, long_keys_are_only_unknown)
{
    /* Goal: a key of any length is refused within bounds. Method: 10,000 letters. */
    static char key[10001];
    struct settings s = settings_default();
    struct why why;
    memset(key, 'k', sizeof(key) - 1);
    EXPECT_ERR(settings_parse(&s, key, "1", &why), ERR_INVALID);
}
