/* setting_words.c -- see setting_words.h. */
#include "tools/setting_words.h"

#include <string.h>

bool settings_split(char *text, struct setting_words *to)
{
    char *save = NULL;
    for (char *one = strtok_r(text, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        char *value = strchr(one, '=');
        if (!value || to->count == SETTINGS_MAX)
            return false;
        *value++ = '\0';
        to->at[to->count++] = (struct sl_setting){ one, value };
    }
    return true;
}

bool settings_split_keys(char *text, struct setting_words *to)
{
    char *save = NULL;
    for (char *one = strtok_r(text, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        if (strchr(one, '=') || to->count == SETTINGS_MAX)
            return false;
        to->at[to->count++] = (struct sl_setting){ one, NULL };
    }
    return true;
}
