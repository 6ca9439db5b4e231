/* said.h -- keeps what a configuration complained about. */
#ifndef TESTS_NET_CONFIG_SAID_H
#define TESTS_NET_CONFIG_SAID_H

#include "net/config/config.h"

#include "tests/test.h"

#define SAID_MAX 16

struct said {
    char lines[SAID_MAX][512];
    uint32_t count;
};

void said_keep(void *arg, enum config_said what, const char *line);
/* A fresh configuration whose complaints go to *s. */
void said_open(struct config *c, struct said *s);
void said_file(struct config *c, const char *text); /* as "f" */
/* The n-th line; "" when there is none. */
const char *said_at(const struct said *s, uint32_t n);

#endif
