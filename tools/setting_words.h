/* setting_words.h -- settings of a topic as words of a command: "K=V,K=V", "K,K".
 *
 * Memory     the texts are taken apart in place: the settings are views into them.
 * Fails      false: not of this form, or more than there is room for.
 */
#ifndef TOOLS_SETTING_WORDS_H
#define TOOLS_SETTING_WORDS_H

#include <shardlog/engine.h>

#define SETTINGS_MAX 64u

struct setting_words {
    struct sl_setting at[SETTINGS_MAX];
    uint32_t count;
};

/* Adds those of "K=V,K=V". */
bool settings_split(char *text, struct setting_words *to);
/* Adds those of "K,K", each to go back to its default. */
bool settings_split_keys(char *text, struct setting_words *to);

#endif
