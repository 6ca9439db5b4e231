/* pitfalls.h -- the names of engine/base/pitfall.def, for programs. */
#ifndef SIM_PITFALLS_H
#define SIM_PITFALLS_H

#include "engine/base/check.h"

enum pitfall pitfall_find(const char *name); /* PITFALL_NONE: unknown */
const char *pitfall_name(enum pitfall p);
const char *pitfall_text(enum pitfall p);

#endif
