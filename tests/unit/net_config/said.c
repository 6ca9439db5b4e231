/* said.c -- see said.h. */
#include "tests/unit/net_config/said.h"

#include <stdio.h>

void said_keep(void *arg, enum config_said what, const char *line)
{
    struct said *s = arg;
    if (s->count < SAID_MAX)
        snprintf(s->lines[s->count++], sizeof(s->lines[0]), "%s%.500s",
                 what == CONFIG_NOTE ? "note: " : "", line);
}

void said_open(struct config *c, struct said *s)
{
    *s = (struct said){ .count = 0 };
    config_open(c, said_keep, s);
}

void said_file(struct config *c, const char *text)
{
    config_file(c, "f", (struct bytes){ (const uint8_t *)text, strlen(text) });
}

const char *said_at(const struct said *s, uint32_t n)
{
    return n < s->count ? s->lines[n] : "";
}
