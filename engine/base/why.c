/* why.c -- prints a reason into its fixed text; what is too long is cut. */
#include "engine/base/types.h"

#include <stdarg.h>
#include <stdio.h>

void why_set(struct why *why, const char *fmt, ...)
{
    if (!why)
        return;
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(why->text, sizeof(why->text), fmt, args) < 0)
        why->text[0] = '\0';
    va_end(args);
}
