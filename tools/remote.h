/* remote.h -- commands that ask a node: where it is, the connection, its errors as exit codes.
 *
 * Fails      every failure is one line on stderr with the node's own sentence.
 */
#ifndef TOOLS_REMOTE_H
#define TOOLS_REMOTE_H

#include <shardlog/client.h>

#include "tools/command.h"

struct remote {
    const char *at;     /* HOST:PORT; NULL: SHARDLOG_AT, or 127.0.0.1:9700 */
    uint64_t timeout_s; /* 0: 30 */
    struct sl_client *client;
};
#define OPTIONS_REMOTE(remote_)                              \
    { .name = "--at", .text = &(remote_)->at },              \
    {                                                        \
        .name = "--timeout", .number = &(remote_)->timeout_s \
    }
#define HELP_REMOTE                                                      \
    "  --at HOST:PORT the node; else SHARDLOG_AT, else 127.0.0.1:9700\n" \
    "  --timeout S    for each answer, in seconds (30)\n"

/* EXIT_CLEAN, or another after a complaint. */
int remote_open(struct remote *r);
void remote_close(struct remote *r);
/* The exit code of an error, after complaining: "WHAT: the node's sentence". OK: EXIT_CLEAN. */
int remote_exit(struct remote *r, enum sl_err err, const char *what);
/* The same without the complaint. */
int remote_code(enum sl_err err);
/* The topic a command is about. */
int remote_topic(struct remote *r, const char *name, struct sl_client_topic *topic);

extern const struct command topic_commands[], group_commands[], bench_commands[];
int topic_config_command(int argc, char **argv);
int produce_command(int argc, char **argv);
int consume_command(int argc, char **argv);
int stats_command(int argc, char **argv);

#endif
