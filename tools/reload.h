/* reload.h -- SIGHUP: the settings are read again, and those that may change while the node runs
 * do.
 *
 *     reload_open(&r, argc, argv);       before the words are taken apart
 *     r.start = &config;
 *     reload_run(&r, &broker);           at each SIGHUP
 *     reload_close(&r);
 *
 * Every change is a log line: what was taken, and what waits for the next start. With a fault
 * nothing is taken.
 *
 * Thread     the main one.
 */
#ifndef TOOLS_RELOAD_H
#define TOOLS_RELOAD_H

#include "tools/broker.h"

struct reload {
    const struct config *start; /* what the node was started with */
    struct config latest;       /* what it took last */
    bool taken;                 /* `latest` is valid */
    int argc;
    char **argv;
};

void reload_open(struct reload *r, int argc, char **argv);
void reload_run(struct reload *r, struct broker *b);
void reload_close(struct reload *r);

#endif
