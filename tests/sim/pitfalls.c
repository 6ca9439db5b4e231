/* pitfalls.c -- see pitfalls.h. */
#include "tests/sim/pitfalls.h"

#include <string.h>

static const struct {
    const char *name, *text;
} rows[PITFALL_COUNT] = {
    [PITFALL_NONE] = { "NONE", "the engine as it is" },
#define PITFALL(name, text) [PITFALL_##name] = { #name, text },
#include "engine/base/pitfall.def"
#undef PITFALL
};

enum pitfall pitfall_find(const char *name)
{
    for (int i = PITFALL_NONE + 1; i < PITFALL_COUNT; i++)
        if (!strcmp(rows[i].name, name))
            return (enum pitfall)i;
    return PITFALL_NONE;
}

const char *pitfall_name(enum pitfall p)
{
    return rows[p].name;
}

const char *pitfall_text(enum pitfall p)
{
    return rows[p].text;
}
