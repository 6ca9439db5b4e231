/* metrics.h -- the noun `metrics`. */
#ifndef TOOLS_METRICS_H
#define TOOLS_METRICS_H

#include "tools/command.h"

extern const struct command metrics_commands[];

#endif
