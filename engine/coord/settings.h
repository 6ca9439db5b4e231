/* settings.h -- the settings of a topic, from one table (settings.def).
 *
 * Thread     pure functions; any thread.
 * Fails      INVALID for an unknown key, a value that is not one, or one outside its limits; `why`
 *            names key, value, limits, and for a mistyped key the nearest one.
 */
#ifndef COORD_SETTINGS_H
#define COORD_SETTINGS_H

#include "engine/base/err.h"
#include "engine/base/types.h"

enum setting {
#define SETTING(name, key, kind, def, lowest, highest, text) SETTING_##name,
#include "engine/coord/settings.def"
#undef SETTING
    SETTING_COUNT
};

struct settings {
    int64_t value[SETTING_COUNT];
    uint32_t set; /* bit per setting: given by somebody, not a default */
};

#define SETTING_TEXT_MAX 32u /* any value as text, terminator included */

struct settings settings_default(void);
/* Sets `key` to the value of `text`; NULL takes it back to the default. Unchanged on error. */
enum err settings_parse(struct settings *s, const char *key, const char *text, struct why *why);
void settings_print(const struct settings *s, enum setting which, char out[SETTING_TEXT_MAX]);
const char *setting_key(enum setting which);
const char *setting_text(enum setting which);
/* SETTING_COUNT: no such key. */
enum setting setting_find(const char *key);

static inline int64_t setting_get(const struct settings *s, enum setting which)
{
    return s->value[which];
}

#endif
