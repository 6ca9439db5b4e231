/* lines.c -- see lines.h. */
#include "tests/unit/log/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/crc32c.h"
#include "tests/test.h"

void line_add(struct lines *l, const char *fmt, ...)
{
    char line[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    l->count++;
    l->crc = crc32c(l->crc, line, strlen(line));
    if (getenv("LINES_SHOW"))
        puts(line);
}

void lines_same(const struct lines *l, const struct lines_row *row)
{
    bool same = EXPECT_EQ(l->count, row->count);
    if (!EXPECT_EQ(l->crc, row->crc) || !same)
        printf("    now { \"%s\", %u, %u, 0x%08x }\n", row->file, row->step, l->count, l->crc);
}
