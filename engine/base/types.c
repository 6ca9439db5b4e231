/* types.c -- words for people. */
#include "engine/base/types.h"

const char *const durability_words[] = {
    [DURABILITY_MEMORY] = "memory",
    [DURABILITY_WRITTEN] = "written",
    [DURABILITY_SYNCED] = "synced",
    NULL,
};
