/* reload.c -- see reload.h. */
#include "tools/reload.h"

#include <stdlib.h>

#include "engine/base/check.h"
#include "tools/node_config.h"

static char **words_copy(int argc, char **argv)
{
    char **copy = malloc(((size_t)argc + 1) * sizeof(*copy));
    check(copy);
    memcpy(copy, argv, (size_t)argc * sizeof(*copy));
    copy[argc] = NULL;
    return copy;
}

void reload_open(struct reload *r, int argc, char **argv)
{
    *r = (struct reload){ .argc = argc, .argv = words_copy(argc, argv) };
}

void reload_close(struct reload *r)
{
    if (r->taken)
        config_close(&r->latest);
    free(r->argv);
    *r = (struct reload){ .argv = NULL };
}

static void fault_say(void *arg, enum config_said what, const char *line)
{
    broker_say(arg, what == CONFIG_NOTE ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "%s", line);
}

/* Returns how many were taken. */
static uint32_t changes_say(const struct reload *r, const struct config *fresh, struct broker *b)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < CONFIG_COUNT; i++) {
        enum config_key which = (enum config_key)i;
        const struct config_row *row = config_row(which);
        const char *was = config_text(row->live && r->taken ? &r->latest : r->start, which);
        const char *now = config_text(fresh, which);
        if (strcmp(was, now) == 0)
            continue;
        taken += row->live;
        if (row->live)
            broker_say(b, LOG_LEVEL_INFO, "%s is %s now, it was %s", row->key, now, was);
        else
            broker_say(b, LOG_LEVEL_WARN, "%s stays %s: %s is for the next start", row->key, was,
                       now);
    }
    return taken;
}

void reload_run(struct reload *r, struct broker *b)
{
    struct config fresh;
    int argc = r->argc;
    char **argv = words_copy(r->argc, r->argv);
    if (node_config_again(&fresh, fault_say, b, &argc, argv) != EXIT_CLEAN) {
        broker_say(b, LOG_LEVEL_WARN, "SIGHUP: nothing is changed, because of the faults above");
        config_close(&fresh);
        free(argv);
        return;
    }
    broker_say(b, LOG_LEVEL_INFO, "SIGHUP: settings are read again");
    if (changes_say(r, &fresh, b))
        broker_adjust(b, &fresh);
    if (r->taken)
        config_close(&r->latest);
    r->latest = fresh;
    r->taken = true;
    free(argv);
}
