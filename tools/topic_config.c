/* topic_config.c -- `shardlog topic config`: the settings of a topic, shown and changed.
 *
 * All that is asked for goes in one request: it is done, or nothing of it is. */
#include "tools/remote.h"
#include "tools/setting_words.h"

#define WORDS_BYTES 4096u

static void setting_tell(void *arg, const char *key, const char *value, bool given)
{
    struct out_sheet *s = arg;
    sheet_text(s, "%s", key);
    sheet_text(s, "%s", value);
    sheet_text(s, given ? "topic" : "default");
}

static enum sl_err config_tell(struct remote *r, const char *topic, bool json)
{
    static const struct out_column columns[] = { { "key", "setting", OUT_TEXT },
                                                 { "value", "value", OUT_TEXT },
                                                 { "source", "source", OUT_TEXT } };
    struct out o;
    struct out_sheet s;
    out_open(&o, stdout, json);
    out_text(&o, "topic", "topic", "%s", topic);
    sheet_open(&s, &o, "settings", "\nsettings", columns, 3);
    enum sl_err err = sl_client_settings(r->client, topic, setting_tell, &s);
    sheet_close(&s);
    out_close(&o);
    return err;
}

static bool words_copy(const char *from, char to[WORDS_BYTES])
{
    return snprintf(to, WORDS_BYTES, "%s", from ? from : "") < (int)WORDS_BYTES;
}

int topic_config_command(int argc, char **argv)
{
    struct remote r = { 0 };
    const char *set = NULL, *unset = NULL;
    char set_words[WORDS_BYTES], unset_words[WORDS_BYTES];
    struct setting_words words = { .count = 0 };
    struct sl_client_topic topic;
    bool json = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json),
                                       OPTIONS_REMOTE(&r),
                                       { .name = "--set", .text = &set },
                                       { .name = "--unset", .text = &unset } };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    if (argc != 1) {
        complain("which topic? One at a time");
        return EXIT_TROUBLE;
    }
    if (!words_copy(set, set_words) || !words_copy(unset, unset_words) ||
        !settings_split(set_words, &words) || !settings_split_keys(unset_words, &words)) {
        complain("--set wants KEY=VALUE,KEY=VALUE and --unset KEY,KEY; at most %u settings",
                 SETTINGS_MAX);
        return EXIT_TROUBLE;
    }
    int code = remote_open(&r);
    if (code == EXIT_CLEAN)
        code = remote_topic(&r, argv[0], &topic); /* the sentence for one that is not there */
    if (code == EXIT_CLEAN && words.count)
        code = remote_exit(&r, sl_client_alter(r.client, argv[0], words.at, words.count), argv[0]);
    if (code == EXIT_CLEAN)
        code = remote_exit(&r, config_tell(&r, argv[0], json), argv[0]);
    remote_close(&r);
    return code;
}
