/* lines.h -- what something says, line by line, as a count and a checksum: for tests that demand
 * that it stays exactly what it is.
 *
 * A change that means to say something else changes rows of such tests: run them with LINES_SHOW=1
 * before and after it, compare the lines, and put in the new rows that the failures print. */
#ifndef TESTS_UNIT_LOG_LINES_H
#define TESTS_UNIT_LOG_LINES_H

#include "engine/base/types.h"

struct lines {
    uint32_t count, crc;
};

/* What is expected of one object. */
struct lines_row {
    const char *file;
    uint32_t step; /* bytes between two places: no multiple of a field's or a block's */
    uint32_t count, crc;
};

__attribute__((format(printf, 2, 3))) void line_add(struct lines *l, const char *fmt, ...);
/* Fails, and prints the row as it would have to be. */
void lines_same(const struct lines *l, const struct lines_row *row);

#endif
