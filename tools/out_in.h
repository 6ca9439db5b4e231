/* out_in.h -- what out.c and sheet.c share. */
#ifndef TOOLS_OUT_IN_H
#define TOOLS_OUT_IN_H

#include "tools/out.h"

void json_key(struct out *o, const char *key); /* comma, line, key; NULL: an element */
void json_text(FILE *to, const char *text);
void text_span(char *text, size_t cap, int64_t ms, bool exact); /* not below 0 */
void text_time(char *text, size_t cap, int64_t ms);

#endif
